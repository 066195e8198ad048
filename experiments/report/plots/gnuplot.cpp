#include "experiments/report/plots/gnuplot.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "experiments/report/plots/svg_theme.h"
#include "support/child_process.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::experiments::report {
namespace {

namespace fs = std::filesystem;

/// Where gnuplot reads its commands and writes its plots; gone with the object.
class WorkFolder {
 public:
  WorkFolder() {
    std::string name = (fs::temp_directory_path() / "quench-plots-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      fail("report: cannot make a folder {}: {}", name, std::strerror(errno));
    path_ = name;
  }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string file_name(std::size_t plot) { return fmt::format("{}.svg", plot); }

fs::path gnuplot_program() {
  const auto program = find_program("gnuplot");
  if (!program)
    fail("report: there is no gnuplot to draw the plots; install the package gnuplot-nox");
  return *program;
}

void run_gnuplot(const WorkFolder& folder) {
  // -d: as it comes, without the user's own settings.
  ChildProcess gnuplot({.program = gnuplot_program(),
                        .words = {"gnuplot", "-d", (folder / "plots.gp").string()},
                        .output = folder / "output",
                        .errors = folder / "output"});
  const int status = gnuplot.wait();
  if (status == 0) return;
  const std::string said = read_text(folder / "output");
  fail("report: gnuplot failed with status {}: {}", status, said.substr(0, 400));
}

}  // namespace

void require_plots() { gnuplot_program(); }

std::vector<std::string> draw(const std::vector<Plot>& plots) {
  if (plots.empty()) return {};
  const WorkFolder folder;
  std::string script;
  for (std::size_t i = 0; i < plots.size(); ++i)
    script += gnuplot_script(plots[i], (folder / file_name(i)).string());
  write_file_atomically(folder / "plots.gp", script);
  run_gnuplot(folder);
  std::vector<std::string> result;
  for (std::size_t i = 0; i < plots.size(); ++i)
    result.push_back(theme_svg(read_text(folder / file_name(i)), plots[i].description));
  return result;
}

}  // namespace quench::experiments::report
