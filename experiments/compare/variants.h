#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench::train {

/// One of the settings that a comparison runs an experiment with.
struct Variant {
  std::string name;                    ///< also a folder's: letters, digits and ._=+-
  std::vector<std::string> overrides;  ///< "key=value", for load_experiment()
  bool operator==(const Variant&) const = default;
};

/// Every combination of `bundles` (if any) and of each of `axes`, the first varying slowest.
///
/// @param bundles  "name: key=value key=value": a variant of several keys, or of none
/// @param axes     "key=value,value": the values of one key. Commas inside brackets and quotes
///                 belong to a value. A word names its variant ("ste"); other values carry as much
///                 of the key as tells it from the other axes ("weight.bits=4").
/// @throws std::invalid_argument  for texts of another form, variants of the same name, and a key
///                                that one comparison sets itself (train.seed)
std::vector<Variant> make_variants(const std::vector<std::string>& bundles,
                                   const std::vector<std::string>& axes);

/// "0..4", "1,5,9", or both: "0..2,10". At most 1000.
/// @throws std::invalid_argument  for anything else, and for a seed given twice
std::vector<std::uint64_t> parse_seeds(const std::string& text);

/// The seeds as parse_seeds() reads them, ranges put together.
std::string seeds_text(const std::vector<std::uint64_t>& seeds);

/// @throws std::invalid_argument  if one of `overrides` sets train.seed, which belongs to --seeds
void require_no_seed(const std::vector<std::string>& overrides);

}  // namespace quench::train
