#include "hdlmm/marginal/decompose.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// Eigenvalues down to minus this share of the largest are taken for rounding by themselves.
constexpr double kPlausibleShare = 1e-6;

/// No judgement by digits takes more than this share of the largest eigenvalue for zero.
constexpr double kLargestShare = 1e-2;

/// Rounding has either sign: this many small eigenvalues of which none is negative are exact.
constexpr Index kTelling = 6;

/// Squares of this share of the largest have lost digits, or are zero.
constexpr double kNoLength2 = 1e-280;

/// Columns that share no row, each a direction of its own. One of zeros, as of a level of which
/// every x is 0, has none: what is left are columns of the identity [p x r].
Spectrum disjoint_columns(const Vector& norms2) {
  const Index p = norms2.size();
  Spectrum spectrum;
  spectrum.min_computed = p > 0 ? norms2.minCoeff() : 0;
  const double bound = p > 0 ? kNoLength2 * norms2.maxCoeff() : 0;
  if (p == 0 || spectrum.min_computed > bound) {
    spectrum.side = Side::diagonal;
    spectrum.d = norms2;
    return spectrum;
  }
  std::vector<Index> kept;
  for (Index j = 0; j < p; ++j) {
    if (norms2[j] > bound) kept.push_back(j);
  }
  std::sort(kept.begin(), kept.end(), [&](Index a, Index b) {
    return norms2[a] < norms2[b] || (norms2[a] == norms2[b] && a < b);
  });
  const Index r = static_cast<Index>(kept.size());
  spectrum.side = Side::column;
  spectrum.d.resize(r);
  spectrum.vectors = Matrix::Zero(p, r);
  for (Index k = 0; k < r; ++k) {
    spectrum.d[k] = norms2[kept[static_cast<std::size_t>(k)]];
    spectrum.vectors(kept[static_cast<std::size_t>(k)], k) = 1;
  }
  return spectrum;
}

}  // namespace

double zero_eigenvalue_share(Index n) {
  return 32 * std::numeric_limits<double>::epsilon() * std::max<double>(64, n);
}

double zero_bound(const Vector& d, Index n, const Rounding& rounding) {
  if (d.size() == 0) return 0;
  const double largest = std::max(0.0, d[d.size() - 1]);
  const double strict = largest * zero_eigenvalue_share(std::max(n, d.size()));
  if (rounding.is_given()) return std::max(strict, rounding.share * largest);
  double bound = strict;
  const double stored = std::min(rounding.absolute, kLargestShare * largest);
  if (stored > strict) {
    Index within = 0;
    while (within < d.size() && d[within] <= stored) ++within;
    const bool is_exact = within >= kTelling && d[0] >= -strict;
    if (!is_exact) bound = stored;
  }
  // one that is negative shows how far off all of them are
  return -d[0] <= kPlausibleShare * largest ? std::max(bound, -d[0]) : bound;
}

Index count_zero_eigenvalues(const Vector& d, double bound) {
  Index count = 0;
  while (count < d.size() && !(d[count] > bound)) ++count;
  return count;
}

Side smaller_side(const DesignOperator& x) {
  return x.rows() <= x.cols() || !x.has_identity_prior() ? Side::row : Side::column;
}

Spectrum decompose(const DesignOperator& x, const Context& context) {
  Spectrum spectrum;
  const Index n = x.rows();
  if (x.has_diagonal_column_gram()) return disjoint_columns(x.column_norms2());
  spectrum.side = smaller_side(x);
  Matrix gram = spectrum.side == Side::row ? x.row_gram(context) : x.column_gram(context);
  context.progress("eigendecomposition", 0);
  const Vector all = gram.rows() > 0 ? solve_symmetric(gram, true, context) : Vector();
  context.progress("eigendecomposition", 1);
  if (all.size() == 0) return spectrum;
  spectrum.min_computed = all[0];
  spectrum.zero_bound = zero_bound(all, n, x.rounding());
  const Index first = count_zero_eigenvalues(all, spectrum.zero_bound);
  const Index r = all.size() - first;
  spectrum.d = all.tail(r);
  if (first == 0) {
    spectrum.vectors = std::move(gram);
  } else {
    spectrum.vectors = gram.rightCols(r);
  }
  return spectrum;
}

}  // namespace hdlmm
