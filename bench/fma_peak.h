#pragma once

namespace quench::bench {

/// The rate at which this machine does independent fp32 multiply-adds in registers, in operations
/// per second (two per multiply-add), with `threads` threads: the bound of every convolution and
/// GEMM. Best of several short runs.
double measured_fma_peak(int threads);

}  // namespace quench::bench
