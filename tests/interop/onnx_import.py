"""onnx_import.py ONNX_LOGITS [NAME...]: networks that PyTorch's exporter and onnx's helper write compute in quench what they
compute there. Needs python3-torch, python3-torchvision and python3-onnx; skipped without."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torchvision import models
except ImportError as error:
    print(f'skipped: {error}')
    sys.exit(77)

from onnx_graphs import helper_graphs

TOLERANCE = 1e-4  # of the largest logit


class Views(nn.Module):
    """Shapes as people write them by hand: views, means, sizes that are computed."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 24, (3, 5), stride=(2, 1), padding=(0, 2), dilation=(2, 1), groups=4, bias=False)
        self.reduce, self.expand = nn.Linear(24, 6), nn.Linear(6, 24)
        self.narrow = nn.Conv2d(24, 8, 1)
        self.norm2 = nn.BatchNorm2d(32)
        self.drop = nn.Dropout(0.3)
        self.fc1, self.fc2, self.fc3 = nn.Linear(32 * 3 * 8, 40), nn.Linear(32, 40), nn.Linear(40, 10)

    def forward(self, x):
        x = F.relu6(self.norm1(self.conv1(x)))
        x = F.leaky_relu(self.conv2(x), 0.1)
        n, c = x.shape[:2]
        scale = torch.sigmoid(self.expand(F.relu(self.reduce(x.mean(dim=(2, 3)))))).view(n, c, 1, 1)
        x = F.hardswish(x * scale)
        x = self.norm2(torch.cat([x, F.silu(self.narrow(x))], 1))
        mean = torch.squeeze(F.adaptive_avg_pool2d(x, 1))
        x = F.avg_pool2d(F.max_pool2d(x, 2), 3, stride=2, padding=1)
        x = self.drop(F.relu(self.fc1(x.view(x.size(0), -1))))
        return self.fc3(x + self.fc2(mean))


def torchvision(name, size, **options):
    return name, lambda: getattr(models, name)(weights=None, num_classes=10, **options), size


NETWORKS = [
    ('views', Views, (28, 32)),
    torchvision('resnet18', (64, 64)),
    torchvision('resnext50_32x4d', (64, 64)),
    torchvision('mobilenet_v2', (64, 64)),
    torchvision('mobilenet_v3_small', (64, 64)),
    torchvision('mnasnet0_5', (64, 64)),
    torchvision('efficientnet_b0', (64, 64)),
    torchvision('regnet_y_400mf', (64, 64)),
    torchvision('densenet121', (64, 64)),
    torchvision('squeezenet1_1', (64, 64)),
    torchvision('googlenet', (64, 64), aux_logits=False, init_weights=False),
    torchvision('inception_v3', (96, 96), aux_logits=False, init_weights=False),
    torchvision('alexnet', (224, 224)),
]
# The exporter writes some operators differently in each mode; PRESERVE keeps batch norms and dropout separate.
FORMS = [(9, 'EVAL'), (11, 'PRESERVE'), (13, 'EVAL'), (17, 'PRESERVE')]


def randomize_statistics(network):
    """What training leaves: without it batch norms do nothing that could go wrong."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, 0, 0.1)


def quench_logits(program, folder, net, images):
    files = [os.path.join(folder, name) for name in ('images', 'logits')]
    images.astype(np.float32).tofile(files[0])
    subprocess.run([program, net, *files], check=True)
    return np.fromfile(files[1], np.float32).reshape(len(images), -1)


def compare(label, own, expected):
    error = np.abs(own - expected).max() / np.abs(expected).max()
    ok = own.shape == expected.shape and error <= TOLERANCE
    print(f'{label:<32} off by {error:.1e}{"" if ok else "  FAILED"}', flush=True)
    return ok


def check_torch(program, folder, name, make, size):
    torch.manual_seed(1)
    network = make().eval()
    with torch.no_grad():
        randomize_statistics(network)
        images = torch.randn(2, 3, *size)
        expected = network(images).numpy()
    results = []
    for opset, training in FORMS:
        net = os.path.join(folder, f'{name}.onnx')
        torch.onnx.export(network, images, net, opset_version=opset, input_names=['images'], output_names=['logits'],
                          training=getattr(torch.onnx.TrainingMode, training), do_constant_folding=training == 'EVAL',
                          dynamic_axes={'images': {0: 'batch'}, 'logits': {0: 'batch'}}, verbose=False)
        results.append(compare(f'{name}, opset {opset}, {training.lower()}',
                               quench_logits(program, folder, net, images.numpy()), expected))
    return results


def main():
    program, wanted = sys.argv[1], sys.argv[2:]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make, size in NETWORKS:
            if not wanted or name in wanted:
                results += check_torch(program, folder, name, make, size)
        for name, model, images, expected in helper_graphs():
            if wanted and name not in wanted:
                continue
            net = os.path.join(folder, f'{name}.onnx')
            onnx.checker.check_model(model)
            onnx.save(model, net)
            results.append(compare(name, quench_logits(program, folder, net, images), expected))
    print(f'{sum(results)} passed, {len(results) - sum(results)} failed')
    return 0 if results and all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
