#include "experiments/runs/run_state.h"

#include <array>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr auto kPause = std::chrono::seconds(2);

constexpr std::array kPhases{
    std::pair{RunPhase::running, std::string_view("running")},
    std::pair{RunPhase::done, std::string_view("done")},
    std::pair{RunPhase::stopped, std::string_view("stopped")},
    std::pair{RunPhase::killed, std::string_view("killed")},
    std::pair{RunPhase::failed, std::string_view("failed")},
};

RunPhase phase_named(const std::string& name, const fs::path& path) {
  for (const auto& [phase, known] : kPhases) {
    if (name == known) return phase;
  }
  fail("{}: state: expected running, done, stopped, killed or failed, got '{}'", path.string(),
       name);
}

std::int64_t count(const Json& json, const char* key, const fs::path& path) {
  const Json& value = json.at(key);
  constexpr double kExact = 0x1p53;
  if (!value.is_number_integer() || value.get<double>() < 0.0 || value.get<double>() > kExact)
    fail("{}: {}: expected a count, got {}", path.string(), key, value.dump());
  return value.get<std::int64_t>();
}

}  // namespace

std::string_view name_of(RunPhase phase) {
  return kPhases.at(static_cast<std::size_t>(phase)).second;
}

std::string text_of(const RunState& state) {
  const Json json{{"state", name_of(state.phase)}, {"epoch", state.epoch},
                  {"epochs", state.epochs},        {"step", state.step},
                  {"steps", state.steps},          {"loss", state.loss},
                  {"started", state.started},      {"updated", state.updated},
                  {"message", state.message}};
  // A message may contain a file name that is not valid UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

RunState read_run_state(const fs::path& path) {
  const std::string text = read_text(path);
  // Deeper levels are meaningless here, and copying JSON of unlimited depth would overflow the
  // stack.
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) { return depth <= 1; };
  try {
    const Json json = Json::parse(text, shallow);
    return {.phase = phase_named(json.at("state"), path),
            .epoch = count(json, "epoch", path),
            .epochs = count(json, "epochs", path),
            .step = count(json, "step", path),
            .steps = count(json, "steps", path),
            .loss = json.at("loss").is_null() ? std::nan("") : json.at("loss").get<double>(),
            .started = json.at("started"),
            .updated = json.at("updated"),
            .message = json.at("message")};
  } catch (const Json::exception& error) {
    fail("{}: expected the JSON of a run's state: {}", path.string(), error.what());
  }
}

std::int64_t thousandths_done(const RunState& state) {
  return 1000 * state.epoch + (state.steps > 0 ? 1000 * state.step / state.steps : 0);
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string utc_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

RunStateWriter::RunStateWriter(fs::path path, std::int64_t epochs, std::int64_t steps_per_epoch,
                               const train::Progress& progress)
    : path_(std::move(path)) {
  state_.epochs = epochs;
  state_.steps = steps_per_epoch;
  state_.started = utc_text(std::chrono::system_clock::now());
  try {
    if (fs::exists(path_)) state_.started = read_run_state(path_).started;
  } catch (const std::runtime_error&) {
    // A damaged file is replaced.
  }
  write(progress);
}

void RunStateWriter::update(const train::Progress& progress) {
  const bool is_new = progress.epoch != state_.epoch;
  if (is_new || std::chrono::steady_clock::now() - written_ >= kPause) try_to_write(progress);
}

void RunStateWriter::end(RunPhase phase, const train::Progress& progress,
                         const std::string& message) {
  state_.phase = phase;
  state_.message = message;
  try_to_write(progress);
}

void RunStateWriter::try_to_write(const train::Progress& progress) {
  try {
    write(progress);
  } catch (const std::runtime_error&) {
    written_ = std::chrono::steady_clock::now();
  }
}

void RunStateWriter::write(const train::Progress& progress) {
  state_.epoch = progress.epoch;
  state_.step = progress.step_in_epoch;
  state_.loss = progress.loss();
  state_.updated = utc_text(std::chrono::system_clock::now());
  write_file_atomically(path_, text_of(state_));
  written_ = std::chrono::steady_clock::now();
}

}  // namespace quench::experiments
