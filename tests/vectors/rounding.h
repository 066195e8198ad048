#pragma once

#include <memory>

#include "autograd/activation.h"
#include "autograd/nn.h"
#include "ptq/reconstruction/rounding.h"
#include "vectors/backward.h"
#include "vectors/case.h"

namespace quench::vectors {

/// The grid of params qmin, qmax and axis with the scales of an input.
inline quant::QuantGrid weight_grid(const Case& c, const char* scale = "scale", int axis = 0) {
  quant::QuantGrid grid{.qmin = c.params.at("qmin"), .qmax = c.params.at("qmax")};
  grid.axis = c.params.value("axis", axis);
  grid.scale.clear();
  for (const double s : numbers(c.inputs.at(scale))) grid.scale.push_back(static_cast<float>(s));
  grid.zero_point.assign(grid.scale.size(), 0);
  return grid;
}

/// A convolution, or a linear layer if the weight has rank 2, with params stride, pad and groups.
inline Variable layer_output(const Case& c, const Variable& x, const Variable& weight) {
  if (weight.shape().rank() == 2) return linear(x, weight);
  const int pad = c.params.at("pad"), stride = c.params.at("stride");
  return conv2d(x, weight, {},
                std::make_shared<PreparedConv2d>(
                    Conv2dParams{.stride = {stride, stride},
                                 .padding = {.top = pad, .left = pad, .bottom = pad, .right = pad},
                                 .groups = c.params.at("groups")}));
}

}  // namespace quench::vectors
