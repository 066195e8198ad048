#pragma once

// Private to the model_*.cpp files: the fields of a network in a model file, with their names and
// order, shared by the writer and the reader. Both are archives with
//
//   Ref<T>                T const& to write, T& to read
//   value(name, v)        an integer, a float, a string, or a list or map of these, in the header
//   object(name, o)       the fields of o, as an object in the header
//   optional(name, o)     the same, or null
//   list(name, os)        a list of objects
//   has(name, wanted)     whether a field that older files lack exists; `wanted` in the writer
//   kind(name, kind)      the name of an operation's kind, and its fields as the object "settings"
//   floats(name, list)    float32 values in the data; their count in the header
//   weight(name, conv)    packed in the data, by the weight grid; their count in the header

#include "deploy/network/integer_network.h"

namespace quench::deploy {

template <typename Archive, typename T>
using Ref = typename Archive::template Ref<T>;

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Padding> padding) {
  archive.value("top", padding.top);
  archive.value("left", padding.left);
  archive.value("bottom", padding.bottom);
  archive.value("right", padding.right);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Window2d> window) {
  archive.value("kernel", window.kernel);
  archive.value("stride", window.stride);
  archive.object("padding", window.padding);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Conv2dParams> params) {
  archive.value("stride", params.stride);
  archive.object("padding", params.padding);
  archive.value("dilation", params.dilation);
  archive.value("groups", params.groups);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, quant::QuantGrid> grid) {
  archive.value("bits", grid.bits);
  archive.value("qmin", grid.qmin);
  archive.value("qmax", grid.qmax);
  archive.value("axis", grid.axis);
  archive.floats("scale", grid.scale);
  archive.value("zero_point", grid.zero_point);
  archive.value("levels", grid.levels);
  archive.value("offset", grid.offset);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Value> value) {
  archive.value("channels", value.channels);
  archive.value("height", value.height);
  archive.value("width", value.width);
  archive.optional("grid", value.grid);
  archive.value("readers", value.readers);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Affine> affine) {
  archive.floats("scale", affine.scale);
  archive.floats("shift", affine.shift);
  archive.value("activation", affine.activation);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Output> output) {
  archive.list("steps", output.steps);
  archive.value("value", output.value);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Quantize> quantize) {
  if (archive.has("image", !quantize.image.empty())) archive.floats("image", quantize.image);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Convolution> convolution) {
  archive.value("kernel", convolution.kernel);
  archive.object("params", convolution.params);
  archive.value("out_channels", convolution.out_channels);
  archive.object("weight_grid", convolution.weight_grid);
  archive.weight("weight", convolution);
  archive.floats("bias", convolution.bias);
  archive.optional("pool", convolution.pool);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Addition> addition) {
  if (archive.has("subtracts", addition.subtracts)) archive.value("subtracts", addition.subtracts);
}

template <typename Archive>
void fields(Archive& /*archive*/, Ref<Archive, Multiplication> /*multiplication*/) {}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Lookup> lookup) {
  archive.floats("table", lookup.table);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, AveragePool> pool) {
  archive.object("window", pool.window);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, MaxPool> pool) {
  archive.object("window", pool.window);
  if (archive.has("smallest", !pool.smallest.empty())) archive.value("smallest", pool.smallest);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, ZeroPad> pad) {
  archive.value("before", pad.before);
  archive.value("after", pad.after);
  if (archive.has("image", pad.image != Padding{})) archive.object("image", pad.image);
}

template <typename Archive>
void fields(Archive& /*archive*/, Ref<Archive, Concatenation> /*concatenation*/) {}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Extremum> extremum) {
  if (archive.has("smallest", !extremum.smallest.empty()))
    archive.value("smallest", extremum.smallest);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, ChannelSelection> selection) {
  archive.value("channels", selection.channels);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Upsampling> upsampling) {
  archive.value("factor", upsampling.factor);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, PixelSelection> selection) {
  archive.value("rows", selection.rows);
  archive.value("columns", selection.columns);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Rearrangement> rearrangement) {
  archive.value("dims", rearrangement.dims);
  archive.value("axes", rearrangement.axes);
  archive.value("size", rearrangement.size);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, Operation> operation) {
  archive.value("name", operation.name);
  archive.kind("kind", operation.kind);
  archive.value("inputs", operation.inputs);
  archive.list("outputs", operation.outputs);
}

template <typename Archive>
void fields(Archive& archive, Ref<Archive, IntegerNetwork> network) {
  archive.value("channels", network.channels);
  archive.value("height", network.height);
  archive.value("width", network.width);
  archive.list("values", network.values);
  archive.list("operations", network.operations);
  archive.value("output", network.output);
  archive.value("metadata", network.metadata);
}

}  // namespace quench::deploy
