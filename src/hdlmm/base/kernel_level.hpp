#ifndef HDLMM_BASE_KERNEL_LEVEL_HPP
#define HDLMM_BASE_KERNEL_LEVEL_HPP

#include <algorithm>

namespace hdlmm {

/// Instruction sets that the dense kernels are written for, each including those before it.
enum class KernelLevel { portable, avx2, avx512 };

/// The highest level that this processor and its operating system run.
KernelLevel best_kernel_level();

/// A level, or the highest below it that this processor runs: what every choice of a kernel takes.
inline KernelLevel usable(KernelLevel level) { return std::min(level, best_kernel_level()); }

const char* name(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_BASE_KERNEL_LEVEL_HPP
