#include "experiments/config/resumed_config.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/small_experiment.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

/// The config of a run and its record in the run's history; nothing is trained.
struct Written {
  TemporaryFolder folder;
  RunHistory history{.parts = {{}}, .config = small_experiment().resolved()};

  Written() { write_text(folder / "config.toml", history.config); }

  void edit(const std::string& from, const std::string& to) const {
    std::string text = read_bytes(folder / "config.toml");
    text.replace(text.find(from), from.size(), to);
    write_text(folder / "config.toml", text);
  }
  ResumedConfig resume(const std::vector<std::string>& overrides) const {
    return resumed_config(folder.path(), history, overrides, {});
  }
  std::string error(const std::vector<std::string>& overrides = {}) const {
    try {
      resume(overrides);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST_CASE("resumed config: unchanged, unless a key is overridden") {
  const Written run;
  CHECK(run.resume({}).changes.empty());
  CHECK(run.resume({"train.epochs=2"}).changes.empty());  // the current value
  const ResumedConfig resumed = run.resume({"train.epochs=6", "schedule={name=\"cosine\"}"});
  CHECK(resumed.config.train.epochs == 6);
  CHECK(resumed.config.schedule.name == "cosine");
  CHECK(resumed.changes == std::vector<KeyChange>{{"train.epochs", "2", "6"},
                                                  {"schedule.name", "constant", "cosine"}});
}

TEST_CASE("resumed config: every allowed key is one that a config has") {
  const std::string config = "\n" + small_experiment().resolved();
  for (const std::string_view key : resume_keys()) {
    CAPTURE(std::string(key));
    const std::string name(key.substr(key.find('.') + 1));
    CHECK(config.find("\n" + name + " = ") != std::string::npos);
  }
}

TEST_CASE("resumed config: other keys are rejected with the list of allowed keys") {
  const Written run;
  const std::string error = run.error({"quant.method=ste"});
  CHECK(error.find("got 'quant.method'") != std::string::npos);
  CHECK(error.find("train.epochs, train.threads, ") != std::string::npos);
  CHECK(run.error({"train.epoch=6"}).find("did you mean 'train.epochs'") != std::string::npos);
  CHECK(run.error({"train.epochs=0"}).find("train.epochs") != std::string::npos);
}

TEST_CASE("resumed config: an edited one is rejected with the changes and the remedy") {
  Written run;
  run.edit("lr = 0.003", "lr = 0.001");
  const std::string error = run.error();
  CHECK(error.find("optimizer.lr is '0.001' and was '0.003'") != std::string::npos);
  CHECK(error.find("quench train --resume " + run.folder.path().string() + " --set key=value") !=
        std::string::npos);
  run.history.config.clear();  // a run of quench 0.1
  CHECK(run.resume({}).config.optimizer.lr == 0.001);
}

TEST_CASE("resumed config: comments, blanks and the data folder do not count as edits") {
  const Written run;
  run.edit("[train]", "# a comment\n\n[train]");
  run.edit("dir = \"data\"", "dir = \"elsewhere\"");
  CHECK(run.resume({}).config.data.dir == "elsewhere");
}

TEST_CASE("resumed config: a recorded change applies even if config.toml is older") {
  Written run;
  run.history.config.replace(run.history.config.find("epochs = 2"), 10, "epochs = 6");
  run.history.parts.push_back({.changes = {{"train.epochs", "2", "6"}}});
  const ResumedConfig resumed = run.resume({});
  CHECK(resumed.config.train.epochs == 6);
  CHECK(resumed.changes.empty());
}

}  // namespace
}  // namespace quench::experiments
