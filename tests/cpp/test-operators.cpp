// One contract for every kind of design: what it does to vectors is what the dense matrix that it
// stands for does to them.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/operator/column_subset.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/design_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::DesignOperator;

constexpr double kRounding = 1e-12;  // sums of at most 400 terms of size one

/// An operator, the memory that it borrows, and the dense matrices that it stands for.
struct Sample {
  std::vector<double> doubles;
  std::vector<int> integers, column_start, row;
  std::vector<std::uint8_t> bytes;
  std::unique_ptr<DesignOperator> whole, x;
  Matrix dense;  ///< X [n x p]
  Matrix prior;  ///< S [p x p]
};

struct Shape {
  Index n, p;
};

/// Which parts of a transformation are present.
struct Parts {
  bool has_shift = false, has_scale = false, has_fill = false, has_row_scale = false;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Sample>(const Shape&, Random&)> build;
};

// GoogleTest would print the bytes of a parameter, padding and all.
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

void draw_cell(Random& random, double& cell) { cell = random.normal(); }
void draw_cell(Random& random, int& cell) { cell = static_cast<int>(random.below(7)) - 3; }
void draw_cell(Random& random, std::uint8_t& cell) {
  cell = static_cast<std::uint8_t>(random.below(3));
}

void set_missing(double& cell) { cell = std::numeric_limits<double>::quiet_NaN(); }
void set_missing(int& cell) { cell = std::numeric_limits<int>::min(); }
void set_missing(std::uint8_t&) {}

std::vector<double>& memory_of(Sample& sample, double) { return sample.doubles; }
std::vector<int>& memory_of(Sample& sample, int) { return sample.integers; }
std::vector<std::uint8_t>& memory_of(Sample& sample, std::uint8_t) { return sample.bytes; }

hdlmm::CellTransform draw_transform(const Shape& shape, const Parts& parts, Random& random) {
  hdlmm::CellTransform transform;
  if (parts.has_shift) transform.shift = random.normals(shape.p);
  if (parts.has_scale) transform.scale = random.positives(shape.p);
  if (parts.has_fill) transform.fill = random.normals(shape.p);
  if (parts.has_row_scale) transform.row_scale = random.positives(shape.n);
  return transform;
}

template <typename T>
std::unique_ptr<Sample> build_dense(const Shape& shape, Random& random, bool is_subset,
                                    const Parts& parts) {
  auto sample = std::make_unique<Sample>();
  std::vector<T>& cells = memory_of(*sample, T());
  const Index stride = shape.n + (is_subset ? 3 : 0);
  cells.resize(static_cast<std::size_t>(stride * shape.p));
  std::vector<bool> is_missing(cells.size());
  for (std::size_t at = 0; at < cells.size(); ++at) {
    draw_cell(random, cells[at]);
    is_missing[at] = parts.has_fill && !std::is_same<T, std::uint8_t>() && random.below(5) == 0;
    if (is_missing[at]) set_missing(cells[at]);
  }
  hdlmm::StoredMatrix<T> stored;
  stored.cells = cells.data();
  stored.stride = stride;
  stored.rows_fitted = shape.n;
  stored.cols = shape.p;
  if (is_subset) {  // the last rows first, some of them left out
    for (Index i = 0; i < shape.n; ++i) stored.rows.push_back(stride - 1 - i - (i > 1 ? 1 : 0));
  }
  const hdlmm::CellTransform transform = draw_transform(shape, parts, random);
  sample->dense.resize(shape.n, shape.p);
  for (Index j = 0; j < shape.p; ++j) {
    for (Index i = 0; i < shape.n; ++i) {
      const Index row = is_subset ? stored.rows[static_cast<std::size_t>(i)] : i;
      const std::size_t at = static_cast<std::size_t>(row + j * stride);
      const double raw = is_missing[at] ? transform.fill[j] : static_cast<double>(cells[at]);
      const double shift = parts.has_shift ? transform.shift[j] : 0;
      const double scale = parts.has_scale ? transform.scale[j] : 1;
      const double weight = parts.has_row_scale ? transform.row_scale[i] : 1;
      sample->dense(i, j) = (raw - shift) * scale * weight;
    }
  }
  sample->x = std::make_unique<hdlmm::DenseOperator<T>>(stored, transform);
  return sample;
}

