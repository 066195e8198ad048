#!/usr/bin/env python3
"""The work of bench/compare_onnxruntime.sh: runs quench and ONNX Runtime in turn and prints ratios of medians."""
import json
import os
import statistics
import subprocess
import sys

program, rounds, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3]
here = os.path.dirname(os.path.abspath(__file__))
models = os.path.join(os.environ["ORT_DIR"], "onnx")
MODELS = ["mobilenet_v1", "resnet50"]


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def quench(model):
    command = [program, "bench", "infer", "--model", model, "--image-size", "224", "--threads", threads, "--json"]
    return run(command)["median_ms"]


def onnxruntime(model):
    script = os.path.join(here, "peers", "onnxruntime_latency.js")
    return run(["node", script, os.path.join(models, model + ".onnx"), threads])["median_ms"]


subprocess.run([sys.executable, os.path.join(here, "peers", "make_onnx.py"), models], check=True)
print(f"{'model':<14} {'quench ms':>10} {'ONNX Runtime ms':>16} {'x ONNX Runtime':>15}  of each round", flush=True)
for model in MODELS:
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(quench(model))
        theirs.append(onnxruntime(model))
    ratio = statistics.median(t / o for o, t in zip(ours, theirs))
    each = " ".join(f"{t / o:.2f}" for o, t in zip(ours, theirs))
    print(f"{model:<14} {statistics.median(ours):>10.2f} {statistics.median(theirs):>16.2f} {ratio:>15.2f}  {each}", flush=True)
