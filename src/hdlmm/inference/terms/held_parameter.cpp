#include "hdlmm/inference/terms/held_parameter.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHeldZero = 1e-6;  ///< a deviation, beside that of the noise: rounding

Matrix without(Index size, Index dropped) {
  Matrix out = Matrix::Zero(size, size - 1);
  for (Index i = 0; i < size; ++i) {
    if (i != dropped) out(i, i - (i > dropped)) = 1;
  }
  return out;
}

/// One coordinate of x is u itself.
class HeldCoordinate : public HeldParameter {
 public:
  explicit HeldCoordinate(Index i) : i_(i) {}

  void settle(HeldPoint& at, double to) const final { at.x[i_] = at.u = to; }
  Matrix directions(const HeldPoint& at, const Vector&) const final {
    return without(at.x.size(), i_);
  }
  Matrix bend(const HeldPoint& at, const Vector&) const final {
    return Matrix::Zero(at.x.size() - 1, at.x.size() - 1);
  }
  Vector along(const HeldPoint& at) const final { return Vector::Unit(at.x.size(), i_); }

 private:
  Index i_;
};

class HeldVariance final : public HeldCoordinate {
 public:
  HeldVariance(Index term, Index first, double unit)
      : HeldCoordinate(first), term_(term), unit_(unit) {}
  double lowest() const final { return 0; }
  double highest() const final { return kInfinity; }
  double value(const HeldPoint& at) const final { return unit_ * at.u * at.u; }
  Index fixed_term() const final { return term_; }

 private:
  Index term_;
  double unit_;
};

class HeldResidual final : public HeldCoordinate {
 public:
  explicit HeldResidual(Index last) : HeldCoordinate(last) {}
  double lowest() const final { return -30; }  // of the logarithm: rounding beside the terms
  double highest() const final { return kInfinity; }
  double value(const HeldPoint& at) const final { return at.u > lowest() ? std::exp(at.u) : 0; }
};

/// The likelihood holds it. x at another value: all variances grow as what is left of the response.
class HeldContrast final : public HeldParameter {
 public:
  double lowest() const final { return -kInfinity; }
  double highest() const final { return kInfinity; }
  double value(const HeldPoint& at) const final { return at.u; }
  void settle(HeldPoint& at, double to) const final { at.u = to; }
  Matrix directions(const HeldPoint& at, const Vector&) const final {
    return Matrix::Identity(at.x.size(), at.x.size());
  }
  Matrix bend(const HeldPoint& at, const Vector&) const final {
    return Matrix::Zero(at.x.size(), at.x.size());
  }
  Vector along(const HeldPoint& at) const final { return Vector::Zero(at.x.size()); }
};

/// Places in x of the first two rows of a block.
struct PairPlaces {
  Index first = 0, cross = 0, second = 0;  ///< L_11, L_21, L_22
};

class HeldCovariance final : public HeldParameter {
 public:
  HeldCovariance(Index term, PairPlaces at, double unit) : term_(term), at_(at), unit_(unit) {}
  double lowest() const final { return -kInfinity; }
  double highest() const final { return kInfinity; }
  double value(const HeldPoint& at) const final { return unit_ * at.u; }
  Index fixed_term() const final { return term_; }

  void settle(HeldPoint& at, double to) const final {
    at.u = to;
    double& first = at.x[at_.first];
    // nothing covaries with a constant
    if (std::abs(first) < kSmallest) first = kSmallest;
    at.x[at_.cross] = to / first;
  }
  Matrix directions(const HeldPoint& at, const Vector&) const final {
    Matrix out = without(at.x.size(), at_.cross);
    out(at_.cross, at_.first) = -at.x[at_.cross] / at.x[at_.first];
    return out;
  }
  Matrix bend(const HeldPoint& at, const Vector& g) const final {
    Matrix out = Matrix::Zero(at.x.size() - 1, at.x.size() - 1);
    const double first = at.x[at_.first];
    out(at_.first, at_.first) = 2 * g[at_.cross] * at.x[at_.cross] / (first * first);
    return out;
  }
  Vector along(const HeldPoint& at) const final {
    return Vector::Unit(at.x.size(), at_.cross) / at.x[at_.first];
  }

