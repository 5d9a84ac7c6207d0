#ifndef HDLMM_TESTS_REFERENCE_TERMS_CASE_HPP
#define HDLMM_TESTS_REFERENCE_TERMS_CASE_HPP

#include <memory>
#include <string>
#include <vector>

#include "hdlmm/marginal/elimination_order.hpp"
#include "hdlmm/model/covariances.hpp"

#include "support.hpp"

namespace hdlmm_test {

using hdlmm::Covariances;
using hdlmm::TermsModel;

/// A model with the matrices that its designs stand for and the memory that they borrow.
struct TermsCase {
  std::string name;
  TermsModel model;
  std::vector<Matrix> x;      ///< X_k [n x q_k]
  std::vector<Matrix> prior;  ///< of kernels, else empty
  std::vector<std::vector<double>> memory;
  std::vector<std::vector<int>> places;
};

/// 40 rows, a letter a term: s (1 + x | g), f (1 | h), m memberships, n nested levels, d nested
/// slopes, c five columns, w seventy, k a kernel, l one of low rank.
std::shared_ptr<TermsCase> make_terms_case(const std::string& terms);

/// Cov(beta_k) per unit sigma_e^2 for a covariance of one level.
Matrix prior_of(const TermsCase& one, Index k, const Matrix& s);

/// V, its inverse, (Q'V^-1 Q)^-1 and P per unit sigma_e^2, by dense algebra.
struct DenseTerms {
  Matrix v, inverse, covariance, p;
};

DenseTerms dense_of(const TermsCase& one, const Covariances& at);

/// dV by every cell of every S_k, then by sigma_e^2.
std::vector<Matrix> derivatives_of(const TermsCase& one);

/// Levels one by one, whatever is left and gained: "all levels", or while they meet few.
hdlmm::EliminationRule rule_of(const std::string& type);

}  // namespace hdlmm_test

#endif
