#ifndef HDLMM_CORE_KERNEL_LEVEL_HPP
#define HDLMM_CORE_KERNEL_LEVEL_HPP

#include <algorithm>

namespace hdlmm {

/// Instruction sets that the dense kernels are written for, each including those before it.
enum class KernelLevel { portable, avx2, avx512 };

/// The highest level that this processor and its operating system run.
inline KernelLevel best_kernel_level() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    return KernelLevel::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return KernelLevel::avx2;
#endif
  return KernelLevel::portable;
}

/// A level, or the highest below it that this processor runs: what every choice of a kernel takes.
inline KernelLevel usable(KernelLevel level) { return std::min(level, best_kernel_level()); }

inline const char* name(KernelLevel level) {
  switch (level) {
    case KernelLevel::avx512:
      return "AVX-512";
    case KernelLevel::avx2:
      return "AVX2+FMA";
    case KernelLevel::portable:
      break;
  }
  return "portable";
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_KERNEL_LEVEL_HPP
