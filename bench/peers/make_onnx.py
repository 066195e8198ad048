#!/usr/bin/python3
"""make_onnx.py FOLDER: mobilenet_v1 and resnet50 for 224 x 224 and binarynet for 32 x 32, each as NAME_fp32.onnx and
NAME_int8.onnx, with random weights, batch norm folded into biases.

Int8 is QuantizeLinear and DequantizeLinear around float operations, which ONNX Runtime turns into integer ones: unsigned
activations, signed weights with a scale per output channel, int32 biases. BinaryNet uses ReLU instead of hardtanh."""
import os
import sys
from collections import namedtuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

# A tensor of the graph, and the scale of its 8-bit values.
Value = namedtuple("Value", "name scale")
IMAGE_SCALE, SCALE = 4 / 127, 6 / 255
CLASSES = 1000


class Graph:
    def __init__(self, int8, size):
        self.int8, self.size = int8, size
        self.nodes, self.initializers = [], []
        self.rng = np.random.default_rng(0)

    def constant(self, values):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(np.shape(values)), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def quantize(self, name, scale=SCALE, signed=False):
        """`signed`: values may be negative; after a ReLU the zero point is 0, and the ReLU costs nothing."""
        if self.int8:
            grid = [self.constant(np.float32(scale)), self.constant(np.uint8(128 if signed else 0))]
            name = self.node("DequantizeLinear", [self.node("QuantizeLinear", [name] + grid)] + grid)
        return Value(name, scale)

    def dequantized(self, values, scales, dtype):
        limit = np.iinfo(dtype).max
        codes = np.clip(np.rint(values / scales.reshape((-1,) + (1,) * (values.ndim - 1))), -limit, limit)
        inputs = [codes.astype(dtype), scales.astype("f4"), np.zeros(len(scales), dtype)]
        return self.node("DequantizeLinear", [self.constant(i) for i in inputs], axis=0)

    def weight_and_bias(self, shape, input_scale):
        weight = self.rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        bias = self.rng.normal(0, 0.05, shape[0])
        if not self.int8:
            return [self.constant(weight.astype("f4")), self.constant(bias.astype("f4"))]
        scales = np.abs(weight).reshape(shape[0], -1).max(1) / 127
        return [self.dequantized(weight, scales, "i1"), self.dequantized(bias, scales * input_scale, "i4")]

    def image(self):
        return self.quantize("in", IMAGE_SCALE, signed=True)

    def conv(self, x, inputs, outputs, kernel, stride=1, groups=1, relu=True):
        weight_and_bias = self.weight_and_bias((outputs, inputs // groups, kernel, kernel), x.scale)
        y = self.node("Conv", [x.name] + weight_and_bias, kernel_shape=[kernel, kernel], strides=[stride, stride],
                      pads=[kernel // 2] * 4, group=groups)
        return self.relu(y) if relu else self.quantize(y, signed=True)

    def linear(self, x, inputs, outputs, relu=True):
        y = self.node("Gemm", [x.name] + self.weight_and_bias((outputs, inputs), x.scale), transB=1)
        return self.relu(y) if relu else self.quantize(y, signed=True)

    def relu(self, name):
        return self.quantize(self.node("Relu", [name]))

    def add_relu(self, x, y):
        return self.relu(self.node("Add", [x.name, y.name]))

    def max_pool(self, x, kernel, stride, padding):
        return self.quantize(self.node("MaxPool", [x.name], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                                       pads=[padding] * 4), x.scale)

    def average_pool(self, x):
        return self.quantize(self.node("GlobalAveragePool", [x.name]), x.scale)

    def flatten(self, x):
        """Quantized again on the same grid; otherwise ONNX Runtime keeps the following Gemm in float."""
        return self.quantize(self.node("Flatten", [x.name]), x.scale)

    def save(self, output, path):
        self.nodes.append(helper.make_node("Identity", [output.name], ["out"]))
        inputs = [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 3, self.size, self.size])]
        outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "network", inputs, outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        save(model, path)


def mobilenet_v1(graph):
    x, channels = graph.conv(graph.image(), 3, 32, 3, 2), 32
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for outputs, stride in rows:
        x = graph.conv(x, channels, channels, 3, stride, groups=channels)
        x, channels = graph.conv(x, channels, outputs, 1), outputs
    return graph.linear(graph.flatten(graph.average_pool(x)), channels, CLASSES, relu=False)


def resnet50(graph):
    x, channels = graph.max_pool(graph.conv(graph.image(), 3, 64, 7, 2), 3, 2, 1), 64
    for base, units, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for unit in range(units):
            step = stride if unit == 0 else 1
            y = graph.conv(graph.conv(x, channels, base, 1), base, base, 3, step)
            y = graph.conv(y, base, 4 * base, 1, relu=False)
            shortcut = graph.conv(x, channels, 4 * base, 1, step, relu=False) if unit == 0 else x
            x, channels = graph.add_relu(y, shortcut), 4 * base
    return graph.linear(graph.flatten(graph.average_pool(x)), channels, CLASSES, relu=False)


def binarynet(graph):
    x, channels = graph.image(), 3
    for i, outputs in enumerate((128, 128, 256, 256, 512, 512)):
        x, channels = graph.conv(x, channels, outputs, 3), outputs
        if i % 2:
            x = graph.max_pool(x, 2, 2, 0)
    x = graph.linear(graph.flatten(x), 512 * 4 * 4, 1024)
    return graph.linear(graph.linear(x, 1024, 1024), 1024, 10, relu=False)


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for network, size in ((mobilenet_v1, 224), (resnet50, 224), (binarynet, 32)):
    for numbers in ("fp32", "int8"):
        path = os.path.join(folder, f"{network.__name__}_{numbers}.onnx")
        if not os.path.exists(path):
            graph = Graph(numbers == "int8", size)
            graph.save(network(graph), path)
