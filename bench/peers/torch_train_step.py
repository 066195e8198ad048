#!/usr/bin/python3
"""Times a training step of BinaryNet in PyTorch on the CPU: the work of `quench bench train`, for bench/compare_peers.sh.

   torch_train_step.py --width 0.25 --batch 128 --method none|ste --layout nchw|nhwc [--steps 8] [--threads 2]

Prints one line of JSON: images_per_second at the median step, peak_rss_mib. The step is forward, cross-entropy, backward
and SGD with momentum 0.9. Denormals are flushed and the threads set; the environment that tunes memory allocation is the
caller's business.
"""
import argparse
import json
import os
import resource
import statistics
import time

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=float, default=0.25)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--method", choices=["none", "ste"], default="none")
parser.add_argument("--layout", choices=["nchw", "nhwc"], default="nhwc")
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(args.threads)
torch.set_flush_denormal(True)
torch.manual_seed(0)


class SignSTE(torch.autograd.Function):
    """sign with sign(0) = +1; the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1).to(grad.dtype)


class Layer(nn.Module):
    """A convolution or linear layer without bias; with `binary`, of signs."""

    def __init__(self, shape, first):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.xavier_uniform_(self.weight)
        self.binary, self.first = args.method == "ste", first

    def forward(self, x):
        weight = SignSTE.apply(self.weight) if self.binary else self.weight
        if self.binary and not self.first:
            x = SignSTE.apply(x)
        return F.conv2d(x, weight, padding=1) if weight.dim() == 4 else F.linear(x, weight)


def binarynet():
    channels = [round(c * args.width) for c in (128, 128, 256, 256, 512, 512)]
    features = round(1024 * args.width)
    layers, previous = [], 3
    for i, count in enumerate(channels):
        layers.append(Layer((count, previous, 3, 3), first=i == 0))
        if i % 2:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.BatchNorm2d(count, eps=1e-4), nn.Hardtanh(inplace=True)]
        previous = count
    layers.append(nn.Flatten())
    previous *= 16
    for count in (features, features):
        layers += [Layer((count, previous), False), nn.BatchNorm1d(count, eps=1e-4), nn.Hardtanh(inplace=True)]
        previous = count
    layers += [Layer((10, previous), False), nn.BatchNorm1d(10, eps=1e-4)]
    return nn.Sequential(*layers)


memory_format = torch.channels_last if args.layout == "nhwc" else torch.contiguous_format
net = binarynet().to(memory_format=memory_format)
images = torch.randn(args.batch, 3, 32, 32).contiguous(memory_format=memory_format)
labels = torch.randint(0, 10, (args.batch,))
optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9)
loss = nn.CrossEntropyLoss()
seconds = []
for step in range(2 + args.steps):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss(net(images), labels).backward()
    optimizer.step()
    with torch.no_grad():
        for module in net:
            if isinstance(module, Layer) and module.binary:
                module.weight.clamp_(-1, 1)
    if step >= 2:
        seconds.append(time.perf_counter() - start)
print(json.dumps({"images_per_second": args.batch / statistics.median(seconds),
                  "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
