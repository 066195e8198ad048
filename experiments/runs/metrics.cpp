#include "experiments/runs/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::array kColumns{
    MetricsColumn{"epoch", &MetricsRow::epoch},
    MetricsColumn{"step", &MetricsRow::step},
    MetricsColumn{"loss", &MetricsRow::loss},
    MetricsColumn{"train_top1", &MetricsRow::train_top1},
    MetricsColumn{"top1_quantized", &MetricsRow::top1_quantized},
    MetricsColumn{"top1_float", &MetricsRow::top1_float},
    MetricsColumn{.name = "alpha", .member = &MetricsRow::alpha, .of_quantizers = true},
    MetricsColumn{"lr", &MetricsRow::lr},
    MetricsColumn{"images_per_second", &MetricsRow::images_per_second},
    MetricsColumn{"seconds", &MetricsRow::seconds},
    MetricsColumn{"data_wait_s", &MetricsRow::data_wait_s},
    MetricsColumn{"loss_quantized", &MetricsRow::loss_quantized, true},
    MetricsColumn{"loss_float", &MetricsRow::loss_float, true},
    MetricsColumn{"top5_quantized", &MetricsRow::top5_quantized, true},
    MetricsColumn{"top5_float", &MetricsRow::top5_float, true},
};

std::string header_line(std::span<const MetricsColumn> columns = kColumns) {
  std::string line;
  for (const MetricsColumn& column : columns) {
    if (!line.empty()) line += ',';
    line += column.name;
  }
  return line;
}

/// The columns of a file that starts with `header`. `where` is "file:line".
std::span<const MetricsColumn> columns_of(std::string_view header, const std::string& where) {
  static const auto kOld = std::span(kColumns).first(
      static_cast<std::size_t>(std::ranges::count(kColumns, false, &MetricsColumn::since_0_2)));
  if (header == header_line()) return kColumns;
  if (header == header_line(kOld)) return kOld;
  fail("{}: expected the columns {}, got '{}'", where, header_line(), header);
}

/// Uses the shortest digits that read back to the same bits: a resumed run's file must equal that
/// of an uninterrupted run.
std::string text_of(const MetricsRow& row) {
  std::string line;
  for (const MetricsColumn& column : kColumns) {
    if (!line.empty()) line += ',';
    line += std::visit([&](auto member) { return fmt::format("{}", row.*member); }, column.member);
  }
  return line + '\n';
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

MetricsRow parse_row(std::string_view line, std::span<const MetricsColumn> columns,
                     const std::string& where) {
  const std::vector<std::string_view> cells = split(line);
  if (cells.size() != columns.size()) {
    fail("{}: expected {} values, got {}", where, columns.size(), cells.size());
  }
  MetricsRow row;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string_view cell = cells[i];
    std::visit(
        [&](auto member) {
          const char* end = cell.data() + cell.size();
          const auto result = std::from_chars(cell.data(), end, row.*member);
          if (result.ec != std::errc{} || result.ptr != end) {
            fail("{}: {}: expected a number, got '{}'", where, columns[i].name, cell);
          }
        },
        columns[i].member);
  }
  return row;
}

}  // namespace

std::span<const MetricsColumn> metrics_columns() { return kColumns; }

bool MetricsRow::operator==(const MetricsRow& other) const {
  return std::ranges::all_of(kColumns, [&](const MetricsColumn& column) {
    return std::visit(
        [&](auto member) {
          const auto a = static_cast<double>(this->*member), b = static_cast<double>(other.*member);
          return a == b || (std::isnan(a) && std::isnan(b));
        },
        column.member);
  });
}

std::vector<MetricsRow> read_metrics(const fs::path& path) {
  const std::string text = read_text(path);
  std::string_view rest = text;
  std::vector<MetricsRow> rows;
  std::span<const MetricsColumn> columns;
  for (int number = 1;; ++number) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return rows;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const std::string where = fmt::format("{}:{}", path.string(), number);
    if (number == 1) {
      columns = columns_of(line, where);
    } else {
      rows.push_back(parse_row(line, columns, where));
    }
  }
}

void MetricsWriter::append(const MetricsRow& row) {
  const bool is_new = !fs::exists(path_) || fs::file_size(path_) == 0;
  append_to_file(path_, (is_new ? header_line() + '\n' : "") + text_of(row));
}

void MetricsWriter::truncate(std::int64_t epochs) {
  if (!fs::exists(path_)) return;
  std::string text = header_line() + '\n';
  for (const MetricsRow& row : read_metrics(path_)) {
    if (row.epoch <= epochs) text += text_of(row);
  }
  write_file_atomically(path_, text);
}

}  // namespace quench::experiments
