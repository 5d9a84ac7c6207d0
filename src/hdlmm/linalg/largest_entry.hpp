#ifndef HDLMM_LINALG_LARGEST_ENTRY_HPP
#define HDLMM_LINALG_LARGEST_ENTRY_HPP

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// Largest absolute entry, 0 of nothing.
double largest_entry(const ConstMatrix& a);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_LARGEST_ENTRY_HPP
