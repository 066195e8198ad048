#!/usr/bin/env python3
"""Run by bench/compare_peers.sh: alternates quench and PyTorch and prints the ratios of their medians."""
import json
import os
import statistics
import subprocess
import sys

program, peer_python, rounds, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
only = sys.argv[5:]  # models; empty: all
peer_script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "torch_train_step.py")

# By default glibc returns large buffers to the system after every step and must fault in their
# pages again. These settings keep them, on huge pages, and let OpenMP threads spin: 1.1 to 1.9 x
# faster for PyTorch. The tuned PyTorch is the one to beat.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000", "MALLOC_TOP_PAD_": "268435456",
         "OMP_WAIT_POLICY": "active", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
PRECISIONS = ("float32", "bfloat16")
# Model, width, image size, batch, quench's method, PyTorch's candidates (the fastest counts), timed
# steps.
CASES = [("binarynet", "1.0", "32", "64", "none", ["none"], "4"),
         ("binarynet", "1.0", "32", "64", "ste", ["ste"], "4"),
         ("binarynet", "0.25", "32", "128", "none", ["none"], "8"),
         ("binarynet", "0.25", "32", "128", "ste", ["ste"], "8"),
         ("mobilenet_v1", "0.5", "32", "128", "none", ["none"], "6"),
         ("mobilenet_v1", "0.5", "32", "128", "symmetric", ["uniform", "uniform_native"], "6"),
         ("mobilenet_v1", "0.25", "128", "32", "none", ["none"], "10"),
         ("mobilenet_v1", "0.25", "128", "32", "symmetric", ["uniform", "uniform_native"], "10")]


def run(command, extra_environment):
    environment = dict(os.environ, OMP_NUM_THREADS=threads, **extra_environment)
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def quench(case, precision):
    model, width, size, batch, method, _, steps = case
    command = [program, "bench", "train", "--model", model, "--width", width, "--image-size", size, "--batch", batch,
               "--method", method, "--precision", precision, "--steps", steps, "--threads", threads, "--json"]
    if method == "symmetric":
        command += ["--bits", "8"]
    return run(command, {})[0]


def torch(case, method, layout, compiled, precision):
    model, width, size, batch, _, _, steps = case
    environment = dict(TUNED)
    if os.path.isdir(OPENBLAS):  # otherwise libblas may be the slow reference implementation
        environment["LD_LIBRARY_PATH"] = OPENBLAS
    command = [peer_python, peer_script, "--model", model, "--width", width, "--image-size", size, "--batch", batch,
               "--method", method, "--steps", steps, "--threads", threads, "--layout", layout, "--precision", precision]
    return run(command + (["--compile"] if compiled else []), environment)


def best(variants):
    """The variant (layout and quantizer implementation) with the highest median speed, as (images/s, MiB)."""
    speeds = {key: statistics.median(r["images_per_second"] for r in runs) for key, runs in variants.items()}
    key = max(speeds, key=speeds.get)
    return speeds[key], statistics.median(r["peak_rss_mib"] for r in variants[key])


print("images/s at the median step; PyTorch: the fastest of its layouts, ways to write the quantizer and, with COMPILE=1, "
      "compiled steps")
print(f"{'model':<12} {'width':>5} {'size':>4} {'batch':>5} {'method':<9} | {'float32':>8} {'bfloat16':>8} | "
      f"{'PyTorch':>8} {'bfloat16':>8} | {'best x best':>11} | {'bf16 x own float32':>18} | {'MiB':>5} {'PyTorch':>7} {'x':>5}",
      flush=True)
for case in CASES:
    model, width, size, batch, method, peers, _ = case
    if only and model not in only:
        continue
    compiled = (False, True) if os.environ.get("COMPILE") == "1" else (False,)
    variants = [(peer, layout, c) for peer in peers for layout in ("nhwc", "nchw") for c in compiled]
    ours = {p: [] for p in PRECISIONS}
    theirs = {p: {v: [] for v in variants} for p in PRECISIONS}
    for _ in range(rounds):
        for precision in PRECISIONS:
            ours[precision].append(quench(case, precision))
            for variant in variants:
                theirs[precision][variant].append(torch(case, *variant, precision))
    speed = {p: statistics.median(r["images_per_second"] for r in ours[p]) for p in PRECISIONS}
    peer = {p: best(theirs[p]) for p in PRECISIONS}
    fastest, fastest_peer = max(speed, key=speed.get), max(peer, key=peer.get)
    memory = statistics.median(r["peak_rss_mib"] for r in ours[fastest])
    peer_speed, peer_memory = peer[fastest_peer]
    print(f"{model:<12} {width:>5} {size:>4} {batch:>5} {method:<9} | {speed['float32']:8.1f} {speed['bfloat16']:8.1f} | "
          f"{peer['float32'][0]:8.1f} {peer['bfloat16'][0]:8.1f} | {speed[fastest] / peer_speed:11.2f} | "
          f"{speed['bfloat16'] / speed['float32']:18.2f} | {memory:5.0f} {peer_memory:7.0f} {memory / peer_memory:5.2f}", flush=True)
