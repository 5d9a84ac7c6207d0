#include "terms_case.hpp"

#include <numeric>
#include <utility>

#include <Eigen/LU>

#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

namespace hdlmm_test {
namespace {

std::vector<Index> draw_levels(Index n, Index levels, Random& random) {
  std::vector<Index> out;
  for (Index i = 0; i < n; ++i) out.push_back(i < levels ? i : random.below(levels));
  return out;
}

void add_slopes(TermsCase& one, const std::vector<Index>& level, Index levels, Random& random) {
  const Index n = one.model.y.size();
  Matrix values(n, 2);
  values << Vector::Ones(n), random.normals(n);
  Matrix x = Matrix::Zero(n, 2 * levels);
  for (Index i = 0; i < n; ++i) x.row(i).segment(2 * level[i], 2) = values.row(i);
  one.x.push_back(x);
  one.prior.emplace_back();
  one.model.designs.push_back(
      std::make_shared<hdlmm::LevelOperator>(level, levels, values, Vector()));
  one.model.shapes.push_back({levels, 2});
}

void add_factor(TermsCase& one, const std::vector<Index>& level, Index levels) {
  Matrix x = Matrix::Zero(one.model.y.size(), levels);
  for (Index i = 0; i < x.rows(); ++i) x(i, level[i]) = 1;
  one.x.push_back(x);
  one.prior.emplace_back();
  one.model.designs.push_back(std::make_shared<hdlmm::GroupedOperator>(level, levels, Vector()));
  one.model.shapes.push_back({levels, 1});
}

/// Factors of which each has its levels, two or so, within those of the one before: of `sizes` the
/// first as a factor, or as slopes.
void add_nested(TermsCase& one, const std::vector<Index>& sizes, bool has_slopes, Random& random) {
  const Index n = one.model.y.size();
  std::vector<std::vector<Index>> levels(1, draw_levels(n, sizes[0], random));
  for (std::size_t depth = 1; depth < sizes.size(); ++depth) {
    const Index within = sizes[depth] / sizes[depth - 1];
    std::vector<Index> level;
    for (const Index above : levels.back()) level.push_back(above * within + random.below(within));
    levels.push_back(level);
  }
  for (std::size_t depth = 0; depth < sizes.size(); ++depth) {
    // the middle one last, so that the order of the formula is none of elimination
    const std::size_t at = depth == 0 ? 0 : sizes.size() - depth;
    if (at == 0 && has_slopes) {
      add_slopes(one, levels[at], sizes[at], random);
    } else {
      add_factor(one, levels[at], sizes[at]);
    }
  }
}

/// Two cells a row, of columns that are near to each other.
void add_memberships(TermsCase& one, Index p, Random& random) {
  const Index n = one.model.y.size();
  Matrix x = Matrix::Zero(n, p);
  for (Index i = 0; i < n; ++i) {
    const Index j = i % p;
    x(i, j) = 1 + random.uniform();
    x(i, (j + 1 + random.below(2)) % p) = random.uniform();
  }
  std::vector<int> starts(1, 0), rows;
  std::vector<double> values;
  for (Index j = 0; j < p; ++j) {
    for (Index i = 0; i < n; ++i) {
      if (x(i, j) == 0) continue;
      rows.push_back(static_cast<int>(i));
      values.push_back(x(i, j));
    }
    starts.push_back(static_cast<int>(rows.size()));
  }
  one.places.push_back(starts);
  one.places.push_back(rows);
  one.memory.push_back(values);
  one.x.push_back(x);
  one.prior.emplace_back();
  const hdlmm::StoredSparse stored{one.places[one.places.size() - 2].data(),
                                   one.places.back().data(),
                                   one.memory.back().data(),
                                   n,
                                   p,
                                   p + 1,
                                   static_cast<Index>(values.size())};
  one.model.designs.push_back(
      std::make_shared<hdlmm::SparseOperator>(stored, Vector(), Vector(), Vector()));
  one.model.shapes.push_back({p, 1});
}

void add_columns(TermsCase& one, Index p, Random& random) {
  const Matrix x = random.normals(one.model.y.size(), p);
  one.memory.emplace_back(x.data(), x.data() + x.size());
  hdlmm::StoredMatrix<double> stored;
  stored.cells = one.memory.back().data();
  stored.stride = stored.rows_fitted = x.rows();
  stored.cols = p;
  one.x.push_back(x);
  one.prior.emplace_back();
  one.model.designs.push_back(
      std::make_shared<hdlmm::DenseOperator<double>>(stored, hdlmm::CellTransform{}));
  one.model.shapes.push_back({p, 1});
}

void add_kernel(TermsCase& one, Index units, Index rank, Random& random) {
  const Matrix half = random.normals(units, rank);
  const Matrix kernel = half * half.transpose() / static_cast<double>(units);
  one.memory.emplace_back(kernel.data(), kernel.data() + kernel.size());
  const std::vector<Index> unit = draw_levels(one.model.y.size(), units, random);
  Matrix x = Matrix::Zero(one.model.y.size(), units);
  for (Index i = 0; i < x.rows(); ++i) x(i, unit[i]) = 1;
  one.x.push_back(x);
  one.prior.push_back(kernel);
  one.model.designs.push_back(std::make_shared<hdlmm::KernelOperator>(one.memory.back().data(),
                                                                      units, 1.0, unit, Vector()));
  one.model.shapes.push_back({units, 1});
}

Matrix identity_of(Index levels, const Matrix& s) {
  Matrix out = Matrix::Zero(levels * s.rows(), levels * s.rows());
  for (Index j = 0; j < levels; ++j) out.block(j * s.rows(), j * s.rows(), s.rows(), s.rows()) = s;
  return out;
}

}  // namespace

std::shared_ptr<TermsCase> make_terms_case(const std::string& terms) {
  Random random(11);
  const Index n = 40;
  auto out = std::make_shared<TermsCase>();
  out->name = terms;
  out->memory.reserve(8);
  out->places.reserve(8);
  Matrix z(n, 2);
  z << Vector::Ones(n), random.normals(n);
  out->model.q = orthonormal_basis(z);
  const Vector y = random.normals(n);
  out->model.y = y - out->model.q * (out->model.q.transpose() * y);
  for (const char term : terms) {
    if (term == 's') add_slopes(*out, draw_levels(n, 6, random), 6, random);
    if (term == 'f') add_factor(*out, draw_levels(n, 9, random), 9);
    if (term == 'm') add_memberships(*out, 12, random);
    if (term == 'n') add_nested(*out, {5, 15}, false, random);
    if (term == 'd') add_nested(*out, {3, 6, 18}, true, random);
    if (term == 'c') add_columns(*out, 5, random);
    if (term == 'w') add_columns(*out, 70, random);
    if (term == 'k') add_kernel(*out, 20, 22, random);
    if (term == 'l') add_kernel(*out, 20, 6, random);
  }
  return out;
}

Matrix prior_of(const TermsCase& one, Index k, const Matrix& s) {
  const auto at = static_cast<std::size_t>(k);
  if (one.prior[at].size() > 0) return s(0, 0) * one.prior[at];
  return identity_of(one.model.shape(k).levels, s);
}

DenseTerms dense_of(const TermsCase& one, const Covariances& at) {
  const Index n = one.model.y.size();
  DenseTerms out;
  out.v = Matrix::Identity(n, n);
  for (Index k = 0; k < at.size(); ++k) {
    const Matrix& x = one.x[static_cast<std::size_t>(k)];
    out.v += x * prior_of(one, k, at.relative(k)) * x.transpose();
  }
  out.inverse = out.v.inverse();
  const Matrix& q = one.model.q;
  out.covariance = (q.transpose() * out.inverse * q).inverse();
  out.p = out.inverse - out.inverse * q * out.covariance * q.transpose() * out.inverse;
  return out;
}

std::vector<Matrix> derivatives_of(const TermsCase& one) {
  std::vector<Matrix> out;
  for (Index k = 0; k < one.model.size(); ++k) {
    const Index r = one.model.shape(k).width;
    for (const auto [row, col] : hdlmm::triangle_cells(r)) {
      Matrix e = Matrix::Zero(r, r);
      e(row, col) = e(col, row) = 1;
      const Matrix& x = one.x[static_cast<std::size_t>(k)];
      out.push_back(x * prior_of(one, k, e) * x.transpose());
    }
  }
  out.push_back(Matrix::Identity(one.model.y.size(), one.model.y.size()));
  return out;
}

hdlmm::EliminationRule rule_of(const std::string& type) {
  hdlmm::EliminationRule out;
  out.scattered = type == "all levels" ? 0 : 8;
  out.smallest_rest = 0;
  out.part = 2;
  return out;
}

}  // namespace hdlmm_test
