"""onnx_runtime_int8.py WEIGHTS.safetensors DATA [FOLDER]: ONNX Runtime's static quantizer converts the published ResNet-20 for CIFAR-10
to int8. quench evaluates, deploys and verifies the file, and prints which layers saturate on a CPU without VNNI and what that costs.
Then the script compares the classes of both on 1000 test images. examples/results/onnx_runtime_int8.md has the figures. Needs
onnx, onnxruntime and numpy."""
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from onnx_runtime_layers import compare_layers

HERE = Path(__file__).resolve().parent
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
CONFIG = '''[data]
name = "cifar10"
mean = {}
std = {}
[model]
onnx = "{}"
'''


def quench(*arguments):
    command = [str(HERE.parent / 'quench'), *map(str, arguments)]
    print('$ quench', *command[1:])
    subprocess.run(command, check=True)


def read_images(file, count):
    """Pixels [N, 3, 32, 32] of CIFAR-10's binary records."""
    records = np.fromfile(file, np.uint8).reshape(-1, 3073)[:count]
    return records[:, 1:].reshape(-1, 3, 32, 32)


def normalized(pixels):
    mean, std = (np.array(x, np.float32).reshape(1, 3, 1, 1) for x in (MEAN, STD))
    return (pixels.astype(np.float32) - mean) / std


class Batches(CalibrationDataReader):
    def __init__(self, images):
        self.batches = iter(np.split(images, len(images) // 32))

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {'images': batch}


def write_png(file, pixels):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + row.tobytes() for row in pixels.transpose(1, 2, 0))
    file.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 32, 32, 8, 2, 0, 0, 0)) +
                     chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def classes_by_quench(run, pixels, folder):
    folder.mkdir(exist_ok=True)
    files = [folder / f'{i:04}.png' for i in range(len(pixels))]
    for file, image in zip(files, pixels):
        write_png(file, image)
    command = [str(HERE.parent / 'quench'), 'predict', str(run), *map(str, files), '--top', '1', '--json']
    images = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return np.array([image['predictions'][0]['label'] for image in images])


def classes_by_onnx_runtime(net, images, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(net, options, providers=['CPUExecutionProvider'])
    return np.concatenate([session.run(None, {'images': batch})[0].argmax(1) for batch in np.split(images, 10)])


def main(weights, data, folder):
    folder.mkdir(parents=True, exist_ok=True)
    batches = data / 'cifar-10-batches-bin'
    quench('import', weights, '--config', HERE / 'resnet20_cifar10.toml', '--data-dir', data, '--run', folder / 'float')
    quench('export', folder / 'float', '-o', folder / 'float.onnx', '--float')
    net = str(folder / 'int8.onnx')
    quant_pre_process(str(folder / 'float.onnx'), str(folder / 'prepared.onnx'), skip_symbolic_shape=True)
    quantize_static(str(folder / 'prepared.onnx'), net, Batches(normalized(read_images(batches / 'data_batch_1.bin', 256))),
                    quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8)

    config, run, model = folder / 'int8.toml', folder / 'int8', folder / 'int8.qnc'
    config.write_text(CONFIG.format(MEAN, STD, net))
    quench('quantize', config, '--data-dir', data, '--run', run)
    quench('deploy', run, '-o', model, '--emulate-saturation')
    quench('verify', run, model)

    pixels = read_images(batches / 'test_batch.bin', 1000)
    own = classes_by_quench(run, pixels, folder / 'images')
    for name in ('ORT_DISABLE_ALL', 'ORT_ENABLE_ALL'):
        level = getattr(onnxruntime.GraphOptimizationLevel, name)
        same = np.count_nonzero(classes_by_onnx_runtime(net, normalized(pixels), level) == own)
        print(f'ONNX Runtime {onnxruntime.__version__}, {name}: the class of quench for {same} of {len(own)} images')
    compare_layers(net, normalized(pixels[:100]))


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*map(Path, (sys.argv[1:] + ['runs/onnx_runtime_int8'])[:3]))
