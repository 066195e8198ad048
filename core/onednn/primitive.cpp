#include "core/onednn/primitive.h"

namespace quench::onednn {
namespace {

const dnnl::stream& cpu_stream() {
  static const dnnl::stream stream(cpu_engine());
  return stream;
}

}  // namespace

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Tensor buffer(const dnnl::memory::desc& desc) {
  return Tensor({static_cast<std::int64_t>(desc.get_size())}, DType::u8);
}

void Primitive::bind(const Operand& operand) const {
  if (!operand.tensor.defined()) return;
  // oneDNN takes non-const pointers, even for inputs.
  void* data = const_cast<std::byte*>(operand.tensor.bytes_begin());
  const auto known = memories_.find(operand.argument);
  if (known == memories_.end()) {
    memories_.emplace(operand.argument, dnnl::memory(operand.layout, cpu_engine(), data));
  } else {
    known->second.set_data_handle(data);
  }
}

void Primitive::execute(std::initializer_list<Operand> operands) const {
  for (const Operand& operand : operands) bind(operand);
  Tensor scratch;  // freed on return; the CPU stream has finished by then
  if (scratchpad_.get_size() > 0) {
    scratch = buffer(scratchpad_);
    bind({DNNL_ARG_SCRATCHPAD, scratchpad_, scratch});
  }
  dnnl::stream stream = cpu_stream();
  primitive_.execute(stream, memories_);
  stream.wait();
}

Relayout::Relayout(const dnnl::memory::desc& from, const dnnl::memory::desc& to)
    : needed_(from != to), from_(from), to_(to) {
  if (!needed_) return;
  reorder_ = Primitive(
      dnnl::reorder::primitive_desc(cpu_engine(), from, cpu_engine(), to, user_scratchpad()));
}

Tensor Relayout::apply(const Tensor& source) const {
  if (!needed_) return source;
  Tensor relaid = buffer(to_);
  finish(source, relaid);
  return relaid;
}

Tensor Relayout::staging(const Tensor& target) const { return needed_ ? buffer(from_) : target; }

void Relayout::finish(const Tensor& staged, const Tensor& target) const {
  if (needed_) reorder_.execute({{DNNL_ARG_FROM, from_, staged}, {DNNL_ARG_TO, to_, target}});
}

}  // namespace quench::onednn
