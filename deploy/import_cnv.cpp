#include "deploy/import_cnv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "support/error.h"

namespace quench::deploy {
namespace {

constexpr float kInputStep = 1.0f / 128.0f;
constexpr std::int64_t kInputChannels = 3, kInputSize = 32;

struct Layer {
  const char* name;
  int kernel;
  bool pool = false;    ///< followed by a 2x2 max pool
  bool logits = false;  ///< no threshold
};

constexpr std::array kLayers{
    Layer{"conv1", 3},       Layer{"conv2", 3, true}, Layer{"conv3", 3},
    Layer{"conv4", 3, true}, Layer{"conv5", 3},       Layer{"conv6", 3},
    Layer{"fc1", 1},         Layer{"fc2", 1},         Layer{"fc3", 1, false, true}};

/// @param dims  [O], [O, I] or [O, I, KH, KW]; 0 matches any size
Tensor find(const TensorFile& file, const std::string& name, DType type,
            const std::vector<std::int64_t>& dims) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) fail("cnv: expected a tensor {}, got none", name);
  const Tensor& tensor = found->second;
  bool fits = tensor.dtype() == type && tensor.shape().rank() == std::ssize(dims);
  for (std::size_t i = 0; fits && i < dims.size(); ++i) {
    const std::int64_t size = tensor.dim(static_cast<int>(i));
    fits = size >= 1 && (dims[i] == 0 || dims[i] == size);
  }
  if (!fits) {
    fail("cnv: {}: expected {} [{}] (0: any), got {} {}", name, name_of(type),
         fmt::join(dims, ", "), name_of(tensor.dtype()), tensor.shape().to_string());
  }
  return tensor;
}

class Builder {
 public:
  explicit Builder(const TensorFile& file) : file_(file) {}

  IntegerNetwork build() {
    quantize_images();
    for (const Layer& layer : kLayers) {
      convolve(layer);
      if (layer.pool) max_pool(layer);
    }
    network_.output = last();
    check_network(network_);
    return std::move(network_);
  }

 private:
  ValueId last() const { return network_.values.size() - 1; }
  Value& value() { return network_.values.back(); }

  void append(std::string name, Operation::Kind kind, std::vector<Affine> steps,
              std::vector<ValueId> inputs, Value value) {
    network_.values.push_back(std::move(value));
    network_.operations.push_back({.name = std::move(name),
                                   .kind = std::move(kind),
                                   .inputs = std::move(inputs),
                                   .outputs = {{.steps = std::move(steps), .value = last()}}});
  }

  /// Rounding x - 1/256 to the nearest multiple of 1/128 rounds x down. Only the pixels 0 and 255
  /// are multiples themselves: -1 is the end of the grid, and +1 is beyond it.
  void quantize_images() {
    network_.channels = kInputChannels;
    network_.height = network_.width = kInputSize;
    append("input", Quantize{}, {shift_by(std::vector(kInputChannels, -kInputStep / 2))}, {},
           {.channels = kInputChannels,
            .height = kInputSize,
            .width = kInputSize,
            .grid = quant::QuantGrid{.qmin = -128, .qmax = 127, .scale = {kInputStep}}});
  }

  static Affine shift_by(std::vector<float> shift) {
    std::vector<float> ones(shift.size(), 1.0f);
    return {.scale = std::move(ones), .shift = std::move(shift)};
  }

  void convolve(const Layer& layer) {
    const Value input = value();
    value().readers = {layer.name};
    const bool linear = layer.kernel == 1;
    const std::string name = std::string(layer.name) + ".weight";
    const Tensor weight = find(file_, name, DType::s8,
                               linear ? std::vector<std::int64_t>{0, input.numel()}
                                      : std::vector<std::int64_t>{0, input.channels, 3, 3});
    const std::span<const std::int8_t> signs = weight.span<std::int8_t>();
    for (const std::int8_t sign : signs)
      if (sign != -1 && sign != 1) fail("cnv: {}: expected -1 or +1, got {}", name, sign);
    const std::int64_t outputs = weight.dim(0);
    Value output{.channels = outputs,
                 .height = input.height - layer.kernel + 1,
                 .width = input.width - layer.kernel + 1};
    if (!layer.logits) output.grid = quant::binary_grid();
    append(layer.name,
           Convolution{.kernel = {layer.kernel, layer.kernel},
                       .params = {},
                       .out_channels = outputs,
                       .weight_grid = quant::binary_grid(),
                       .weight = {signs.begin(), signs.end()},
                       .bias = {}},
           layer.logits ? std::vector<Affine>{}
                        : std::vector{above_threshold(layer, outputs, input.grid->scale[0])},
           {last()}, std::move(output));
  }

  /// On a binary grid, sign(0) is +1. Thresholds are multiples of half a unit, so a shift by a
  /// quarter of a unit separates the sums above the threshold from the rest.
  Affine above_threshold(const Layer& layer, std::int64_t outputs, float unit) const {
    const std::string name = std::string(layer.name) + ".threshold";
    std::vector<float> shift;
    const Tensor thresholds = find(file_, name, DType::f32, {outputs});
    for (const float threshold : thresholds.span()) {
      const float halves = 2.0f * threshold / unit;
      // Beyond 2^22, a quarter of a unit is not exact.
      if (std::trunc(halves) != halves || std::abs(halves) >= 0x1p22f)
        fail("cnv: {}: expected a multiple of {}, got {}", name, unit / 2.0f, threshold);
      shift.push_back(-threshold - unit / 4.0f);
    }
    return shift_by(std::move(shift));
  }

  void max_pool(const Layer& layer) {
    Value pooled = value();
    pooled.height /= 2;
    pooled.width /= 2;
    const std::string name = fmt::format("pool{}", layer.name + std::string_view("conv").size());
    value().readers = {name};
    append(name, MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {}, {last()}, std::move(pooled));
  }

  const TensorFile& file_;
  IntegerNetwork network_;
};

}  // namespace

IntegerNetwork import_cnv(const TensorFile& file) { return Builder(file).build(); }

}  // namespace quench::deploy
