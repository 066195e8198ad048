#pragma once

// Private to the files of export_integers.

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "onnx/export/code_ranges.h"
#include "onnx/export/export_integers.h"

namespace quench::onnx {

/// The 8-bit type of a grid's codes. @throws std::invalid_argument  naming `what`, if none fits
OnnxType type_of(const quant::QuantGrid& grid, const std::string& what);

class IntegerExporter {
 public:
  IntegerExporter(const deploy::IntegerNetwork& network, const OnnxExportOptions& options)
      : network_(network),
        qonnx_(options.quantizers == OnnxQuantizers::qonnx),
        behind_sums_(!qonnx_ && options.scales == OnnxScales::sums),
        graph_({network.channels, network.height, network.width}, options.pixels),
        values_(network.values.size()),
        ranges_(code_ranges(network)) {}

  OnnxModel run() {
    for (const deploy::Operation& operation : network_.operations) {
      const std::string x =
          std::visit([&](const auto& kind) { return emit(operation, kind); }, operation.kind);
      for (const deploy::Output& output : operation.outputs) write(operation, output, x);
    }
    return graph_.finish(values_[network_.output].real, network_.values[network_.output].channels);
  }

 private:
  /// The names of a value's tensors; empty until the tensor exists.
  struct Tensors {
    std::string name;
    std::string codes;      // u8 or s8
    quant::QuantGrid grid;  // of `codes`
    std::string quantized;  // from QONNX's operators, without offset
    std::string centered;   // q - zero_point, in floats
    std::string real;
  };

  std::string emit(const deploy::Operation& operation, const deploy::Quantize& quantize);
  std::string emit(const deploy::Operation& operation, const deploy::Convolution& conv);
  std::string emit(const deploy::Operation& operation, const deploy::Addition& addition);
  std::string emit(const deploy::Operation& operation,
                   const deploy::Multiplication& multiplication);
  std::string emit(const deploy::Operation& operation, const deploy::Lookup& lookup);
  std::string emit(const deploy::Operation& operation, const deploy::AveragePool& pool);
  std::string emit(const deploy::Operation& operation, const deploy::MaxPool& pool);
  std::string emit(const deploy::Operation& operation, const deploy::ZeroPad& pad);
  std::string emit(const deploy::Operation& operation, const deploy::Concatenation& concatenation);
  std::string emit(const deploy::Operation& operation, const deploy::Extremum& extremum);
  std::string emit(const deploy::Operation& operation, const deploy::ChannelSelection& selection);
  std::string emit(const deploy::Operation& operation, const deploy::Upsampling& upsampling);
  std::string emit(const deploy::Operation& operation, const deploy::PixelSelection& selection);
  std::string emit(const deploy::Operation& operation, const Rearrangement& rearrangement);

  std::string channel_tables(const deploy::Operation& operation, const deploy::Lookup& lookup,
                             const std::string& number);
  /// Applies `function`, which takes the largest input. Negates marked channels, so that it takes
  /// their smallest.
  std::string largest(
      const deploy::Operation& operation, const std::vector<std::uint8_t>& smallest,
      const std::function<std::string(std::vector<std::string>, const std::string&)>& function);
  void write(const deploy::Operation& operation, const deploy::Output& output, std::string x);
  /// Whether the bounds of the grid and of the last activation apply to codes, so that a
  /// QuantizeLinear directly follows its convolution.
  bool bounds_codes(const deploy::Output& output) const;
  void quantize(const deploy::Operation& operation, const deploy::Output& output, std::string x);
  void compare(Tensors& tensors, const std::string& x);
  std::string clip_reals(std::string x, const quant::QuantGrid& grid, std::int32_t count,
                         const std::string& name);
  std::string clip_codes(std::string codes, const quant::QuantGrid& grid, const std::string& name);
  const std::string& real(deploy::ValueId id);
  const std::string& centered(deploy::ValueId id);
  std::string dequantize(const Tensors& tensors, float scale, const std::string& name);
  std::string zero_point(const std::string& name, const quant::QuantGrid& grid, OnnxType type);
  std::string weight(const deploy::Operation& operation, const deploy::Convolution& conv);
  std::string quant(const std::string& x, const quant::QuantGrid& grid, const std::string& name);
  std::string with_offset(std::string x, const quant::QuantGrid& grid, const std::string& name);
  std::string scaled_sum(const deploy::Operation& operation, const deploy::Convolution& conv,
                         std::string sum);
  const quant::QuantGrid& grid_of(deploy::ValueId id) const { return *network_.values[id].grid; }

  const deploy::IntegerNetwork& network_;
  bool qonnx_;
  bool behind_sums_;
  OnnxGraph graph_;
  std::vector<Tensors> values_;
  std::vector<CodeRange> ranges_;
};

}  // namespace quench::onnx
