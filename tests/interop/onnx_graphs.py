"""Graphs in forms that PyTorch's exporter does not write, made with onnx's helper; what they compute is PyTorch's word."""
import numpy as np
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes and constants of one graph."""

    def __init__(self, opset, images):
        self.opset, self.images, self.nodes, self.constants = opset, images, [], []
        self.random = np.random.default_rng(5)

    def constant(self, array):
        name = f'c{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def drawn(self, *dims):
        """A constant, and its numbers for PyTorch."""
        array = self.random.uniform(-0.5, 0.5, dims).astype(np.float32)
        return self.constant(array), torch.from_numpy(array)

    def node(self, op, inputs, **attributes):
        output = f'v{len(self.nodes)}'
        self.nodes.append(helper.make_node(op, inputs, [output], name=f'{op}{len(self.nodes)}', **attributes))
        return output

    def model(self, output, classes):
        batch = ['N', *self.images.shape[1:]]
        graph = helper.make_graph(
            self.nodes, 'graph', [helper.make_tensor_value_info('images', TensorProto.FLOAT, batch)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ['N', classes])], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', self.opset)], ir_version=7)


def tensorflow_style():
    """Channels last at the input, "same" padding, MatMul and Add, as converters from TensorFlow write them."""
    images = np.random.default_rng(1).normal(size=(2, 17, 16, 3)).astype(np.float32)
    g = Graph(11, images)
    x = g.node('Transpose', ['images'], perm=[0, 3, 1, 2])
    w, weight = g.drawn(8, 3, 3, 3)
    b, bias = g.drawn(8)
    x = g.node('Conv', [x, w, b], auto_pad='SAME_UPPER', strides=[2, 2], kernel_shape=[3, 3])
    x = g.node('Clip', [x, g.constant(np.float32(0)), g.constant(np.float32(6))])
    x = g.node('Pad', [x, g.constant(np.array([0, 0, 0, 0, 0, 0, 1, 1]))])
    d, depthwise = g.drawn(8, 1, 3, 3)
    x = g.node('Conv', [x, d], group=8, strides=[2, 2], kernel_shape=[3, 3])
    x = g.node('Transpose', [x], perm=[0, 2, 3, 1])
    x = g.node('Reshape', [x, g.constant(np.array([-1, 4 * 4 * 8]))])
    m, matrix = g.drawn(4 * 4 * 8, 5)
    s, shift = g.drawn(5)
    x = g.node('Softmax', [g.node('Add', [g.node('MatMul', [x, m]), s])], axis=1)

    # 17 rows need 2 rows of padding; 16 columns need 1, on the right.
    y = F.pad(torch.from_numpy(images).permute(0, 3, 1, 2), (0, 1, 1, 1))
    y = F.relu6(F.conv2d(y, weight, bias, stride=2))
    y = F.conv2d(F.pad(y, (0, 1, 0, 1)), depthwise, stride=2, groups=8)
    y = y.permute(0, 2, 3, 1).reshape(2, -1) @ matrix + shift
    # quench's images are [N, C, H, W] in a row-major file, whatever the graph's are.
    return g.model(x, 5), images.transpose(0, 3, 1, 2), y.numpy()


def normalizes_inside():
    """Pixels 0 to 255 at the input, normalized by Sub and Div; attributes of operator set 9."""
    images = np.random.default_rng(2).uniform(0, 255, (2, 3, 12, 12)).astype(np.float32)
    g = Graph(9, images)
    mean, std = np.array([120, 115, 100], np.float32), np.array([60, 58, 57], np.float32)
    x = g.node('Sub', ['images', g.constant(mean.reshape(1, 3, 1, 1))])
    x = g.node('Div', [x, g.constant(std.reshape(3, 1, 1))])
    x = g.node('Pad', [x], pads=[0, 0, 1, 2, 0, 0, 0, 1], mode='constant')
    w, weight = g.drawn(6, 3, 4, 4)
    x = g.node('Clip', [g.node('Conv', [x, w], kernel_shape=[4, 4])], min=-1.0, max=0.5)
    x = g.node('AveragePool', [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    x = g.node('Dropout', [x], ratio=0.1)
    x = g.node('ReduceMean', [x], axes=[-1, -2], keepdims=0)
    m, matrix = g.drawn(6, 7)
    b, bias = g.drawn(1, 7)
    x = g.node('Gemm', [x, m, b], alpha=0.5, beta=2.0)

    y = (torch.from_numpy(images) - torch.from_numpy(mean).view(3, 1, 1)) / torch.from_numpy(std).view(3, 1, 1)
    y = F.conv2d(F.pad(y, (2, 1, 1, 0)), weight).clamp(-1.0, 0.5)
    y = F.avg_pool2d(y, 3, 2, 1).mean((2, 3))
    return g.model(x, 7), images, (0.5 * (y @ matrix) + 2.0 * bias).numpy()


def helper_graphs():
    return [(make.__name__, *make()) for make in (tensorflow_style, normalizes_inside)]
