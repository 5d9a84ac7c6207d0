#ifndef HDLMM_OPERATOR_COLUMN_SUMMARY_HPP
#define HDLMM_OPERATOR_COLUMN_SUMMARY_HPP

#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/simd/column_moments.hpp"

namespace hdlmm {

/// Cells of a dense matrix, column major, of which some rows count.
template <typename T>
struct RawColumns {
  const T* cells;
  Index stride;
  Index p;
  const int* rows;  ///< [n], 1-based, or null: the first n
  Index n;
};

/// Of every column [p], over the rows that count; missing cells are counted at the mean.
struct ColumnSummary {
  std::vector<int> n_missing, n_infinite;
  std::vector<double> max_abs;        ///< the largest |x|
  std::vector<double> own;            ///< exponent k, 2^k max_abs in [0.5, 1); at most 1000
  std::vector<double> mean;           ///< of x
  std::vector<double> weighted_mean;  ///< the same by weights
  std::vector<double> squares;        ///< of 2^own x: the centred sum of squares

  explicit ColumnSummary(Index p);
  bool is_complete() const;  ///< no cell is missing
  bool is_finite() const;    ///< no cell is infinite
};

/// weight: [n], or null. Scaling by a power of two is exact, so a second pass is needed only for
/// weights and where squares of the cells as they are leave the range of numbers.
template <typename T>
ColumnSummary summarise_columns(const RawColumns<T>& columns, const double* weight,
                                const Context& context);

/// What fits and warnings need to know of all columns together.
struct ColumnFacts {
  double common = 0;          ///< exponent that scales the largest cell to [0.5, 1)
  double squares = 0;         ///< sum of the centred squares of 2^common x
  bool has_constant = false;  ///< a constant column other than 0
  bool has_zero = false;      ///< a column of zeros
  /// Decimal logarithm of the ratio of the largest to the smallest root of squares, constants
  /// aside.
  double log10_spread = 0;
};

/// own, mean, squares, max_abs: [p], as in a ColumnSummary.
ColumnFacts column_facts(const std::vector<double>& own, const std::vector<double>& mean,
                         const std::vector<double>& squares, const std::vector<double>& max_abs);

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_COLUMN_SUMMARY_HPP
