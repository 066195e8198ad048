// For rooms many of whose sources read or write JSON.
#include <nlohmann/json.hpp>

#include "support/pch/standard.h"
