#include "hdlmm/objective/terms_coordinates.hpp"

#include <cstddef>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

const Matrix& turn_of(const TermsModel& model, Index k) {
  return model.turns[static_cast<std::size_t>(k)];
}

/// T^-1 of an upper triangular T.
Matrix inverse_of(const Matrix& turn) {
  Matrix out = Matrix::Identity(turn.rows(), turn.cols());
  solve_upper(turn, out);
  return out;
}

/// Half vectors of all T_k^-1 S_k T_k^-T from those of S_k, and sigma_e^2 last as it is.
Matrix half_map(const TermsModel& model) {
  const Index m = model.parameters();
  Matrix out = Matrix::Identity(m + 1, m + 1);
  Index first = 0;
  for (Index k = 0; k < model.size(); ++k) {
    const Matrix own = congruence_map(inverse_of(turn_of(model, k)));
    out.block(first, first, own.rows(), own.cols()) = own;
    first += own.rows();
  }
  return out;
}

}  // namespace

std::vector<Matrix> turned_inside(const TermsModel& model, const std::vector<Matrix>& relative) {
  check_input(static_cast<Index>(relative.size()) == model.size(),
              "covariances of random terms: number of terms");
  std::vector<Matrix> out;
  for (Index k = 0; k < model.size(); ++k) {
    const Matrix& s = relative[static_cast<std::size_t>(k)];
    check_input(s.rows() == model.shape(k).width && s.cols() == s.rows(),
                "covariances of random terms: shape");
    out.push_back(congruent(inverse_of(turn_of(model, k)), s));
  }
  return out;
}

Covariances inside(const TermsModel& model, const std::vector<Matrix>& relative) {
  return Covariances::of(model.shapes, turned_inside(model, relative));
}

std::vector<Matrix> outside(const TermsModel& model, const Covariances& at) {
  std::vector<Matrix> out;
  for (Index k = 0; k < at.size(); ++k) {
    out.push_back(congruent(turn_of(model, k), at.relative(k)));
  }
  return out;
}

Matrix outside_halves(const TermsModel& model, const ConstMatrix& halves) {
  Matrix out(halves.rows(), halves.cols());
  Index first = 0;
  for (Index k = 0; k < model.size(); ++k) {
    const Index count = model.shape(k).parameters();
    out.middleRows(first, count) =
        product(congruence_map(turn_of(model, k)), halves.middleRows(first, count));
    first += count;
  }
  return out;
}

TermsEvaluation outside(const TermsModel& model, TermsEvaluation e) {
  const Matrix map = half_map(model);
  for (Index k = 0; k < model.size(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    e.gradient[at] = sandwich(inverse_of(turn_of(model, k)), e.gradient[at]);
  }
  e.effects = outside(model, std::move(e.effects));
  e.information = sandwich(map, e.information);
  std::vector<Matrix> slopes;
  for (Index i = 0; i < map.cols(); ++i) {
    Matrix slope = Matrix::Zero(e.fixed.covariance.rows(), e.fixed.covariance.cols());
    for (Index j = 0; j < map.rows(); ++j) {
      if (map(j, i) != 0) slope += map(j, i) * e.slopes[static_cast<std::size_t>(j)];
    }
    slopes.push_back(std::move(slope));
  }
  e.slopes = std::move(slopes);
  return e;
}

std::vector<Matrix> moments_inside(const TermsModel& model, const std::vector<Matrix>& moments) {
  check_input(static_cast<Index>(moments.size()) == model.size(),
              "moments of random terms: number of terms");
  std::vector<Matrix> out;
  for (Index k = 0; k < model.size(); ++k) {
    out.push_back(sandwich(turn_of(model, k), moments[static_cast<std::size_t>(k)]));
  }
  return out;
}

std::vector<Vector> outside(const TermsModel& model, std::vector<Vector> effects) {
  for (Index k = 0; k < model.size(); ++k) {
    const Index r = model.shape(k).width;
    Vector& term = effects[static_cast<std::size_t>(k)];
    for (Index j = 0; j < model.shape(k).levels; ++j) {
      const Vector own = term.segment(j * r, r);
      term.segment(j * r, r) = times(turn_of(model, k), own);
    }
  }
  return effects;
}

Matrix outside(const TermsModel& model, Index k, const Matrix& levels) {
  const Index r = model.shape(k).width;
  Matrix out(levels.rows(), levels.cols());
  for (Index j = 0; j < model.shape(k).levels; ++j) {
    out.middleCols(j * r, r) = congruent(turn_of(model, k), levels.middleCols(j * r, r));
  }
  return out;
}

}  // namespace hdlmm
