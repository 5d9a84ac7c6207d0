#include "hdlmm/inference/terms/effect_draw.hpp"

#include <cmath>
#include <cstddef>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

constexpr int kMostSolves = 4;

/// Squares of what a draw misses of y that do not matter beside those of its residual.
constexpr double kSmall = 1e-8;

Vector draw_normals(Index n, Random& random) {
  Vector out(n);
  for (Index i = 0; i < n; ++i) out[i] = random.normal();
  return out;
}

/// (I (x) m) b over the levels of a term.
Vector times_levels(const Matrix& m, const Vector& b) {
  if (m.rows() == 1) return m(0, 0) * b;
  const Eigen::Map<const Matrix> levels(b.data(), m.rows(), b.size() / m.rows());
  const Matrix out = product(m, levels);
  return Eigen::Map<const Vector>(out.data(), out.size());
}

/// y - Q delta - X beta - e, [n x 1].
Matrix gap_of(const TermsModel& model, const Vector& centred, const EffectDraw& draw,
              const Context& context) {
  Matrix out = centred - draw.residual;
  for (Index k = 0; k < model.size(); ++k) {
    model.design(k).add_product(-draw.beta[static_cast<std::size_t>(k)], out, context);
  }
  return out;
}

/// beta and e moved by what the gap says of them.
void close_gap(const TermsModel& model, const TermsFactor& factor, const Covariances& at,
               const Matrix& gap, EffectDraw& draw, const Context& context) {
  const Matrix solved = factor.solve(gap);
  draw.residual += solved.col(0);
  for (Index k = 0; k < model.size(); ++k) {
    Matrix along = Matrix::Zero(at.shape(k).cols(), 1);
    model.design(k).add_adjoint_product(solved, along, context);
    draw.beta[static_cast<std::size_t>(k)] += times_levels(at.relative(k), along.col(0));
  }
}

}  // namespace

Vector draw_normal(const FixedPosterior& posterior, Random& random) {
  if (posterior.mean.size() == 0) return posterior.mean;
  const Vector z = draw_normals(posterior.mean.size(), random);
  return posterior.mean + transpose_times(upper_root(posterior.covariance), z);
}

EffectDraw draw_effects(const TermsModel& model, const TermsFactor& factor, const Covariances& at,
                        const FixedPosterior& fixed, double sigma2, Random& random,
                        const Context& context) {
  EffectDraw out;
  out.delta = draw_normal(fixed, random);
  const double sigma = std::sqrt(sigma2);
  const Vector centred = model.y - times(model.q, out.delta);
  out.residual = sigma * draw_normals(model.rows(), random);
  for (Index k = 0; k < model.size(); ++k) {
    const Vector z = draw_normals(at.shape(k).cols(), random);
    out.beta.push_back(sigma * times_levels(at.factor(k), z));
  }
  Matrix gap = gap_of(model, centred, out, context);
  // V = I + X S X' has the rounding of its largest cells: where these are far above 1, what is
  // still missing takes a second solve
  for (int turn = 0; turn < kMostSolves; ++turn) {
    EffectDraw next = out;
    close_gap(model, factor, at, gap, next, context);
    Matrix left = gap_of(model, centred, next, context);
    // the first moves the prior's draw to the data; later ones have to improve on it
    if (turn > 0 && !(left.squaredNorm() < 0.25 * gap.squaredNorm())) break;
    out = std::move(next);
    gap = std::move(left);
    if (!(gap.squaredNorm() > kSmall * out.residual.squaredNorm())) break;
  }
  out.missing = gap.squaredNorm() / out.residual.squaredNorm();
  out.residual += gap.col(0);
  return out;
}

}  // namespace hdlmm