 private:
  static constexpr double kSmallest = 1e-3;

  Index term_;
  PairPlaces at_;
  double unit_;
};

/// Of coefficients with deviations L_11 and d, neither of them negative: 0 is an edge.
class HeldCorrelation final : public HeldParameter {
 public:
  HeldCorrelation(Index term, PairPlaces at) : term_(term), at_(at) {}
  double lowest() const final { return -highest(); }
  double highest() const final { return std::acos(0.0); }
  double longest_step() const final { return 0.4; }
  double value(const HeldPoint& at) const final {
    if (std::abs(at.u) >= highest()) return at.u > 0 ? 1 : -1;
    return std::sin(at.u);
  }
  Index fixed_term() const final { return term_; }

  void settle(HeldPoint& at, double to) const final {
    const double d = std::max(0.0, deviation(at));
    at.u = to;
    at.x[at_.first] = std::max(0.0, at.x[at_.first]);
    at.x[at_.cross] = d * std::sin(to);
    at.x[at_.second] = d * std::cos(to);
  }
  Matrix directions(const HeldPoint& at, const Vector& g) const final {
    Matrix out = without(at.x.size(), at_.second);
    out(at_.cross, at_.cross) = std::sin(at.u);
    out(at_.second, at_.cross) = std::cos(at.u);
    if (is_edge(deviation(at), out.col(at_.cross).dot(g))) out.col(at_.cross).setZero();
    if (is_edge(at.x[at_.first], g[at_.first])) out.col(at_.first).setZero();
    return out;
  }
  Matrix bend(const HeldPoint& at, const Vector&) const final {
    return Matrix::Zero(at.x.size() - 1, at.x.size() - 1);
  }
  Vector along(const HeldPoint& at) const final {
    Vector out = Vector::Zero(at.x.size());
    out[at_.cross] = deviation(at) * std::cos(at.u);
    out[at_.second] = -deviation(at) * std::sin(at.u);
    return out;
  }

 private:
  double deviation(const HeldPoint& at) const {
    return at.x[at_.cross] * std::sin(at.u) + at.x[at_.second] * std::cos(at.u);
  }
  static bool is_edge(double deviation, double slope) { return deviation <= 0 && slope >= 0; }

  Index term_;
  PairPlaces at_;
};

/// Of a share h with r = h / (1 - h): the sizes of its own terms are r times the rest, sigma_e^2
/// included. Own factors are L t, with t = 1 where x is.
class HeldShare final : public HeldParameter {
 public:
  HeldShare(Index term, std::vector<Matrix> moments) : term_(term), moments_(std::move(moments)) {}
  double lowest() const final { return 0; }
  double highest() const final { return std::acos(0.0); }
  bool has_highest() const final { return false; }
  double value(const HeldPoint& at) const final {
    const double root = std::sin(at.u);
    return at.u >= highest() ? 1 : root * root;
  }

  void settle(HeldPoint& at, double to) const final {
    at.u = to;
    if (!(sizes_of(at).own > 0)) at.x = seeded(at);
    const Sizes sizes = sizes_of(at);
    const double t = std::tan(to) * std::sqrt(sizes.rest / sizes.own);
    for (const Index i : own_places(at)) at.x[i] *= t;
  }

  Matrix directions(const HeldPoint& at, const Vector&) const final {
    const Index m = at.x.size();
    Matrix out = Matrix::Identity(m, m);
    const Sizes sizes = sizes_of(at);
    if (!(sizes.own > 0)) {
      for (const Index i : own_places(at)) out(i, i) = 0;
      return out;
    }
    const Vector own = own_part(at);
    add_outer(1, own, log_scale(sizes).slope, out);
    return out;
  }

