#include "hdlmm/inference/terms/terms_expectation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

const double kLog2PiTerms = std::log(2 * std::acos(-1.0));

/// (I (x) s) h over the levels of a term, h [q x m].
Matrix by_levels(const TermShape& shape, const Matrix& s, const Matrix& h) {
  if (shape.width == 1) return s(0, 0) * h;
  Matrix out(h.rows(), h.cols());
  for (Index first = 0; first < h.rows(); first += shape.width) {
    out.middleRows(first, shape.width) = product(s, h.middleRows(first, shape.width));
  }
  return out;
}

/// K_k v, K_k = X_k (I (x) S_k) X_k', v [n x m].
Matrix term_product(const TermsModel& model, const Covariances& at, Index k, const Matrix& v) {
  Matrix h = Matrix::Zero(model.design(k).cols(), v.cols());
  model.design(k).add_covariance_product(v, h);
  Matrix out = Matrix::Zero(v.rows(), v.cols());
  model.design(k).add_product(by_levels(model.shape(k), at.relative(k), h), out);
  return out;
}

/// Some columns b of a B with K_k = sum over blocks of (K_k B) B': of the identity, or where the
/// columns are fewer those of X_k.
class Blocks {
 public:
  Blocks(const TermsModel& model, const Covariances& at, Index k) : model_(model), at_(at), k_(k) {
    by_rows_ = model.rows() <= model.design(k).cols();
    const Index width = model.shape(k).width;
    size_ = by_rows_ ? kColumnBlock : std::max(width, kColumnBlock / width * width);
  }

  Index count() const { return (columns() + size_ - 1) / size_; }

  /// left = what K_k makes of the columns, right = the columns.
  void read(Index block, Matrix& left, Matrix& right) const {
    const Index first = block * size_, width = std::min(size_, columns() - first);
    if (by_rows_) {
      right = Matrix::Zero(model_.rows(), width);
      right.middleRows(first, width).setIdentity();
      left = term_product(model_, at_, k_, right);
      return;
    }
    Matrix unit = Matrix::Zero(columns(), width);
    unit.middleRows(first, width).setIdentity();
    right = Matrix::Zero(model_.rows(), width);
    model_.design(k_).add_product(unit, right);
    Matrix with_prior = Matrix::Zero(model_.rows(), width);
    model_.design(k_).covariance_columns(first, with_prior);
    left = by_levels(model_.shape(k_), at_.relative(k_), with_prior.transpose()).transpose();
  }

 private:
  Index columns() const { return by_rows_ ? model_.rows() : model_.design(k_).cols(); }

  const TermsModel& model_;
  const Covariances& at_;
  Index k_;
  bool by_rows_ = false;
  Index size_ = 0;
};

/// tr(K_k W K_l), and tr(K_k) last, [K x K + 1].
Matrix term_traces(const TermsModel& model, const Covariances& at, const TermsFactor& factor,
                   const Matrix* fixed_covariance, const Context& context) {
  Matrix out = Matrix::Zero(model.size(), model.size() + 1), left, right;
  Matrix solved_q;
  if (fixed_covariance != nullptr) solved_q = factor.solve(model.q);
  for (Index l = 0; l < model.size(); ++l) {
    const Blocks blocks(model, at, l);
    for (Index block = 0; block < blocks.count(); ++block) {
      context.poll();
      blocks.read(block, left, right);
      Matrix solved = factor.solve(left);
      if (fixed_covariance != nullptr) {
        const Matrix along = product(*fixed_covariance, transpose_product(solved_q, left));
        subtract_product(solved_q, along, solved);
      }
      for (Index k = 0; k < model.size(); ++k) {
        out(k, l) += solved.cwiseProduct(term_product(model, at, k, right)).sum();
      }
      out(l, model.size()) += left.cwiseProduct(right).sum();
    }
  }
  return out;
}

void add_expansion(const TermsModel& model, const Covariances& at, double sigma2, bool is_ml,
                   const TermsFactor& factor, const TermsFixed& fixed, TermsExpectation& out) {
  const Context context;
  Matrix means(model.rows(), model.size());
  const std::vector<Vector> effects = factor.effects(fixed.delta);
  for (Index k = 0; k < model.size(); ++k) {
    Matrix mean = Matrix::Zero(model.rows(), 1);
    model.design(k).add_product(effects[static_cast<std::size_t>(k)], mean);
    means.col(k) = mean.col(0);
  }
  const Matrix traces =
      term_traces(model, at, factor, is_ml ? nullptr : &fixed.covariance, context);
  out.gram =
      transpose_product(means, means) - sigma2 * symmetric_part(traces.leftCols(model.size()));
  out.gram.diagonal() += sigma2 * traces.col(model.size());
  if (!is_ml) return;
  const Matrix along = transpose_product(model.q, means);
  out.gram -= transpose_product(along, along);
}

}  // namespace

TermsExpectation expect_terms(const TermsSystem& system, const Covariances& at, double sigma2,
                              bool is_ml, bool is_expanded, const TermsPosterior* posterior,
                              const Context& context) {
  context.poll();
  const TermsModel& model = system.model();
  const auto factor = system.factor(at, context);
  const double n = static_cast<double>(model.rows());
  const double df = is_ml ? n : n - static_cast<double>(model.q.cols());
  TermsExpectation out;
  TermsFixed fixed =
      posterior != nullptr ? posterior->fixed_at(*factor, sigma2) : fixed_of(factor->data_gram());
  if (posterior == nullptr) settle_rss(*factor, model, fixed);
  const double log_det = factor->log_det() + (is_ml ? 0 : fixed.log_det);
  out.value = -0.5 * (df * (kLog2PiTerms + std::log(sigma2)) + log_det + fixed.rss / sigma2);
  if (posterior != nullptr) {
    out.value += posterior->log_prior(at, sigma2, false).value + posterior->log_prior(fixed.delta);
  }
  std::vector<Matrix> traces = factor->traces();
  const std::vector<Matrix> slopes = is_ml ? std::vector<Matrix>() : factor->fixed_slopes();
  const Vector along = factor->moments(fixed.delta).along_response;
  // |P y|^2 = rss - sum tr(u u'S) and tr W = N - sum tr(T S): E|e|^2 = |P y|^2 + sigma2 (n - tr W)
  out.noise = fixed.rss + sigma2 * (n - df);
  out.cross.resize(at.size());
  for (Index k = 0; k < at.size(); ++k) {
    Matrix t = traces[static_cast<std::size_t>(k)];
    const Index first = at.first(k), width = at.shape(k).width;
    if (!is_ml) t -= fixed_share(slopes, first, width, fixed.covariance);
    const auto own = along.segment(first, at.shape(k).parameters());
    const Matrix gain = of_cell_traces(own, width) - sigma2 * t;  // u u' - sigma2 T
    const Matrix& s = at.relative(k);
    out.cross[k] = gain.cwiseProduct(s).sum();
    out.noise -= out.cross[k];
    out.second.push_back(symmetric_part(sandwich(s, gain)) +
                         static_cast<double>(at.shape(k).levels) * sigma2 * s);
  }
  if (is_expanded) add_expansion(model, at, sigma2, is_ml, *factor, fixed, out);
  return out;
}

}  // namespace hdlmm
