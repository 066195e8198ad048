#include "onnx/file/parse_proto.h"

#include <limits>
#include <new>

#include "onnx/file/skeleton.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

using google::protobuf::Arena;
using google::protobuf::ArenaOptions;

constexpr std::size_t kLeastMemory = std::size_t{128} << 20;
constexpr std::size_t kMemoryPerByte = 4;  // enough for graphs written by exporters
constexpr auto kMaxBytes =
    static_cast<std::size_t>(std::numeric_limits<int>::max());  // protobuf's limit

// An arena does not pass itself to its allocation functions.
thread_local std::size_t memory_left = 0;

struct TooMuchMemory {};

void* allocate(std::size_t bytes) {
  if (bytes > memory_left) throw TooMuchMemory{};
  memory_left -= bytes;
  return ::operator new(bytes);
}

void release(void* block, std::size_t) { ::operator delete(block); }

std::size_t limit_of(std::size_t bytes) { return kLeastMemory + kMemoryPerByte * bytes; }

/// Options for the next arena that this thread creates and fills.
ArenaOptions memory_for(std::size_t bytes) {
  memory_left = limit_of(bytes);
  ArenaOptions options;
  options.max_block_size = std::size_t{1} << 20;
  options.block_alloc = allocate;
  options.block_dealloc = release;
  return options;
}

std::string checked_skeleton(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() > kMaxBytes)
    fail(
        "{}: expected less than 2 GiB (protobuf's limit), got {} bytes; keep weights in external "
        "data (onnx.save(model, path, save_as_external_data=True))",
        name, bytes.size());
  return skeleton_of(bytes, name);
}

}  // namespace

ParsedModel::ParsedModel(std::span<const std::byte> bytes, const std::string& name)
    : ParsedModel(name, checked_skeleton(bytes, name)) {}

ParsedModel::ParsedModel(const std::string& name, const std::string& skeleton)
    : arena_(memory_for(skeleton.size())) {
  try {
    auto* model = Arena::CreateMessage<::onnx::ModelProto>(&arena_);
    if (!model->ParseFromString(skeleton)) fail("{}: not an ONNX file, or a damaged one", name);
    model_ = model;
  } catch (const TooMuchMemory&) {
    fail("{}: {} bytes take more than {} MiB of memory to parse: not a network", name,
         skeleton.size(), limit_of(skeleton.size()) >> 20);
  }
}

}  // namespace quench::onnx
