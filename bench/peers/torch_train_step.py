#!/usr/bin/python3
"""Times a training step in PyTorch on the CPU: the work of `quench bench train`, for bench/compare_peers.sh.

   torch_train_step.py --model binarynet|mobilenet_v1|resnet20 --width 0.25 --image-size 32 --batch 128
                       --method none|ste|uniform|uniform_native|lsq|lsq_native [--bits 8] --layout nchw|nhwc
                       [--precision float32|bfloat16] [--compile] [--steps 8] [--threads 2]

Prints one line of JSON: images_per_second at the median step, step_mib (peak memory beyond what importing torch takes). The step is forward, cross-entropy, backward
and SGD with momentum 0.9; with bfloat16, forward and loss run under autocast, as in PyTorch's documentation. It flushes
denormals and sets the number of threads; the caller sets the environment that tunes memory allocation.
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="binarynet")
parser.add_argument("--width", type=float, default=0.25)
parser.add_argument("--image-size", type=int, default=32)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--method", default="none",
                    choices=["none", "ste", "uniform", "uniform_native", "lsq", "lsq_native"])
parser.add_argument("--bits", type=int, default=8)
parser.add_argument("--layout", choices=["nchw", "nhwc"], default="nhwc")
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--compile", action="store_true")
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import torch
from torch import nn

from torch_networks import NETWORKS, Weighted


def resident_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


after_import = resident_mib()
torch.set_num_threads(args.threads)
torch.set_flush_denormal(True)
torch.manual_seed(0)

memory_format = torch.channels_last if args.layout == "nhwc" else torch.contiguous_format
net = NETWORKS[args.model](args.width, args.image_size, args.method, args.bits).to(memory_format=memory_format)
images = torch.randn(args.batch, 3, args.image_size, args.image_size).contiguous(memory_format=memory_format)
labels = torch.randint(0, 10, (args.batch,))
optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9)
loss = nn.CrossEntropyLoss()
forward = torch.compile(net) if args.compile else net
seconds = []
for step in range(2 + args.steps):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bfloat16"):
        error = loss(forward(images), labels)
    error.backward()
    optimizer.step()
    if args.method == "ste":
        with torch.no_grad():
            for module in net.modules():
                if isinstance(module, Weighted):
                    module.weight.clamp_(-1, 1)
    if step >= 2:
        seconds.append(time.perf_counter() - start)
print(json.dumps({"images_per_second": args.batch / statistics.median(seconds),
                  "step_mib": resident_mib() - after_import}))