  Matrix bend(const HeldPoint& at, const Vector& g) const final {
    const Index m = at.x.size();
    Matrix out = Matrix::Zero(m, m);
    const Sizes sizes = sizes_of(at);
    if (!(sizes.own > 0)) return out;
    const LogScale scale = log_scale(sizes);
    const Vector own = own_part(at);
    Vector own_slope = Vector::Zero(m);
    for (const Index i : own_places(at)) own_slope[i] = g[i];
    out = own.dot(g) * scale.curvature;
    add_outer(own.dot(g), scale.slope, scale.slope, out);
    add_outer(1, own_slope, scale.slope, out);
    add_outer(1, scale.slope, own_slope, out);
    // the length of L is none of the coordinates
    add_outer(1 / sizes.own, own, own, out);
    return out;
  }

  Vector along(const HeldPoint& at) const final {
    if (sizes_of(at).own > 0) return own_part(at) / (std::sin(at.u) * std::cos(at.u));
    HeldPoint begun = at;
    begun.x = seeded(at);
    const Sizes sizes = sizes_of(begun);
    return own_part(begun) * std::sqrt(sizes.rest / sizes.own);
  }

 private:
  struct Sizes {
    double own = 0, rest = 0;
    Vector own_slope, rest_slope;  ///< by x
    Matrix own_curvature, rest_curvature;
  };
  struct LogScale {  ///< derivatives of log t
    Vector slope;
    Matrix curvature;
  };

  bool is_own(Index k) const { return term_ < 0 || k == term_; }

  std::vector<Index> own_places(const HeldPoint& at) const {
    std::vector<Index> out;
    const Covariances covariances = at.factors();
    for (Index k = 0; k < covariances.size(); ++k) {
      for (Index i = 0; is_own(k) && i < covariances.shape(k).parameters(); ++i) {
        out.push_back(covariances.first(k) + i);
      }
    }
    return out;
  }

  Vector own_part(const HeldPoint& at) const {
    Vector out = Vector::Zero(at.x.size());
    for (const Index i : own_places(at)) out[i] = at.x[i];
    return out;
  }

  /// x with identities in the place of its own factors.
  Vector seeded(const HeldPoint& at) const {
    Vector out = at.x;
    const Covariances covariances = at.factors();
    for (Index k = 0; k < covariances.size(); ++k) {
      if (!is_own(k)) continue;
      const Index width = covariances.shape(k).width;
      out.segment(covariances.first(k), covariances.shape(k).parameters()) =
          half_vector(Matrix::Identity(width, width));
    }
    return out;
  }

  Sizes sizes_of(const HeldPoint& at) const {
    const Covariances covariances = at.factors();
    const std::vector<Matrix> moments = at.units.gradients(moments_);
    std::vector<Matrix> own, rest;
    for (Index k = 0; k < covariances.size(); ++k) {
      const Matrix& m = moments[static_cast<std::size_t>(k)];
      own.push_back(is_own(k) ? m : Matrix(Matrix::Zero(m.rows(), m.cols())));
      rest.push_back(m - own.back());
    }
    const Index m = at.x.size();
    const double noise = std::exp(at.x[m - 1]);
    Sizes out;
    const auto fill = [&](const std::vector<Matrix>& weight, Vector& slope, Matrix& curvature) {
      slope = Vector::Zero(m);
      curvature = Matrix::Zero(m, m);
      slope.head(m - 1) = covariances.gradient(weight);
      curvature.topLeftCorner(m - 1, m - 1) = covariances.curvature(weight);
      return 0.5 * slope.dot(at.x);  // quadratic in theta
    };
    out.own = fill(own, out.own_slope, out.own_curvature);
    out.rest = fill(rest, out.rest_slope, out.rest_curvature) + noise;
    out.rest_slope[m - 1] = out.rest_curvature(m - 1, m - 1) = noise;
    return out;
  }

  /// log t = (log rest - log own) / 2 and a constant.
  static LogScale log_scale(const Sizes& s) {
    LogScale out;
    out.slope = 0.5 * (s.rest_slope / s.rest - s.own_slope / s.own);
    out.curvature = 0.5 * (s.rest_curvature / s.rest - s.own_curvature / s.own);
    add_outer(-0.5 / (s.rest * s.rest), s.rest_slope, s.rest_slope, out.curvature);
    add_outer(0.5 / (s.own * s.own), s.own_slope, s.own_slope, out.curvature);
    return out;
  }

