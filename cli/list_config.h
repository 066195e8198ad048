#pragma once

#include <string>

namespace quench::cli {

/// Prints the reference of config keys.
/// @param table  "quant.lsq", or "quant" with all tables below; empty: all
/// @throws std::invalid_argument  for an unknown table
void list_config(const std::string& table, bool as_markdown);

}  // namespace quench::cli
