#include "ptq/fold.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/attach_quantizers.h"
#include "layers/models/binarynet.h"
#include "layers/models/resnet8.h"

namespace quench::ptq {
namespace {

using Names = std::vector<std::string>;

Names names(const std::vector<BatchNormPair>& pairs) {
  Names result;
  for (const BatchNormPair& pair : pairs)
    result.push_back(pair.layer->name() + " " + pair.norm->name());
  return result;
}

std::unique_ptr<layers::Module> small_binarynet() {
  Random random(1, "test");
  return layers::models::binarynet({.width = 1.0 / 64}, random);
}

TEST_CASE("batch norm pairs: a max pool separates the two") {
  const auto network = small_binarynet();
  CHECK(names(batch_norm_pairs(*network)) ==
        Names{"conv1 bn1", "conv3 bn3", "conv5 bn5", "fc7 bn7", "fc8 bn8", "fc9 bn9"});
}

TEST_CASE("batch norm pairs: inside the blocks of a residual network") {
  Random random(1, "test");
  const auto network = layers::models::resnet8({.width = 0.25}, random);
  CHECK(names(batch_norm_pairs(*network)) ==
        Names{"conv1 bn1", "stack1.conv1 stack1.bn1", "stack1.conv2 stack1.bn2",
              "stack2.conv1 stack2.bn1", "stack2.conv2 stack2.bn2", "stack3.conv1 stack3.bn1",
              "stack3.conv2 stack3.bn2"});
}

Settings quant_table(const char* method) {
  return Settings::from(
      {{"method", method},
       {"first_layer", Settings::from({{"weight", Settings::from({{"method", "none"}})}})}});
}

TEST_CASE("fold_batch_norms: only layers with a quantized weight fold their batch norm") {
  const auto network = small_binarynet();
  CHECK(fold_batch_norms(*network).empty());
  layers::attach_quantizers(*network, quant::Policy(quant_table("ste")));
  CHECK(names(fold_batch_norms(*network)) ==
        Names{"conv3 bn3", "conv5 bn5", "fc7 bn7", "fc8 bn8", "fc9 bn9"});
  for (layers::QuantizedLayer* layer : network->quantized_layers()) {
    CAPTURE(layer->name());
    CHECK((layer->folded() != nullptr) ==
          (layer->name() == "conv3" || layer->name() == "conv5" || layer->name()[0] == 'f'));
  }
  freeze_folded_batch_norms(*network);
  for (layers::BatchNorm* norm : layers::batch_norms(*network)) {
    CAPTURE(norm->name());
    CHECK(norm->training() == (norm->name() == "bn1" || norm->name() == "bn2" ||
                               norm->name() == "bn4" || norm->name() == "bn6"));
  }
}

TEST_CASE("fold_batch_norms: a quantized network without a pair is rejected") {
  const auto network = small_binarynet();
  layers::attach_quantizers(
      *network,
      quant::Policy(Settings::from({{"override", SettingsValue::List{Settings::from(
                                                     {{"match", "conv2"}, {"method", "ste"}})}}})));
  CHECK_THROWS_WITH_AS(
      fold_batch_norms(*network),
      doctest::Contains("a batch norm directly after a layer with a quantized weight"),
      std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
