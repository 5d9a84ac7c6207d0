#include "hdlmm/inference/posterior/mixture.hpp"

#include "hdlmm/base/checks.hpp"
#include "hdlmm/marginal/prior_directions.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_system.h"

using Rcpp::as;

namespace {

// nodes: list(h, nu, tau, prior_root); tau and prior_root of length zero for a flat prior of omega.
hdlmm::MixtureNodes as_nodes(const Rcpp::List& nodes) {
  hdlmm::MixtureNodes out{as<hdlmm::Vector>(nodes["h"]), as<hdlmm::Vector>(nodes["nu"]),
                          as<hdlmm::Vector>(nodes["tau"]), as<hdlmm::Matrix>(nodes["prior_root"])};
  hdlmm::check_input(out.nu.size() == out.size(), "nodes of a posterior: shares");
  hdlmm::check_input(out.prior_root.rows() == 0 || out.tau.size() == out.size(),
                     "nodes of a posterior: total variances");
  return out;
}

// The pieces of a system that the functions below share. Holds maps of R's memory.
struct Mixture {
  Mixture(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system_list,
          const Rcpp::List& nodes_list)
      : x(make_operator(design, row_scale)),
        system(make_spectral_system(system_list)),
        nodes(as_nodes(nodes_list)),
        vectors(as<Eigen::Map<Eigen::MatrixXd>>(system_list["vectors"])),
        frame(*x, as_side(as<std::string>(system_list["side"])), system.parts().d, vectors,
              polling_context()),
        view(system, nodes) {}

  std::unique_ptr<hdlmm::DesignOperator> x;
  hdlmm::SpectralSystem system;
  hdlmm::MixtureNodes nodes;
  Eigen::Map<Eigen::MatrixXd> vectors;
  hdlmm::SpectralFrame frame;
  hdlmm::MixtureView view;
};

}  // namespace

// At every share, [m x 3]: y'P y, log|V|, log|V| + log|Q'V^-1 Q|; and with prior_root [c x c] the
// eigenvalues of Lambda^1/2 C Lambda^1/2' and the squares of Lambda^1/2 delta along them, [c x m].
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_evaluate_shares(const Rcpp::List& system, const std::vector<double>& h,
                               const std::vector<double>& nu,
                               const Eigen::Map<Eigen::MatrixXd> precision_root,
                               const Rcpp::List& host) {
  const auto marginal = make_system(system);
  const hdlmm::Context context = make_context(host);
  const auto m = static_cast<Eigen::Index>(h.size());
  const Eigen::Index c = precision_root.rows();
  hdlmm::check_input(nu.size() == h.size(), "shares: their number");
  hdlmm::check_input(c == 0 || (c == marginal->n_fixed() && precision_root.cols() == c),
                     "a prior of the fixed effects: its size");
  hdlmm::Matrix scalars(m, 3), spread(c, m), along2(c, m);
  for (Eigen::Index k = 0; k < m; ++k) {
    const auto at = static_cast<std::size_t>(k);
    context.poll();
    const auto detail = c == 0 ? hdlmm::Detail::marginal : hdlmm::Detail::all;
    const hdlmm::Evaluation e = marginal->evaluate(hdlmm::Share{h[at], nu[at]}, detail);
    scalars.row(k) << e.rss, e.log_det_v, e.log_det_restricted;
    if (c == 0) continue;
    const hdlmm::PriorDirections directions = hdlmm::prior_directions(precision_root, e);
    spread.col(k) = directions.spread;
    along2.col(k) = directions.along2;
  }
  return make_list({{"scalars", scalars}, {"spread", spread}, {"along2", along2}});
}

// Posterior means and covariances of delta on Q per unit tau^2 at every node: mean [c x m], root
// [c x c m] with covariance root root'.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_mixture_fixed(const Rcpp::List& system, const Rcpp::List& nodes) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::MixtureNodes core = as_nodes(nodes);
  const hdlmm::MixtureView view(spectral, core);
  const Eigen::Index m = core.size(), c = spectral.n_fixed();
  hdlmm::Matrix mean(c, m), covariance(c * c, m);
  for (Eigen::Index k = 0; k < m; ++k) {
    Rcpp::checkUserInterrupt();
    const hdlmm::Evaluation e = view.at(k).evaluate(core.share(k));
    if (c == 0) continue;
    mean.col(k) = e.delta;
    covariance.col(k) = Eigen::Map<const hdlmm::Vector>(e.covariance.data(), c * c);
  }
  return make_list({{"mean", mean}, {"covariance", covariance}});
}

// sum_k weights_k P_k y, [n].
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_mixture_response(const Rcpp::List& design, SEXP row_scale,
                                     const Rcpp::List& system, const Rcpp::List& nodes,
                                     const Eigen::Map<Eigen::VectorXd> weights,
                                     const Rcpp::List& host) {
  const Mixture mixture(design, row_scale, system, nodes);
  return hdlmm::mixed_projected_response(mixture.frame, mixture.view, weights, make_context(host));
}

// sum_k weights_k (h_k / kappa) S X'P_k y, [p].
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_mixture_effects(const Rcpp::List& design, SEXP row_scale,
                                    const Rcpp::List& system, const Rcpp::List& nodes,
                                    const Eigen::Map<Eigen::VectorXd> weights,
                                    const Rcpp::List& host) {
  const Mixture mixture(design, row_scale, system, nodes);
  return hdlmm::mixed_effects(mixture.frame, mixture.view, weights, make_context(host));
}

