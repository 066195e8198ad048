#include "experiments/compare/variants.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <string_view>

#include "support/error.h"

namespace quench::experiments {
namespace {

constexpr std::size_t kMostSeeds = 1000;
constexpr std::size_t kMostVariants = 1000;

/// Splits where `separates` returns true, except inside brackets or quotes.
std::vector<std::string> split(std::string_view text, const std::function<bool(char)>& separates) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote == 0 && depth == 0 && separates(c)) {
      parts.emplace_back();
      continue;
    }
    parts.back() += c;
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else {
      depth += (c == '[' || c == '{') ? 1 : (c == ']' || c == '}') ? -1 : 0;
    }
  }
  return parts;
}

bool may_stand_in_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("._=+-").find(c) != std::string_view::npos;
}

struct Axis {
  std::string key;
  std::vector<std::string> values;
};

Axis parse_axis(const std::string& text) {
  const std::size_t equals = text.find('=');
  require(equals != std::string::npos && equals > 0, "--vary {}: expected key=value,value", text);
  Axis axis{.key = text.substr(0, equals),
            .values = split(text.substr(equals + 1), [](char c) { return c == ','; })};
  for (const std::string& value : axis.values) {
    require(!value.empty(), "--vary {}: expected key=value,value, got an empty value", text);
  }
  return axis;
}

/// As many of the key's last words as needed to distinguish it from the other axes' keys.
std::string short_key(const std::string& key, const std::vector<Axis>& axes) {
  for (std::size_t dot = key.rfind('.'); dot != std::string::npos && dot > 0;
       dot = key.rfind('.', dot - 1)) {
    const std::string end = key.substr(dot);
    const auto shares_end = [&](const Axis& axis) {
      return axis.key != key && ("." + axis.key).ends_with(end);
    };
    if (std::ranges::none_of(axes, shares_end)) return end.substr(1);
  }
  return key;
}

bool is_word(const std::string& value) {
  return std::isalpha(static_cast<unsigned char>(value.front())) != 0 && value != "true" &&
         value != "false" && value != "inf" && value != "nan";
}

std::string value_name(const Axis& axis, const std::string& value, const std::vector<Axis>& axes) {
  std::string name =
      is_word(value) ? value : fmt::format("{}={}", short_key(axis.key, axes), value);
  std::erase_if(name, [](char c) { return c == '"' || c == '\''; });
  std::ranges::replace_if(
      name, [](char c) { return !may_stand_in_name(c); }, '-');
  return name;
}

Variant parse_bundle(const std::string& text) {
  const std::size_t colon = text.find(':');
  require(colon != std::string::npos, "--variant '{}': expected 'name: key=value key=value'", text);
  Variant variant{.name = text.substr(0, colon)};
  const bool usable = !variant.name.empty() && variant.name.front() != '.' &&
                      std::ranges::all_of(variant.name, may_stand_in_name);
  require(usable, "--variant '{}': expected a name of letters, digits and ._=+-, got '{}'", text,
          variant.name);
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  for (const std::string& assignment : split(text.substr(colon + 1), is_space)) {
    if (assignment.empty()) continue;
    const std::size_t equals = assignment.find('=');
    require(equals != std::string::npos && equals > 0,
            "--variant '{}': expected key=value, got '{}'", text, assignment);
    variant.overrides.push_back(assignment);
  }
  return variant;
}

/// Each of `first` with each of `second`, which varies faster.
std::vector<Variant> combine(const std::vector<Variant>& first,
                             const std::vector<Variant>& second) {
  if (first.empty()) return second;
  require(first.size() * second.size() <= kMostVariants,
          "compare: expected at most {} variants, got more", kMostVariants);
  std::vector<Variant> result;
  for (const Variant& slow : first) {
    for (const Variant& fast : second) {
      Variant both{.name = slow.name + "_" + fast.name, .overrides = slow.overrides};
      both.overrides.insert(both.overrides.end(), fast.overrides.begin(), fast.overrides.end());
      result.push_back(std::move(both));
    }
  }
  return result;
}

void require_distinct(const std::vector<Variant>& variants) {
  std::vector<std::string> names;
  for (const Variant& variant : variants) {
    require(std::ranges::find(names, variant.name) == names.end(),
            "compare: two variants are called {}; name them with --variant 'name: key=value'",
            variant.name);
    names.push_back(variant.name);
  }
}

std::uint64_t parse_seed(std::string_view text, const std::string& all) {
  std::int64_t seed = 0;  // the range of a config's integers
  const auto result = std::from_chars(text.data(), text.data() + text.size(), seed);
  const bool whole = result.ec == std::errc{} && result.ptr == text.data() + text.size();
  require(whole && seed >= 0, "--seeds {}: expected seeds >= 0 such as 0..4 or 1,5,9, got '{}'",
          all, text);
  return static_cast<std::uint64_t>(seed);
}

}  // namespace

std::vector<Variant> make_variants(const std::vector<std::string>& bundles,
                                   const std::vector<std::string>& axes) {
  std::vector<Variant> variants;
  for (const std::string& bundle : bundles) variants.push_back(parse_bundle(bundle));
  std::vector<Axis> parsed;
  for (const std::string& axis : axes) parsed.push_back(parse_axis(axis));
  for (const Axis& axis : parsed) {
    const auto repeats = [&](const Axis& other) { return other.key == axis.key; };
    require(std::ranges::count_if(parsed, repeats) == 1, "--vary {}: this key is varied twice",
            axis.key);
    std::vector<Variant> values;
    for (const std::string& value : axis.values) {
      values.push_back({value_name(axis, value, parsed), {fmt::format("{}={}", axis.key, value)}});
    }
    variants = combine(variants, values);
  }
  require_distinct(variants);
  for (const Variant& variant : variants) require_no_seed(variant.overrides);
  return variants;
}

std::vector<std::uint64_t> parse_seeds(const std::string& text) {
  std::vector<std::uint64_t> seeds;
  for (const std::string& part : split(text, [](char c) { return c == ','; })) {
    const std::size_t dots = part.find("..");
    const std::uint64_t first = parse_seed(part.substr(0, dots), text);
    const std::uint64_t last =
        dots == std::string::npos ? first : parse_seed(part.substr(dots + 2), text);
    require(first <= last, "--seeds {}: expected first..last with first <= last, got {}", text,
            part);
    require(last - first < kMostSeeds - seeds.size(), "--seeds {}: expected at most {} seeds", text,
            kMostSeeds);
    for (std::uint64_t seed = first; seed <= last; ++seed) {
      require(std::ranges::find(seeds, seed) == seeds.end(),
              "--seeds {}: expected each seed once, got {} twice", text, seed);
      seeds.push_back(seed);
    }
  }
  return seeds;
}

std::string seeds_text(const std::vector<std::uint64_t>& seeds) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < seeds.size();) {
    std::size_t end = i + 1;
    while (end < seeds.size() && seeds[end] == seeds[end - 1] + 1) ++end;
    parts.push_back(end - i == 1 ? fmt::format("{}", seeds[i])
                                 : fmt::format("{}..{}", seeds[i], seeds[end - 1]));
    i = end;
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

void require_no_seed(const std::vector<std::string>& overrides) {
  for (const std::string& assignment : overrides) {
    require(!assignment.starts_with("train.seed="),
            "compare: expected no train.seed, got {}; --seeds gives the seeds", assignment);
  }
}

}  // namespace quench::experiments
