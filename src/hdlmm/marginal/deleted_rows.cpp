#include "hdlmm/marginal/deleted_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

constexpr Index kPairs = 512;  // columns of products that are weighed at a time

/// From forms in V^-1 of some columns: what eliminating them takes.
struct Elimination {
  bool is_regular = false;
  Matrix inverse;          ///< of the leading forms [k x k]
  double log_det = 0;      ///< of these
  double trace = 0;        ///< tr(M^-1 D), the logarithmic derivative
  double trace_trace = 0;  ///< 2 tr(M^-1 D2) - tr(M^-1 D M^-1 D)

  /// forms: [q x 3 q].
  Elimination(const Matrix& forms, Index k) {
    const Index q = forms.rows();
    Matrix root = forms.topLeftCorner(k, k);
    if (!cholesky_in_place(root, Context())) return;
    log_det = 2 * root.diagonal().array().log().sum();
    inverse = inverse_of_root(std::move(root), Context());
    const Matrix solved = product(inverse, forms.block(0, q, k, k));
    trace = solved.trace();
    trace_trace = 2 * inverse.cwiseProduct(forms.block(0, 2 * q, k, k)).sum() -
                  solved.cwiseProduct(solved.transpose()).sum();
    is_regular = std::isfinite(log_det);
  }
};

}  // namespace

DeletionNodes::DeletionNodes(const SpectralParts& parts, double kappa, std::vector<Share> at)
    : shares(std::move(at)) {
  const Index count = static_cast<Index>(shares.size()), r = parts.rank();
  weights.resize(r, 3 * count);
  log_s.resize(count);
  tr_k.resize(count);
  tr_kk.resize(count);
  for (Index i = 0; i < count; ++i) {
    const Share& share = shares[static_cast<std::size_t>(i)];
    const Vector s = (share.h / kappa * parts.d).array() + share.nu;
    const Vector k = parts.d.cwiseQuotient(s);
    weights.col(3 * i) = s.cwiseInverse();
    weights.col(3 * i + 1) = weights.col(3 * i).cwiseProduct(k);
    weights.col(3 * i + 2) = weights.col(3 * i + 1).cwiseProduct(k);
    log_s[i] = sum_log(s);
    tr_k[i] = k.sum();
    tr_kk[i] = k.squaredNorm();
  }
}

DeletedSystem::DeletedSystem(const SpectralParts& parts, double kappa, Deletion deletion)
    : parts_(parts), f_(deletion.rows.cols()), shift_(std::move(deletion.shift)) {
  const Index r = parts.rank(), c = parts.n_fixed(), rho = parts.null_in_fixed();
  const Index q = f_ + c + 1;
  check_input(!parts.is_tridiagonal() && !parts.has_prior() && !parts.mean.is_present(),
              "rows left out: kind of the system");
  check_input(deletion.rows.rows() == r && deletion.y.size() == r && shift_.size() == rho &&
                  deletion.fixed_rows.rows() == f_ && deletion.fixed_rows.cols() == rho &&
                  deletion.y_rows.size() == f_,
              "rows left out: shapes");
  cells_.resize(r, q);
  cells_ << deletion.rows, parts.z, deletion.y;
  null_forms_ = Matrix::Zero(q, q);
  if (parts.null_dimension() > 0) {
    null_forms_.topLeftCorner(f_, f_) =
        Matrix::Identity(f_, f_) - transpose_product(deletion.rows, deletion.rows);
    null_forms_.block(0, f_, f_, rho) = deletion.fixed_rows;
    null_forms_.block(f_, 0, rho, f_) = deletion.fixed_rows.transpose();
    null_forms_.diagonal().segment(f_, rho) = parts.null_scale.cwiseAbs2();
    null_forms_.col(q - 1).head(f_) = deletion.y_rows;
    null_forms_.row(q - 1).head(f_) = deletion.y_rows.transpose();
    null_forms_(q - 1, q - 1) = deletion.null_residual * deletion.null_residual;
  }
  n_rows_ = parts.n - f_;
  n_fixed_ = c;
  kappa_ = kappa;
  min_eigenvalue_ = parts.smallest();
  max_eigenvalue_ = parts.largest();
}

