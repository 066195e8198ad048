#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/command.h"
#include "quant/conformance/conformance.h"
#include "support/text_table.h"

namespace quench::cli {
namespace {

void check(const std::string& name) {
  TextTable table({{"check"}, {"variants", TextTable::Align::right}, {"result"}});
  std::string failures;
  for (const quant::PromiseCheck& check : quant::check_promise(name)) {
    const bool applies = check.variants > 0;
    const char* result = !check.failure.empty() ? "FAILED" : applies ? "ok" : "-";
    table.add({check.name, applies ? std::to_string(check.variants) : "-", result});
    if (!check.failure.empty()) failures += fmt::format("{}: {}\n", check.name, check.failure);
  }
  fmt::print("{}", table.plain());
  if (failures.empty()) return;
  fmt::print("\n{}", failures);
  throw Exit{1};
}

}  // namespace

void add_check_quantizer(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "check-quantizer", "Check that a registered method keeps the promises of every quantizer");
  const auto name = std::make_shared<std::string>();
  command.add("METHOD", *name, "The method (see list quantizers)", {.required = true});
  command.run([name] { check(*name); });
}

}  // namespace quench::cli
