#ifndef HDLMM_OPERATOR_DENSE_CELLS_HPP
#define HDLMM_OPERATOR_DENSE_CELLS_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "hdlmm/dense/small_integer_gram.hpp"

namespace hdlmm {

inline bool is_missing(double x) { return std::isnan(x); }
inline bool is_missing(int x) { return x == std::numeric_limits<int>::min(); }
inline bool is_missing(std::uint8_t) { return false; }

/// How the stored column x becomes the column of the design:
/// (x - shift) * scale, missing cells replaced by `fill` first, rows multiplied by row_scale.
/// An empty vector means 0, 1, no missing cells and 1.
struct CellTransform {
  Vector shift;      ///< [p]
  Vector scale;      ///< [p]
  Vector fill;       ///< [p]
  Vector row_scale;  ///< [n]
};

/// Stored cells: column major, `stride` rows a column, of which the listed `rows` are fitted
/// (all of them, in order, when the list is empty). Borrowed: the host keeps them alive.
template <typename T>
struct StoredMatrix {
  const T* cells = nullptr;
  Index stride = 0;
  Index rows_fitted = 0;
  Index cols = 0;
  std::vector<Index> rows;
};

/// The cells of a dense design: read one by one, in runs, or packed for the kernels of products.
template <typename T>
class DenseCells {
 public:
  /// Throws InvalidInput.
  DenseCells(StoredMatrix<T> stored, CellTransform transform);

  Index rows() const { return stored_.rows_fitted; }
  Index cols() const { return stored_.cols; }
  const CellTransform& transform() const { return transform_; }

  /// Whether columns are (cells - shift) * scale over a run of memory, the rows' scale aside.
  bool is_plain() const { return stored_.rows.empty() && transform_.fill.size() == 0; }

  double shift_of(Index j) const { return transform_.shift.size() > 0 ? transform_.shift[j] : 0; }
  double scale_of(Index j) const { return transform_.scale.size() > 0 ? transform_.scale[j] : 1; }

  /// Of a plain column, in lanes that are added at the end: one order whatever the storage.
  double plain_dot(Index j, const ConstVector& v) const;

  double cell(Index i, Index j) const;

  /// x_j' v of column j.
  double dot(Index j, const ConstVector& v) const;

  /// out += a x_j.
  void add_column(Index j, double a, Eigen::Ref<Vector> out) const;

  /// Rows first .. first + count - 1 of column j of the design into `out` [count].
  void read_column(Index j, Index first, Index count, double* out) const;

  /// Rows first_row.., columns first_col.. of the design, as doubles.
  void unpack(Index first_row, Index first_col, Eigen::Ref<Matrix> out) const;

  /// Strips of rows of the design, for its row Gram matrix and products with X.
  void pack_rows(const MicroKernel& kernel, Index first, Index count, Index first_col, Index n_cols,
                 double* out) const;

  /// Strips of columns of the design, for its column Gram matrix and products with X'.
  void pack_columns(const MicroKernel& kernel, Index first, Index count, Index first_row,
                    Index n_rows, double* out) const;

  /// Stored cells of rows first .. first + count - 1 of column j, in place or in `scratch` [count].
  const T* stored_cells(Index j, Index first, Index count, T* scratch) const;

  /// pack_rows() of cells that are small whole numbers, as a ByteKernel reads them; shift: see
  /// RowShift, or null.
  void pack_row_quads(Index width, Index first, Index count, Index first_col, Index n_cols,
                      std::uint8_t* out, RowShift* shift) const;

  /// pack_columns() of the same; sums [p] grow by those of the cells.
  void pack_column_quads(Index width, Index first, Index count, Index first_row, Index n_rows,
                         std::uint8_t* out, Vector& sums) const;

 private:
  /// visit(runs): cells of rows first .. first + count - 1 of n_runs <= kMaxStrip columns from
  /// column j on: themselves, as ScaledRuns, or where these cannot say what they are copies in
  /// `scratch` [count x n_runs].
  template <typename Visit>
  void with_runs(Index j, Index n_runs, Index first, Index count, double* scratch,
                 Visit&& visit) const;

  /// Runs of a column of the design as doubles: visit(first, cells [count]).
  template <typename Visit>
  void for_runs(Index j, Visit&& visit) const;

  void load(const T* column, Index first, Index count, double* out) const;

  void fill_missing(const T* column, Index j, Index first, Index count, double* out) const;

  /// Whether the cells of the design are the stored ones.
  bool is_as_stored() const;

  StoredMatrix<T> stored_;
  CellTransform transform_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_DENSE_CELLS_HPP