  Index term_;
  std::vector<Matrix> moments_;
};

/// Puts coefficients row and col of a term first. Returns their units as variances.
Vector put_first(const AskedParameter& asked, const std::vector<Matrix>& turns, HeldPoint& at) {
  const Matrix& turn = turns[static_cast<std::size_t>(asked.term)];
  const Index r = turn.rows();
  std::vector<Index> order = {asked.row};
  if (asked.col != asked.row) order.push_back(asked.col);
  const bool is_pair = order.size() == 2;
  for (Index a = 0; a < r; ++a) {
    if (a != asked.row && a != asked.col) order.push_back(a);
  }
  Matrix permutation = Matrix::Zero(r, r);
  for (Index a = 0; a < r; ++a) permutation(a, order[static_cast<std::size_t>(a)]) = 1;
  Matrix map = permutation.transpose();
  solve_upper(turn, map);
  at.units.reorder(asked.term, map, product(permutation, turn), is_pair);
  const Matrix unit = product(product(permutation, turn), at.units.root(asked.term));
  return unit.diagonal();
}

std::unique_ptr<HeldParameter> hold_block(const AskedParameter& asked,
                                          const std::vector<Matrix>& turns,
                                          const Covariances& inside, HeldPoint& at) {
  const Vector unit = put_first(asked, turns, at);
  const Covariances in_units = at.units.to_units(inside);
  at.x.head(in_units.parameters()) = in_units.theta();
  const Index first = in_units.first(asked.term);
  const Matrix& l = in_units.factor(asked.term);
  if (asked.kind == HeldKind::variance) {
    at.u = std::abs(l(0, 0)) < kHeldZero ? 0 : std::abs(l(0, 0));
    return std::make_unique<HeldVariance>(asked.term, first, unit[0] * unit[0]);
  }
  const PairPlaces places{first, first + 1, first + l.rows()};
  if (asked.kind == HeldKind::covariance) {
    at.u = l(0, 0) * l(1, 0);
    return std::make_unique<HeldCovariance>(asked.term, places, unit[0] * unit[1]);
  }
  const double d = std::hypot(l(1, 0), l(1, 1));
  if (l(0, 0) < kHeldZero || d < kHeldZero) return nullptr;
  at.u = l(1, 1) < kHeldZero * d ? std::copysign(std::acos(0.0), l(1, 0))
                                 : std::atan2(l(1, 0), l(1, 1));
  return std::make_unique<HeldCorrelation>(asked.term, places);
}

}  // namespace

QuadraticModel HeldParameter::reduced(const HeldPoint& at, const QuadraticModel& model) const {
  const Matrix free = directions(at, model.gradient);
  QuadraticModel out;
  out.gradient = transpose_times(free, model.gradient);
  out.hessian = sandwich(free, model.hessian) + bend(at, model.gradient);
  return out;
}

std::unique_ptr<HeldParameter> hold(const AskedParameter& asked, const std::vector<Matrix>& moments,
                                    const std::vector<Matrix>& turns, const Covariances& inside,
                                    HeldPoint& at) {
  const Covariances in_units = at.units.to_units(inside);
  const Index m = in_units.parameters();
  at.x = Vector::Zero(m + 1);
  at.x.head(m) = in_units.theta();
  at.u = 0;
  if (asked.kind == HeldKind::residual) return std::make_unique<HeldResidual>(m);
  if (asked.kind == HeldKind::contrast) return std::make_unique<HeldContrast>();
  if (asked.kind != HeldKind::share) return hold_block(asked, turns, inside, at);
  double own = 0, rest = 1;
  for (Index k = 0; k < inside.size(); ++k) {
    const double size = moments[static_cast<std::size_t>(k)].cwiseProduct(inside.relative(k)).sum();
    (asked.term < 0 || asked.term == k ? own : rest) += size;
  }
  at.u = std::atan(std::sqrt(own / rest));
  return std::make_unique<HeldShare>(asked.term, moments);
}

}  // namespace hdlmm
