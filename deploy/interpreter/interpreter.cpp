#include "deploy/interpreter/interpreter.h"

#include "core/parallel.h"
#include "deploy/interpreter/interpreted_image.h"
#include "support/error.h"

namespace quench::deploy {

void check_images(const IntegerNetwork& network, const Tensor& images) {
  require(images.rank() == 4 && images.dtype() == DType::f32 && images.dim(1) == network.channels &&
              images.dim(2) == network.height && images.dim(3) == network.width,
          "integer network: expected images [N, {}, {}, {}] of f32, got {} of {}", network.channels,
          network.height, network.width, images.shape().to_string(), name_of(images.dtype()));
}

Values allocate_values(const IntegerNetwork& network, std::int64_t images) {
  Values values;
  for (const Value& value : network.values) {
    values.emplace_back(Shape{images, value.channels, value.height, value.width},
                        value.grid ? DType::u8 : DType::f32);
  }
  return values;
}

Values interpret(const IntegerNetwork& network, const Tensor& images) {
  check_network(network);
  check_images(network, images);
  Values values = allocate_values(network, images.dim(0));
  const std::int64_t size = network.channels * network.height * network.width;
  parallel_for(images.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      InterpretedImage image(network, values, n);
      for (const Operation& operation : network.operations)
        image.run(operation, images.data() + n * size);
    }
  });
  return values;
}

Tensor logits_of(const IntegerNetwork& network, const Values& values) {
  const Tensor& output = values[network.output];
  return output.reshape({output.dim(0), output.dim(1)});
}

}  // namespace quench::deploy
