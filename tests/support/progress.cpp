#include "support/progress.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>

using namespace quench;

namespace {

/// Collects the output of a progress bar, with a clock that the test controls.
class Screen {
 public:
  Screen() : stream_(std::tmpfile(), &std::fclose) {}
  ProgressOptions options(int width) {
    return {.stream = stream_.get(), .width = width, .seconds = [this] { return now; }};
  }
  std::string text() const {
    std::string result(static_cast<std::size_t>(std::ftell(stream_.get())), '\0');
    std::rewind(stream_.get());
    REQUIRE(std::fread(result.data(), 1, result.size(), stream_.get()) == result.size());
    return result;
  }
  /// The output of the last redraw, without cursor movements.
  std::string line() const {
    const std::string all = text();
    const std::size_t begin = all.rfind('\r') + 1, end = all.rfind("\x1b[K");
    return all.substr(begin, end - begin);
  }
  double now = 100.0;

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_;
};

}  // namespace

TEST_CASE("ProgressBar: one line is redrawn, at most ten times a second, and removed") {
  Screen screen;
  {
    ProgressBar bar(screen.options(54));
    bar.begin("epoch 1/2", 10);
    screen.now += 3.0;
    bar.set_note("loss 1.5");
    bar.advance(3);
    bar.advance();  // too soon after the last
    screen.now += 3.0;
    bar.set_note("");
    bar.advance(2);
  }
  // 51 columns: 9 of label, 3 of frame, 26 of status, so 13 of bar.
  CHECK(screen.text() ==
        "\repoch 1/2 [>                             ]   0%\x1b[K"
        "\repoch 1/2 [===>         ]  30%  0:07 left  loss 1.5\x1b[K"
        "\repoch 1/2 [=============>         ]  60%  0:04 left\x1b[K"
        "\r\x1b[K");
}

TEST_CASE("ProgressBar: never wider than the terminal") {
  for (const std::size_t width : {1, 5, 20, 30, 60, 80, 200}) {
    CAPTURE(width);
    Screen screen;
    ProgressBar bar(screen.options(static_cast<int>(width)));
    bar.begin("epoch 1/2", 10);
    bar.set_note("loss 1.5");
    screen.now += 1.0;
    bar.advance(5);
    CHECK(screen.line().size() <= (width < 3 ? 0 : width - 3));  // "^C" has room
  }
}

TEST_CASE("ProgressBar: the bar of a part, the time of the whole job") {
  Screen screen;
  ProgressBar bar(screen.options(80));
  bar.begin("", 400);
  bar.begin_part("epoch 1/4", 0, 100);
  screen.now += 50.0;
  bar.advance(50);
  CHECK(screen.line() == "epoch 1/4 [===============>              ]  50%  5:50 left in all");
  screen.now += 50.0;
  bar.begin_part("epoch 2/4", 100, 200);  // 50 steps were not counted
  CHECK(screen.line() == "epoch 2/4 [>                             ]   0%  5:00 left in all");
  // From here on at half the speed: 50 steps in 50 s have half the weight of these 50 in 100 s.
  screen.now += 100.0;
  bar.advance(50);
  CHECK(screen.line() == "epoch 2/4 [===============>              ]  50%  6:15 left in all");
}

TEST_CASE("ProgressBar: steps made before a resume do not count as fast ones") {
  Screen screen;
  ProgressBar bar(screen.options(80));
  bar.begin("eval", 100, 50);
  screen.now += 100.0;
  bar.advance(10);
  CHECK(screen.line() == "eval [==================>           ]  60%  6:40 left");
}

TEST_CASE("progress_bar: the innermost of this thread; steps without a bar are ignored") {
  progress_bar().advance(3);
  Screen screen;
  ProgressBar outer(screen.options(80));
  {
    ProgressBar inner(screen.options(80));
    CHECK(&progress_bar() == &inner);
  }
  CHECK(&progress_bar() == &outer);
}

TEST_CASE("format_duration: minutes, and hours if nonzero") {
  CHECK(format_duration(7.4) == "0:07");
  CHECK(format_duration(754.0) == "12:34");
  CHECK(format_duration(11100.0) == "3:05:00");
}
