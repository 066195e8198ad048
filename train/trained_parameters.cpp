#include "train/trained_parameters.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "support/error.h"

namespace quench::train {

const std::vector<std::string>& parameter_kinds() {
  static const std::vector<std::string> names{"weight", "bias", "norm", "quantizer"};
  return names;
}

std::vector<Parameter> trained_parameters(Module& network, const std::vector<std::string>& kinds) {
  const auto trained = [&kinds](const Parameter& parameter) {
    // In the order in which the enumeration has them.
    const std::string& kind = parameter_kinds()[static_cast<std::size_t>(parameter.kind)];
    return std::ranges::find(kinds, kind) != kinds.end();
  };
  std::vector<Parameter> result;
  for (Parameter& parameter : network.parameters()) {
    if (trained(parameter)) {
      result.push_back(std::move(parameter));
    } else {
      parameter.value.freeze();
    }
  }
  require(!result.empty(),
          "optimizer.train: expected kinds of parameters that the network has, got [{}], of which "
          "it has none",
          fmt::join(kinds, ", "));
  return result;
}

}  // namespace quench::train
