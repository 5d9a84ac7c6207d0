#ifndef HDLMM_CORE_LOWER_TRIANGLE_HPP
#define HDLMM_CORE_LOWER_TRIANGLE_HPP

#include <algorithm>

#include "hdlmm/core/packing.hpp"
#include "hdlmm/core/parallel.hpp"
#include "hdlmm/core/types.hpp"

namespace hdlmm {

namespace lower_triangle_detail {

/// A matrix [n x n] whose column j is given from its diagonal down by fill(j, cells [n - j]).
///
/// Above, the memory is left as it comes: half of it is never asked for from the system, and what
/// is comes to the threads that share the columns.
template <typename Fill>
Matrix make_lower(Index n, const Context& context, const Fill& fill) {
  constexpr Index kColumns = 256;  // a few hundred columns are not worth a thread
  Matrix out(n, n);
  parallel_for(context, divide_up(n, kColumns), [&](Index task) {
    const Index end = std::min(n, (task + 1) * kColumns);
    for (Index j = task * kColumns; j < end; ++j) fill(j, &out(j, j));
  });
  return out;
}

}  // namespace lower_triangle_detail

/// Zeros in the lower triangle [n x n]; what is above is not initialised.
inline Matrix zero_lower(Index n, const Context& context) {
  return lower_triangle_detail::make_lower(
      n, context, [&](Index j, double* cells) { std::fill(cells, cells + n - j, 0.0); });
}

/// The lower triangle of k [n x n]; what is above is not initialised.
inline Matrix copy_lower(const ConstMatrix& k, const Context& context) {
  return lower_triangle_detail::make_lower(k.rows(), context, [&](Index j, double* cells) {
    std::copy_n(k.col(j).data() + j, k.rows() - j, cells);
  });
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_LOWER_TRIANGLE_HPP
