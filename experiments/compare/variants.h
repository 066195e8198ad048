#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench::experiments {

/// One variant of an experiment in a comparison.
struct Variant {
  std::string name;                    ///< also the folder's name: letters, digits and ._=+-
  std::vector<std::string> overrides;  ///< "key=value", for load_experiment()
  bool operator==(const Variant&) const = default;
};

/// Every combination of `bundles` (if any) and all `axes`; the first varies slowest.
///
/// @param bundles  "name: key=value key=value": a variant that sets several keys, or none
/// @param axes     "key=value,value": the values of one key. Commas inside brackets and quotes
///                 belong to a value. A word names its variant ("ste"); other values are prefixed
///                 with as much of the key as distinguishes it from other axes ("weight.bits=4").
/// @throws std::invalid_argument  for malformed strings, variants with the same name, and a key
///                                that comparisons set themselves (train.seed)
std::vector<Variant> make_variants(const std::vector<std::string>& bundles,
                                   const std::vector<std::string>& axes);

/// "0..4", "1,5,9", or both: "0..2,10". At most 1000 seeds.
/// @throws std::invalid_argument  for anything else, and for a seed given twice
std::vector<std::uint64_t> parse_seeds(const std::string& text);

/// The seeds in the format of parse_seeds(), with ranges combined.
std::string seeds_text(const std::vector<std::uint64_t>& seeds);

/// @throws std::invalid_argument  if one of `overrides` sets train.seed, which --seeds sets
void require_no_seed(const std::vector<std::string>& overrides);

}  // namespace quench::experiments
