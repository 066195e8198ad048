#include <array>

#include "autograd/loss.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

template <typename Loss>
void check_loss(const Case& c, Comparison& check, Loss loss_of) {
  const Variable z(tensor(c.inputs.at("z_quant")), true);
  const Variable loss = loss_of(z, tensor(c.inputs.at("z_float")));
  loss.backward();
  check.f32_reduced("loss", loss.value().item(), c.expect.at("loss"));
  check.f32("grad", gradient(z), c.expect.at("grad"));
}

void rmse(const Case& c, Comparison& check) { check_loss(c, check, distillation_rmse); }

void smooth_l1(const Case& c, Comparison& check) {
  const float eps = c.params.at("eps");
  check_loss(c, check, [eps](const Variable& z, const Tensor& teacher) {
    return distillation_smooth_l1(z, teacher, eps);
  });
}

constexpr std::array kOperations{Operation{"fat.loss_rmse", rmse},
                                 Operation{"fat.loss_smooth_l1", smooth_l1}};

}  // namespace

std::span<const Operation> distill_operations() { return kOperations; }

}  // namespace quench::vectors
