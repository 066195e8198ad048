#pragma once

#include <string>

namespace quench::onednn {

/// Of the oneDNN library that is loaded, e.g. "2.6.3".
std::string version();

}  // namespace quench::onednn
