#pragma once

#include <vector>

#include "layers/module.h"

namespace quench {

/// Which module reads what another has written, found by running the network.
///
/// Modules that have modules of their own, and those that return their input (dropout in
/// evaluation), are left out. Functions that a module calls directly are not seen: a tensor may have
/// readers beside those of readers().
class Dataflow {
 public:
  struct Run {
    Module* module = nullptr;
    std::vector<Tensor> inputs;
    Tensor output;  ///< all kept, so that no storage serves twice
  };

  /// Runs the images once in evaluation, quantizers bypassed.
  Dataflow(Module& network, const Tensor& images);

  /// In order of execution.
  const std::vector<Run>& runs() const { return runs_; }
  /// The runs that read `tensor` itself.
  std::vector<const Run*> readers(const Tensor& tensor) const;
  /// The run that wrote `tensor`; null for the network's input and for what a function computed.
  const Run* writer(const Tensor& tensor) const;
  /// What the whole network computed.
  const Tensor& output() const { return output_; }

 private:
  std::vector<Run> runs_;
  Tensor output_;
};

}  // namespace quench
