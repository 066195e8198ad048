#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <stdexcept>

#include "experiments/run.h"
#include "experiments/runs/kept_checkpoints.h"
#include "experiments/small_experiment.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;
using Overrides = std::vector<std::string>;

const std::function<bool()> kGoOn = [] { return false; };

/// A run of `overrides` in `folder`, resumed from its current state.
void run(const RunFolder& folder, const Overrides& overrides,
         const std::function<bool()>& stop = kGoOn) {
  Run(small_experiment(overrides), folder).train(folder, stop);
}

/// Cuts off the last byte.
void damage(const fs::path& file) { fs::resize_file(file, fs::file_size(file) - 1); }

/// Everything that a run's later use depends on.
std::string outcome(const RunFolder& folder) {
  return read_bytes(folder.last()) + read_bytes(folder.best());
}

Overrides cosine(const char* epochs) {
  return {"schedule.name=cosine", "quant.method=lsq", "quant.bits=4",
          "train.epochs=" + std::string(epochs)};
}

TEST_CASE("training: with more epochs a finished run continues, on the schedule of all of them") {
  const TemporaryFolder parent;
  const RunFolder once = RunFolder::create_at(parent / "once");
  run(once, cosine("2"));
  run(once, cosine("4"));
  // 3e-3 (1 + cos(pi step / steps)) / 2, of the last step of each epoch of four.
  const auto lr = [](int step, int steps) {
    return 3e-3 * 0.5 * (1.0 + std::cos(std::numbers::pi * step / steps));
  };
  const std::vector<MetricsRow> rows = read_metrics(once.metrics());
  REQUIRE(rows.size() == 4);
  CHECK(rows[1].lr == doctest::Approx(lr(7, 8)));
  CHECK(rows[2].lr == doctest::Approx(lr(11, 16)));
  CHECK(rows[3].lr == doctest::Approx(lr(15, 16)));

  // Stopped within the new epochs, too.
  const RunFolder twice = RunFolder::create_at(parent / "twice");
  run(twice, cosine("2"));
  int step = 0;
  run(twice, cosine("4"), [&] { return ++step == 3; });
  run(twice, cosine("4"));
  CHECK(outcome(twice) == outcome(once));

  CHECK_THROWS_WITH_AS(run(once, cosine("3")),
                       doctest::Contains("train.epochs: expected at least the 4 epochs that"),
                       std::invalid_argument);
}

TEST_CASE("training: it stops at the given position, also between two epochs") {
  const TemporaryFolder parent;
  const RunFolder whole = RunFolder::create_at(parent / "whole");
  run(whole, cosine("2"));
  const RunFolder parts = RunFolder::create_at(parent / "parts");
  for (const Position until : {Position{0, 3}, Position{1, 0}, Position{1, 1}, Position{2, 0}}) {
    Run run(small_experiment(cosine("2")), parts);
    CHECK(run.train(parts, kGoOn, until).interrupted == (until.epoch < 2));
    CHECK(run.position() == until);
  }
  CHECK(outcome(parts) == outcome(whole));
}

TEST_CASE("training: resumes from the best checkpoint if the last is damaged or missing") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  run(folder, cosine("3"));
  const std::string undisturbed = outcome(folder), best = read_bytes(folder.best());
  for (const bool gone : {false, true}) {
    CAPTURE(gone);
    gone ? static_cast<void>(fs::remove(folder.last())) : damage(folder.last());
    Run run(small_experiment(cosine("3")), folder);
    CHECK(run.resumed_from() == "best.safetensors");
    CHECK(read_bytes(folder.last()) == best);  // immediately, so that the run is usable
    CHECK(std::ssize(read_metrics(folder.metrics())) == run.position().epoch);
    run.train(folder, kGoOn);
    CHECK(outcome(folder) == undisturbed);
  }
  damage(folder.last());
  damage(folder.best());
  CHECK_THROWS_WITH_AS(Run(small_experiment(cosine("3")), folder),
                       doctest::Contains(folder.last().c_str()), std::runtime_error);
}

TEST_CASE("training: the error for a run that does not fit names the last checkpoint") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  run(folder, cosine("1"));
  const std::string before = outcome(folder);
  CHECK_THROWS_WITH_AS(Run(small_experiment({"model.width=0.125"}), folder),
                       doctest::Contains(folder.last().c_str()), std::runtime_error);
  CHECK(outcome(folder) == before);
}

TEST_CASE("training: checkpoints of epochs are kept, used when others are damaged, and rewritten") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Overrides overrides = cosine("3");
  overrides.emplace_back("train.keep_every=1");
  run(folder, overrides);
  CHECK(kept_epochs(folder.path()) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(read_bytes(kept_checkpoint(folder.path(), 3)) == read_bytes(folder.last()));
  const std::string last = read_bytes(folder.last());

  damage(folder.last());
  damage(folder.best());
  damage(kept_checkpoint(folder.path(), 3));
  Run run(small_experiment(overrides), folder);
  CHECK(run.resumed_from() == "epoch-2.safetensors");
  CHECK(run.position() == Position{2, 0});
  CHECK(kept_epochs(folder.path()) == std::vector<std::int64_t>{1, 2});
  run.train(folder, kGoOn);
  CHECK(kept_epochs(folder.path()) == std::vector<std::int64_t>{1, 2, 3});
  // The earlier best is lost, so this epoch becomes the best.
  CHECK(read_bytes(folder.best()) == read_bytes(folder.last()));
  CHECK(last.size() == read_bytes(folder.last()).size());
}

TEST_CASE("training: init_from keeps the trained state of quantizers of the same kind") {
  const TemporaryFolder parent;
  const RunFolder source = RunFolder::create_at(parent / "source");
  run(source, cosine("2"));
  Overrides overrides = cosine("1");
  overrides.push_back("train.init_from=" + source.path().string());
  Run again(small_experiment(overrides));
  const TensorFile trained = read_safetensors(source.last());
  int scales = 0;
  for (const layers::Parameter& parameter : again.network().parameters()) {
    if (parameter.kind != layers::ParameterKind::quantizer) continue;
    CAPTURE(parameter.name);
    ++scales;
    CHECK(parameter.value.value().to_row_major() ==
          trained.tensors.at(parameter.name).to_row_major());
  }
  CHECK(scales > 8);
}

}  // namespace
}  // namespace quench::experiments
