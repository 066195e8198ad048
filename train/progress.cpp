#include "train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace quench::train {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kPlainSeconds = 30.0;
constexpr int kBarWidth = 30;
constexpr int kMinBarWidth = 5;  // a shorter one shows nothing, and gives its place to the text
constexpr int kDefaultWidth = 80;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

int terminal_width(std::FILE* stream) {
  winsize size{};
  const bool known = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kDefaultWidth;
}

std::string bar(double fraction, int width) {
  const auto filled = static_cast<int>(fraction * width);
  std::string result(static_cast<std::size_t>(width), ' ');
  std::fill_n(result.begin(), filled, '=');
  if (filled < width) result[static_cast<std::size_t>(filled)] = '>';
  return fmt::format(" [{}]", result);
}

}  // namespace

ProgressOptions progress_options(std::FILE* stream) {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  const bool terminal = ::isatty(::fileno(stream)) != 0 && !dumb;
  return {.stream = stream,
          .terminal = terminal,
          .color = terminal && !is_set("NO_COLOR"),
          .width = 0,
          .seconds = steady_seconds};
}

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 3.6e9)));
  const std::int64_t hours = total / 3600, minutes = total / 60 % 60;
  if (hours == 0) return fmt::format("{}:{:02}", minutes, total % 60);
  return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
}

ProgressBar::ProgressBar(ProgressOptions options) : options_(std::move(options)) {
  if (!options_.seconds) options_.seconds = steady_seconds;
}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::begin(std::string label, std::int64_t total, std::int64_t done) {
  label_ = std::move(label);
  total_ = total;
  first_ = done;
  started_ = options_.seconds();
  // A bar appears at once; the first plain line waits its turn, since a short epoch needs none
  // but its summary.
  shown_ = started_ - (options_.terminal ? kRedrawSeconds : 0.0);
}

void ProgressBar::update(std::int64_t done, const std::string& note) {
  if (options_.stream == nullptr) return;
  const double now = options_.seconds();
  if (now - shown_ < (options_.terminal ? kRedrawSeconds : kPlainSeconds)) return;
  shown_ = now;
  if (options_.terminal) {
    // The last column stays free: some terminals wrap as soon as it is written.
    const int columns = options_.width > 0 ? options_.width : terminal_width(options_.stream);
    draw(status_with_bar(done, note, columns - 1));
  } else {
    std::fputs((label_ + status(done, note) + "\n").c_str(), options_.stream);
    std::fflush(options_.stream);
  }
}

void ProgressBar::line(const std::string& text) {
  if (options_.stream == nullptr) return;
  clear();
  std::fputs((text + "\n").c_str(), options_.stream);
  std::fflush(options_.stream);
}

std::string ProgressBar::remaining(std::int64_t done) const {
  if (done <= first_) return "";
  const double per_step = (options_.seconds() - started_) / static_cast<double>(done - first_);
  return fmt::format("  {} left", format_duration(per_step * static_cast<double>(total_ - done)));
}

double ProgressBar::fraction(std::int64_t done) const {
  if (total_ <= 0) return 1.0;
  return std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
}

/// What stands behind label and bar.
std::string ProgressBar::status(std::int64_t done, const std::string& note) const {
  return fmt::format(" {:3.0f}%{}{}{}", std::floor(100.0 * fraction(done)), remaining(done),
                     note.empty() ? "" : "  ", note);
}

std::string ProgressBar::status_with_bar(std::int64_t done, const std::string& note,
                                         int width) const {
  const std::string after = status(done, note);
  constexpr int kFrame = 3;  // " [" and "]"
  const int room = width - static_cast<int>(label_.size() + after.size()) - kFrame;
  const int bar_width = std::min(kBarWidth, room);
  std::string text =
      label_ + (bar_width < kMinBarWidth ? "" : bar(fraction(done), bar_width)) + after;
  text.resize(std::min(text.size(), static_cast<std::size_t>(std::max(width, 0))));
  return text;
}

void ProgressBar::draw(const std::string& text) {
  std::string shown = text;
  if (options_.color) shown = fmt::format("\x1b[36m{}\x1b[0m", text);
  const std::size_t leftover = on_screen_ > text.size() ? on_screen_ - text.size() : 0;
  std::fputs(fmt::format("\r{}{:{}}", shown, "", leftover).c_str(), options_.stream);
  std::fflush(options_.stream);
  on_screen_ = text.size();
}

void ProgressBar::clear() {
  if (on_screen_ == 0) return;
  std::fputs(fmt::format("\r{:{}}\r", "", on_screen_).c_str(), options_.stream);
  std::fflush(options_.stream);
  on_screen_ = 0;
}

}  // namespace quench::train
