"""compare_layers(net, images): compares ONNX Runtime without optimizations, which sums float32 products, with integer sums, as
in quench. Takes the codes that each convolution of a QDQ network reads in ONNX Runtime, computes the codes of its output
with integers, and compares them. examples/onnx_runtime_int8.py calls it."""
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def integer_sums(conv, codes, weight, zero_point):
    node = helper.make_node('ConvInteger', ['codes', 'weight', 'zero_point'], ['sums'])
    node.attribute.extend(conv.attribute)
    graph = helper.make_graph([node], 'sums', [helper.make_tensor_value_info('codes', TensorProto.UINT8, None)],
                              [helper.make_tensor_value_info('sums', TensorProto.INT32, None)],
                              [numpy_helper.from_array(weight, 'weight'), numpy_helper.from_array(zero_point, 'zero_point')])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=7)
    return run(model, {'codes': codes})['sums']


def compare_layers(net, images):
    model = onnx.load(net)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    writers = {output: node for node in model.graph.node for output in node.output}
    layers = []  # a Conv and the QuantizeLinear after it
    for quantize in model.graph.node:
        conv = writers.get(quantize.input[0]) if quantize.op_type == 'QuantizeLinear' else None
        if conv is not None and conv.op_type == 'Conv':
            layers.append((conv, quantize))
    for conv, quantize in layers:
        for name in (writers[conv.input[0]].input[0], quantize.output[0]):
            if all(output.name != name for output in model.graph.output):
                model.graph.output.append(helper.make_empty_tensor_value_info(name))
    values = run(model, {'images': images})

    compared = different = 0
    furthest = 0.0
    for conv, quantize in layers:
        codes, scale, zero_point = writers[conv.input[0]].input
        weight, weight_scale = (constants[name] for name in writers[conv.input[1]].input[:2])
        bias, bias_scale = (constants[name] for name in writers[conv.input[2]].input[:2])
        sums = integer_sums(conv, values[codes], weight, constants[zero_point]).astype(np.float32)
        channels = (1, -1, 1, 1)
        reals = sums * (constants[scale] * weight_scale).reshape(channels)
        reals += (bias.astype(np.float32) * bias_scale).reshape(channels)
        steps = reals / constants[quantize.input[1]]
        expected = np.clip(np.rint(steps) + constants[quantize.input[2]], 0, 255)
        wrong = expected != values[quantize.output[0]]
        compared += wrong.size
        different += np.count_nonzero(wrong)
        from_boundary = np.abs(steps - np.floor(steps) - 0.5)[wrong]
        furthest = max([furthest, *from_boundary])
    print(f'on the same inputs, {different} of {compared} codes of {len(layers)} convolutions differ, all within {furthest:.1e} of a '
          'step of the boundary between two codes')
