#include "operator_samples.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "hdlmm/operator/column_subset.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

namespace hdlmm_test {
namespace {

/// Which parts of a transformation are present.
struct Parts {
  bool has_shift = false, has_scale = false, has_fill = false, has_row_scale = false;
};

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

}  // namespace

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

}  // namespace hdlmm_test
