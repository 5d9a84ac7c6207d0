#include "hdlmm/marginal/decompose.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// Eigenvalues down to minus this share of the largest are taken for rounding by themselves.
constexpr double kPlausibleShare = 1e-6;

/// No judgement by digits takes more than this share of the largest eigenvalue for zero.
constexpr double kLargestShare = 1e-2;

/// Rounding has either sign: this many small eigenvalues of which none is negative are exact.
constexpr Index kTelling = 6;

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
  const Index n = x.rows(), p = x.cols();
  if (x.has_diagonal_column_gram()) {
    spectrum.side = Side::diagonal;
    spectrum.d = x.column_norms2();
    spectrum.min_computed = p > 0 ? spectrum.d.minCoeff() : 0;
    return spectrum;
  }
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
