#include "experiments/runs/run_progress.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace quench::train {
namespace {

TEST_CASE("RunProgress: the epoch with its evaluation, and the time that the whole run will take") {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::tmpfile(), &std::fclose);
  double now = 0.0;
  ProgressBar bar({.stream = stream.get(), .width = 90, .seconds = [&now] { return now; }});
  // 2 * 10 images of training are 60 forward passes; with those of the evaluation, 100.
  const RunWork work{.epochs = 3, .steps = 2, .images = 10, .evaluated = 40};
  RunProgress shown(bar, work, {.epoch = 1});
  shown.begin_epoch(1);
  now = 30.0;
  shown.add_step(0.5);
  shown.add_step(0.25);  // too soon for the screen
  now = 80.0;
  bar.set_note("evaluation");
  bar.advance(20);
  std::string text(static_cast<std::size_t>(std::ftell(stream.get())), '\0');
  std::rewind(stream.get());
  REQUIRE(std::fread(text.data(), 1, text.size(), stream.get()) == text.size());
  CHECK(text ==
        "\repoch 2/3 [>                             ]   0%\x1b[K"
        "\repoch 2/3 [=========>                    ]  30%  2:50 left in all  loss 0.5000\x1b[K"
        // 80 of 200 passes in 80 s; the bar has the epoch's.
        "\repoch 2/3 [========================>     ]  80%  2:00 left in all  evaluation\x1b[K");
}

}  // namespace
}  // namespace quench::train
