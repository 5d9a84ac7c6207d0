#ifndef HDLMM_BASE_INDEX_HPP
#define HDLMM_BASE_INDEX_HPP

#include <cstddef>

namespace hdlmm {

/// Eigen's own, for code that does not include Eigen; see types.hpp.
using Index = std::ptrdiff_t;

/// a / b, rounded up.
constexpr Index divide_up(Index a, Index b) { return (a + b - 1) / b; }
/// The multiple that is not below a.
constexpr Index round_up(Index a, Index multiple) { return divide_up(a, multiple) * multiple; }

}  // namespace hdlmm

#endif  // HDLMM_BASE_INDEX_HPP
