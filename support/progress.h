#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace quench {

/// Where and how progress is shown.
struct ProgressOptions {
  std::FILE* stream = nullptr;      ///< a terminal; null: nothing is shown
  bool color = false;               ///< draws the bar in colour
  int width = 0;                    ///< columns; 0 asks the terminal before every line
  std::function<double()> seconds;  ///< a clock that never goes back
};

/// On stderr, if that is a terminal that can redraw a line (TERM other than "dumb"), else nowhere; in
/// colour unless NO_COLOR is set (no-color.org).
ProgressOptions progress_on_terminal();

/// Shows how far a job is and when it will be done, in one line that is redrawn at most ten times a
/// second:
///
///   evaluation [=========>          ]  45%  0:12 left
///
/// A job may have parts. The bar then shows the part, and the time is that of the whole job:
///
///   epoch 3/20 [=========>          ]  45%  8:07 left in all  loss 1.234
///
/// Long work does not pass a bar around: it counts its steps on progress_bar(), the bar that its
/// caller shows, if any.
class ProgressBar {
 public:
  explicit ProgressBar(ProgressOptions options = progress_on_terminal());
  ~ProgressBar();  ///< takes the bar off the screen; bars of a thread end in reverse order
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Starts a job of `total` steps (>= 0), of which `done` were made earlier, before a resume.
  void begin(std::string label, std::int64_t total, std::int64_t done = 0);
  /// Starts the part of the job from step `first` to `last`.
  void begin_part(std::string label, std::int64_t first, std::int64_t last);
  /// Ends the line, e.g. "loss 1.234", from the next redraw on.
  void set_note(std::string note);
  /// `steps` more are done; without a job it counts nothing.
  void advance(std::int64_t steps = 1);
  /// Sets the number of steps done, counted elsewhere.
  void advance_to(std::int64_t done) { advance(done - done_); }
  /// Takes the bar off the screen until the next redraw, for a line that stays.
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
  // Steps made since `mark_done_` in the time since `mark_`, and before, older ones with less weight.
  std::int64_t mark_done_ = 0;
  double mark_ = 0.0;
  double earlier_steps_ = 0.0, earlier_seconds_ = 0.0;
  double drawn_ = 0.0;
};

/// The bar that this thread made last; without any, one that shows nothing.
ProgressBar& progress_bar();

/// "0:07", "12:34" or "3:05:00".
std::string format_duration(double seconds);

}  // namespace quench
