#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// The allowed includes; a room may always include itself. CONTRIBUTING.md explains the order.
const std::map<std::string, std::vector<std::string>> kMayInclude{
    {"support", {}},
    {"core", {"support"}},
    {"kernels", {"support", "core"}},
    {"autograd", {"support", "core", "kernels"}},
    {"quant", {"support", "core", "autograd"}},
    {"layers", {"support", "core", "kernels", "autograd", "quant"}},
    {"datasets", {"support", "core"}},
    {"ptq", {"support", "core", "autograd", "quant", "layers", "datasets"}},
    {"deploy", {"support", "core", "kernels", "quant", "layers", "datasets"}},
    {"onnx", {"support", "core", "quant", "layers", "deploy"}},
    {"train", {"support", "core", "autograd", "quant", "layers", "datasets"}},
    {"experiments",
     {"support", "core", "kernels", "autograd", "quant", "layers", "datasets", "ptq", "deploy",
      "onnx", "train"}},
};
const std::vector<std::string> kTopRooms{"cli",   "include", "examples",
                                         "bench", "tests",   "fuzz"};  // may use every room

/// Libraries whose headers stay in one folder, and their tests.
struct Wrapped {
  std::string header, library, wrappers;
};
const std::vector<Wrapped> kWrapped{{"dnnl.h", "oneDNN", "core/onednn/"},
                                    {"mpi.h", "MPI", "core/mpi/"},
                                    {"<onnx/", "ONNX", "onnx/"},
                                    {"<google/protobuf/", "protobuf", "onnx/"}};

/// The namespace of the files whose path begins so; the longest beginning counts. CONTRIBUTING.md
/// explains it.
const std::map<std::string, std::string> kNamespaces{
    {"support/", "quench"},
    {"support/mpi_", "quench::mpi"},
    {"core/", "quench"},
    {"core/mpi/", "quench::mpi"},
    {"core/onednn/", "quench::onednn"},
    {"core/safetensors_format", "quench::safetensors"},
    {"kernels/", "quench::kernels"},
    {"autograd/", "quench"},
    {"quant/", "quench::quant"},
    {"layers/", "quench::layers"},
    {"layers/models/", "quench::layers::models"},
    {"datasets/", "quench::datasets"},
    {"ptq/", "quench::ptq"},
    {"deploy/", "quench::deploy"},
    {"onnx/", "quench::onnx"},
    {"train/", "quench::train"},
    {"experiments/", "quench::experiments"},
    {"experiments/report/", "quench::experiments::report"},
    {"cli/", "quench::cli"},
    {"bench/", "quench::bench"},
    {"fuzz/", "quench::fuzz"},
};

/// Why `text` may not be that of `file` (a path from the root), or "" if its first namespace within
/// quench is the folder's. Tests may have that of the folder they test, or quench::testing.
std::string misplaced(const fs::path& file, const std::string& text) {
  static const std::regex opening(R"re((^|\n)namespace (quench[a-z_:]*) \{)re");
  std::smatch match;
  if (!std::regex_search(text, match, opening)) return "";
  std::string path = file.generic_string();
  const bool test = path.starts_with("tests/");
  if (test) path.erase(0, std::string("tests/").size());
  std::string expected;
  for (const auto& [beginning, name] : kNamespaces)  // sorted: a longer beginning follows its own
    if (path.starts_with(beginning)) expected = name;
  if (match[2] == expected || (test && (match[2] == "quench::testing" || expected.empty())))
    return "";
  return "is in namespace " + match[2].str() + ", expected " + expected;
}

/// Why `line` is not allowed in `file` (a path from the root), or "" if it is.
std::string violation(const fs::path& file, const std::string& line) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])(([^/">]+)/)?([^">]*)[">].*)re");
  std::smatch match;
  if (!std::regex_match(line, match, include)) return "";

  const std::string included = match[1].str() + match[2].str() + match[4].str();
  for (const auto& [header, library, wrappers] : kWrapped) {
    const std::string path = file.generic_string();
    const bool in_wrappers = path.starts_with(wrappers) || path.starts_with("tests/" + wrappers);
    if (!in_wrappers && included.find(header) != std::string::npos)
      return "includes a header of " + library + "; only " + wrappers + " may";
  }
  const std::string from = file.begin()->string();
  const std::string to = match[3].str();
  if (match[1] == "<" || !kMayInclude.contains(from) || to == from) return "";
  if (to.empty()) return "includes " + match[4].str() + "; spell the path from the root";
  const auto& allowed = kMayInclude.at(from);
  if (std::find(allowed.begin(), allowed.end(), to) != allowed.end()) return "";
  return from + "/ may not include " + to + "/";
}

