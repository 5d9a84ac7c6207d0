#ifndef HDLMM_SIMD_BYTE_KERNEL_HPP
#define HDLMM_SIMD_BYTE_KERNEL_HPP

#include <cstdint>

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

// Products of whole numbers from 0 to 15 in bytes. A packed operand is cut into strips of `width`
// vectors; the cells of four steps of depth lie side by side: cell l of vector i is at
// (l / 4 * width + i) * 4 + l % 4.

/// c [rows x cols] += a b' where a is rows / width adjacent strips, b half a strip, both `quads`
/// times four deep. Sums of pairs of products are kept in 16 bits: 2 * 15^2 kMaxQuads < 2^15.
struct ByteKernel {
  Index width;
  Index rows;
  Index cols;
  void (*add_tile)(Index quads, const std::uint8_t* a, const std::uint8_t* b, double* c, Index ldc);
};

constexpr Index kMaxQuads = 72;

/// Whether there is such a kernel at this level on this processor.
inline bool has_byte_kernel(KernelLevel level) { return usable(level) != KernelLevel::portable; }

/// Only where has_byte_kernel().
ByteKernel byte_kernel(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_BYTE_KERNEL_HPP
