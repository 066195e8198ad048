#pragma once

#include <string_view>

namespace quench::bench {

/// The rate at which this machine does independent fp32 multiply-adds in registers, in operations
/// per second (two per multiply-add), with `threads` threads: the bound of every convolution and
/// GEMM. Best of several short runs.
double measured_fma_peak(int threads);

/// The rate at which this machine does a kernel's mix of instructions in registers, in operations per
/// second (two per product), with `threads` threads; 0 for a kernel whose mix is not known here.
/// @param kernel  a name that a deploy::ConvKernel has
double measured_kernel_peak(std::string_view kernel, int threads);

/// Bytes per second that are read from memory, of an array that no cache holds.
double measured_read_bandwidth(int threads);

}  // namespace quench::bench
