#ifndef HDLMM_INFERENCE_TERMS_VARIANCE_POSTERIOR_HPP
#define HDLMM_INFERENCE_TERMS_VARIANCE_POSTERIOR_HPP

#include <memory>
#include <vector>

#include "hdlmm/inference/terms/variance_coordinates.hpp"
#include "hdlmm/model/terms_prior.hpp"
#include "hdlmm/objective/terms_marginal.hpp"

namespace hdlmm {

/// A point of the posterior of all variances.
struct VariancePoint {
  Vector x;  ///< see VarianceCoordinates
  MarginalSummary summary;
  Vector outputs;        ///< see TermsMarginal
  double density = 0;    ///< log p(x | y), up to a constant
  bool is_exact = true;  ///< not interpolated
};

/// The posterior of all variances with the effects integrated out, by the measure of x.
class VariancePosterior {
 public:
  VariancePosterior(const TermsSystem& system, TermsPrior prior, Matrix fixed_precision);

  const TermsSystem& system() const { return system_; }
  const VarianceCoordinates& coordinates() const { return coordinates_; }
  const TermsMarginal& marginal() const { return marginal_; }

  /// S_k of x.
  Covariances covariances(const ConstVector& x) const;

  /// log p(Sigma, sigma_e^2), by the measure of x and of absolute numbers.
  double log_prior(const ConstVector& x) const;
  double log_absolute_prior(const ConstVector& absolute) const;

  /// Of x with its outputs at hand.
  double log_density(const ConstVector& x, const ConstVector& outputs) const;

  /// From one factor of V at x, which is handed over. A density of -infinity, and no factor, where
  /// V is not positive definite to rounding or x has left the range of numbers.
  VariancePoint at(const ConstVector& x, const Context& context,
                   std::unique_ptr<TermsFactor>& factor) const;

  bool is_in_range(const ConstVector& x) const;

 private:
  double log_covariance_prior(std::vector<Matrix> sigma, double sigma2) const;

  const TermsSystem& system_;
  TermsPrior prior_;
  VarianceCoordinates coordinates_;
  TermsMarginal marginal_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_VARIANCE_POSTERIOR_HPP
