#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

KernelLevel best_kernel_level() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    return KernelLevel::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return KernelLevel::avx2;
#endif
  return KernelLevel::portable;
}

const char* name(KernelLevel level) {
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