std::unique_ptr<Sample> build_sparse(const Shape& shape, Random& random, const Parts& parts) {
  auto sample = std::make_unique<Sample>();
  Matrix raw = Matrix::Zero(shape.n, shape.p);
  sample->column_start.push_back(0);
  for (Index j = 0; j < shape.p; ++j) {
    for (Index i = 0; i < shape.n; ++i) {
      if (random.below(5) > 1) continue;
      raw(i, j) = random.normal();
      sample->row.push_back(static_cast<int>(i));
      sample->doubles.push_back(raw(i, j));
    }
    sample->column_start.push_back(static_cast<int>(sample->row.size()));
  }
  const hdlmm::CellTransform t = draw_transform(shape, parts, random);
  if (parts.has_shift) raw.rowwise() -= t.shift.transpose();
  if (parts.has_scale) raw = (raw * t.scale.asDiagonal()).eval();
  if (parts.has_row_scale) raw = (t.row_scale.asDiagonal() * raw).eval();
  sample->dense = raw;
  const hdlmm::StoredSparse stored{sample->column_start.data(),
                                   sample->row.data(),
                                   sample->doubles.data(),
                                   shape.n,
                                   shape.p,
                                   shape.p + 1,
                                   static_cast<Index>(sample->row.size())};
  sample->x = std::make_unique<hdlmm::SparseOperator>(stored, t.shift, t.scale, t.row_scale);
  return sample;
}

/// Units drawn with repetition, the last one never: repeated and unobserved units.
std::vector<Index> draw_units(const Shape& shape, Random& random) {
  std::vector<Index> unit;
  for (Index i = 0; i < shape.n; ++i) {
    unit.push_back(random.below(std::max<Index>(1, shape.p - 1)));
  }
  return unit;
}

Matrix pick_units(const std::vector<Index>& unit, const Vector& row_scale, Index p) {
  Matrix out = Matrix::Zero(static_cast<Index>(unit.size()), p);
  for (std::size_t at = 0; at < unit.size(); ++at) {
    const Index i = static_cast<Index>(at);
    out(i, unit[at]) = row_scale.size() > 0 ? row_scale[i] : 1;
  }
  return out;
}

std::unique_ptr<Sample> build_grouped(const Shape& shape, Random& random, bool is_weighted) {
  auto sample = std::make_unique<Sample>();
  const std::vector<Index> level = draw_units(shape, random);
  const Vector row_scale = is_weighted ? random.positives(shape.n) : Vector();
  sample->dense = pick_units(level, row_scale, shape.p);
  sample->x = std::make_unique<hdlmm::GroupedOperator>(level, shape.p, row_scale);
  return sample;
}

/// Two coefficients a level where the columns are even in number, one elsewhere.
std::unique_ptr<Sample> build_level(const Shape& shape, Random& random, bool is_weighted) {
  auto sample = std::make_unique<Sample>();
  const Index width = shape.p % 2 == 0 && shape.p > 0 ? 2 : 1;
  const std::vector<Index> level = draw_units({shape.n, shape.p / width}, random);
  const Vector row_scale = is_weighted ? random.positives(shape.n) : Vector();
  const Matrix values = random.normals(shape.n, width);
  sample->dense = Matrix::Zero(shape.n, shape.p);
  for (Index i = 0; i < shape.n; ++i) {
    sample->dense.row(i).segment(width * level[static_cast<std::size_t>(i)], width) =
        (is_weighted ? row_scale[i] : 1.0) * values.row(i);
  }
  sample->x = std::make_unique<hdlmm::LevelOperator>(level, shape.p / width, values, row_scale);
  return sample;
}

