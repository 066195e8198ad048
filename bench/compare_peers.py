#!/usr/bin/env python3
"""The work of bench/compare_peers.sh: runs quench and PyTorch in turn and prints the ratios of their medians."""
import json
import os
import statistics
import subprocess
import sys

program, peer_python, rounds, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
peer_script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "torch_train_step.py")

# glibc gives large buffers back to the system after every step and pays for their pages again; these settings keep
# them, on huge pages, and let OpenMP threads spin: 1.1 to 1.9 x for PyTorch. Tuned is the peer to beat.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000", "MALLOC_TOP_PAD_": "268435456",
         "OMP_WAIT_POLICY": "active", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
CASES = [("1.0", "64", "none"), ("1.0", "64", "ste"), ("0.25", "128", "none"), ("0.25", "128", "ste")]


def run(command, extra_environment):
    environment = dict(os.environ, OMP_NUM_THREADS=threads, **extra_environment)
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def quench(width, batch, method, steps):
    command = [program, "bench", "train", "--width", width, "--batch", batch, "--method", method, "--steps", steps,
               "--threads", threads, "--json"]
    return run(command, {})[0]


def torch(width, batch, method, steps, layout, tuned):
    environment = dict(TUNED) if tuned else {}
    if os.path.isdir(OPENBLAS):  # else libblas may be the slow reference implementation
        environment["LD_LIBRARY_PATH"] = OPENBLAS
    command = [peer_python, peer_script, "--width", width, "--batch", batch, "--method", method, "--steps", steps,
               "--threads", threads, "--layout", layout]
    return run(command, environment)


def best_layout(by_layout):
    """The layout with the higher median speed, as (images/s, MiB)."""
    speeds = {layout: statistics.median(r["images_per_second"] for r in runs) for layout, runs in by_layout.items()}
    layout = max(speeds, key=speeds.get)
    return speeds[layout], statistics.median(r["peak_rss_mib"] for r in by_layout[layout])


print(f"{'width':>5} {'batch':>5} {'method':<6} | {'quench':>8} {'tuned':>8} {'stock':>8} images/s | "
      f"{'x tuned':>7} {'x stock':>7} | {'quench':>6} {'tuned':>6} {'stock':>6} MiB | {'memory x tuned':>14} {'x stock':>7} | FMA peak", flush=True)
for width, batch, method in CASES:
    steps = "4" if width == "1.0" else "8"
    ours, tuned, stock = [], {"nhwc": [], "nchw": []}, {"nhwc": [], "nchw": []}
    for _ in range(rounds):
        ours.append(quench(width, batch, method, steps))
        for layout in ("nhwc", "nchw"):
            tuned[layout].append(torch(width, batch, method, steps, layout, True))
            stock[layout].append(torch(width, batch, method, steps, layout, False))
    speed = statistics.median(r["images_per_second"] for r in ours)
    memory = statistics.median(r["peak_rss_mib"] for r in ours)
    peak = statistics.median(r["fraction_of_fma_peak"] for r in ours)
    (tuned_speed, tuned_memory), (stock_speed, stock_memory) = best_layout(tuned), best_layout(stock)
    print(f"{width:>5} {batch:>5} {method:<6} | {speed:8.1f} {tuned_speed:8.1f} {stock_speed:8.1f} images/s | "
          f"{speed / tuned_speed:7.2f} {speed / stock_speed:7.2f} | {memory:6.0f} {tuned_memory:6.0f} {stock_memory:6.0f} MiB | "
          f"{memory / tuned_memory:14.2f} {memory / stock_memory:7.2f} | {100 * peak:.0f} %", flush=True)
