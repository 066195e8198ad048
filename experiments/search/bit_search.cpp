#include "experiments/search/bit_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "experiments/post_training.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"

namespace quench::experiments {
namespace {

void require_searchable(const ExperimentConfig& config, layers::Module& network) {
  require(!start_of(config).empty(),
          "search: expected a trained checkpoint to start from, got none: give --checkpoint RUN or "
          "FILE, or the key train.init_from or model.onnx");
  for (layers::QuantizedLayer* layer : network.quantized_layers())
    require(layer->weight_quantizer().method() != "fixed",
            "search: layer {}: expected a float network, got one with quantizers of its own; "
            "model.quantizers = \"none\" takes the float network under them",
            layer->name());
}

std::string number_or_nothing(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

void mark_dominated(const std::vector<SearchPoint*>& points, CostKind kind) {
  for (SearchPoint* point : points)
    point->verified->dominated = std::ranges::any_of(points, [&](const SearchPoint* other) {
      return other->cost(kind) <= point->cost(kind) &&
             other->verified->top1 > point->verified->top1;
    });
}

}  // namespace

BitSearch::BitSearch(ExperimentConfig config, const Data& data, SearchOptions options)
    : config_(std::move(config)), data_(data), options_(std::move(options)) {
  const SearchedBits what = options_.sensitivity.what;
  require(
      what != SearchedBits::inputs || kind() == CostKind::bops || kind() == CostKind::latency,
      "--budget: expected bops or latency with --what inputs, which leaves weights as they are, "
      "got {}",
      name_of(kind()));
  require(what == SearchedBits::weights ||
              options_.sensitivity.measure != ptq::SensitivityMeasure::hessian,
          "--sensitivity: expected kl, loss or sqnr with --what {}, got hessian, which measures "
          "weights",
          name_of(what));
  network_ = load_trained(config_, data.train->format());
  require_searchable(config_, *network_);
  const datasets::ImageShape image = data.train->format().image;
  result_.space = search_space(config_, *network_, {1, image.channels, image.height, image.width},
                               options_.options, what);
  images_ = search_images(config_, data, options_.sensitivity.images);
  for (const datasets::Batch& batch : images_) result_.images += batch.images.dim(0);
  take_latency();
  limit_ = result_.space.limit(options_.budget);
  result_.budget = options_.budget;
  result_.limit = result_.space.in_units(kind(), limit_);
  require_feasible();
}

SearchResult BitSearch::run(const RunFolder& folder) {
  if (measured_) write_file_atomically(folder.path() / kLatencyFile, latency_csv(*measured_));
  SensitivityFile file(
      folder.path() / kSensitivityFile,
      dependencies(options_.sensitivity, read_text(folder.config()), *network_, images_));
  result_.sensitivities =
      measure_sensitivities(config_, result_.space, data_, images_, options_.sensitivity, file);
  select();
  write_chosen(folder.path());
  verify();
  write_front(folder.path() / kFrontFile);
  return std::move(result_);
}

void BitSearch::take_latency() {
  const std::filesystem::path& given = options_.latency_table;
  if (!given.empty()) {
    set_latency(result_.space, parse_latency_csv(read_text(given), given.string()), given.string());
  } else if (kind() == CostKind::latency) {
    measured_ = measure_latency(config_, result_.space, data_);
    set_latency(result_.space, *measured_, kLatencyFile);
  }
}

void BitSearch::require_feasible() const {
  const SearchSpace& space = result_.space;
  const double least = ptq::least_cost(space.option_groups(kind(), {}));
  require(least <= limit_ * (1.0 + ptq::kBudgetTolerance),
          "--budget: expected {} of at least {}, the least of any choice, got {}", name_of(kind()),
          cost_text(kind(), space.in_units(kind(), least)), cost_text(kind(), result_.limit));
}

SearchPoint BitSearch::point(SearchSpace::Choice choice) const {
  const SearchSpace& space = result_.space;
  SearchPoint result{.choice = std::move(choice)};
  const auto cost = [&](CostKind of) { return space.in_units(of, space.cost(of, result.choice)); };
  result.bytes = cost(CostKind::size);
  result.bops = cost(CostKind::bops);
  result.mean_bits = cost(CostKind::mean_bits);
  if (space.milliseconds) result.milliseconds = cost(CostKind::latency);
  space.for_each_searched(result.choice, [&](const SearchLayer& layer, int option) {
    result.sensitivity += std::max(result_.sensitivities.at({layer.name, option}), 0.0);
  });
  return result;
}

void BitSearch::select() {
  const SearchSpace& space = result_.space;
  const auto groups = space.option_groups(kind(), result_.sensitivities);
  const auto selection = ptq::select_options(groups, limit_);
  expect(selection.has_value(), "search: no selection within a feasible budget");
  result_.chosen = point(space.choice(*selection));
  for (const ptq::Selection& each : ptq::pareto_front(groups))
    result_.front.push_back(point(space.choice(each)));
  for (const int option : space.options())
    if (auto choice = space.uniform(option))
      result_.uniform.emplace_back(option, point(std::move(*choice)));
}

void BitSearch::write_chosen(const std::filesystem::path& folder) const {
  const ExperimentConfig chosen = with_bits(config_, result_.space, result_.chosen.choice);
  // What is built from a config reads every key, which its text then states.
  build_network_without_weights(chosen, data_.train->format());
  write_file_atomically(folder / kChosenConfig, chosen.resolved_with_absolute_paths());
}

std::vector<SearchPoint*> BitSearch::points_to_verify() {
  if (!options_.verify && options_.verify_points == 0) return {};
  std::vector<SearchPoint*> points{&result_.chosen};
  SearchPoint* fits = nullptr;  // the largest uniform network within the budget
  for (auto& [option, uniform] : result_.uniform) {
    if (uniform.cost(kind()) <= result_.limit * (1.0 + ptq::kBudgetTolerance)) fits = &uniform;
    if (options_.verify_points > 0) points.push_back(&uniform);
  }
  if (fits != nullptr && options_.verify_points == 0) points.push_back(fits);
  for (const std::size_t i :
       spread_evenly(result_.front, kind(), static_cast<std::size_t>(options_.verify_points)))
    points.push_back(&result_.front[i]);
  return points;
}

void BitSearch::verify() {
  const std::vector<SearchPoint*> points = points_to_verify();
  if (points.empty()) return;
  const auto evaluation = evaluation_loader(config_, data_.evaluation());
  progress_bar().begin("float network", evaluation->images_in(evaluation->batches_per_epoch()));
  result_.floating =
      train::evaluate(*network_, *evaluation, quant::Mode::bypass, layers::make_loss({}));
  const ptq::SensitivityProbe probe(*network_, images_);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto before = std::span(points).first(i);
    const auto same = std::ranges::find_if(
        before, [&](const SearchPoint* other) { return other->choice == points[i]->choice; });
    if (same == before.end()) {
      verify(*points[i], probe, *evaluation);
    } else {
      points[i]->verified = (*same)->verified;
    }
  }
  mark_dominated(points, kind());
}

void BitSearch::verify(SearchPoint& point, const ptq::SensitivityProbe& probe,
                       datasets::Loader& evaluation) const {
  const ExperimentConfig config = with_bits(config_, result_.space, point.choice);
  const auto network = load_trained(config, data_.train->format());
  const ptq::CalibrationOptions calibration = calibration_of(config);
  apply_calibration(*network, calibration, *calibration_loader(config, calibration, data_.train),
                    config.train.seed);
  progress_bar().begin("quantized network", evaluation.images_in(evaluation.batches_per_epoch()));
  const train::Accuracy accuracy =
      train::evaluate(*network, evaluation, quant::Mode::evaluation, layers::make_loss({}));
  point.verified = {.top1 = accuracy.top1(), .loss = accuracy.loss()};
  const ptq::SensitivityMeasure measure = options_.sensitivity.measure;
  if (measure == ptq::SensitivityMeasure::kl || measure == ptq::SensitivityMeasure::loss)
    point.verified->sensitivity = probe.measure_network(*network, measure);
}

void BitSearch::write_front(const std::filesystem::path& file) const {
  const SearchSpace& space = result_.space;
  std::string text = "sensitivity,bytes,bops,mean_bits,milliseconds,top1";
  space.for_each_searched(result_.chosen.choice,
                          [&](const SearchLayer& layer, int) { text += "," + layer.name; });
  text += "\n";
  for (const SearchPoint& point : result_.front) {
    text += fmt::format("{},{},{},{},{},{}", point.sensitivity, point.bytes, point.bops,
                        point.mean_bits, number_or_nothing(point.milliseconds),
                        point.verified ? fmt::format("{}", point.verified->top1) : "");
    space.for_each_searched(
        point.choice, [&](const SearchLayer&, int option) { text += fmt::format(",{}", option); });
    text += "\n";
  }
  write_file_atomically(file, text);
}

double SearchPoint::cost(CostKind kind) const {
  switch (kind) {
    case CostKind::size:
      return bytes;
    case CostKind::bops:
      return bops;
    case CostKind::latency:
      return milliseconds.value();
    case CostKind::mean_bits:
      break;
  }
  return mean_bits;
}

std::vector<std::size_t> spread_evenly(const std::vector<SearchPoint>& front, CostKind kind,
                                       std::size_t count) {
  std::vector<std::size_t> result;
  if (front.empty() || count == 0) return result;
  const double low = front.front().cost(kind), high = front.back().cost(kind);
  for (std::size_t k = 0; k < count; ++k) {
    const double target =
        count == 1 ? low
                   : low + (high - low) * static_cast<double>(k) / static_cast<double>(count - 1);
    const auto nearest = std::ranges::min_element(
        front, {}, [&](const SearchPoint& point) { return std::abs(point.cost(kind) - target); });
    const auto index = static_cast<std::size_t>(nearest - front.begin());
    if (result.empty() || result.back() != index) result.push_back(index);
  }
  return result;
}

}  // namespace quench::experiments
