#include <vector>

#include "hdlmm/base/order_statistics.hpp"
#include "hdlmm/linalg/fixed_basis.hpp"
#include "hdlmm/linalg/thin_factors.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"

// Least squares of y on Z [n x c0], columns scaled to moderate size by the caller.
// Returns omega, r and its inverse in the units of those columns, and kept (1-based).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_least_squares(const Eigen::Map<Eigen::MatrixXd> z,
                             const Eigen::Map<Eigen::VectorXd> y, double tolerance) {
  const hdlmm::Context context = polling_context();
  const hdlmm::FixedBasis basis = hdlmm::build_fixed_basis(z, tolerance, context);
  const hdlmm::LeastSquares fit = hdlmm::solve_least_squares(basis, z, y, context);
  Rcpp::IntegerVector kept(basis.kept.size());
  for (std::size_t i = 0; i < basis.kept.size(); ++i) {
    kept[static_cast<R_xlen_t>(i)] = static_cast<int>(basis.kept[i]) + 1;
  }
  return make_list({{"q", basis.q},
                    {"r", basis.r},
                    {"inverse", hdlmm::inverse_of_upper(basis.r)},
                    {"kept", kept},
                    {"omega", fit.omega},
                    {"residual", fit.residual}});
}

// The values of x that would stand at the positions `at` (1-based, ascending) of the sorted x.
// [[Rcpp::export(rng = false)]]
std::vector<double> cpp_order_statistics(const std::vector<double>& x,
                                         const std::vector<double>& at) {
  std::vector<hdlmm::Index> positions;
  for (const double position : at) positions.push_back(static_cast<hdlmm::Index>(position) - 1);
  return hdlmm::order_statistics(x, positions);
}
