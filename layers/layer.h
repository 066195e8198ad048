#pragma once

#include <concepts>
#include <cstddef>
#include <variant>

namespace quench {

class ActivationLayer;
class Add;
class AveragePool2d;
class BatchNorm;
class BilinearResize;
class Concat;
class Conv2d;
class Extremum;
class Flatten;
class GlobalAveragePool;
class GroupNorm;
class Linear;
class LocalResponseNorm;
class MaxPool2d;
class Module;
class Multiply;
class PRelu;
class Pad;
class PointwiseFunction;
class Rearrange;
class ScaleShift;
class SelectChannels;
class SelectPixels;
class Unflatten;
class Upsample;

/// A module of no kind that Layer lists, such as a program's own: it runs, and that is all that is
/// known about it.
struct CustomLayer {
  Module* module;
};

/// What a node of a Graph computes. The list is closed: whatever handles layers kind by kind, such as
/// equalization, freezing or ONNX export, visits each, so that a kind that it forgets does not compile.
using Layer =
    std::variant<Conv2d*, Linear*, BatchNorm*, GroupNorm*, LocalResponseNorm*, ScaleShift*,
                 ActivationLayer*, PointwiseFunction*, PRelu*, Add*, Multiply*, Extremum*, Concat*,
                 SelectChannels*, SelectPixels*, Pad*, Upsample*, BilinearResize*, Rearrange*,
                 MaxPool2d*, AveragePool2d*, GlobalAveragePool*, Flatten*, Unflatten*, CustomLayer>;

/// Functions for std::visit(): together they take every kind of Layer, and none takes Module*, the base
/// of all, which would let a forgotten kind through.
template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// Deduced by itself from clang 17 on.
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

/// For a function of several kinds: [](OneOf<Flatten, Unflatten> auto layer) { ... }.
template <typename T, typename... Kinds>
concept OneOf = (std::same_as<T, Kinds*> || ...);

/// A value that a network computes, counted in order of execution; 0 is what the network is given.
using ValueId = std::size_t;

}  // namespace quench
