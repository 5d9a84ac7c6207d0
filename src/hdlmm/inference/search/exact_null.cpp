#include "hdlmm/inference/search/exact_null.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/search/global_search.hpp"

namespace hdlmm {

namespace {

/// D - w w' with every run of equal d longer than c turned so that w has only c rows in it: the
/// other directions of the run keep their eigenvalue. Grouping factors have few distinct counts.
struct Deflated {
  Vector d;                     ///< what is left
  Matrix w;                     ///< [size of d x c]
  std::vector<double> settled;  ///< eigenvalues that are d already
};

Deflated deflate(const Vector& d, const Matrix& w) {
  constexpr double kEqual = 1e-14;
  const Index r = d.size(), c = w.cols();
  std::vector<Index> order(static_cast<std::size_t>(r));
  std::iota(order.begin(), order.end(), Index(0));
  std::sort(order.begin(), order.end(), [&](Index i, Index j) { return d[i] < d[j]; });
  Deflated out{Vector(r), Matrix(r, c), {}};
  Index kept = 0;
  for (Index first = 0; first < r;) {
    Index last = first;
    while (last < r && d[order[last]] - d[order[first]] <= kEqual * d[order[first]]) ++last;
    const Index size = last - first;
    Matrix block(size, c);
    for (Index i = 0; i < size; ++i) block.row(i) = w.row(order[first + i]);
    Index rows = size;
    if (size > c) {
      rows = c;
      if (c > 0) block = triangle_of_qr(block);
    }
    out.d.segment(kept, rows).setConstant(d[order[first]]);
    out.w.middleRows(kept, rows) = block.topRows(rows);
    out.settled.insert(out.settled.end(), static_cast<std::size_t>(size - rows), d[order[first]]);
    kept += rows;
    first = last;
  }
  out.d.conservativeResize(kept);
  out.w.conservativeResize(kept, c);
  return out;
}

}  // namespace

Vector restricted_eigenvalues(const SpectralParts& parts, const Context& context) {
  if (parts.rank() == 0) return Vector();
  const Deflated deflated = deflate(parts.d, Matrix(parts.d.cwiseSqrt().asDiagonal() * parts.z));
  std::vector<double> all = deflated.settled;
  if (deflated.d.size() > 0) {
    Matrix restricted = deflated.d.asDiagonal().toDenseMatrix();
    subtract_product_transpose(deflated.w, deflated.w, restricted);
    const Vector rest = solve_symmetric(restricted, false, context);
    all.insert(all.end(), rest.data(), rest.data() + rest.size());
  }
  std::sort(all.begin(), all.end());
  const double bound = all.back() * zero_eigenvalue_share(parts.n);
  const auto first = std::upper_bound(all.begin(), all.end(), bound);
  return Eigen::Map<const Vector>(all.data() + (first - all.begin()),
                                  static_cast<Index>(all.end() - first));
}

NullStatistic::NullStatistic(const ProfiledLikelihood& f, const ConstVector& lambda,
                             const Share& null_share, double step)
    : degrees_(f.degrees()) {
  const MarginalSystem& system = f.system();
  const std::vector<double> phi = log_ratio_grid(system, step);
  const Index k = lambda.size();
  n_grid_ = static_cast<Index>(phi.size());
  const Index n_shares = n_grid_ + 2 + (f.has_limit_at_one() ? 1 : 0);  // grid, h0, h = 0, h = 1
  ratio_.resize(n_shares, k + 1);
  log_det_.resize(n_shares);
  const Vector null_s = (null_share.h / system.kappa() * lambda).array() + null_share.nu;
  for (Index g = 0; g < n_shares; ++g) {
    Share share = null_share;
    if (g < n_grid_) {
      share = Share::from_log_ratio(phi[static_cast<std::size_t>(g)], system.kappa());
    }
    if (g == n_grid_ + 1) share = Share{0, 1};
    if (g == n_grid_ + 2) share = Share{1, 0};
    const Vector s = (share.h / system.kappa() * lambda).array() + share.nu;
    ratio_.row(g).head(k) = null_s.cwiseQuotient(s).transpose();
    ratio_(g, k) = share.nu > 0 ? null_share.nu / share.nu : 0;
    const Evaluation e = system.evaluate(share, Detail::marginal);
    log_det_[g] = f.is_reml() ? e.log_det_restricted : e.log_det_v;
  }
}

Vector NullStatistic::operator()(const ConstMatrix& chi2) const {
  check_input(chi2.rows() == ratio_.cols(), "draws of the null distribution: their rows");
  const Matrix value =
      -0.5 * ((degrees_ * (ratio_ * chi2).array().log()).colwise() + log_det_.array()).matrix();
  Vector statistic(chi2.cols());
  for (Index b = 0; b < chi2.cols(); ++b) {
    Index at = 0;
    double best = value.col(b).maxCoeff(&at);
    if (at > 0 && at + 1 < n_grid_) {
      const double left = value(at - 1, b), mid = value(at, b), right = value(at + 1, b);
      const double bend = left - 2 * mid + right;
      if (bend < 0) best = mid - (right - left) * (right - left) / (8 * bend);
    }
    statistic[b] = std::max(0.0, 2 * (best - value(n_grid_, b)));
  }
  return statistic;
}

}  // namespace hdlmm
