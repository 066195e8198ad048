"""The networks of bench/compare_peers.sh in PyTorch, in fp32 or with typical user-written quantizers."""
import math

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


class LsqFunction(torch.autograd.Function):
    """scale * clamp(round(x / scale), low, high) with a trained scale (Esser et al. 2020, eq. 3); its gradient is
    multiplied by `factor`."""

    @staticmethod
    def forward(ctx, x, scale, low, high, factor):
        ctx.save_for_backward(x, scale)
        ctx.constants = low, high, factor
        return torch.clamp(torch.round(x / scale), low, high) * scale

    @staticmethod
    def backward(ctx, grad):
        x, scale = ctx.saved_tensors
        low, high, factor = ctx.constants
        quotient = x / scale
        inside = ((quotient > low) & (quotient < high)).to(grad.dtype)
        residue = torch.clamp(torch.round(quotient), low, high) - quotient * inside
        return grad * inside, (grad * residue).sum() * factor, None, None, None


class Lsq(nn.Module):
    """Quantizes weights or activations with one trained scale, which starts at 2 mean|x| / sqrt(high) of the first
    values."""

    def __init__(self, low, high, native):
        super().__init__()
        self.low, self.high, self.native = low, high, native
        self.scale = nn.Parameter(torch.ones(()))
        self.started = False
        self.register_buffer("zero_point", torch.zeros(1))

    def forward(self, x, count):
        """`count`: the number of weights, or of activations in one sample."""
        if not self.started:
            self.started = True
            with torch.no_grad():
                self.scale.copy_(2 * x.abs().mean() / math.sqrt(self.high))
        factor = 1 / math.sqrt(count * self.high)
        if self.native:
            return torch._fake_quantize_learnable_per_tensor_affine(
                x, self.scale.view(1), self.zero_point, self.low, self.high, factor)
        return LsqFunction.apply(x, self.scale, self.low, self.high, factor)


class Weighted(nn.Module):
    """A convolution or linear layer whose weight and input are quantized by `method`: none; ste (1 bit); uniform and
    uniform_native (`bits` bits, with the range of the weight and a fixed range of activations); lsq and lsq_native
    (`bits` bits with trained scales). All but ste expect activations >= 0. The image that the first layer reads stays
    as it is."""

    def __init__(self, shape, method, bits=8, first=False, stride=1, groups=1, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.xavier_uniform_(self.weight)
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.method, self.first, self.stride, self.groups = method, first, stride, groups
        self.weight_limit, self.input_limit = 2 ** (bits - 1) - 1, 2 ** bits - 1
        if method in ("lsq", "lsq_native"):
            native = method == "lsq_native"
            self.lsq_weight = Lsq(-self.weight_limit - 1, self.weight_limit, native)
            self.lsq_input = None if first else Lsq(0, self.input_limit, native)
        else:
            self.register_buffer("input_scale", torch.tensor(6.0 / self.input_limit))

    def quantized_weight(self):
        if self.method == "none":
            return self.weight
        if self.method == "ste":
            return SignSTE.apply(self.weight)
        if self.method in ("lsq", "lsq_native"):
            return self.lsq_weight(self.weight, self.weight.numel())
        limit = self.weight_limit
        scale = (self.weight.detach().abs().max() / limit).clamp_min(1e-8)
        return fake_quantize(self.weight, scale, -limit, limit, self.method == "uniform_native")

    def quantized_input(self, x):
        if self.method == "none" or self.first:
            return x
        if self.method == "ste":
            return SignSTE.apply(x)
        if self.method in ("lsq", "lsq_native"):
            return self.lsq_input(x, x.numel() // x.shape[0])
        return fake_quantize(x, self.input_scale, 0, self.input_limit, self.method == "uniform_native")

    def forward(self, x):
        x, weight = self.quantized_input(x), self.quantized_weight()
        if weight.dim() == 2:
            return F.linear(x, weight, self.bias)
        return F.conv2d(x, weight, self.bias, self.stride, weight.shape[2] // 2, groups=self.groups)


def binarynet(width, image_size, method, bits):
    channels = [round(c * width) for c in (128, 128, 256, 256, 512, 512)]
    features = round(1024 * width)
    layers, previous = [], 3
    for i, count in enumerate(channels):
        layers.append(Weighted((count, previous, 3, 3), method, bits, first=i == 0))
        if i % 2:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.BatchNorm2d(count, eps=1e-4), nn.Hardtanh(inplace=True)]
        previous = count
    layers.append(nn.Flatten())
    previous *= (image_size // 8) ** 2
    for count in (features, features):
        layers += [Weighted((count, previous), method, bits), nn.BatchNorm1d(count, eps=1e-4),
                   nn.Hardtanh(inplace=True)]
        previous = count
    layers += [Weighted((10, previous), method, bits), nn.BatchNorm1d(10, eps=1e-4)]
    return nn.Sequential(*layers)


def mobilenet_v1(width, image_size, method, bits):
    small = image_size <= 64
    scaled = lambda channels: max(8, int(channels * width))
    rows = ([(64, 1), (128, 1 if small else 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5
            + [(1024, 2), (1024, 1)])
    layers = []

    def block(inputs, outputs, kernel, stride, groups):
        layers.append(Weighted((outputs, inputs // groups, kernel, kernel), method, bits, not layers, stride, groups))
        layers.extend([nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU(inplace=True)])

    previous = scaled(32)
    block(3, previous, 3, 1 if small else 2, 1)
    for count, stride in rows:
        block(previous, previous, 3, stride, previous)
        block(previous, scaled(count), 1, 1, 1)
        previous = scaled(count)
    classes = 10 if small else 1000
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Weighted((classes, previous), method, bits))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions; where the shape changes, the shortcut is option A: every stride-th pixel, zero channels
    on both sides. The operands of the sum are not quantized."""

    def __init__(self, inputs, outputs, stride, method, bits):
        super().__init__()
        self.conv1 = Weighted((outputs, inputs, 3, 3), method, bits, stride=stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = Weighted((outputs, outputs, 3, 3), method, bits)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.stride, self.missing = stride, outputs - inputs

    def shortcut(self, x):
        if self.stride == 1 and self.missing == 0:
            return x
        before = self.missing // 2
        return F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, before, self.missing - before))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.shortcut(x)
        return self.relu(y)


def resnet20(width, image_size, method, bits):
    previous = max(1, round(16 * width))
    layers = [Weighted((previous, 3, 3, 3), method, bits, first=True), nn.BatchNorm2d(previous), nn.ReLU(inplace=True)]
    for channels, first_stride in ((16, 1), (32, 2), (64, 2)):
        count = max(1, round(channels * width))
        for stride in (first_stride, 1, 1):
            layers.append(BasicBlock(previous, count, stride, method, bits))
            previous = count
    classes = 10 if image_size <= 64 else 1000
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         Weighted((classes, previous), method, bits, bias=True))


NETWORKS = {"binarynet": binarynet, "mobilenet_v1": mobilenet_v1, "resnet20": resnet20}
