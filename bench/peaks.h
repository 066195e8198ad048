#pragma once

#include <string_view>

namespace quench::bench {

/// The rate of independent fp32 multiply-adds in registers with the best instruction set (kernels::best_isa()), in
/// operations per second (two per multiply-add), on `threads` threads: the upper bound for convolutions and GEMMs. Best
/// of several short runs.
double measured_fma_peak(int threads);
/// The same for products of bfloat16; that of fp32 on CPUs without bfloat16 instructions, which multiply fp32 instead.
double measured_bfloat16_peak(int threads);

/// The rate of a kernel's instruction mix in registers, in operations per second (two per product),
/// on `threads` threads; 0 for an unknown kernel.
/// @param kernel  the name of a kernels::ConvKernel
double measured_kernel_peak(std::string_view kernel, int threads);

/// Memory read bandwidth in bytes per second, for an array larger than any cache.
double measured_read_bandwidth(int threads);

}  // namespace quench::bench
