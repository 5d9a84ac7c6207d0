#ifndef HDLMM_INFERENCE_EM_EM_STEP_HPP
#define HDLMM_INFERENCE_EM_EM_STEP_HPP

#include <optional>
#include <utility>

#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/model/variance_prior.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

enum class EmKind { em, pxem };

/// What EM maximises, and over which missing data.
struct EmModel {
  Criterion criterion = Criterion::reml;
  EmKind kind = EmKind::em;
  double n_effects = 0;  ///< p: coefficients whose prior variance is sigma_b^2, at least rank(K)
  std::optional<VariancePrior> prior;  ///< by the measure on which it is stated; ML and plain EM
  Matrix fixed_precision;              ///< [c x c], of delta with prior mean 0; empty: flat
};

/// Parameters of y ~ N(Q delta, sigma_b^2 K + sigma_e^2 I).
struct EmState {
  double random = 0;    ///< sigma_b^2
  double residual = 0;  ///< sigma_e^2
  Vector delta;         ///< [c]; not used by REML
};

/// One application of EM: the objective where it starts, and where it leads.
struct EmStep {
  EmState state;
  double value = 0;
  EmState next;
};

/// h, nu and tau^2 of two variances.
struct ScaledShare {
  Share share;
  double tau2 = 0;

  static ScaledShare from_variances(double random, double residual, double kappa);
};

/// Expected complete-data sums of squares over their counts: the variances' M-step.
struct VarianceSums {
  double random = 0;    ///< E |beta|^2
  double residual = 0;  ///< E |e|^2
  double n_random = 0;
  double n_residual = 0;
};

constexpr double kLog2Pi = 1.8378770664093454836;

/// -1/2 (p u + S_b exp(-u)) - 1/2 (n v + S_e exp(-v)) + log prior(u, v), with derivatives.
LogPrior expected_posterior(const VarianceSums& sums, const VariancePrior& prior, double u,
                            double v);

/// alpha of PX-EM, which is known to rounding only: zero would end EM on the boundary.
double expansion_factor(double numerator, double denominator);

/// Variances that maximise the expected log posterior; never below its value at `start`.
std::pair<double, double> maximise_variances(const VarianceSums& sums, const VariancePrior& prior,
                                             const EmState& start);

/// The map of parameters that EM iterates.
class EmMap {
 public:
  virtual ~EmMap() = default;
  /// Both variances positive.
  EmStep advance(const EmState& state) { return do_advance(state); }

 private:
  virtual EmStep do_advance(const EmState& state) = 0;
};

/// EM for ML, and for MAP, with beta as the missing data: O(r c) a step.
///
/// Works in the turned basis of SpectralParts with eps = turn' delta - null_shift, where
/// y - Q delta is y - z eps along U and -null_scale eps (and null_rest) in null(K). Along the
/// right singular vectors the coefficients have data precision diag(d) / sigma_e^2. A mean shift
/// adds one observation of (coordinates, rest2^1/2)'beta, along o / |o|, by Sherman & Morrison's
/// formula: so that each step is that of the textbook on the user's own columns.
class MarginalEm final : public EmMap {
 public:
  MarginalEm(const SpectralSystem& system, EmModel model);

 private:
  /// What the E-step leaves for the M-step.
  struct Expectation {
    Vector fitted;         ///< [r], X E beta along U
    double along = 0;      ///< X E beta along o / |o|
    double norm2 = 0;      ///< |E beta|^2
    double tr_beta = 0;    ///< tr Var beta
    double tr_fitted = 0;  ///< tr X Var(beta) X'
    double quadratic = 0;  ///< (y - Q delta)' V^-1 (y - Q delta)
    double log_det = 0;    ///< log|V|
  };

  EmStep do_advance(const EmState& state) override;

  Expectation expect(const EmState& state, const Vector& eps) const;

  /// The observation of m'beta along o / |o|: b [r] and the moments without it become those with.
  void observe_constant(const EmState& state, const Vector& noise, const Vector& null, Vector& b,
                        Expectation& out) const;

  EmState maximise(const EmState& state, const Expectation& e) const;

  /// Least squares (ridge with a prior) of y - X E beta on the turned basis, less the shift.
  Vector fixed_step(const EmState& state, const Expectation& e) const;

  const SpectralParts& parts_;
  EmModel model_;
  Vector root_d_;     ///< [r]
  Vector shift_;      ///< [c]
  Matrix precision_;  ///< [c x c], turned
  double constant_norm_ = 0;
  Vector constant_;       ///< [c], o / |o| in the turned basis
  Vector constant_null_;  ///< [rho], o / |o| in the frame of null(K)
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_EM_EM_STEP_HPP
