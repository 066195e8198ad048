"""export_resnet20.py WEIGHTS.safetensors NET.onnx: exports akamaster/pytorch_resnet_cifar10's ResNet-20 for CIFAR-10 from
PyTorch to ONNX, without folding batch norms. examples/onnx_resnet20.sh starts from its file. For your own network, only the last
function matters. Needs torch, numpy and onnx (Debian: python3-torch python3-onnx)."""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.zeros = (outputs - inputs) // 2  # channels before and after (He et al. 2015, option A)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.zeros:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.zeros, self.zeros))
        return F.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(F.avg_pool2d(x, 8).view(x.size(0), -1))


def read_safetensors(path):
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = file.read()
    types = {'F32': np.float32, 'I64': np.int64}
    tensors = {}
    for name, entry in header.items():
        if name != '__metadata__':
            begin, end = entry['data_offsets']
            array = np.frombuffer(data[begin:end], types[entry['dtype']]).reshape(entry['shape'])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


def export(network, path):
    # PRESERVE keeps batch norms separate, so that training can continue; EVAL folds them. (TRAINING also keeps them, but first
    # runs the network once in training mode, which changes their statistics.)
    network.eval()
    torch.onnx.export(network, torch.zeros(1, 3, 32, 32), path, opset_version=13, input_names=['images'],
                      output_names=['logits'], dynamic_axes={'images': {0: 'batch'}, 'logits': {0: 'batch'}},
                      training=torch.onnx.TrainingMode.PRESERVE)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    network = ResNet20()
    network.load_state_dict(read_safetensors(sys.argv[1]), strict=False)
    export(network, sys.argv[2])
