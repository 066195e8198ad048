#!/usr/bin/python3
"""make_onnx.py FOLDER: mobilenet_v1.onnx and resnet50.onnx, 224 x 224, fp32, random weights, batch norm folded into biases."""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

rng = np.random.default_rng(0)


class Graph:
    def __init__(self):
        self.nodes, self.initializers = [], []

    def constant(self, values):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values.astype("f4"), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def conv(self, x, inputs, outputs, kernel, stride, groups=1, relu=True):
        fan_in = inputs // groups * kernel * kernel
        weight = rng.normal(0, np.sqrt(2 / fan_in), (outputs, inputs // groups, kernel, kernel))
        x = self.node("Conv", [x, self.constant(weight), self.constant(rng.normal(0, 0.05, outputs))],
                      kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[kernel // 2] * 4, group=groups)
        return self.node("Relu", [x]) if relu else x

    def classifier(self, x, features):
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        weight = rng.normal(0, np.sqrt(1 / features), (1000, features))
        return self.node("Gemm", [x, self.constant(weight), self.constant(np.zeros(1000))], transB=1)

    def save(self, output, path):
        self.nodes.append(helper.make_node("Identity", [output], ["out"]))
        graph = helper.make_graph(self.nodes, "network",
                                  [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 3, 224, 224])],
                                  [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        save(model, path)


def mobilenet_v1(graph):
    x, channels = graph.conv("in", 3, 32, 3, 2), 32
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for outputs, stride in rows:
        x = graph.conv(x, channels, channels, 3, stride, groups=channels)
        x, channels = graph.conv(x, channels, outputs, 1, 1), outputs
    return graph.classifier(x, channels)


def resnet50(graph):
    x = graph.node("MaxPool", [graph.conv("in", 3, 64, 7, 2)], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for base, units, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for unit in range(units):
            step = stride if unit == 0 else 1
            y = graph.conv(graph.conv(x, channels, base, 1, 1), base, base, 3, step)
            y = graph.conv(y, base, 4 * base, 1, 1, relu=False)
            shortcut = graph.conv(x, channels, 4 * base, 1, step, relu=False) if unit == 0 else x
            x, channels = graph.node("Relu", [graph.node("Add", [y, shortcut])]), 4 * base
    return graph.classifier(x, channels)


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for network in (mobilenet_v1, resnet50):
    path = os.path.join(folder, network.__name__ + ".onnx")
    if not os.path.exists(path):
        graph = Graph()
        graph.save(network(graph), path)
