#include "deploy/engine/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "deploy/engine/prepared_operation.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

std::size_t bytes_of(const Value& value) {
  return static_cast<std::size_t>(value.numel()) * (value.grid ? 1 : sizeof(float));
}

/// For each value, the index of the last operation that reads it.
std::vector<std::size_t> last_reads(const IntegerNetwork& network) {
  std::vector<std::size_t> last(network.values.size(), 0);
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    for (const ValueId id : network.operations[i].inputs) last[id] = i;
    for (const Output& output : network.operations[i].outputs)
      last[output.value] = std::max(last[output.value], i);
  }
  last[network.output] = network.operations.size();
  return last;
}

struct Prepare {
  const IntegerNetwork& network;
  const Operation& operation;
  kernels::Isa isa;
  Products products;

  Prepared operator()(const Quantize&) const { return prepare_quantize(network, operation); }
  Prepared operator()(const Convolution&) const {
    return prepare_convolution(network, operation, isa, products);
  }
  Prepared operator()(const Addition&) const { return prepare_addition(network, operation); }
  Prepared operator()(const Multiplication&) const {
    return prepare_multiplication(network, operation);
  }
  Prepared operator()(const Lookup&) const { return prepare_lookup(network, operation); }
  Prepared operator()(const AveragePool&) const { return prepare_average_pool(network, operation); }
  Prepared operator()(const MaxPool&) const { return prepare_max_pool(network, operation); }
  Prepared operator()(const ZeroPad&) const { return prepare_zero_pad(network, operation); }
  Prepared operator()(const Extremum&) const { return prepare_extremum(network, operation); }
  Prepared operator()(const ChannelSelection&) const {
    return prepare_channel_selection(network, operation);
  }
  Prepared operator()(const Upsampling&) const { return prepare_upsampling(network, operation); }
  Prepared operator()(const PixelSelection&) const {
    return prepare_pixel_selection(network, operation);
  }
  Prepared operator()(const Rearrangement&) const {
    return prepare_rearrangement(network, operation);
  }
  Prepared operator()(const Concatenation&) const {
    return prepare_concatenation(network, operation);
  }
};

}  // namespace

Engine::Engine(IntegerNetwork network, kernels::Isa isa, Products products)
    : network_(std::move(network)) {
  check_network(network_);
  for (const Operation& operation : network_.operations)
    operations_.push_back(std::visit(Prepare{network_, operation, isa, products}, operation.kind));
  plan_memory();
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;

/// Values whose lifetimes do not overlap share memory, so that an operation's inputs are usually
/// still in the cache.
void Engine::plan_memory() {
  const std::vector<std::size_t> last = last_reads(network_);
  struct Slot {
    std::size_t bytes;
    std::size_t free_after;
  };
  std::vector<Slot> slots;
  slot_of_.assign(network_.values.size(), 0);
  for (std::size_t i = 0; i < network_.operations.size(); ++i) {
    for (const Output& output : network_.operations[i].outputs) {
      const auto free =
          std::ranges::find_if(slots, [i](const Slot& s) { return s.free_after < i; });
      const std::size_t bytes = bytes_of(network_.values[output.value]);
      slot_of_[output.value] = static_cast<std::size_t>(free - slots.begin());
      if (free == slots.end()) {
        slots.push_back({bytes, last[output.value]});
      } else {
        *free = {std::max(free->bytes, bytes), last[output.value]};
      }
    }
  }
  for (const Slot& slot : slots)
    slots_.push_back(Tensor({static_cast<std::int64_t>(slot.bytes)}, DType::u8));
}

std::vector<std::byte*> Engine::shared_memory() {
  std::vector<std::byte*> values;
  for (const std::size_t slot : slot_of_) values.push_back(slots_[slot].bytes_begin());
  return values;
}

Tensor Engine::operator()(const Tensor& images) {
  check_images(network_, images);
  const Value& output = network_.values[network_.output];
  Tensor logits({images.dim(0), output.channels});
  const std::int64_t size = images.numel() / images.dim(0);
  const std::vector<std::byte*> values = shared_memory();
  for (std::int64_t n = 0; n < images.dim(0); ++n) {
    for (const auto& operation : operations_) operation->run({values, images.data() + n * size});
    std::memcpy(logits.data() + n * output.channels, values[network_.output], bytes_of(output));
  }
  return logits;
}

Values Engine::values(const Tensor& images) {
  check_images(network_, images);
  Values result = allocate_values(network_, images.dim(0));
  const std::int64_t size = images.numel() / images.dim(0);
  std::vector<std::byte*> values;
  for (Tensor& value : result) values.push_back(value.bytes_begin());
  for (std::int64_t n = 0; n < images.dim(0); ++n) {
    for (const auto& operation : operations_) operation->run({values, images.data() + n * size});
    for (ValueId id = 0; id < values.size(); ++id) values[id] += bytes_of(network_.values[id]);
  }
  return result;
}

std::vector<double> Engine::operation_seconds(const Tensor& image) {
  check_images(network_, image);
  const std::vector<std::byte*> values = shared_memory();
  std::vector<double> result;
  for (const auto& operation : operations_) {
    const auto start = std::chrono::steady_clock::now();
    operation->run({values, image.data()});
    result.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return result;
}

std::vector<std::string_view> Engine::kernels() const {
  std::vector<std::string_view> result;
  for (const auto& operation : operations_) result.push_back(operation->kernel());
  return result;
}

}  // namespace quench::deploy
