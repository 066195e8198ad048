#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace quench::train {

/// Where and how progress is shown.
struct ProgressOptions {
  std::FILE* stream = stderr;       ///< null: nothing is shown
  bool terminal = false;            ///< one line redrawn in place; else plain lines, now and then
  bool color = false;               ///< on a terminal
  int width = 0;                    ///< columns; 0 asks the terminal before every line
  std::function<double()> seconds;  ///< a clock that never goes back
};

/// For `stream` as it is: redrawn only if it is a terminal that can (TERM other than "dumb"), in
/// colour unless NO_COLOR is set (no-color.org).
ProgressOptions progress_options(std::FILE* stream);

/// Shows how far a loop is and when it will be done:
///
///   epoch 3/20 [=========>          ]  45%  0:12 left  loss 1.234
///
/// On a terminal the line is redrawn at most ten times a second; elsewhere, e.g. in a log file, a
/// line without the bar is written at most every 30 seconds.
class ProgressBar {
 public:
  explicit ProgressBar(ProgressOptions options = progress_options(stderr));
  ~ProgressBar();  ///< takes the bar off the screen
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Starts a loop of `total` steps (>= 0), of which `done` were made earlier, before a resume.
  void begin(std::string label, std::int64_t total, std::int64_t done = 0);
  /// `done` steps are made; `note` ends the line, e.g. "loss 1.234".
  void update(std::int64_t done, const std::string& note = {});
  /// Replaces the bar by a line that stays, e.g. the summary of an epoch.
  void line(const std::string& text);

 private:
  double fraction(std::int64_t done) const;
  std::string status(std::int64_t done, const std::string& note) const;
  std::string status_with_bar(std::int64_t done, const std::string& note, int width) const;
  std::string remaining(std::int64_t done) const;
  void draw(const std::string& text);
  void clear();

  ProgressOptions options_;
  std::string label_;
  std::int64_t total_ = 0;
  std::int64_t first_ = 0;  // steps made before begin(), which took no time of ours
  double started_ = 0.0;
  double shown_ = 0.0;
  std::size_t on_screen_ = 0;  // characters of the bar's line
};

/// "0:07", "12:34" or "3:05:00".
std::string format_duration(double seconds);

}  // namespace quench::train
