#include "hdlmm/operator/dense_cells.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "hdlmm/base/checks.hpp"

namespace hdlmm {

namespace {

using RunOfCells = Eigen::Map<const Vector>;

/// Rows first, first + 1, .. of column j, but for its missing cells.
void transform_run(const CellTransform& transform, Index j, Index first,
                   Eigen::Map<Eigen::ArrayXd> x) {
  if (transform.shift.size() > 0) x -= transform.shift[j];
  if (transform.scale.size() > 0) x *= transform.scale[j];
  if (transform.row_scale.size() > 0) x *= transform.row_scale.segment(first, x.size()).array();
}

}  // namespace

template <typename T>
DenseCells<T>::DenseCells(StoredMatrix<T> stored, CellTransform transform)
    : stored_(std::move(stored)), transform_(std::move(transform)) {
  check_indices(stored_.rows, stored_.stride, "fitted rows of a dense design");
  check_optional_length(transform_.shift.size(), cols(), "a dense design: length of the shift");
  check_optional_length(transform_.scale.size(), cols(), "a dense design: length of the scale");
  check_optional_length(transform_.fill.size(), cols(), "a dense design: length of the fill");
  check_optional_length(transform_.row_scale.size(), rows(),
                        "a dense design: length of the row scale");
}

template <typename T>
double DenseCells<T>::plain_dot(Index j, const ConstVector& v) const {
  constexpr int kLanes = 16;
  using Lanes = Eigen::Array<double, kLanes, 1>;
  const T* column = stored_.cells + j * stored_.stride;
  const double shift = shift_of(j), scale = scale_of(j);
  Lanes sums = Lanes::Zero();
  Index i = 0;
  for (; i + kLanes <= rows(); i += kLanes) {
    const Eigen::Map<const Eigen::Array<T, kLanes, 1>> cells(column + i);
    sums += (cells.template cast<double>() - shift) * scale * v.segment<kLanes>(i).array();
  }
  double sum = sums.sum();
  for (; i < rows(); ++i) sum += (static_cast<double>(column[i]) - shift) * scale * v[i];
  return sum;
}

template <typename T>
double DenseCells<T>::cell(Index i, Index j) const {
  const T* column = stored_.cells + j * stored_.stride;
  const T x = column[stored_.rows.empty() ? i : stored_.rows[i]];
  double value = static_cast<double>(x);
  if (transform_.fill.size() > 0 && is_missing(x)) value = transform_.fill[j];
  if (transform_.shift.size() > 0) value -= transform_.shift[j];
  if (transform_.scale.size() > 0) value *= transform_.scale[j];
  if (transform_.row_scale.size() > 0) value *= transform_.row_scale[i];
  return value;
}

template <typename T>
double DenseCells<T>::dot(Index j, const ConstVector& v) const {
  if (is_plain() && transform_.row_scale.size() == 0) return plain_dot(j, v);
  double sum = 0;
  for_runs(j, [&](Index first, const RunOfCells& cells) {
    sum += cells.dot(v.segment(first, cells.size()));
  });
  return sum;
}

template <typename T>
void DenseCells<T>::add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  for_runs(j, [&](Index first, const RunOfCells& cells) {
    out.segment(first, cells.size()) += a * cells;
  });
}

template <typename T>
void DenseCells<T>::read_column(Index j, Index first, Index count, double* out) const {
  const T* column = stored_.cells + j * stored_.stride;
  load(column, first, count, out);
  if (transform_.fill.size() > 0) fill_missing(column, j, first, count, out);
  transform_run(transform_, j, first, Eigen::Map<Eigen::ArrayXd>(out, count));
}

template <typename T>
void DenseCells<T>::unpack(Index first_row, Index first_col, Eigen::Ref<Matrix> out) const {
  for (Index k = 0; k < out.cols(); ++k) {
    read_column(first_col + k, first_row, out.rows(), out.col(k).data());
  }
}

template <typename T>
void DenseCells<T>::pack_rows(const MicroKernel& kernel, Index first, Index count, Index first_col,
                              Index n_cols, double* out) const {
  double scratch[kRuns * kPackedVectors];
  const Index width = kernel.width, step = width * n_cols;
  const Index present = std::min(count, rows() - first);
  for (Index l = 0; l < n_cols; l += kRuns) {
    const Index n_runs = std::min(kRuns, n_cols - l);
    with_runs(first_col + l, n_runs, first, present, scratch, [&](const auto* runs) {
      pack_across(kernel, runs, n_runs, present, count / width, out + l * width, step);
    });
  }
}

template <typename T>
void DenseCells<T>::pack_columns(const MicroKernel& kernel, Index first, Index count,
                                 Index first_row, Index n_rows, double* out) const {
  double scratch[kMaxStrip * kMaxDepth];
  const Index width = kernel.width;
  for (Index at = 0; at < count; at += width) {
    const Index present = std::max<Index>(0, std::min(width, cols() - first - at));
    with_runs(first + at, present, first_row, n_rows, scratch, [&](const auto* runs) {
      pack_along(kernel, runs, present, n_rows, out + at * n_rows);
    });
  }
}

