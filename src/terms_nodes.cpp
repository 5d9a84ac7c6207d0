#include "hdlmm/inference/terms/terms_nodes.hpp"

#include <cstddef>
#include <vector>

#include "hdlmm/base/checks.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_terms.h"

using Rcpp::as;

namespace {

// nodes: list(half [m x N], precision [c x c] or [0 x 0], sigma2 [N]).
hdlmm::TermsNodes nodes_of(const hdlmm::TermsSystem& system, const Rcpp::List& nodes) {
  hdlmm::TermsNodes out;
  out.half = as<hdlmm::Matrix>(nodes["half"]);
  out.precision = as<hdlmm::Matrix>(nodes["precision"]);
  out.sigma2 = as<hdlmm::Vector>(nodes["sigma2"]);
  const hdlmm::Index c = system.model().q.cols();
  hdlmm::check_input(out.half.rows() == system.model().parameters(), "nodes of random terms");
  if (out.precision.size() > 0) {
    hdlmm::check_input(out.precision.rows() == c && out.precision.cols() == c,
                       "precision of the fixed effects");
    hdlmm::check_input(out.sigma2.size() == out.size(), "residual variances of nodes");
  }
  return out;
}

}  // namespace

// The likelihood at points, half [m x N] the half vectors of all S_k: scalars [3 x N] (y'P y,
// log|V|, log|A|), delta [c x N], covariance [c^2 x N].
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_values(SEXP system, const Eigen::Map<Eigen::MatrixXd> half,
                            const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  hdlmm::check_input(half.rows() == terms.model().parameters(), "points of random terms");
  const hdlmm::NodeValues out = hdlmm::evaluate_nodes(terms, half, make_context(host));
  return make_list(
      {{"scalars", out.scalars}, {"delta", out.delta}, {"covariance", out.covariance}});
}

// Posterior means over nodes: delta [c x N] and covariance [c^2 x N] of every node, effects by
// term, py.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_node_means(SEXP system, const Rcpp::List& nodes,
                                const Eigen::Map<Eigen::VectorXd> weight, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::NodeMeans out =
      hdlmm::average_nodes(terms, nodes_of(terms, nodes), weight, make_context(host));
  return make_list({{"delta", out.delta},
                    {"covariance", out.covariance},
                    {"effects", as_r_list(out.effects)},
                    {"py", out.projected}});
}

// Posterior variances of the effects, by term, about their means `centre`.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_node_variances(SEXP system, const Rcpp::List& nodes,
                                    const Eigen::Map<Eigen::VectorXd> weight,
                                    const Eigen::Map<Eigen::VectorXd> second,
                                    const Rcpp::List& centre, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  std::vector<hdlmm::Vector> means;
  for (R_xlen_t k = 0; k < centre.size(); ++k) means.push_back(as<hdlmm::Vector>(centre[k]));
  hdlmm::check_input(static_cast<hdlmm::Index>(means.size()) == terms.model().size(),
                     "means of random effects");
  return as_r_list(hdlmm::node_variances(terms, nodes_of(terms, nodes), weight, second, means,
                                         make_context(host)));
}

// P y and diag(P) at every node, [n x N].
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_node_projections(SEXP system, const Rcpp::List& nodes,
                                      const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::NodeProjections out =
      hdlmm::project_nodes(terms, nodes_of(terms, nodes), make_context(host));
  return make_list({{"py", out.projected}, {"diagonal", out.diagonal}});
}

// Some coefficients of a term at every node, [length(at) x N]; term and at count from 1.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_node_effects(SEXP system, const Rcpp::List& nodes, int term,
                                  const std::vector<int>& at, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  hdlmm::check_input(term >= 1 && term <= terms.model().size(), "a random term");
  std::vector<hdlmm::Index> own;
  for (const int one : at) own.push_back(hdlmm::Index{one} - 1);
  const hdlmm::NodeEffects out = hdlmm::effects_at_nodes(
      terms, nodes_of(terms, nodes), hdlmm::Index{term} - 1, own, make_context(host));
  return make_list({{"mean", out.mean}, {"variance", out.variance}});
}
