// Trains a network with 4-bit weights and activations, freezes it into integers, and compares these
// with evaluation in training. See docs/library.md.

#include <quench/quench.h>

using namespace quench;

int main() {
  const auto data = datasets::make_synthetic(1, 4000, 1000);  // or datasets::load_cifar10("data")
  const datasets::Transform pixels{.mean = {127.5f, 127.5f, 127.5f}, .std = {64.0f, 64.0f, 64.0f}};
  datasets::Loader training(data.train, pixels, {.batch_size = 50, .shuffle = true});
  datasets::Loader test(data.test, pixels, {.batch_size = 100});

  Random random(1, "initialization");
  const BatchNormParams relu{.activation = Activation::relu};
  layers::Sequential network;
  network.append<layers::Conv2d>("conv1", {.in_channels = 3, .out_channels = 32}, random);
  network.append<layers::MaxPool2d>("pool1", {.kernel = {2, 2}, .stride = {2, 2}});
  network.append<layers::BatchNorm>("bn1", {32, relu});
  network.append<layers::Conv2d>("conv2", {.in_channels = 32, .out_channels = 32}, random);
  network.append<layers::MaxPool2d>("pool2", {.kernel = {2, 2}, .stride = {2, 2}});
  network.append<layers::BatchNorm>("bn2", {32, relu});
  network.append<layers::Flatten>("flatten");
  network.append<layers::Linear>("fc", {.in_features = 32 * 6 * 6, .out_features = 10}, random);
  layers::attach_quantizers(
      network, quant::uniform_policy({.method = "lsq", .weight_bits = 4, .activation_bits = 4}));

  train::Trainer trainer(network, training, {.epochs = 3, .optimizer = {.lr = 2e-3}});
  while (const auto epoch = trainer.train_epoch())
    fmt::print("loss {:.3f}, top1 {:.1f} %\n", epoch->loss, train::evaluate(network, test).top1());

  deploy::Engine engine(deploy::freeze(network, {1, 3, 32, 32}));
  const deploy::Verification check = deploy::verify(network, engine, test);
  fmt::print("{} of {} integers and logits differ\n", check.different(), check.compared());
  deploy::write_model("model.qnc", engine.network());
}
