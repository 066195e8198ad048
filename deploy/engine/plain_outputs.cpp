#include "deploy/engine/plain_outputs.h"

#include <cmath>

#include "deploy/engine/places.h"

namespace quench::deploy {

double largest_real(const quant::QuantGrid& grid) {
  return static_cast<double>(quant::largest_code(grid)) * double{grid.scale[0]} +
         std::abs(double{grid.offset});
}

PlainOutputs::PlainOutputs(const IntegerNetwork& network, const Operation& operation,
                           double reach) {
  for (const Output& output : operation.outputs)
    epilogues_.emplace_back(output, network.values[output.value], reach);
}

void PlainOutputs::write(const Engine::Step::Memory& memory, const float* reals, std::int64_t first,
                         std::int64_t pixels) const {
  for (const Epilogue& epilogue : epilogues_)
    epilogue.run_reals(reals, pixels, pixel_of(memory, epilogue, first));
}

}  // namespace quench::deploy