template <typename T>
const T* DenseCells<T>::stored_cells(Index j, Index first, Index count, T* scratch) const {
  const T* column = stored_.cells + j * stored_.stride;
  if (stored_.rows.empty()) return column + first;
  for (Index i = 0; i < count; ++i) scratch[i] = column[stored_.rows[first + i]];
  return scratch;
}

template <typename T>
void DenseCells<T>::pack_row_quads(Index width, Index first, Index count, Index first_col,
                                   Index n_cols, std::uint8_t* out, RowShift* shift) const {
  const T zeros[kPackedVectors] = {};
  T scratch[4 * kPackedVectors];
  const Index present = std::min(count, rows() - first), step = width * round_up(n_cols, 4);
  for (Index l = 0; l < n_cols; l += 4) {
    const Index n_runs = std::min<Index>(4, n_cols - l);
    const T* runs[4] = {zeros, zeros, zeros, zeros};
    for (Index i = 0; i < n_runs; ++i) {
      runs[i] = stored_cells(first_col + l + i, first, present, scratch + i * kPackedVectors);
    }
    pack_quads_across(runs, present, width, count / width, out + l * width, step);
    if (shift != nullptr) shift->add_columns(runs, first_col + l, n_runs, first, present);
  }
}

template <typename T>
void DenseCells<T>::pack_column_quads(Index width, Index first, Index count, Index first_row,
                                      Index n_rows, std::uint8_t* out, Vector& sums) const {
  using Sum = typename std::conditional<std::is_same<T, double>::value, double, int>::type;
  const T zeros[kMaxIntegerDepth] = {};
  T scratch[kMaxIntegerDepth];
  for (Index at = 0; at < count; ++at) {
    const Index j = first + at;
    const T* run = j < cols() ? stored_cells(j, first_row, n_rows, scratch) : zeros;
    pack_quads_along(run, width, n_rows,
                     out + at / width * width * round_up(n_rows, 4) + at % width * 4);
    if (j >= cols()) continue;
    const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> cells(run, n_rows);
    sums[j] += static_cast<double>(cells.template cast<Sum>().sum());
  }
}

template <typename T>
template <typename Visit>
void DenseCells<T>::with_runs(Index j, Index n_runs, Index first, Index count, double* scratch,
                              Visit&& visit) const {
  if constexpr (std::is_same<T, double>::value) {
    if (is_as_stored()) {
      const double* runs[kMaxStrip];
      for (Index i = 0; i < n_runs; ++i) {
        runs[i] = stored_.cells + (j + i) * stored_.stride + first;
      }
      visit(runs);
      return;
    }
  }
  if (is_plain() && transform_.row_scale.size() == 0) {
    ScaledRun<T> runs[kMaxStrip];
    for (Index i = 0; i < n_runs; ++i) {
      const T* cells = stored_.cells + (j + i) * stored_.stride + first;
      runs[i] = {cells, shift_of(j + i), scale_of(j + i)};
    }
    visit(runs);
  } else {
    const double* runs[kMaxStrip];
    for (Index i = 0; i < n_runs; ++i) {
      read_column(j + i, first, count, scratch + i * count);
      runs[i] = scratch + i * count;
    }
    visit(runs);
  }
}

template <typename T>
template <typename Visit>
void DenseCells<T>::for_runs(Index j, Visit&& visit) const {
  constexpr Index kRun = 512;  // doubles, which stay in the innermost cache
  if constexpr (std::is_same<T, double>::value) {
    if (is_as_stored()) {
      visit(0, RunOfCells(stored_.cells + j * stored_.stride, rows()));
      return;
    }
  }
  double scratch[kRun];
  for (Index first = 0; first < rows(); first += kRun) {
    const Index count = std::min(kRun, rows() - first);
    read_column(j, first, count, scratch);
    visit(first, RunOfCells(scratch, count));
  }
}

template <typename T>
void DenseCells<T>::load(const T* column, Index first, Index count, double* out) const {
  Index i = 0;
  if (stored_.rows.empty()) {
    constexpr int kAtOnce = 8;  // a fixed number, which compilers turn into vectors at -O2
    for (const T* from = column + first; i + kAtOnce <= count; i += kAtOnce) {
      for (int k = 0; k < kAtOnce; ++k) out[i + k] = static_cast<double>(from[i + k]);
    }
    for (; i < count; ++i) out[i] = static_cast<double>(column[first + i]);
  } else {
    const Index* rows = stored_.rows.data() + first;
    for (; i < count; ++i) out[i] = static_cast<double>(column[rows[i]]);
  }
}

template <typename T>
void DenseCells<T>::fill_missing(const T* column, Index j, Index first, Index count,
                                 double* out) const {
  const double fill = transform_.fill[j];
  for (Index i = 0; i < count; ++i) {
    const T x = column[stored_.rows.empty() ? first + i : stored_.rows[first + i]];
    out[i] = is_missing(x) ? fill : out[i];
  }
}

template <typename T>
bool DenseCells<T>::is_as_stored() const {
  return is_plain() && transform_.shift.size() == 0 && transform_.scale.size() == 0 &&
         transform_.row_scale.size() == 0;
}

template class DenseCells<double>;
template class DenseCells<int>;
template class DenseCells<std::uint8_t>;

}  // namespace hdlmm
