#include "core/safetensors.h"

#include <stdexcept>

#include "fuzz/target.h"

using namespace quench;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::may_refuse<std::runtime_error>([&] {
    const TensorFile file = parse_safetensors(fuzz::bytes_of(data, size), "input");
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : file.tensors) bytes += tensor.bytes();
    fuzz::promise(bytes <= size);
  });
}
