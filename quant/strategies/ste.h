#pragma once

#include <memory>

#include "quant/quantizer.h"
#include "quant/strategy.h"

namespace quench::quant {

/// "ste": quantizes in the forward pass and passes the gradient straight through.
///
/// 1 bit (Courbariaux et al. 2016, arXiv:1602.02830): f(x) = sign(x), sign(0) = +1, scale 1.
///   activation  dL/dx = dL/dy where |x| <= clip, else 0
///   weight      dL/dw = dL/dy, and the latent weight is clipped to [-clip, clip] after each update
///               ("identity", the Theano code); or dL/dy where |w| <= clip, else 0, without this
///               clipping ("window", BinaryNet.tf)
///               With sampling = "stochastic" (BinaryConnect: Courbariaux et al. 2015,
///               arXiv:1511.00363) training draws +1 with probability clip((w + 1) / 2, 0, 1),
///               once per step; evaluation uses the sign.
/// 2 to 8 bits: f(x) = s * clip(round(x / s), qmin, qmax), symmetric; quant/parts/observed_quantizer.h.
///   weight      s = max|w| / qmax of each forward pass, per tensor or channel; dL/dw = dL/dy
///   activation  s = exponential average (`momentum`) of max|x| / qmax, frozen in evaluation;
///               dL/dx = dL/dy where s * qmin <= x <= s * qmax, else 0
///
/// Settings [quant.ste], with their defaults:
///   clip = 1.0                    1 bit; > 0
///   weight_gradient = "identity"  1 bit; or "window"
///   sampling = "deterministic"    1 bit, weights; or "stochastic"
///   act_grid = "auto"             2 to 8 bits; or another of quant/parts/activation_grid.h
///   momentum = 0.99               2 to 8 bits; in [0, 1]
Strategy ste_strategy();

/// +1 where uniform < clip((x + 1) / 2, 0, 1), else -1: for `uniform` drawn from [0, 1), +1 with
/// that probability. @throws std::invalid_argument  if the shapes differ
Tensor stochastic_sign(const Tensor& x, const Tensor& uniform);

}  // namespace quench::quant
