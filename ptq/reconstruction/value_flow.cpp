#include "ptq/reconstruction/value_flow.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "layers/module.h"

namespace quench::ptq {
namespace {

std::size_t row_bytes(const Tensor& tensor) {
  return tensor.bytes() / static_cast<std::size_t>(tensor.dim(0));
}

}  // namespace

Tensor rows_of(const Tensor& all, std::span<const std::int64_t> images) {
  Tensor result(all.shape().with(0, std::ssize(images)), all.dtype());
  const std::size_t size = row_bytes(all);
  for (std::size_t i = 0; i < images.size(); ++i)
    std::memcpy(result.bytes_begin() + i * size,
                all.bytes_begin() + static_cast<std::size_t>(images[i]) * size, size);
  return result;
}

void put_rows(Tensor& all, std::span<const std::int64_t> images, const Tensor& values) {
  const std::size_t size = row_bytes(all);
  for (std::size_t i = 0; i < images.size(); ++i)
    std::memcpy(all.bytes_begin() + static_cast<std::size_t>(images[i]) * size,
                values.bytes_begin() + i * size, size);
}

Values run_nodes(const layers::Graph& graph, std::size_t begin, std::size_t end, Values values) {
  const std::vector<layers::Graph::Node>& nodes = graph.nodes();
  std::vector<std::vector<layers::ValueId>> reads;
  for (std::size_t i = begin; i < nodes.size(); ++i) reads.push_back(nodes[i].inputs);
  const std::vector<std::vector<layers::ValueId>> done = layers::last_reads(reads, graph.output());
  for (std::size_t i = begin; i < end; ++i) {
    std::vector<Variable> inputs;
    for (const layers::ValueId input : nodes[i].inputs) inputs.push_back(values.at(input));
    values[nodes[i].output] = (*nodes[i].module)(inputs);
    for (const layers::ValueId value : done[i - begin]) values.erase(value);
  }
  return values;
}

ValueFlow::ValueFlow(const layers::Graph& graph, Tensor images, std::int64_t memory)
    : graph_(&graph), images_(images.dim(0)), memory_(memory) {
  kept_[layers::Graph::kInput] = std::move(images);
}

void ValueFlow::advance(std::size_t node) {
  if (node == node_) return;
  const NoGradGuard no_grad;
  std::map<layers::ValueId, Tensor> next;
  bool fits = true;
  for_each_piece(images_, [&](std::span<const std::int64_t> rows) {
    if (!fits) return;
    const Values values = at(node, rows);
    if (next.empty()) {
      std::int64_t bytes = 0;
      for (const auto& [id, value] : values)
        bytes += static_cast<std::int64_t>(row_bytes(value.value())) * images_;
      fits = bytes <= memory_;
      if (!fits) return;
      for (const auto& [id, value] : values)
        next[id] = Tensor(value.shape().with(0, images_), value.value().dtype());
    }
    for (const auto& [id, value] : values) put_rows(next.at(id), rows, value.value());
  });
  if (!fits) return;
  kept_ = std::move(next);
  node_ = node;
}

Values ValueFlow::at(std::size_t node, std::span<const std::int64_t> images) const {
  const NoGradGuard no_grad;
  Values values;
  for (const auto& [id, all] : kept_) values[id] = Variable(rows_of(all, images));
  return run_nodes(*graph_, node_, node, std::move(values));
}

/// While it is alive, nodes [begin, end) are float and have their original weights.
class FloatFlow::Restored {
 public:
  Restored(const layers::Graph& graph, const std::vector<Original>& originals, std::size_t begin,
           std::size_t end) {
    for (std::size_t node = begin; node < end; ++node)
      if (layers::QuantizableModule* module = graph.nodes()[node].module->as_quantizable())
        for (const auto& [slot, quantizer] : module->quantizers()) {
          modes_.emplace_back(quantizer, quantizer->mode());
          quantizer->set_mode(quant::Mode::bypass);
        }
    for (const Original& original : originals) {
      if (original.node < begin || original.node >= end) continue;
      Tensor weight = original.layer->weight().value();
      if (std::ranges::equal(weight.span(), original.weight.span())) continue;
      changed_.emplace_back(weight, weight.clone());
      weight.copy_from(original.weight);
    }
  }
  ~Restored() {
    for (auto& [weight, values] : changed_) weight.copy_from(values);
    for (const auto& [quantizer, mode] : modes_) quantizer->set_mode(mode);
  }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  std::vector<std::pair<quant::Quantizer*, quant::Mode>> modes_;
  std::vector<std::pair<Tensor, Tensor>> changed_;  // the layer's weight, its current values
};

FloatFlow::FloatFlow(const layers::Graph& graph, Tensor images, std::int64_t memory)
    : graph_(&graph), flow_(graph, std::move(images), memory) {
  std::vector<Original> originals;
  for (std::size_t node = 0; node < graph.nodes().size(); ++node)
    if (layers::QuantizedLayer* layer = graph.nodes()[node].module->as_quantized_layer())
      originals.push_back({node, layer, layer->weight().value().clone()});
  originals_ = std::make_shared<const std::vector<Original>>(std::move(originals));
}

void FloatFlow::advance(std::size_t node) {
  const Restored restored(*graph_, *originals_, flow_.node(), node);
  flow_.advance(node);
}

Values FloatFlow::at(std::size_t node, std::span<const std::int64_t> images) const {
  const Restored restored(*graph_, *originals_, flow_.node(), node);
  return flow_.at(node, images);
}

void FloatFlow::compute(std::size_t node, Values values,
                        const std::function<void(const Variable& output)>& use) const {
  const std::size_t end = graph_->nodes().size();
  const Restored restored(*graph_, *originals_, node, end);
  use(run_nodes(*graph_, node, end, std::move(values)).at(graph_->output()));
  for (std::size_t i = node; i < end; ++i)
    for (layers::Parameter& parameter : graph_->nodes()[i].module->parameters())
      parameter.value.zero_grad();
}

}  // namespace quench::ptq
