#include "experiments/runs/run_state.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <stdexcept>

#include "experiments/runs/small_run.h"

namespace quench::experiments {
namespace {

std::string error_for(const std::string& text) {
  const TemporaryFolder folder;
  write_text(folder / "s", text);
  try {
    read_run_state(folder / "s");
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).substr((folder / "s").string().size());
  }
  return "no error";
}

TEST_CASE("run state: a round trip changes nothing") {
  const TemporaryFolder folder;
  const RunState written{.phase = RunPhase::failed,
                         .epoch = 2,
                         .epochs = 8,
                         .step = 3,
                         .steps = 40,
                         .loss = 0.1,
                         .started = "2026-11-22T02:22:10Z",
                         .updated = "2026-11-22T02:30:00Z",
                         .message = "epoch 3: \"NaN\""};
  write_text(folder / "state.json", text_of(written));
  const RunState read = read_run_state(folder / "state.json");
  CHECK(text_of(read) == text_of(written));
  CHECK(read.phase == RunPhase::failed);
  CHECK(read.loss == 0.1);
  CHECK(text_of(written).find("\"state\": \"failed\"") != std::string::npos);
}

TEST_CASE("run state: times are in UTC") {
  using namespace std::chrono;
  // The second example of RFC 3339's section 5.8, in UTC: 1996-12-20T00:39:57Z is 851042397 s.
  CHECK(utc_text(system_clock::time_point(seconds(851042397))) == "1996-12-20T00:39:57Z");
}

TEST_CASE("run state: a damaged file is an error that names the fault") {
  const std::string good = text_of({});
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  // So deep that recursion would overflow the stack.
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  CHECK(error_for(with("{", "{\"more\":" + deep + ",")) == "no error");
  CHECK(error_for(with("\"updated\": \"\"", "\"updated\": " + deep)) != "no error");
  CHECK(error_for("{\"sta").starts_with(": expected the JSON of a run's state: "));
  CHECK(error_for("[]").starts_with(": expected the JSON of a run's state: "));
  CHECK(error_for(with("running", "asleep")) ==
        ": state: expected running, done, stopped, killed or failed, got 'asleep'");
  CHECK(error_for(with("\"epoch\": 0", "\"epoch\": -1")) == ": epoch: expected a count, got -1");
  CHECK(error_for(with("\"epoch\": 0", "\"epoch\": 1e300")) ==
        ": epoch: expected a count, got 1e+300");
}

TEST_CASE("run state: a run records that it runs, its progress, and its end") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  const auto state = [&] { return read_run_state(folder.path() / "state.json"); };
  const auto run = [&](int stop) {
    int step = 0;
    Run(small_experiment({}), folder).train(folder, [&] {
      CHECK(state().phase == RunPhase::running);
      return ++step == stop;
    });
  };
  run(6);
  CHECK(state().phase == RunPhase::stopped);
  CHECK(state().epoch == 1);
  CHECK(state().step == 2);
  CHECK(state().steps == 4);
  CHECK(state().loss > 0.0);
  const std::string started = state().started;
  run(0);
  CHECK(state().phase == RunPhase::done);
  CHECK(state().epoch == 2);
  CHECK(state().epochs == 2);
  CHECK(state().started == started);
}

TEST_CASE("run state: a failed run records why; a killed one records nothing more") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment({}), folder);
  Tensor weight = run.network().parameters()[0].value.value();
  CHECK_THROWS_AS(run.train(folder,
                            [&] {
                              weight.data()[0] = std::nanf("");
                              weight.bump_version();
                              return false;
                            }),
                  std::runtime_error);
  const RunState failed = read_run_state(folder.path() / "state.json");
  CHECK(failed.phase == RunPhase::failed);
  CHECK(failed.message.find("epoch 1, step ") != std::string::npos);

  struct Killed {};
  const RunFolder other = RunFolder::create_at(parent / "killed");
  CHECK_THROWS_AS(Run(small_experiment({}), other).train(other, []() -> bool { throw Killed{}; }),
                  Killed);
  CHECK(read_run_state(other.path() / "state.json").phase == RunPhase::running);
}

}  // namespace
}  // namespace quench::experiments
