#include "support/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "support/console.h"

namespace quench {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kBarWidth = 30;
constexpr int kMinBarWidth = 5;  // a shorter bar is left out

thread_local ProgressBar* innermost = nullptr;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::string bar(double fraction, int width) {
  const auto filled = static_cast<int>(fraction * width);
  std::string result(static_cast<std::size_t>(width), ' ');
  std::fill_n(result.begin(), filled, '=');
  if (filled < width) result[static_cast<std::size_t>(filled)] = '>';
  return fmt::format(" [{}]", result);
}

/// A background job (`quench train ... &`) must not draw over what the user types.
bool owns_terminal(std::FILE* stream) {
  const pid_t foreground = ::tcgetpgrp(::fileno(stream));
  return foreground < 0 || foreground == ::getpgrp();
}

}  // namespace

ProgressOptions progress_on_terminal() {
  if (!can_redraw(stderr)) return {};
  return {.stream = stderr, .color = !is_set("NO_COLOR")};
}

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 3.6e9)));
  const std::int64_t hours = total / 3600, minutes = total / 60 % 60;
  if (hours == 0) return fmt::format("{}:{:02}", minutes, total % 60);
  return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
}

ProgressBar& progress_bar() {
  if (innermost != nullptr) return *innermost;
  thread_local ProgressBar none{ProgressOptions{}};  // becomes the outermost bar of this thread
  return none;
}

ProgressBar::ProgressBar(ProgressOptions options)
    : options_(std::move(options)), outer_(innermost) {
  if (!options_.seconds) options_.seconds = steady_seconds;
  innermost = this;
}

ProgressBar::~ProgressBar() {
  clear();
  innermost = outer_;
}

void ProgressBar::begin(std::string label, std::int64_t total, std::int64_t done) {
  total_ = last_ = total;
  done_ = mark_done_ = done;
  first_ = 0;
  mark_ = options_.seconds();
  earlier_steps_ = earlier_seconds_ = 0.0;
  label_ = std::move(label);
  note_.clear();
  draw();
}

void ProgressBar::begin_part(std::string label, std::int64_t first, std::int64_t last) {
  // Steps that an earlier part did not count took time too.
  done_ = std::clamp(done_, first, last);
  const double now = options_.seconds();
  // Halved with every part, so that the pace adapts when the machine gets busier or idle.
  earlier_steps_ = (earlier_steps_ + static_cast<double>(done_ - mark_done_)) / 2.0;
  earlier_seconds_ = (earlier_seconds_ + now - mark_) / 2.0;
  mark_done_ = done_;
  mark_ = now;
  first_ = first;
  last_ = last;
  label_ = std::move(label);
  note_.clear();
  draw();
}

void ProgressBar::set_note(std::string note) { note_ = std::move(note); }

void ProgressBar::advance(std::int64_t steps) {
  done_ += steps;
  if (options_.stream != nullptr && options_.seconds() - drawn_ >= kRedrawSeconds) draw();
}

double ProgressBar::fraction() const {
  if (last_ <= first_) return 1.0;
  return std::clamp(static_cast<double>(done_ - first_) / static_cast<double>(last_ - first_), 0.0,
                    1.0);
}

std::string ProgressBar::remaining() const {
  const double steps = earlier_steps_ + static_cast<double>(done_ - mark_done_);
  if (steps <= 0.0) return "";
  const double pace = (earlier_seconds_ + options_.seconds() - mark_) / steps;
  const bool is_part = last_ - first_ < total_;
  return fmt::format("  {} left{}", format_duration(pace * static_cast<double>(total_ - done_)),
                     is_part ? " in all" : "");
}

/// The text after label and bar.
std::string ProgressBar::status() const {
  return fmt::format(" {:3.0f}%{}{}{}", std::floor(100.0 * fraction()), remaining(),
                     note_.empty() ? "" : "  ", note_);
}

std::string ProgressBar::text(int width) const {
  const std::string after = status();
  constexpr int kFrame = 3;  // " [" and "]"
  const int room = width - static_cast<int>(label_.size() + after.size()) - kFrame;
  const int bar_width = std::min(kBarWidth, room);
  std::string line = label_ + (bar_width < kMinBarWidth ? "" : bar(fraction(), bar_width)) + after;
  line.resize(std::min(line.size(), static_cast<std::size_t>(std::max(width, 0))));
  return line;
}

void ProgressBar::draw() {
  if (options_.stream == nullptr || total_ <= 0 || label_.empty()) return;
  drawn_ = options_.seconds();
  if (!owns_terminal(options_.stream)) return;
  // Leaves room for "^C"; and some terminals wrap as soon as the last column is written.
  constexpr int kFree = 3;
  const int columns = options_.width > 0 ? options_.width : terminal_width(options_.stream);
  const std::string line = text(columns - kFree);
  std::fputs(options_.color ? fmt::format("\r\x1b[36m{}\x1b[0m\x1b[K", line).c_str()
                            : fmt::format("\r{}\x1b[K", line).c_str(),
             options_.stream);
  std::fflush(options_.stream);
}

void ProgressBar::clear() {
  if (options_.stream == nullptr || !owns_terminal(options_.stream)) return;
  // Even if nothing was drawn: an interrupt prints "^C" there.
  std::fputs("\r\x1b[K", options_.stream);
  std::fflush(options_.stream);
  // Delays the next redraw: a program that reads our pipe may need a moment to print the next line.
  drawn_ = options_.seconds();
}

}  // namespace quench
