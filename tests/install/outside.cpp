// A program that uses single headers of the installed library.

#if __has_include(<core/tensor.h>) || __has_include("core/tensor.h")
#error "the flags of quench put core/ on the include path, where it can collide with another core/"
#endif

#include <quench/autograd/node.h>
#include <quench/core/ops/elementwise.h>

#include <cstdio>

struct CubeNode final : quench::Node {
  quench::Saved x;
  explicit CubeNode(const quench::Tensor& saved) : x(saved) {}
  std::string_view name() const override { return "cube"; }
  std::vector<quench::Tensor> backward(const quench::Tensor& grad_output) const override {
    return {quench::zip(grad_output, x.get(), [](float g, float v) { return 3.0f * g * v * v; })};
  }
};

int main() {
  const quench::Variable x(quench::Tensor::scalar(2.0f), true);
  const quench::Tensor cube = quench::map(x.value(), [](float v) { return v * v * v; });
  quench::record<CubeNode>({x}, cube, x.value()).backward();
  std::printf("%g\n", static_cast<double>(x.grad().item()));
}
