// For folders in which many sources read or write JSON.
#include <nlohmann/json.hpp>

#include "support/pch/standard.h"
