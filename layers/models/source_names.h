#pragma once

#include <span>
#include <string>

namespace quench::models {

/// One step from this library's name of a part of a network to another project's: `from` stands at
/// the beginning, whole words between dots. "{n}", any name in braces, matches a number, and `to`
/// may say "{n}", "{n+1}" or "{n-1}": {"block{n}.dw", "features.{n+1}.conv.1"}.
struct Rename {
  const char* from;
  const char* to;
};

/// What a project calls the tensors of a network: every step, in order, of those that match. The
/// last word ("weight", "running_mean") is the same everywhere.
struct SourceNames {
  const char* source;  ///< for messages: "torchvision"
  std::span<const Rename> renames;
};

/// For files with the names that the network's parts have here.
inline constexpr SourceNames kOwnNames{.source = "quench", .renames = {}};

/// The name in the other project's file of the tensor that is `name` here.
std::string source_name(const SourceNames& names, const std::string& name);

}  // namespace quench::models
