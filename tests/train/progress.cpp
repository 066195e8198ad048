#include "train/progress.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>

using namespace quench::train;

namespace {

/// Collects what a progress bar writes, under a clock that the test moves.
class Screen {
 public:
  Screen() : stream_(std::tmpfile(), &std::fclose) {}
  ProgressOptions options(bool terminal, int width) {
    return {.stream = stream_.get(),
            .terminal = terminal,
            .color = false,
            .width = width,
            .seconds = [this] { return now; }};
  }
  std::string text() const {
    std::string result(static_cast<std::size_t>(std::ftell(stream_.get())), '\0');
    std::rewind(stream_.get());
    REQUIRE(std::fread(result.data(), 1, result.size(), stream_.get()) == result.size());
    return result;
  }
  double now = 100.0;

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_;
};

}  // namespace

TEST_CASE("ProgressBar: on a terminal one line is redrawn, and gives way to the summary") {
  Screen screen;
  {
    ProgressBar bar(screen.options(true, 52));
    bar.begin("epoch 1/2", 10);
    screen.now += 3.0;
    bar.update(3, "loss 1.5");
    bar.update(4);  // too soon after the last
    screen.now += 3.0;
    bar.update(6);
    bar.line("done");
  }
  // 51 columns: 9 of label, 3 of frame, 26 of status, so 13 of bar.
  CHECK(screen.text() ==
        "\repoch 1/2 [===>         ]  30%  0:07 left  loss 1.5"
        "\repoch 1/2 [=============>         ]  60%  0:04 left"
        "\r                                                   \rdone\n");
}

TEST_CASE("ProgressBar: never wider than the terminal") {
  for (const int width : {1, 5, 20, 30, 200}) {
    CAPTURE(width);
    Screen screen;
    ProgressBar bar(screen.options(true, width));
    bar.begin("epoch 1/2", 10);
    screen.now += 1.0;
    bar.update(5, "loss 1.5");
    CHECK(screen.text().size() <= static_cast<std::size_t>(width));  // "\r" and width - 1
  }
}

TEST_CASE("ProgressBar: elsewhere a plain line now and then") {
  Screen screen;
  ProgressBar bar(screen.options(false, 0));
  bar.begin("epoch 1/2", 100);
  for (int step = 1; step <= 100; ++step) {
    screen.now += 0.7;
    bar.update(step);
  }
  bar.line("epoch 1/2  loss 0.5");
  CHECK(screen.text() ==
        "epoch 1/2  43%  0:40 left\nepoch 1/2  86%  0:10 left\nepoch 1/2  loss 0.5\n");
}

TEST_CASE("ProgressBar: steps made before a resume do not count as fast ones") {
  Screen screen;
  ProgressBar bar(screen.options(false, 0));
  bar.begin("epoch 1/2", 100, 50);
  screen.now += 100.0;
  bar.update(60);
  CHECK(screen.text() == "epoch 1/2  60%  6:40 left\n");
}

TEST_CASE("progress_options: a file is no terminal and gets no colour") {
  Screen screen;
  const ProgressOptions options = progress_options(screen.options(true, 0).stream);
  CHECK_FALSE(options.terminal);
  CHECK_FALSE(options.color);
}

TEST_CASE("format_duration: minutes, and hours where there are some") {
  CHECK(format_duration(7.4) == "0:07");
  CHECK(format_duration(754.0) == "12:34");
  CHECK(format_duration(11100.0) == "3:05:00");
}
