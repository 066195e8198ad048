#!/usr/bin/env python3
"""Run by bench/compare_peers.sh: alternates quench and PyTorch and prints the ratios of their medians."""
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict, namedtuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))

import step_chart

program, peer_python, rounds, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
only = sys.argv[5:]  # models; empty: all
peer_script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "torch_train_step.py")
precisions = os.environ.get("PRECISIONS", "float32,bfloat16").split(",")
if not set(precisions) <= {"float32", "bfloat16"}:
    sys.exit(f"compare_peers: expected PRECISIONS of float32 and bfloat16, got {','.join(precisions)}")
compiled_or_not = (False, True) if os.environ.get("COMPILE") == "1" else (False,)
avx2 = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() == "AVX2"

# By default glibc returns large buffers to the system after every step and must fault in their
# pages again. These settings keep them, on huge pages, and let OpenMP threads spin: 1.1 to 1.9 x
# faster for PyTorch. The tuned PyTorch is the one to beat.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000", "MALLOC_TOP_PAD_": "268435456",
         "OMP_WAIT_POLICY": "active", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"

# A network without quantizers and with quench's `method`; `peers`: how PyTorch writes that method
# (the fastest counts); `steps`: timed steps.
Case = namedtuple("Case", "model width size batch steps method bits peers")
UNIFORM = ["uniform", "uniform_native"]
CASES = [Case("binarynet", "1.0", "32", "64", "4", "ste", "1", ["ste"]),
         Case("binarynet", "0.25", "32", "128", "8", "ste", "1", ["ste"]),
         Case("mobilenet_v1", "0.5", "32", "128", "6", "symmetric", "8", UNIFORM),
         Case("mobilenet_v1", "0.25", "128", "32", "10", "symmetric", "8", UNIFORM),
         Case("resnet20", "1.0", "32", "128", "6", "lsq", "4", ["lsq", "lsq_native"])]


def run(command, case, method, precision, extra_environment):
    command = command + ["--model", case.model, "--width", case.width, "--image-size", case.size, "--batch", case.batch,
                         "--method", method, "--precision", precision, "--steps", case.steps, "--threads", threads]
    if method != "none":
        command += ["--bits", case.bits]
    environment = dict(os.environ, OMP_NUM_THREADS=threads, **extra_environment)
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def quench(case, method, precision):
    environment = {"QUENCH_MAX_ISA": "avx2"} if avx2 else {}
    result = run([program, "bench", "train", "--json"], case, method, precision, environment)[0]
    return result | {"step_mib": result["peak_rss_mib"] - result["rss_before_mib"]}


def torch(case, precision, method, layout, compiled):
    environment = dict(TUNED)
    if avx2:
        environment |= {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
    if os.path.isdir(OPENBLAS):  # otherwise libblas may be the slow reference implementation
        environment["LD_LIBRARY_PATH"] = OPENBLAS
    command = [peer_python, peer_script, "--layout", layout] + (["--compile"] if compiled else [])
    return run(command, case, method, precision, environment)


def measure(case):
    """The results of quench's and of PyTorch's runs by method ("none" or quench's name), precision and variant."""
    ours, theirs = defaultdict(list), defaultdict(list)
    for _ in range(rounds):
        for precision in precisions:
            for method, peers in (("none", ["none"]), (case.method, case.peers)):
                ours[method, precision].append(quench(case, method, precision))
                for variant in itertools.product(peers, ("nhwc", "nchw"), compiled_or_not):
                    theirs[method, precision, variant].append(torch(case, precision, *variant))
    return ours, theirs


def best(runs, method, precision=None):
    """(images/s, MiB) of the variant with the highest median speed, in the given precision or in any."""
    medians = [tuple(statistics.median(result[key] for result in results) for key in ("images_per_second", "step_mib"))
               for key, results in runs.items() if key[0] == method and precision in (None, key[1])]
    return max(medians, default=(None, None))


def text(value, width, digits):
    return f"{'-' if value is None else f'{value:.{digits}f}':>{width}}"


def ratio(value, other, width):
    return text(None if value is None or other is None else value / other, width, 2)


def print_row(case, method, ours, theirs):
    speed, memory = best(ours, method)
    peer_speed, peer_memory = best(theirs, method)
    own = [best(ours, method, p)[0] for p in ("float32", "bfloat16")]
    peer = [best(theirs, method, p)[0] for p in ("float32", "bfloat16")]
    print(f"{case.model:<12} {case.width:>5} {case.size:>4} {case.batch:>5} {method:<9} | "
          f"{text(own[0], 8, 1)} {text(own[1], 8, 1)} | {text(peer[0], 8, 1)} {text(peer[1], 8, 1)} | "
          f"{ratio(speed, best(theirs, 'none')[0], 7)} {ratio(speed, None if method == 'none' else peer_speed, 16)} | "
          f"{ratio(speed, best(ours, 'none', 'float32')[0], 13)} {ratio(own[1], own[0], 8)} | "
          f"{text(memory, 5, 0)} {text(peer_memory, 7, 0)} {ratio(memory, peer_memory, 5)}", flush=True)


print("images/s at the median step; PyTorch: the fastest of its layouts, ways to write the quantizer and, with COMPILE=1, "
      "compiled steps.\n"
      "Ratios of quench's faster precision to PyTorch's fastest step without quantizers (x float) and with them "
      "(x fake-quantized)\n"
      "and to quench's own float32 step without quantizers (x own float32). MiB: of the faster precision, beyond what the program takes before it builds the network.")
print(f"{'model':<12} {'width':>5} {'size':>4} {'batch':>5} {'method':<9} | {'float32':>8} {'bfloat16':>8} | "
      f"{'PyTorch':>8} {'bfloat16':>8} | {'x float':>7} {'x fake-quantized':>16} | {'x own float32':>13} {'bf16/f32':>8} | "
      f"{'MiB':>5} {'PyTorch':>7} {'x':>5}", flush=True)
chart = []
for case in CASES:
    if only and case.model not in only:
        continue
    runs = measure(case)
    for method in ("none", case.method):
        print_row(case, method, *runs)
    ours, theirs = runs
    reference = best(theirs, "none")[0]
    chart.append((f"{case.model} {case.width}, {case.size} x {case.size}", f"{case.bits} bits, {case.method}",
                  {"PyTorch, quantized": best(theirs, case.method)[0] / reference,
                   "quench, float": best(ours, "none")[0] / reference,
                   "quench, quantized": best(ours, case.method)[0] / reference}))
if "CHART" in os.environ:
    step_chart.write(os.environ["CHART"], chart)
