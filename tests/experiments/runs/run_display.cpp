#include "experiments/runs/run_display.h"

#include <doctest/doctest.h>

#include <memory>
#include <sstream>
#include <string>

namespace quench::experiments {
namespace {

EpochLine epoch(std::int64_t number) {
  return {.row = {.epoch = number,
                  .loss = 1.8218,
                  .train_top1 = 32.46,
                  .top1_quantized = 65.5,
                  .top1_float = 72.0,
                  .alpha = 0.25,
                  .lr = 2.9e-3,
                  .images_per_second = 2538.0,
                  .seconds = 2.0},
          .epochs = 8,
          .quantized = true};
}

TEST_CASE("EpochTable: column names once, then a line per epoch") {
  EpochTable table;
  CHECK(table.lines(epoch(1), 80) ==
        "epoch    loss  train %  quantized %  float %       lr  img/s   time\n"
        "  1/8  1.8218    32.46        65.50    72.00  2.9e-03   2538   0:02");
  CHECK(table.lines(epoch(2), 80) ==
        "  2/8  1.8218    32.46        65.50    72.00  2.9e-03   2538   0:02");
}

TEST_CASE("EpochTable: a column appears with the first epoch that has a value for it") {
  EpochTable table;
  EpochLine line = epoch(1);
  line.quantized = false;
  CHECK(table.lines(line, 80) ==
        "epoch    loss  train %  float %       lr  img/s   time\n"
        "  1/8  1.8218    32.46    72.00  2.9e-03   2538   0:02");
  EpochLine waiting = epoch(2);
  waiting.row.data_wait_s = 1.0;
  CHECK(table.lines(waiting, 100) ==
        "epoch    loss  train %  quantized %  float %       lr  img/s   time  data wait\n"
        "  2/8  1.8218    32.46        65.50    72.00  2.9e-03   2538   0:02       0:01");
  line.row.epoch = 3;
  CHECK(table.lines(line, 100) ==
        "  3/8  1.8218    32.46            -    72.00  2.9e-03   2538   0:02          -");
}

TEST_CASE("EpochTable: a column of quantizers stays once one has reported it") {
  EpochTable table;
  EpochLine line = epoch(1);
  line.of_quantizers = {"alpha"};
  CHECK(table.lines(line, 80) ==
        "epoch    loss  train %  quantized %  float %  alpha       lr  img/s   time\n"
        "  1/8  1.8218    32.46        65.50    72.00   0.25  2.9e-03   2538   0:02");
  CHECK(table.lines(epoch(2), 80) ==
        "  2/8  1.8218    32.46        65.50    72.00      -  2.9e-03   2538   0:02");
}

TEST_CASE(
    "EpochTable: no line is wider than the terminal; less important columns are dropped first") {
  for (const int width : {200, 80, 60, 40, 20}) {
    CAPTURE(width);
    EpochTable table;
    EpochLine line = epoch(1000);
    line.epochs = 1000;
    line.of_quantizers = {"alpha"};
    line.row.data_wait_s = 1.0;
    std::istringstream lines(table.lines(line, width));
    for (std::string text; std::getline(lines, text);)
      CHECK(text.size() <= static_cast<std::size_t>(width));
  }
  EpochTable table;
  CHECK(table.lines(epoch(1), 60) ==
        "epoch    loss  train %  quantized %  float %       lr   time\n"
        "  1/8  1.8218    32.46        65.50    72.00  2.9e-03   0:02");
  // Another width has other columns.
  CHECK(table.lines(epoch(2), 45) ==
        "epoch    loss  quantized %  float %   time\n"
        "  2/8  1.8218        65.50    72.00   0:02");
}

TEST_CASE("EpochTable: a title names the line's run") {
  EpochTable table;
  EpochLine line = epoch(1);
  line.title = "ste/seed-0";
  CHECK(table.lines(line, 60) ==
        "            epoch    loss  quantized %  float %   time\n"
        "ste/seed-0    1/8  1.8218        65.50    72.00   0:02");
}

TEST_CASE("RunProgress: the epoch including its evaluation, and the time of the whole run") {
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
}  // namespace quench::experiments
