#pragma once

#include <concepts>
#include <cstddef>
#include <variant>

namespace quench::layers {

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

/// A module of a kind that Layer does not list, such as one defined outside the library. It can
/// run; nothing else is known about it.
struct CustomLayer {
  Module* module;
};

/// The operation of a Graph's node. The list is closed: passes that handle layers kind by kind,
/// such as equalization, freezing or ONNX export, visit every kind, so a forgotten kind does not
/// compile.
using Layer =
    std::variant<Conv2d*, Linear*, BatchNorm*, GroupNorm*, LocalResponseNorm*, ScaleShift*,
                 ActivationLayer*, PointwiseFunction*, PRelu*, Add*, Multiply*, Extremum*, Concat*,
                 SelectChannels*, SelectPixels*, Pad*, Upsample*, BilinearResize*, Rearrange*,
                 MaxPool2d*, AveragePool2d*, GlobalAveragePool*, Flatten*, Unflatten*, CustomLayer>;

/// Functions for std::visit(). Together they must accept every kind of Layer. None may accept
/// Module*, the base of all kinds, because it would hide a forgotten kind.
template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// Deduced implicitly from clang 17 on.
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

/// For a function that accepts several kinds: [](OneOf<Flatten, Unflatten> auto layer) { ... }.
template <typename T, typename... Kinds>
concept OneOf = (std::same_as<T, Kinds*> || ...);

/// A value in a network, numbered in order of execution; 0 is the network's input.
using ValueId = std::size_t;

}  // namespace quench::layers
