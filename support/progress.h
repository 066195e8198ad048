#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace quench {

/// Where and how progress is shown.
struct ProgressOptions {
  std::FILE* stream = nullptr;      ///< a terminal; null shows nothing
  bool color = false;               ///< draws the bar in colour
  int width = 0;                    ///< columns; 0 queries the terminal before every redraw
  std::function<double()> seconds;  ///< a monotonic clock
};

/// On stderr if it is a terminal that can redraw a line (TERM other than "dumb"), else nowhere; in
/// colour unless NO_COLOR is set (no-color.org).
ProgressOptions progress_on_terminal();

/// Shows the progress of a job and the time remaining, on one line that is redrawn at most ten
/// times a second:
///
///   evaluation [=========>          ]  45%  0:12 left
///
/// A job may have parts. The bar then shows the current part, and the time is for the whole job:
///
///   epoch 3/20 [=========>          ]  45%  8:07 left in all  loss 1.234
///
/// Long-running functions take no bar as an argument: they count their steps on progress_bar(), the
/// bar that the caller shows, if any.
class ProgressBar {
 public:
  explicit ProgressBar(ProgressOptions options = progress_on_terminal());
  ~ProgressBar();  ///< erases the bar; the bars of a thread are destroyed in reverse order
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Starts a job of `total` steps (>= 0), of which `done` were completed before a resume.
  void begin(std::string label, std::int64_t total, std::int64_t done = 0);
  /// Starts the part of the job from step `first` to step `last`.
  void begin_part(std::string label, std::int64_t first, std::int64_t last);
  /// Sets the text at the end of the line, e.g. "loss 1.234", from the next redraw on.
  void set_note(std::string note);
  /// Counts `steps` more steps as done; does nothing without a job.
  void advance(std::int64_t steps = 1);
  /// Sets the number of steps done, counted elsewhere.
  void advance_to(std::int64_t done) { advance(done - done_); }
  /// Erases the bar until the next redraw, to make room for a permanent line.
  void clear();

 private:
  double fraction() const;
  std::string status() const;
  std::string remaining() const;
  std::string text(int width) const;
  void draw();

  ProgressOptions options_;
  ProgressBar* outer_;  // of this thread
  std::string label_, note_;
  std::int64_t total_ = 0, done_ = 0;  // of the job
  std::int64_t first_ = 0, last_ = 0;  // of the part that the bar shows
  // The pace: steps since `mark_done_` over time since `mark_`, plus earlier ones with less weight.
  std::int64_t mark_done_ = 0;
  double mark_ = 0.0;
  double earlier_steps_ = 0.0, earlier_seconds_ = 0.0;
  double drawn_ = 0.0;
};

/// This thread's most recently created bar; without one, a bar that shows nothing.
ProgressBar& progress_bar();

/// "0:07", "12:34" or "3:05:00".
std::string format_duration(double seconds);

}  // namespace quench
