#pragma once

#include <cstdint>
#include <filesystem>

namespace quench::train {

/// The file that `quench quantize` leaves in its run folder.
inline constexpr const char* kQuantizeFile = "quantize.json";

/// What it says of accuracy, in percent of the images that the run is judged by.
struct QuantizeRecord {
  double top1_quantized = 0.0;
  double top1_float = 0.0;           ///< of the network as it was before
  std::int64_t images = 0;           ///< 0: the file does not say
  std::filesystem::path checkpoint;  ///< that it started from, as the command line had it; or empty
};

/// @throws std::runtime_error  naming the file, for a damaged one
QuantizeRecord read_quantize_record(const std::filesystem::path& path);

}  // namespace quench::train
