"""The networks of bench/compare_peers.sh in PyTorch, in fp32 or with typical user-written quantizers."""
import torch
from torch import nn
from torch.nn import functional as F


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


class UniformSTE(torch.autograd.Function):
    """scale * clamp(round(x / scale), low, high); the gradient passes where the quotient is between the ends."""

    @staticmethod
    def forward(ctx, x, scale, low, high):
        quotient = x / scale
        ctx.save_for_backward((quotient >= low) & (quotient <= high))
        return torch.clamp(torch.round(quotient), low, high) * scale

    @staticmethod
    def backward(ctx, grad):
        (mask,) = ctx.saved_tensors
        return grad * mask.to(grad.dtype), None, None, None


def fake_quantize(x, scale, low, high, native):
    if native:
        return torch.fake_quantize_per_tensor_affine(x, scale, torch.zeros((), dtype=torch.int32), low, high)
    return UniformSTE.apply(x, scale, low, high)


class Weighted(nn.Module):
    """A convolution or linear layer without bias whose weight and input are quantized by `method`: none;
    ste (1 bit); uniform and uniform_native (8 bits, with the range of the weight and a fixed range of activations)."""

    def __init__(self, shape, method, first=False, stride=1, groups=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.xavier_uniform_(self.weight)
        self.method, self.first, self.stride, self.groups = method, first, stride, groups
        self.register_buffer("input_scale", torch.tensor(6.0 / 255))

    def quantized_weight(self):
        if self.method == "ste":
            return SignSTE.apply(self.weight)
        if self.method == "none":
            return self.weight
        scale = (self.weight.detach().abs().max() / 127).clamp_min(1e-8)
        return fake_quantize(self.weight, scale, -127, 127, self.method == "uniform_native")

    def quantized_input(self, x):
        if self.method == "none" or self.first:
            return x
        if self.method == "ste":
            return SignSTE.apply(x)
        return fake_quantize(x, self.input_scale, 0, 255, self.method == "uniform_native")

    def forward(self, x):
        x, weight = self.quantized_input(x), self.quantized_weight()
        if weight.dim() == 2:
            return F.linear(x, weight)
        return F.conv2d(x, weight, stride=self.stride, padding=weight.shape[2] // 2, groups=self.groups)


def binarynet(width, image_size, method):
    channels = [round(c * width) for c in (128, 128, 256, 256, 512, 512)]
    features = round(1024 * width)
    layers, previous = [], 3
    for i, count in enumerate(channels):
        layers.append(Weighted((count, previous, 3, 3), method, first=i == 0))
        if i % 2:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.BatchNorm2d(count, eps=1e-4), nn.Hardtanh(inplace=True)]
        previous = count
    layers.append(nn.Flatten())
    previous *= (image_size // 8) ** 2
    for count in (features, features):
        layers += [Weighted((count, previous), method), nn.BatchNorm1d(count, eps=1e-4), nn.Hardtanh(inplace=True)]
        previous = count
    layers += [Weighted((10, previous), method), nn.BatchNorm1d(10, eps=1e-4)]
    return nn.Sequential(*layers)


def mobilenet_v1(width, image_size, method):
    small = image_size <= 64
    scaled = lambda channels: max(8, int(channels * width))
    rows = ([(64, 1), (128, 1 if small else 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5
            + [(1024, 2), (1024, 1)])
    layers = []

    def block(inputs, outputs, kernel, stride, groups):
        layers.append(Weighted((outputs, inputs // groups, kernel, kernel), method, not layers, stride, groups))
        layers.extend([nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU(inplace=True)])

    previous = scaled(32)
    block(3, previous, 3, 1 if small else 2, 1)
    for count, stride in rows:
        block(previous, previous, 3, stride, previous)
        block(previous, scaled(count), 1, 1, 1)
        previous = scaled(count)
    classes = 10 if small else 1000
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Weighted((classes, previous), method))


NETWORKS = {"binarynet": binarynet, "mobilenet_v1": mobilenet_v1}
