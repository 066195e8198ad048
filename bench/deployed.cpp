#include "bench/deployed.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "bench/fused_network.h"
#include "bench/network.h"
#include "core/ops/conv2d.h"
#include "core/random.h"
#include "deploy/freeze.h"
#include "layers/attach_quantizers.h"
#include "layers/quantized_layer.h"
#include "support/progress.h"

namespace quench::bench {
namespace {

// The integer and the float network alternate, several images at a time. The first images of a turn
// do not count, because the caches still hold the other network's weights.
constexpr int kWarmUp = 2;
constexpr int kTurn = 8;

/// @param run  run(bool counts)
template <typename Run>
void take_turn(Run run) {
  for (int i = -kWarmUp; i < kTurn; ++i) run(i >= 0);
}

template <typename Network>
void time_turn(Network& network, const Tensor& image, std::vector<double>& seconds) {
  take_turn([&](bool counts) {
    const double taken = seconds_of([&] { network(image); });
    if (counts) seconds.push_back(taken);
  });
}

Tensor random_tensor(const Shape& shape) {
  Random random(0, "images");
  Tensor tensor(shape);
  std::ranges::generate(tensor.span(), [&] { return random.uniform(-2.0f, 2.0f); });
  return tensor;
}

/// The float convolution that corresponds to an integer one.
class FloatConv {
 public:
  FloatConv(const deploy::Convolution& conv, const deploy::Value& input)
      : prepared_(conv.params),
        input_(random_tensor({1, input.channels, input.height, input.width})),
        weight_(random_tensor({conv.out_channels, input.channels / conv.params.groups,
                               conv.kernel[0], conv.kernel[1]})),
        bias_(random_tensor({conv.out_channels})) {}

  double seconds() {
    return seconds_of([this] { prepared_.infer(input_, weight_, bias_, Activation::relu); });
  }
  double macs() const {
    const Shape output = conv2d_output_shape(input_.shape(), weight_.shape(), prepared_.params());
    const std::int64_t of_one_output = weight_.numel() / weight_.dim(0);
    return static_cast<double>(output.numel() * of_one_output);
  }

 private:
  PreparedConv2d prepared_;
  Tensor input_, weight_, bias_;
};

Settings slot(const char* method, int bits) {
  return Settings::from({{"method", method}, {"bits", bits}});
}

quant::Policy policy(int weight_bits, int activation_bits) {
  const char* weight = weight_bits == 1 ? "ste" : "symmetric";
  const char* activation = activation_bits == 1 ? "ste" : "affine";
  Settings quant = Settings::from({{"weight", slot(weight, weight_bits)},
                                   {"activation", slot(activation, activation_bits)},
                                   {"residual", slot("affine", 8)},
                                   {"pool", slot("affine", 8)},
                                   {"product", slot("affine", 8)},
                                   {"function", slot("affine", 8)}});
  Settings ends = Settings::from({{"activation", slot("affine", 8)}});
  if (weight_bits > 1) {
    ends.set("weight", slot("symmetric", 8));
    quant.set("last_layer", ends);
  }
  quant.set("first_layer", ends);
  return quant::Policy(quant);
}

/// Draws normal weights with unchanged magnitudes: trained weights are closer to normal than to the
/// uniform initial ones, and this affects how many sums fit into 16 bits.
void draw_weights(layers::Module& network) {
  Random random(0, "weights");
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    Variable weight = layer->weight();
    const auto values = weight.mutable_value().span();
    double squares = 0.0;
    for (const float v : values) squares += static_cast<double>(v) * static_cast<double>(v);
    const auto deviation =
        static_cast<float>(std::sqrt(squares / static_cast<double>(values.size())));
    std::ranges::generate(values, [&] { return deviation * random.normal(); });
    weight.mutable_value().bump_version();
  }
}

struct Timeline {
  std::vector<double> integer, floating;
};

std::vector<OperationTime> time_operations(deploy::Engine& engine, const Tensor& image, int runs) {
  const deploy::IntegerNetwork& network = engine.network();
  std::vector<Timeline> times(network.operations.size());
  std::vector<std::unique_ptr<FloatConv>> floats;
  for (const deploy::Operation& operation : network.operations) {
    const auto* conv = std::get_if<deploy::Convolution>(&operation.kind);
    floats.push_back(conv == nullptr
                         ? nullptr
                         : std::make_unique<FloatConv>(*conv, network.values[operation.inputs[0]]));
  }
  progress_bar().begin("layers", runs);
  for (int run = 0; run < runs; run += kTurn) {
    take_turn([&](bool counts) {
      const std::vector<double> seconds = engine.operation_seconds(image);
      for (std::size_t i = 0; counts && i < seconds.size(); ++i) {
        times[i].integer.push_back(seconds[i]);
      }
    });
    take_turn([&](bool counts) {
      for (std::size_t i = 0; i < times.size(); ++i) {
        const double seconds = floats[i] ? floats[i]->seconds() : 0.0;
        if (counts) times[i].floating.push_back(seconds);
      }
    });
    progress_bar().advance(kTurn);
  }
  std::vector<OperationTime> result;
  const auto kernels = engine.kernels();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const deploy::Operation& operation = network.operations[i];
    result.push_back({operation.name, std::string(to_string(operation.kind)),
                      std::string(kernels[i]), floats[i] ? floats[i]->macs() : 0.0,
                      median(times[i].integer), median(times[i].floating)});
  }
  return result;
}

}  // namespace

deploy::IntegerNetwork random_integer_network(const NetworkCase& network_case, int weight_bits,
                                              int activation_bits) {
  const auto network = make_network(network_case);
  draw_weights(*network);
  layers::attach_quantizers(*network, policy(weight_bits, activation_bits));
  layers::for_each_quantizer(*network, [](quant::Quantizer& quantizer) {
    quantizer.begin_training({.total_steps = 1, .steps_per_epoch = 1});
  });
  const NoGradGuard no_grad;
  const Tensor images = random_images(network_case, 2);
  network->set_quantizer_mode(quant::Mode::training);
  network->set_training(false);
  (*network)(Variable(images));
  return deploy::freeze(*network, images.shape().with(0, 1));
}

DeployedTimes time_deployed(deploy::Engine& engine, layers::Module& float_network, double seconds) {
  const deploy::IntegerNetwork& network = engine.network();
  const Tensor image = random_tensor({1, network.channels, network.height, network.width});
  FusedNetwork fused(float_network);
  Timeline times;
  double total = 0.0;
  progress_bar().begin("whole network", std::llround(1e3 * seconds));
  do {
    total += seconds_of([&] {
      time_turn(engine, image, times.integer);
      time_turn(fused, image, times.floating);
    });
    progress_bar().advance_to(std::llround(1e3 * total));
  } while (total < seconds);
  DeployedTimes result;
  result.runs = static_cast<int>(times.integer.size());
  result.best_seconds = *std::ranges::min_element(times.integer);
  result.best_float_seconds = *std::ranges::min_element(times.floating);
  result.seconds = median(times.integer);
  result.float_seconds = median(times.floating);
  result.operations = time_operations(engine, image, std::min(result.runs, 50));
  for (const OperationTime& operation : result.operations) result.macs += operation.macs;
  return result;
}

}  // namespace quench::bench
