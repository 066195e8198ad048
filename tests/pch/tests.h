// Headers that nearly every test includes, compiled once for each program: reading these headers takes longer than
// compiling a test. Tests still include what they use.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/random.h"
#include "support/settings.h"
