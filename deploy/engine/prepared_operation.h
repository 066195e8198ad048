#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "deploy/engine/engine.h"
#include "kernels/conv_kernel.h"

namespace quench::deploy {

/// One operation, ready to run.
class PreparedOperation {
 public:
  /// The memory of each value, by ValueId, and the normalized pixels of the image.
  struct Memory {
    std::span<std::byte* const> values;
    const float* pixels;
  };

  virtual ~PreparedOperation() = default;
  virtual void run(const Memory& memory) = 0;
  virtual std::string_view kernel() const { return {}; }
};

using Prepared = std::unique_ptr<PreparedOperation>;

// Each takes an operation of its kind.

/// A kernel sums a strip of output pixels; an epilogue converts them to codes while the sums are in
/// the cache.
Prepared prepare_convolution(const IntegerNetwork& network, const Operation& operation,
                             kernels::Isa isa, Products products);

Prepared prepare_quantize(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_addition(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_multiplication(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_lookup(const IntegerNetwork& network, const Operation& operation);

Prepared prepare_average_pool(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_max_pool(const IntegerNetwork& network, const Operation& operation);

Prepared prepare_zero_pad(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_concatenation(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_extremum(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_channel_selection(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_upsampling(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_pixel_selection(const IntegerNetwork& network, const Operation& operation);
Prepared prepare_rearrangement(const IntegerNetwork& network, const Operation& operation);

/// The kernel problem for a convolution of `input`.
kernels::ConvProblem conv_problem(const Convolution& convolution, const Value& input);

}  // namespace quench::deploy
