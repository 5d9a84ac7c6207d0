#include "hdlmm/inference/terms/terms_nodes.hpp"

#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

namespace hdlmm {

namespace {

Covariances covariances_at(const TermsModel& model, const ConstVector& half) {
  check_input(half.size() == model.parameters(), "covariances of random terms: their number");
  std::vector<Matrix> out;
  Index first = 0;
  for (Index k = 0; k < model.size(); ++k) {
    const Index count = model.shape(k).parameters();
    out.push_back(symmetric_of(half.segment(first, count), model.shape(k).width));
    first += count;
  }
  return inside(model, out);
}

/// delta and its covariance per unit sigma_e^2 under a normal prior with mean 0: (A + sigma_e^2
/// precision)^-1.
void shrink(const Matrix& gram, const Matrix& precision, double sigma2, TermsFixed& fixed) {
  const Index c = gram.rows() - 1;
  const Matrix a = gram.topLeftCorner(c, c) + sigma2 * precision;
  fixed.covariance = solve_positive(a, Matrix::Identity(c, c));
  fixed.delta = times(fixed.covariance, Vector(gram.col(c).head(c)));
}

void put_square(const Matrix& square, Index i, Matrix& out) {
  out.col(i) = Eigen::Map<const Vector>(square.data(), square.size());
}

/// The nodes one by one.
class NodeWalk {
 public:
  NodeWalk(const TermsSystem& system, const TermsNodes& nodes, const Context& context)
      : system_(system), nodes_(nodes), context_(context) {}

  void go_to(Index i) {
    context_.poll();
    const bool is_same = factor_ != nullptr && nodes_.half.col(i) == nodes_.half.col(last_);
    if (!is_same) {
      at_ = std::make_unique<Covariances>(covariances_at(system_.model(), nodes_.half.col(i)));
      factor_ = system_.factor(*at_, context_);
      gram_ = factor_->data_gram();
      fixed_ = fixed_of(gram_);
    }
    if (nodes_.precision.size() > 0) shrink(gram_, nodes_.precision, nodes_.sigma2[i], fixed_);
    last_ = i;
  }

  const TermsModel& model() const { return system_.model(); }
  const Covariances& at() const { return *at_; }
  const TermsFactor& factor() const { return *factor_; }
  const TermsFixed& fixed() const { return fixed_; }

  std::vector<Vector> effects() const { return outside(model(), factor_->effects(fixed_.delta)); }

  /// Prediction error variances of the coefficients of a term [q_k].
  Vector errors(Index k) const {
    const Matrix levels = outside(model(), k, level_errors(*factor_, *at_, k, fixed_.covariance));
    const Index r = levels.rows();
    Vector out(levels.cols());
    for (Index j = 0; j < out.size(); ++j) out[j] = levels(j % r, j);
    return out;
  }

 private:
  const TermsSystem& system_;
  const TermsNodes& nodes_;
  const Context& context_;
  std::unique_ptr<Covariances> at_;
  std::unique_ptr<TermsFactor> factor_;
  Matrix gram_;
  TermsFixed fixed_;
  Index last_ = -1;
};

std::vector<Vector> zero_effects(const TermsModel& model) {
  std::vector<Vector> out;
  for (Index k = 0; k < model.size(); ++k) out.push_back(Vector::Zero(model.shape(k).cols()));
  return out;
}

}  // namespace

NodeValues evaluate_nodes(const TermsSystem& system, const Matrix& half, const Context& context) {
  const Index c = system.model().q.cols(), count = half.cols();
  const TermsLikelihood likelihood(system, Criterion::reml);
  const double lost = std::numeric_limits<double>::quiet_NaN();
  NodeValues out{Matrix::Constant(3, count, lost), Matrix::Constant(c, count, lost),
                 Matrix::Constant(c * c, count, lost)};
  for (Index i = 0; i < count; ++i) {
    try {
      const auto e =
          likelihood.evaluate(covariances_at(system.model(), half.col(i)), false, context);
      out.scalars.col(i) << e.fixed.rss, e.log_det_v, e.fixed.log_det;
      out.delta.col(i) = e.fixed.delta;
      put_square(e.fixed.covariance, i, out.covariance);
    } catch (const InvalidInput&) {
      throw;
    } catch (const std::runtime_error&) {
      context.poll();  // V is singular to rounding: the node stays NaN
    }
  }
  return out;
}

NodeMeans average_nodes(const TermsSystem& system, const TermsNodes& nodes, const Vector& weight,
                        const Context& context) {
  NodeWalk walk(system, nodes, context);
  const Index c = system.model().q.cols();
  NodeMeans out;
  out.delta.resize(c, nodes.size());
  out.covariance.resize(c * c, nodes.size());
  out.effects = zero_effects(system.model());
  out.projected = Vector::Zero(system.model().rows());
  for (Index i = 0; i < nodes.size(); ++i) {
    walk.go_to(i);
    out.delta.col(i) = walk.fixed().delta;
    put_square(walk.fixed().covariance, i, out.covariance);
    out.projected += weight[i] * walk.factor().projected(walk.fixed().delta);
    const std::vector<Vector> effects = walk.effects();
    for (std::size_t k = 0; k < effects.size(); ++k) out.effects[k] += weight[i] * effects[k];
  }
  return out;
}

std::vector<Vector> node_variances(const TermsSystem& system, const TermsNodes& nodes,
                                   const Vector& weight, const Vector& second,
                                   const std::vector<Vector>& centre, const Context& context) {
  NodeWalk walk(system, nodes, context);
  std::vector<Vector> out = zero_effects(system.model());
  for (Index i = 0; i < nodes.size(); ++i) {
    walk.go_to(i);
    const std::vector<Vector> effects = walk.effects();
    for (std::size_t k = 0; k < effects.size(); ++k) {
      check_input(centre[k].size() == effects[k].size(), "means of random effects");
      out[k] += weight[i] * (effects[k] - centre[k]).cwiseAbs2() +
                second[i] * walk.errors(static_cast<Index>(k));
    }
  }
  return out;
}

NodeProjections project_nodes(const TermsSystem& system, const TermsNodes& nodes,
                              const Context& context) {
  NodeWalk walk(system, nodes, context);
  const Index n = system.model().rows();
  NodeProjections out{Matrix(n, nodes.size()), Matrix(n, nodes.size())};
  for (Index i = 0; i < nodes.size(); ++i) {
    walk.go_to(i);
    out.projected.col(i) = walk.factor().projected(walk.fixed().delta);
    out.diagonal.col(i) =
        projection_diagonal(walk.factor(), system.model().q, walk.fixed().covariance);
  }
  return out;
}

NodeEffects effects_at_nodes(const TermsSystem& system, const TermsNodes& nodes, Index term,
                             const std::vector<Index>& at, const Context& context) {
  NodeWalk walk(system, nodes, context);
  check_indices(at, system.model().shape(term).cols(), "random effects");
  const Index count = static_cast<Index>(at.size());
  NodeEffects out{Matrix(count, nodes.size()), Matrix(count, nodes.size())};
  for (Index i = 0; i < nodes.size(); ++i) {
    walk.go_to(i);
    const Vector mean = walk.effects()[static_cast<std::size_t>(term)], error = walk.errors(term);
    for (Index j = 0; j < count; ++j) {
      const Index own = at[static_cast<std::size_t>(j)];
      out.mean(j, i) = mean[own];
      out.variance(j, i) = error[own];
    }
  }
  return out;
}

}  // namespace hdlmm
