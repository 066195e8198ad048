#include "support/console.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mutex>
#include <string>

#include "support/progress.h"

namespace quench {
namespace {

constexpr int kDefaultWidth = 80;

void print(std::FILE* stream, std::string_view line) {
  progress_bar().clear();
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), "{}\n", line);
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

/// The file of keep_log(). Each call writes its lines at once, unbuffered, so a killed process
/// leaves only whole lines.
class Log {
 public:
  static Log& instance() {
    static Log log;
    return log;
  }

  void open(const std::filesystem::path& file) {
    const std::lock_guard lock(mutex_);
    if (fd_ >= 0) ::close(fd_);
    file_ = file;
    complained_ = false;
    fd_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0) complain();
    append(earlier_);
    earlier_.clear();
  }

  void write(std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    std::string lines;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      if (!line.empty()) lines += fmt::format("{:%FT%TZ}  {}\n", fmt::gmtime(now), line);
      text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    append(lines);
  }

 private:
  void append(const std::string& lines) {
    constexpr std::size_t kMostBefore = 1 << 16;  // bounded: some commands never open a log
    if (file_.empty() && earlier_.size() < kMostBefore) earlier_ += lines;
    if (fd_ < 0 || lines.empty()) return;
    errno = ENOSPC;  // a short write does not set errno; the disk is full
    if (::write(fd_, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) complain();
  }

  void complain() {
    if (complained_) return;
    complained_ = true;
    print(stderr,
          fmt::format("{}: cannot write the log: {}", file_.string(), std::strerror(errno)));
  }

  std::mutex mutex_;
  std::filesystem::path file_;  // empty: not open yet
  std::string earlier_;         // lines from before open()
  int fd_ = -1;
  bool complained_ = false;
};

}  // namespace

void say(std::string_view line) {
  print(stdout, line);
  Log::instance().write(line);
}

void remark(std::string_view line) {
  print(stderr, line);
  Log::instance().write(line);
}

void keep_log(const std::filesystem::path& file) { Log::instance().open(file); }

void note_in_log(std::string_view line) { Log::instance().write(line); }

bool can_redraw(std::FILE* stream) {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
  return !dumb && ::isatty(::fileno(stream)) != 0;
}

int terminal_width(std::FILE* stream) {
  winsize size{};
  const bool known = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kDefaultWidth;
}

}  // namespace quench