std::unique_ptr<Sample> build_kernel(const Shape& shape, Random& random, bool is_weighted) {
  auto sample = std::make_unique<Sample>();
  const std::vector<Index> unit = draw_units(shape, random);
  const Vector row_scale = is_weighted ? random.positives(shape.n) : Vector();
  const Matrix half = random.normals(shape.p, shape.p);
  const Matrix kernel = half * half.transpose() / static_cast<double>(shape.p);
  sample->doubles.assign(kernel.data(), kernel.data() + kernel.size());
  sample->dense = pick_units(unit, row_scale, shape.p);
  sample->prior = 0.25 * kernel;
  sample->x = std::make_unique<hdlmm::KernelOperator>(sample->doubles.data(), shape.p, 0.25, unit,
                                                      row_scale);
  return sample;
}

/// Every column but the first of a dense design that is one wider, the last one first.
std::unique_ptr<Sample> build_subset(const Shape& shape, Random& random) {
  auto sample = build_dense<double>({shape.n, shape.p + 1}, random, true, {true, true, true, true});
  sample->whole = std::move(sample->x);
  std::vector<Index> columns;
  for (Index j = shape.p; j > 0; --j) columns.push_back(j);
  sample->dense = sample->dense.rightCols(shape.p).rowwise().reverse().eval();
  sample->x = std::make_unique<hdlmm::ColumnSubset>(*sample->whole, columns);
  return sample;
}

std::string name_of(const Parts& parts) {
  std::string name;
  if (parts.has_shift) name += "Shift";
  if (parts.has_scale) name += "Scale";
  if (parts.has_fill) name += "Fill";
  if (parts.has_row_scale) name += "Weights";
  return name.empty() ? "Plain" : name;
}

template <typename T>
void add_dense_kinds(const std::string& type, std::vector<Kind>& kinds) {
  const std::vector<Parts> choices = {{},
                                      {true, false, false, false},
                                      {false, true, false, false},
                                      {false, false, true, false},
                                      {false, false, false, true},
                                      {true, true, true, true}};
  for (const Parts& parts : choices) {
    for (const bool is_subset : {false, true}) {
      kinds.push_back({type + name_of(parts) + (is_subset ? "Subset" : ""),
                       [=](const Shape& shape, Random& random) {
                         return build_dense<T>(shape, random, is_subset, parts);
                       }});
    }
  }
}

std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  add_dense_kinds<double>("Double", kinds);
  add_dense_kinds<int>("Integer", kinds);
  add_dense_kinds<std::uint8_t>("Byte", kinds);
  for (int bits = 0; bits < 8; ++bits) {
    const Parts parts{(bits & 1) != 0, (bits & 2) != 0, false, (bits & 4) != 0};
    kinds.push_back({"Sparse" + name_of(parts), [=](const Shape& shape, Random& random) {
                       return build_sparse(shape, random, parts);
                     }});
  }
  kinds.push_back({"ColumnSubset", build_subset});
  for (const bool is_weighted : {false, true}) {
    const std::string suffix = is_weighted ? "Weights" : "Plain";
    kinds.push_back({"Grouped" + suffix, [=](const Shape& shape, Random& random) {
                       return build_grouped(shape, random, is_weighted);
                     }});
    kinds.push_back({"Level" + suffix, [=](const Shape& shape, Random& random) {
                       return build_level(shape, random, is_weighted);
                     }});
    kinds.push_back({"Kernel" + suffix, [=](const Shape& shape, Random& random) {
                       return build_kernel(shape, random, is_weighted);
                     }});
  }
  return kinds;
}

class OperatorContract : public ::testing::TestWithParam<Kind> {
 protected:
  /// Wide, tall, square, one row, one column, no column, no row, beyond one block and one panel.
  static std::vector<Shape> shapes() {
    return {{5, 9}, {11, 4}, {6, 6}, {1, 5}, {8, 1}, {4, 0}, {0, 3}, {0, 0}, {201, 259}};
  }

  /// check(sample, random) for each shape that the kind can have.
  template <typename Check>
  void for_shapes(Check&& check) const {
    std::uint64_t seed = 1;
    for (const Shape& shape : shapes()) {
      bool needs_units = false;
      for (const char* kind : {"Grouped", "Kernel", "Level"}) {
        needs_units |= GetParam().name.rfind(kind, 0) == 0;
      }
      if (needs_units && shape.p == 0 && shape.n > 0) continue;  // a row must have a unit
      SCOPED_TRACE(GetParam().name + " " + std::to_string(shape.n) + " x " +
                   std::to_string(shape.p));
      Random random(seed++);
      const std::unique_ptr<Sample> sample = GetParam().build(shape, random);
      if (sample->prior.size() == 0) sample->prior = Matrix::Identity(shape.p, shape.p);
      check(*sample, random);
    }
  }
};

