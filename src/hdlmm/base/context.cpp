#include "hdlmm/base/context.hpp"

namespace hdlmm {

Context::Context()
    : kernels(best_kernel_level()), poll([] {}), progress([](const std::string&, double) {}) {}

// Here, as compilers would write all of it out wherever a context is made or dropped.
Context::Context(const Context& other) = default;
Context::Context(Context&& other) noexcept = default;
Context& Context::operator=(const Context& other) = default;
Context& Context::operator=(Context&& other) noexcept = default;
Context::~Context() = default;

}  // namespace hdlmm