// Var(beta_j | y) [p] over the mixture; see mixture.hpp.
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_mixture_variances(const Rcpp::List& design, SEXP row_scale,
                                      const Rcpp::List& system, const Rcpp::List& nodes,
                                      const Eigen::Map<Eigen::VectorXd> weights,
                                      const Eigen::Map<Eigen::VectorXd> second,
                                      const Rcpp::List& host) {
  const Mixture mixture(design, row_scale, system, nodes);
  return hdlmm::mixed_coefficient_variances(mixture.frame, mixture.view, weights, second,
                                            make_context(host));
}

// Conditional means and variances per unit tau^2 of z'omega + x'beta, [points x m]: covariance
// [n x points] = X S x, prior_variance [points] = x'S x, z [points x c] in the coordinates of Q.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_mixture_points(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                              const Rcpp::List& nodes, const Eigen::Map<Eigen::MatrixXd> covariance,
                              const Eigen::Map<Eigen::VectorXd> prior_variance,
                              const Eigen::Map<Eigen::MatrixXd> z, const Rcpp::List& host) {
  const Mixture mixture(design, row_scale, system, nodes);
  const hdlmm::PredictionRows rows =
      hdlmm::prediction_rows(mixture.frame, covariance, prior_variance, z);
  hdlmm::check_input(z.cols() == mixture.system.n_fixed(), "points of prediction: fixed effects");
  const hdlmm::MixedPoints points = hdlmm::mixed_points(mixture.view, rows, make_context(host));
  return make_list({{"mean", points.mean}, {"variance", points.variance}});
}

// P_k y and diag(P_k) at every node, [n x m] each.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_mixture_projection(const Rcpp::List& design, SEXP row_scale,
                                  const Rcpp::List& system, const Rcpp::List& nodes,
                                  const Rcpp::List& host) {
  const Mixture mixture(design, row_scale, system, nodes);
  const hdlmm::Context context = make_context(host);
  const Eigen::Index n = mixture.system.n_rows(), m = mixture.nodes.size();
  hdlmm::Matrix py(n, m), diagonal(n, m);
  for (Eigen::Index k = 0; k < m; ++k) {
    context.poll();
    const hdlmm::SpectralSystem at = mixture.view.at(k);
    const hdlmm::WhitenedData w = at.whiten(mixture.nodes.share(k));
    py.col(k) = hdlmm::projected_response(mixture.frame, at.parts(), w);
    diagonal.col(k) = hdlmm::projection_diagonal(mixture.frame, at.parts(), w);
  }
  return make_list({{"py", py}, {"diagonal", diagonal}});
}

// Draws given y: node [s] (1-based, sorted) of every draw, tau [s] its total standard deviation;
// each takes c + r normals from R's generator. delta [c x s] on Q, of the centred model where the
// design was centred; g [r x s] = U'X beta, without rows where it is not wanted.
// [[Rcpp::export]]
Rcpp::List cpp_mixture_draws(const Rcpp::List& system, const Rcpp::List& nodes,
                             const Rcpp::IntegerVector& node, const Eigen::Map<Eigen::VectorXd> tau,
                             bool wants_effects) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::MixtureNodes core = as_nodes(nodes);
  const hdlmm::MixtureView view(spectral, core);
  const Eigen::Index c = spectral.n_fixed(), r = spectral.parts().rank(), count = node.size();
  for (const int k : node) {
    hdlmm::check_input(k >= 1 && k <= core.size(), "nodes of draws: their indices");
  }
  hdlmm::check_input(tau.size() == count, "draws: their number");
  hdlmm::Matrix delta(c, count), g(wants_effects ? r : 0, count);
  hdlmm::Vector normals(c + r), along(r);
  hdlmm::WhitenedData w;
  int last = -1;
  for (Eigen::Index s = 0; s < count; ++s) {
    const int k = node[s] - 1;
    Rcpp::checkUserInterrupt();
    for (Eigen::Index i = 0; i < normals.size(); ++i) normals[i] = norm_rand();
    if (k != last) {
      w = view.at(k).whiten(core.share(k));
      last = k;
    }
    hdlmm::draw_effects(spectral, w, tau[s], normals, delta.col(s), along);
    if (wants_effects) g.col(s) = along;
  }
  if (c > 0) delta = (spectral.parts().turn * delta).eval();
  return make_list({{"delta", delta}, {"g", g}});
}

// U g [n x s] from coordinates along the eigenvectors, and U'f [r x s] into them.
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_unrotate(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                             const Eigen::Map<Eigen::MatrixXd> g) {
  const auto x = make_operator(design, row_scale);
  const hdlmm::Vector d = make_spectral_system(system).parts().d;
  const auto vectors = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  return hdlmm::SpectralFrame(*x, as_side(as<std::string>(system["side"])), d, vectors,
                              polling_context())
      .unrotate(g);
}

// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_rotate(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                           const Eigen::Map<Eigen::MatrixXd> f) {
  const auto x = make_operator(design, row_scale);
  const hdlmm::Vector d = make_spectral_system(system).parts().d;
  const auto vectors = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  return hdlmm::SpectralFrame(*x, as_side(as<std::string>(system["side"])), d, vectors,
                              polling_context())
      .rotate(f);
}