TEST_P(OperatorContract, ProductsAreThoseOfTheDenseMatrix) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    ASSERT_EQ(x.rows(), sample.dense.rows());
    ASSERT_EQ(x.cols(), sample.dense.cols());
    for (const Index k : {0, 1, 3}) {
      const Matrix u = random.normals(x.cols(), k), v = random.normals(x.rows(), k);
      Matrix xu = Matrix::Zero(x.rows(), k), xtv = Matrix::Zero(x.cols(), k);
      Matrix sxtv = Matrix::Zero(x.cols(), k);
      x.add_product(u, xu);
      x.add_adjoint_product(v, xtv);
      x.add_covariance_product(v, sxtv);
      EXPECT_LT(distance(xu, sample.dense * u), kRounding);
      EXPECT_LT(distance(xtv, sample.dense.transpose() * v), kRounding);
      EXPECT_LT(distance(sxtv, sample.prior * sample.dense.transpose() * v), kRounding);
    }
  });
}

TEST_P(OperatorContract, TheAdjointIsTheAdjoint) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Matrix u = random.normals(x.cols(), 2), v = random.normals(x.rows(), 3);
    Matrix xu = Matrix::Zero(x.rows(), 2), xtv = Matrix::Zero(x.cols(), 3);
    x.add_product(u, xu);
    x.add_adjoint_product(v, xtv);
    EXPECT_LT(distance(v.transpose() * xu, xtv.transpose() * u), kRounding);
  });
}

TEST_P(OperatorContract, ProductsAreAddedToWhatIsThere) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Matrix u = random.normals(x.cols(), 2), v = random.normals(x.rows(), 2);
    const Matrix before_rows = random.normals(x.rows(), 2),
                 before_cols = random.normals(x.cols(), 2);
    Matrix product = before_rows, adjoint = before_cols, covariance = before_cols;
    x.add_product(u, product);
    x.add_adjoint_product(v, adjoint);
    x.add_covariance_product(v, covariance);
    EXPECT_LT(distance(product, before_rows + sample.dense * u), kRounding);
    EXPECT_LT(distance(adjoint, before_cols + sample.dense.transpose() * v), kRounding);
    EXPECT_LT(distance(covariance, before_cols + sample.prior * sample.dense.transpose() * v),
              kRounding);
  });
}

TEST_P(OperatorContract, ProductsGoIntoPartsOfLargerMatrices) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Matrix u = random.normals(x.cols() + 2, 4), v = random.normals(x.rows() + 2, 4);
    Matrix product = Matrix::Zero(x.rows() + 3, 4), adjoint = Matrix::Zero(x.cols() + 3, 4);
    x.add_product(u.block(1, 1, x.cols(), 2), product.block(2, 1, x.rows(), 2));
    x.add_adjoint_product(v.block(1, 1, x.rows(), 2), adjoint.block(2, 1, x.cols(), 2));
    Matrix product_wanted = Matrix::Zero(x.rows() + 3, 4);
    Matrix adjoint_wanted = Matrix::Zero(x.cols() + 3, 4);
    product_wanted.block(2, 1, x.rows(), 2) = sample.dense * u.block(1, 1, x.cols(), 2);
    adjoint_wanted.block(2, 1, x.cols(), 2) = sample.dense.transpose() * v.block(1, 1, x.rows(), 2);
    EXPECT_LT(distance(product, product_wanted), kRounding);
    EXPECT_LT(distance(adjoint, adjoint_wanted), kRounding);
  });
}

