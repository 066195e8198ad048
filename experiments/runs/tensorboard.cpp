#include "experiments/runs/tensorboard.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <variant>

#include "experiments/runs/run_state.h"
#include "support/crc32.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEventsPrefix = "events.out.tfevents.";
constexpr std::size_t kMostClasses = 100;  // with their own curves

/// Little-endian, like TFRecord and protobuf.
template <typename T>
std::string fixed(T value) {
  std::string bytes(sizeof(T), '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xffu);
    value >>= 8;
  }
  return bytes;
}

std::uint32_t masked_crc(std::string_view bytes) {
  constexpr std::uint32_t kMaskDelta = 0xa282ead8u;
  return std::rotr(crc32c(std::as_bytes(std::span(bytes))), 15) + kMaskDelta;
}

// Protobuf's wire format (protobuf.dev/programming-guides/encoding): a field is its number and
// type, followed by its value.
enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80u; value >>= 7) bytes += static_cast<char>((value & 0x7fu) | 0x80u);
  bytes += static_cast<char>(value);
  return bytes;
}

std::string key(std::uint32_t field, Wire wire) {
  return varint((std::uint64_t{field} << 3) | static_cast<std::uint64_t>(wire));
}

std::string message(std::uint32_t field, std::string_view bytes) {
  return key(field, Wire::length) + varint(bytes.size()) + std::string(bytes);
}

// Field numbers of event.proto and summary.proto.
namespace event {
constexpr std::uint32_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;
}
namespace summary {
constexpr std::uint32_t kValue = 1;                  // of Summary
constexpr std::uint32_t kTag = 1, kSimpleValue = 2;  // of Summary.Value
}  // namespace summary

std::string wall_time_field(double wall_time) {
  return key(event::kWallTime, Wire::fixed64) + fixed(std::bit_cast<std::uint64_t>(wall_time));
}

std::string tag_of(const MetricsColumn& metric) {
  const std::string_view column = metric.name;
  if (column == "loss") return "loss/train";
  if (column == "train_top1") return "top1/train";
  if (column == "top1_quantized") return "top1/quantized";
  if (column == "top1_float") return "top1/float";
  if (column == "loss_quantized") return "loss/quantized";
  if (column == "loss_float") return "loss/float";
  if (column == "top5_quantized") return "top5/quantized";
  if (column == "top5_float") return "top5/float";
  if (metric.of_quantizers || column == "lr") return std::string(column);
  return "speed/" + std::string(column);
}

bool is_position(std::string_view column) { return column == "epoch" || column == "step"; }

/// The first file by name; there is normally only one.
fs::path existing_file(const fs::path& folder) {
  fs::path found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool candidate = name.starts_with(kEventsPrefix) && !name.ends_with(".tmp");
    if (candidate && (found.empty() || entry.path() < found)) found = entry.path();
  }
  return found;
}

/// The number in a file's name, or 0.
double seconds_of(const fs::path& file) {
  const std::string name = file.filename().string();
  std::int64_t seconds = 0;
  std::from_chars(name.data() + kEventsPrefix.size(), name.data() + name.size(), seconds);
  return static_cast<double>(seconds);
}

std::string record_of(const EpochMetrics& metrics) {
  return tfrecord(scalar_event(metrics.wall_time, metrics.row.epoch, scalars_of(metrics)));
}

}  // namespace

std::string tfrecord(std::string_view bytes) {
  const std::string length = fixed(std::uint64_t{bytes.size()});
  return length + fixed(masked_crc(length)) + std::string(bytes) + fixed(masked_crc(bytes));
}

std::string scalar_event(double wall_time, std::int64_t step, const Scalars& scalars) {
  std::string values;
  for (const auto& [tag, value] : scalars) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    values += message(summary::kValue, message(summary::kTag, tag) +
                                           key(summary::kSimpleValue, Wire::fixed32) + fixed(bits));
  }
  return wall_time_field(wall_time) + key(event::kStep, Wire::varint) +
         varint(static_cast<std::uint64_t>(step)) + message(event::kSummary, values);
}

std::string version_event(double wall_time) {
  return wall_time_field(wall_time) + message(event::kFileVersion, "brain.Event:2");
}

Scalars scalars_of(const EpochMetrics& metrics) {
  Scalars scalars;
  for (const MetricsColumn& column : metrics_columns()) {
    if (is_position(column.name)) continue;
    const double value = std::visit(
        [&](auto member) { return static_cast<double>(metrics.row.*member); }, column.member);
    // Epochs trained by quench 0.1 have no such value.
    if (column.since_0_2 && std::isnan(value)) continue;
    scalars.emplace_back(tag_of(column), value);
  }
  for (const SlotMetrics& slot : metrics.layers) {
    for (const auto& [name, value] : slot.values)
      scalars.emplace_back(fmt::format("layers/{}/{}", slot.slot, name), value);
  }
  if (metrics.classes.size() > kMostClasses) return scalars;
  for (const ClassAccuracy& accuracy : metrics.classes) {
    if (std::isnan(accuracy.floating)) continue;  // no images to evaluate it on
    scalars.emplace_back(fmt::format("classes/{}/quantized", accuracy.name), accuracy.quantized);
    scalars.emplace_back(fmt::format("classes/{}/float", accuracy.name), accuracy.floating);
  }
  return scalars;
}

EventFile::EventFile(const fs::path& folder) : path_(existing_file(folder)) {
  if (path_.empty())
    path_ =
        folder / fmt::format("{}{}.quench", kEventsPrefix, static_cast<std::int64_t>(unix_time()));
  started_ = seconds_of(path_);
}

std::string EventFile::header() const { return tfrecord(version_event(started_)); }

void EventFile::append(const EpochMetrics& metrics) const {
  append_to_file(path_, (fs::exists(path_) ? "" : header()) + record_of(metrics));
}

void EventFile::rewrite(std::span<const EpochMetrics> epochs) const {
  std::string bytes = header();
  for (const EpochMetrics& metrics : epochs) bytes += record_of(metrics);
  if (fs::exists(path_)) {
    const std::vector<std::byte> old = read_file(path_);
    if (std::string_view(reinterpret_cast<const char*>(old.data()), old.size()) == bytes) return;
  }
  write_file_atomically(path_, bytes);
}

}  // namespace quench::experiments
