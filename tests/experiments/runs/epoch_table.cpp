#include "experiments/runs/epoch_table.h"

#include <doctest/doctest.h>

#include <sstream>

namespace quench::train {
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

TEST_CASE("EpochTable: names once, then a line per epoch") {
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

TEST_CASE("EpochTable: no line is wider than the terminal; what matters least is left out first") {
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

TEST_CASE("EpochTable: a title says which run a line is of") {
  EpochTable table;
  EpochLine line = epoch(1);
  line.title = "ste/seed-0";
  CHECK(table.lines(line, 60) ==
        "            epoch    loss  quantized %  float %   time\n"
        "ste/seed-0    1/8  1.8218        65.50    72.00   0:02");
}

}  // namespace
}  // namespace quench::train
