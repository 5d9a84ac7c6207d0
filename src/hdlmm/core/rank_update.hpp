#ifndef HDLMM_CORE_RANK_UPDATE_HPP
#define HDLMM_CORE_RANK_UPDATE_HPP

#include <algorithm>

#include "hdlmm/core/parallel.hpp"

namespace hdlmm {

namespace rank_update_detail {
constexpr Index kPanel = 192;  // rows of the result that one task owns
}

/// c [n x n, lower triangle] += b b', b: [n x k]. n^2 k flops, each task one panel of rows.
inline void add_outer_gram(const ConstMatrix& b, Matrix& c, const Context& context) {
  const Index n = b.rows(), panel = rank_update_detail::kPanel;
  const Index n_panels = (n + panel - 1) / panel;
  parallel_for(context, n_panels, [&](Index task) {
    const Index first = (n_panels - 1 - task) * panel;  // the longest panels first
    const Index size = std::min(panel, n - first), end = first + size;
    c.block(first, 0, size, end).noalias() +=
        b.middleRows(first, size) * b.topRows(end).transpose();
  });
}

/// c [p x p, lower triangle] += b' b, b: [k x p].
inline void add_inner_gram(const ConstMatrix& b, Matrix& c, const Context& context) {
  const Index p = b.cols(), panel = rank_update_detail::kPanel;
  const Index n_panels = (p + panel - 1) / panel;
  parallel_for(context, n_panels, [&](Index task) {
    const Index first = (n_panels - 1 - task) * panel;
    const Index size = std::min(panel, p - first), end = first + size;
    c.block(first, 0, size, end).noalias() +=
        b.middleCols(first, size).transpose() * b.leftCols(end);
  });
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_RANK_UPDATE_HPP