TEST_P(OperatorContract, TheRowGramIsTheProductWithTheIdentity) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    const Index n = x.rows();
    Matrix sxt = Matrix::Zero(x.cols(), n), gram = Matrix::Zero(n, n);
    x.add_covariance_product(Matrix::Identity(n, n), sxt);
    x.add_product(sxt, gram);
    const Matrix lower = from_lower(x.row_gram(Context()));
    EXPECT_LT(distance(lower, gram), kRounding);
    EXPECT_LT(distance(lower, sample.dense * sample.prior * sample.dense.transpose()), kRounding);
  });
}

TEST_P(OperatorContract, TheColumnGramIsTheProductWithTheIdentityWhereItExists) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    const Index p = x.cols();
    if (!x.has_identity_prior()) {
      EXPECT_THROW(x.column_gram(Context()), std::logic_error);
      return;
    }
    Matrix columns = Matrix::Zero(x.rows(), p), gram = Matrix::Zero(p, p);
    x.add_product(Matrix::Identity(p, p), columns);
    x.add_adjoint_product(columns, gram);
    const Matrix lower = from_lower(x.column_gram(Context()));
    EXPECT_LT(distance(lower, gram), kRounding);
    EXPECT_LT(distance(lower, sample.dense.transpose() * sample.dense), kRounding);
    if (x.has_diagonal_column_gram()) {
      const Vector diagonal = lower.diagonal();
      EXPECT_EQ(distance(lower, diagonal.asDiagonal().toDenseMatrix()), 0);
    }
  });
}

TEST_P(OperatorContract, ColumnNormsAreTheDiagonalOfTheColumnGram) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    EXPECT_LT(distance(x.column_norms2(), sample.dense.colwise().squaredNorm().transpose()),
              kRounding);
    if (!x.has_identity_prior()) return;
    EXPECT_LT(distance(x.column_norms2(), x.column_gram(Context()).diagonal()), kRounding);
  });
}

TEST_P(OperatorContract, CovarianceColumnsAreCovarianceProductsOfUnitVectors) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Index n = x.rows(), p = x.cols();
    Matrix rows = Matrix::Zero(p, n);
    x.add_covariance_product(Matrix::Identity(n, n), rows);
    const Matrix wanted = rows.transpose();
    Matrix all = random.normals(n, p);  // overwritten, not added to
    x.covariance_columns(0, all);
    EXPECT_LT(distance(all, wanted), kRounding);
    if (p < 3) return;
    Matrix some = random.normals(n, p - 2);
    x.covariance_columns(1, some);
    EXPECT_LT(distance(some, wanted.middleCols(1, p - 2)), kRounding);
    Matrix none(n, 0);
    x.covariance_columns(p, none);
    EXPECT_EQ(none.size(), 0);
  });
}

TEST_P(OperatorContract, OneColumnAtATimeIsTheProductWhereCoefficientsAreIndependent) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Vector v = random.normals(x.rows());
    const Vector before = random.normals(x.rows());
    for (Index j = 0; j < x.cols(); ++j) {
      Vector out = before;
      if (!x.has_identity_prior()) {
        EXPECT_THROW(x.column_dot(j, v), std::logic_error);
        EXPECT_THROW(x.add_column(j, 2, out), std::logic_error);
        continue;
      }
      const Vector column = sample.dense.col(j);
      x.add_column(j, -1.5, out);
      EXPECT_LT(distance(out, before - 1.5 * column), kRounding);
      EXPECT_NEAR(x.column_dot(j, v), column.dot(v), kRounding * (1 + v.cwiseAbs().sum()));
    }
  });
}

TEST_P(OperatorContract, PriorVariancesAreTheDiagonalOfThePrior) {
  for_shapes([](const Sample& sample, Random&) {
    EXPECT_LT(distance(sample.x->prior_variances(), sample.prior.diagonal()), kRounding);
  });
}

