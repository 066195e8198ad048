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


def quench(case):
    model, width, size, batch, method, _, steps = case
    command = [program, "bench", "train", "--model", model, "--width", width, "--image-size", size, "--batch", batch,
               "--method", method, "--steps", steps, "--threads", threads, "--json"]
    if method == "symmetric":
        command += ["--bits", "8"]
    return run(command, {})[0]


def torch(case, method, layout, tuned):
    model, width, size, batch, _, _, steps = case
    environment = dict(TUNED) if tuned else {}
    if os.path.isdir(OPENBLAS):  # otherwise libblas may be the slow reference implementation
        environment["LD_LIBRARY_PATH"] = OPENBLAS
    command = [peer_python, peer_script, "--model", model, "--width", width, "--image-size", size, "--batch", batch,
               "--method", method, "--steps", steps, "--threads", threads, "--layout", layout]
    return run(command, environment)


def best(variants):
    """The variant (layout and quantizer implementation) with the highest median speed, as (images/s, MiB)."""
    speeds = {key: statistics.median(r["images_per_second"] for r in runs) for key, runs in variants.items()}
    key = max(speeds, key=speeds.get)
    return speeds[key], statistics.median(r["peak_rss_mib"] for r in variants[key])


print(f"{'model':<12} {'width':>5} {'size':>4} {'batch':>5} {'method':<9} | {'quench':>8} {'tuned':>8} {'stock':>8} images/s | "
      f"{'x tuned':>7} {'x stock':>7} | {'quench':>6} {'tuned':>6} {'stock':>6} MiB | {'memory x tuned':>14} {'x stock':>7} | FMA peak", flush=True)
for case in CASES:
    model, width, size, batch, method, peers, _ = case
    if only and model not in only:
        continue
    variants = [(peer, layout) for peer in peers for layout in ("nhwc", "nchw")]
    ours, tuned, stock = [], {v: [] for v in variants}, {v: [] for v in variants}
    for _ in range(rounds):
        ours.append(quench(case))
        for variant in variants:
            tuned[variant].append(torch(case, *variant, True))
            stock[variant].append(torch(case, *variant, False))
    speed = statistics.median(r["images_per_second"] for r in ours)
    memory = statistics.median(r["peak_rss_mib"] for r in ours)
    peak = statistics.median(r["fraction_of_fma_peak"] for r in ours)
    (tuned_speed, tuned_memory), (stock_speed, stock_memory) = best(tuned), best(stock)
    print(f"{model:<12} {width:>5} {size:>4} {batch:>5} {method:<9} | {speed:8.1f} {tuned_speed:8.1f} {stock_speed:8.1f} images/s | "
          f"{speed / tuned_speed:7.2f} {speed / stock_speed:7.2f} | {memory:6.0f} {tuned_memory:6.0f} {stock_memory:6.0f} MiB | "
          f"{memory / tuned_memory:14.2f} {memory / stock_memory:7.2f} | {100 * peak:.0f} %", flush=True)
