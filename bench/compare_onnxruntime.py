#!/usr/bin/env python3
"""Run by bench/compare_onnxruntime.sh: alternates quench and ONNX Runtime and prints medians of ratios."""
import json
import os
import statistics
import subprocess
import sys

program, rounds, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3]
here = os.path.dirname(os.path.abspath(__file__))
models = os.path.join(os.environ["ORT_DIR"], "onnx")
# Image size and bits of weights and activations.
NETWORKS = {
    "mobilenet_v1": ("224", ["8-8", "4-8"]),
    "resnet50": ("224", ["8-8", "4-8"]),
    "binarynet": ("32", ["1-1"]),
}
SECONDS = "3"


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def quench(model, bits):
    """Milliseconds of the integer network and of the same network in fp32."""
    image_size, _ = NETWORKS[model]
    weight_bits, activation_bits = bits.split("-")
    result = run([program, "bench", "net", "--model", model, "--image-size", image_size, "--weight-bits", weight_bits,
                  "--activation-bits", activation_bits, "--threads", threads, "--seconds", SECONDS, "--json"])
    return result["median_ms"], result["float_median_ms"]


def onnxruntime(model, numbers):
    script = os.path.join(here, "peers", "onnxruntime_latency.js")
    return run(["node", script, os.path.join(models, f"{model}_{numbers}.onnx"), threads, SECONDS])["median_ms"]


def measure(model):
    """Milliseconds of each round: quench's by bits, ONNX Runtime's by the model's type."""
    _, all_bits = NETWORKS[model]
    ours = {bits: [] for bits in ["fp32"] + all_bits}
    theirs = {"fp32": [], "int8": []}
    for _ in range(rounds):
        for numbers, times in theirs.items():
            times.append(onnxruntime(model, numbers))
        for bits in all_bits:
            integer, floating = quench(model, bits)
            ours[bits].append(integer)
        ours["fp32"].append(floating)
    return ours, theirs


def ratios(theirs, ours):
    return [t / o for t, o in zip(theirs, ours)]


def print_rows(model, ours, theirs):
    for bits, times in ours.items():
        of_fp32, of_int8 = ratios(theirs["fp32"], times), ratios(theirs["int8"], times)
        medians = [statistics.median(values) for values in (times, theirs["fp32"], theirs["int8"], of_fp32, of_int8)]
        each = " ".join(f"{ratio:.2f}" for ratio in (of_fp32 if bits == "fp32" else of_int8))
        print(ROW.format(model, bits, *(f"{value:.2f}" for value in medians), each), flush=True)


ROW = "{:<13} {:<5} {:>10} {:>10} {:>10} {:>7} {:>7}  {}"
subprocess.run([sys.executable, os.path.join(here, "peers", "make_onnx.py"), models], check=True)
print(f"{threads} threads, batch 1, medians of {rounds} rounds in ms; x: ONNX Runtime's time / quench's time")
print(ROW.format("model", "bits", "quench", "ORT fp32", "ORT int8", "x fp32", "x int8", "each round, same type"))
for network in sys.argv[4:] or NETWORKS:
    print_rows(network, *measure(network))