TEST_P(OperatorContract, WrongShapesThrow) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    const Index n = x.rows(), p = x.cols();
    Matrix rows = Matrix::Zero(n, 2), cols = Matrix::Zero(p, 2);
    Matrix rows_more = Matrix::Zero(n + 1, 2), cols_more = Matrix::Zero(p + 1, 2);
    const Matrix u = Matrix::Zero(p, 2), u_more = Matrix::Zero(p + 1, 2);
    const Matrix u_wide = Matrix::Zero(p, 3), v_wide = Matrix::Zero(n, 3);
    const Matrix v = Matrix::Zero(n, 2), v_more = Matrix::Zero(n + 1, 2);
    EXPECT_THROW(x.add_product(u_more, rows), std::invalid_argument);
    EXPECT_THROW(x.add_product(u, rows_more), std::invalid_argument);
    EXPECT_THROW(x.add_product(u_wide, rows), std::invalid_argument);
    EXPECT_THROW(x.add_adjoint_product(v_more, cols), std::invalid_argument);
    EXPECT_THROW(x.add_adjoint_product(v, cols_more), std::invalid_argument);
    EXPECT_THROW(x.add_adjoint_product(v_wide, cols), std::invalid_argument);
    EXPECT_THROW(x.column_gram_and_adjoint(v_more, cols, Context()), std::invalid_argument);
    EXPECT_THROW(x.column_gram_and_adjoint(v, cols_more, Context()), std::invalid_argument);
    EXPECT_THROW(x.column_gram_and_adjoint(v_wide, cols, Context()), std::invalid_argument);
    EXPECT_THROW(x.row_gram_and_product(u_more, rows, Context()), std::invalid_argument);
    EXPECT_THROW(x.row_gram_and_product(u, rows_more, Context()), std::invalid_argument);
    EXPECT_THROW(x.row_gram_and_product(u_wide, rows, Context()), std::invalid_argument);
    EXPECT_THROW(x.add_covariance_product(v_more, cols), std::invalid_argument);
    EXPECT_THROW(x.add_covariance_product(v, cols_more), std::invalid_argument);
    EXPECT_THROW(x.add_covariance_product(v_wide, cols), std::invalid_argument);
    Matrix out = Matrix::Zero(n, 1), tall = Matrix::Zero(n + 1, 0);
    EXPECT_THROW(x.covariance_columns(-1, out), std::invalid_argument);
    EXPECT_THROW(x.covariance_columns(p, out), std::invalid_argument);
    EXPECT_THROW(x.covariance_columns(0, tall), std::invalid_argument);
    Vector one = Vector::Zero(n), longer = Vector::Zero(n + 1);
    EXPECT_THROW(x.column_dot(-1, one), std::invalid_argument);
    EXPECT_THROW(x.column_dot(p, one), std::invalid_argument);
    EXPECT_THROW(x.add_column(p, 1, one), std::invalid_argument);
    if (p > 0) {
      EXPECT_THROW(x.column_dot(0, longer), std::invalid_argument);
      EXPECT_THROW(x.add_column(0, 1, longer), std::invalid_argument);
    }
  });
}

TEST_P(OperatorContract, GramsDoNotDependOnTheNumberOfThreads) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    Context one, many;
    many.n_threads = 3;
    EXPECT_EQ(from_lower(x.row_gram(one)), from_lower(x.row_gram(many)));
    if (x.has_identity_prior()) {
      EXPECT_EQ(from_lower(x.column_gram(one)), from_lower(x.column_gram(many)));
    }
  });
}

TEST_P(OperatorContract, ProductsOfManyTilesAreRightForAnyNumberOfThreads) {
  Random random(5);
  const std::unique_ptr<Sample> sample = GetParam().build({1100, 130}, random);
  const DesignOperator& x = *sample->x;
  Context many;
  many.n_threads = 3;
  for (const Index k : {1, 3}) {
    const Matrix u = random.normals(x.cols(), k), v = random.normals(x.rows(), k);
    Matrix xu[2] = {Matrix::Zero(x.rows(), k), Matrix::Zero(x.rows(), k)};
    Matrix xtv[2] = {Matrix::Zero(x.cols(), k), Matrix::Zero(x.cols(), k)};
    x.add_product(u, xu[0]);
    x.add_product(u, xu[1], many);
    x.add_adjoint_product(v, xtv[0]);
    x.add_adjoint_product(v, xtv[1], many);
    EXPECT_EQ(xu[0], xu[1]);
    EXPECT_EQ(xtv[0], xtv[1]);
    EXPECT_LT(distance(xu[0], sample->dense * u), 1e-12);
    EXPECT_LT(distance(xtv[0], sample->dense.transpose() * v), 1e-12);
  }
}