std::vector<Evaluation> DeletedSystem::evaluate_nodes(const DeletionNodes& nodes,
                                                      Detail detail) const {
  const Index q = cells_.cols(), r = cells_.rows(), count = nodes.size();
  std::vector<Matrix> forms(static_cast<std::size_t>(count), Matrix(q, 3 * q));
  Matrix pairs(r, std::max(kPairs, q));
  Index first = 0;
  while (first < q) {  // columns `first` to `last` - 1 with themselves and those after them
    Index last = first, width = 0;
    while (last < q && (width == 0 || width + q - last <= pairs.cols())) {
      for (Index j = last; j < q; ++j) {
        pairs.col(width++) = cells_.col(last).cwiseProduct(cells_.col(j));
      }
      ++last;
    }
    Matrix sums = Matrix::Zero(width, 3 * count);
    add_product(1, pairs.leftCols(width), Op::transpose, nodes.weights, Op::none, sums, Context());
    for (Index k = 0; k < 3 * count; ++k) {
      Matrix& form = forms[static_cast<std::size_t>(k / 3)];
      const Index at = k % 3 * q;
      Index pair = 0;
      for (Index i = first; i < last; ++i) {
        for (Index j = i; j < q; ++j) {
          form(i, at + j) = form(j, at + i) = sums(pair++, k);
        }
      }
    }
    first = last;
  }
  std::vector<Evaluation> out;
  for (Index i = 0; i < count; ++i) {
    out.push_back(assemble(nodes, i, std::move(forms[static_cast<std::size_t>(i)]), detail));
  }
  return out;
}

Evaluation DeletedSystem::do_evaluate(const Share& share, Detail detail) const {
  const DeletionNodes node(parts_, kappa_, {share});
  const Index q = cells_.cols();
  Matrix weighted(cells_.rows(), 3 * q), forms = Matrix::Zero(q, 3 * q);
  for (Index k = 0; k < 3; ++k) {
    weighted.middleCols(k * q, q) = node.weights.col(k).asDiagonal() * cells_;
  }
  add_product(1, cells_, Op::transpose, weighted, Op::none, forms, Context());
  return assemble(node, 0, std::move(forms), detail);
}

Evaluation DeletedSystem::assemble(const DeletionNodes& nodes, Index node, Matrix forms,
                                   Detail detail) const {
  const Index q = cells_.cols(), c = n_fixed_, k = f_ + c;
  Evaluation out;
  out.share = nodes.shares[static_cast<std::size_t>(node)];
  const double hk = out.share.h / kappa_, nu = out.share.nu;
  const double tr_k = nodes.tr_k[node], tr_kk = nodes.tr_kk[node];
  double log_v = nodes.log_s[node];
  if (parts_.null_dimension() > 0) {
    forms.leftCols(q) += null_forms_ / nu;
    log_v += static_cast<double>(parts_.null_dimension()) * std::log(nu);
  }
  const Elimination all(forms, k);
  if (!all.is_regular) {
    out.rss = out.quad_k = out.quad_kk = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  const Vector x = times(all.inverse, forms.col(q - 1).head(k));
  Vector residual(q);
  residual << -x, 1;
  const Vector once = times(forms.middleCols(q, q), residual);
  out.rss = forms(q - 1, q - 1) - x.dot(forms.col(q - 1).head(k));
  out.quad_k = residual.dot(once);
  out.quad_kk = residual.dot(times(forms.rightCols(q), residual)) -
                once.head(k).dot(times(all.inverse, once.head(k)));
  out.quad_noise = out.rss - hk * out.quad_k;  // y'P y = y'P V P y
  out.log_det_restricted = log_v + all.log_det;
  if (detail != Detail::restricted) add_marginal(forms, tr_k, tr_kk, log_v, out);
  if (detail == Detail::marginal) return out;
  out.tr_pk = tr_k - all.trace;
  out.tr_pkpk = tr_kk - all.trace_trace;
  out.tr_p_noise = static_cast<double>(n_rows_ - c) - hk * out.tr_pk;  // tr(P V) is its rank
  if (detail == Detail::all && c > 0) {
    Vector delta = x.tail(c);
    delta.head(shift_.size()) += shift_;
    out.delta = times(parts_.turn, delta);
    out.covariance = congruent(parts_.turn, all.inverse.bottomRightCorner(c, c));
    out.covariance_k =
        congruent(parts_.turn, congruent(all.inverse.bottomRows(c), forms.block(0, q, k, k)));
    out.covariance_noise = out.covariance - hk * out.covariance_k;
  }
  return out;
}

void DeletedSystem::add_marginal(const Matrix& forms, double tr_k, double tr_kk, double log_v,
                                 Evaluation& out) const {
  const Elimination rows(forms, f_);
  const double hk = out.share.h / kappa_;
  out.log_det_v = log_v + rows.log_det;
  out.tr_vk = tr_k - rows.trace;
  out.tr_vkvk = tr_kk - rows.trace_trace;
  out.tr_v_noise = static_cast<double>(n_rows_) - hk * out.tr_vk;
}

}  // namespace hdlmm