/// Whether `text` joins without the header for it: <fmt/format.h> has it, too, until fmt 10, so
/// only newer machines would report it.
bool lacks_join_header(const std::string& text) {
  static const std::string call = std::string("fmt::") + "join(";  // in two parts: not a call here
  return text.find(call) != std::string::npos &&
         text.find("#include <fmt/ranges.h>") == std::string::npos;
}

void check_file(const fs::path& path) {
  const fs::path file = fs::relative(path, QUENCH_SOURCE_ROOT);
  std::ifstream source(path);
  std::string line, text;
  for (int number = 1; std::getline(source, line); ++number) {
    const std::string reason = violation(file, line);
    if (!reason.empty()) FAIL_CHECK(file.generic_string() << ':' << number << ": " << reason);
    text += line + '\n';
  }
  if (lacks_join_header(text))
    FAIL_CHECK(file.generic_string() << ": joins without #include <fmt/ranges.h>");
  const std::string reason = misplaced(file, text);
  if (!reason.empty()) FAIL_CHECK(file.generic_string() << ' ' << reason);
}

}  // namespace

TEST_CASE("includes: every room uses only the rooms below it, in the namespace of its folder") {
  std::vector<std::string> rooms = kTopRooms;
  for (const auto& [room, allowed] : kMayInclude) rooms.push_back(room);
  int files = 0;
  for (const std::string& room : rooms) {
    const fs::path folder = fs::path(QUENCH_SOURCE_ROOT) / room;
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp") continue;
      check_file(entry.path());
      ++files;
    }
  }
  CHECK(files > 10);  // a wrong source root would pass silently
}

TEST_CASE("includes: the rules catch violations") {
  CHECK(violation("core/a.cpp", R"(#include "autograd/node.h")") ==
        "core/ may not include autograd/");
  CHECK(violation("datasets/a.h", "#  include \"quant/a.h\"") ==
        "datasets/ may not include quant/");
  CHECK(violation("layers/models/a.cpp", R"(#include "b.h")") ==
        "includes b.h; spell the path from the root");
  CHECK_FALSE(violation("bench/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>").empty());
  CHECK_FALSE(violation("core/a.cpp", "#include <dnnl.hpp>").empty());
  CHECK(violation("train/a.cpp", "#include <mpi.h>") ==
        "includes a header of MPI; only core/mpi/ may");
  CHECK(violation("deploy/a.cpp", "#include <onnx/onnx_pb.h>") ==
        "includes a header of ONNX; only onnx/ may");
  CHECK(violation("deploy/a.cpp", R"(#include "onnx/file/model.h")") ==
        "deploy/ may not include onnx/");
  CHECK(violation("onnx/file/a.cpp", "#include <google/protobuf/arena.h>").empty());
  CHECK(violation("ptq/a.h", R"(#include "train/a.h")") == "ptq/ may not include train/");

  const std::string joins = std::string("fmt::") + "join(names, \", \")";
  CHECK(lacks_join_header("#include <fmt/format.h>\n" + joins));
  CHECK_FALSE(lacks_join_header("#include <fmt/ranges.h>\n" + joins));
  CHECK_FALSE(lacks_join_header("#include <fmt/format.h>\n"));

  CHECK(violation("core/onednn/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>").empty());
  CHECK(violation("core/mpi/a.h", "#include <mpi.h>").empty());
  CHECK(violation("layers/a.cpp", R"(#include "quant/a.h")").empty());
  CHECK(violation("tests/core/a.cpp", R"(#include "train/a.h")").empty());
  CHECK(violation("core/a.cpp", "#include <sys/mman.h>").empty());
}

TEST_CASE("namespaces: the rule catches what it is for") {
  const auto opens = [](const std::string& name) {
    return "#pragma once\n\nnamespace " + name + " {\n";
  };
  CHECK(misplaced("ptq/fold.h", opens("quench")) == "is in namespace quench, expected quench::ptq");
  CHECK(misplaced("layers/models/resnet.h", opens("quench::layers")) ==
        "is in namespace quench::layers, expected quench::layers::models");
  CHECK_FALSE(misplaced("tests/ptq/fold.cpp", opens("quench::layers")).empty());

  CHECK(misplaced("core/tensor.h", opens("quench")).empty());
  CHECK(misplaced("core/onednn/sgemm.h", opens("quench::onednn")).empty());
  CHECK(misplaced("deploy/engine/engine.h", opens("quench::deploy")).empty());
  CHECK(misplaced("tests/ptq/fold.cpp", opens("quench::ptq")).empty());
  CHECK(misplaced("tests/deploy/small_network.h", opens("quench::testing")).empty());
  CHECK(misplaced("cli/main.cpp", "int main() {}\n").empty());
}