TEST_P(OperatorContract, TheColumnGramTakesAnAdjointProductAlong) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    if (!x.has_identity_prior()) return;
    for (const Index k : {0, 1, 11}) {
      const Matrix v = random.normals(x.rows(), k), start = random.normals(x.cols(), k);
      Matrix out = start;
      EXPECT_EQ(from_lower(x.column_gram_and_adjoint(v, out, Context())),
                from_lower(x.column_gram(Context())));
      EXPECT_LT(distance(out, start + sample.dense.transpose() * v), kRounding);
    }
  });
}

TEST_P(OperatorContract, TheRowGramTakesAProductAlong) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    for (const Index k : {0, 1, 11}) {
      const Matrix u = random.normals(x.cols(), k), start = random.normals(x.rows(), k);
      Matrix out = start;
      EXPECT_EQ(from_lower(x.row_gram_and_product(u, out, Context())),
                from_lower(x.row_gram(Context())));
      EXPECT_LT(distance(out, start + sample.dense * u), kRounding);
    }
  });
}

TEST_P(OperatorContract, AProductOfManyTilesIsTakenAlongByAnyNumberOfThreads) {
  Random random(7);
  const std::unique_ptr<Sample> sample = GetParam().build({500, 2600}, random);
  const DesignOperator& x = *sample->x;
  const Matrix u = random.normals(x.cols(), 2);
  Context many;
  many.n_threads = 3;
  Matrix one = Matrix::Zero(x.rows(), 2), shared = one;
  EXPECT_EQ(from_lower(x.row_gram_and_product(u, one, Context())),
            from_lower(x.row_gram_and_product(u, shared, many)));
  EXPECT_EQ(one, shared);
  EXPECT_LT(distance(one, sample->dense * u), 1e-12);  // rounding of 2600 terms
}

TEST_P(OperatorContract, AnAdjointProductOfManyTilesIsTakenAlongByAnyNumberOfThreads) {
  Random random(6);
  const std::unique_ptr<Sample> sample = GetParam().build({1100, 130}, random);
  const DesignOperator& x = *sample->x;
  if (!x.has_identity_prior()) return;
  const Matrix v = random.normals(x.rows(), 11);
  Context many;
  many.n_threads = 3;
  Matrix one = Matrix::Zero(x.cols(), 11), shared = one;
  EXPECT_EQ(from_lower(x.column_gram_and_adjoint(v, one, Context())),
            from_lower(x.column_gram_and_adjoint(v, shared, many)));
  EXPECT_EQ(one, shared);
  EXPECT_LT(distance(one, sample->dense.transpose() * v), 1e-12);  // rounding of 1100 terms
}

TEST_P(OperatorContract, ProgressRisesToAtMostOneAndAnInterruptGetsOut) {
  Random random(1);
  const std::unique_ptr<Sample> sample = GetParam().build({20, 300}, random);
  Context context;
  double last = 0;
  int polls = 0;
  context.progress = [&](const std::string&, double fraction) {
    EXPECT_GE(fraction, last);
    EXPECT_LE(fraction, 1);
    last = fraction;
  };
  context.poll = [&] { ++polls; };
  sample->x->row_gram(context);
  if (polls == 0) return;  // O(n^2) work without a product is not interrupted
  context.poll = [] { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(sample->x->row_gram(context), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(EveryKind, OperatorContract, ::testing::ValuesIn(all_kinds()),
                         [](const ::testing::TestParamInfo<Kind>& info) {
                           return info.param.name;
                         });

TEST(GroupedOperator, GroupSumsKeepTheirDigitsUnderCancellation) {
  const hdlmm::GroupedOperator x({0, 0, 0, 0}, 1, Vector());
  const Vector v = (Vector(4) << 1e16, 1.0, -1e16, 0.5).finished();
  Vector sum = Vector::Zero(1);
  x.add_adjoint_product(v, sum);
  EXPECT_EQ(sum[0], 1.5);  // exact in twice the precision; plain summation gives 0.5
}

}  // namespace
}  // namespace hdlmm_test
