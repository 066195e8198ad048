#pragma once

#include <span>
#include <string>

namespace quench::layers::models {

/// One step from this library's name of a tensor to another project's name: it replaces `from` at
/// the beginning by `to`, matching whole words between dots. "{n}", or any name in braces, matches
/// a number, and `to` may use "{n}", "{n+1}" or "{n-1}": {"block{n}.dw", "features.{n+1}.conv.1"}.
struct Rename {
  const char* from;
  const char* to;
};

/// A project's names for the tensors of a network: every matching step is applied in order. The
/// last word ("weight", "running_mean") is the same everywhere.
struct SourceNames {
  const char* source;  ///< for messages: "torchvision"
  std::span<const Rename> renames;
};

/// For files that use this library's names.
inline constexpr SourceNames kOwnNames{.source = "quench", .renames = {}};

/// The other project's name for the tensor `name`.
std::string source_name(const SourceNames& names, const std::string& name);

}  // namespace quench::layers::models
