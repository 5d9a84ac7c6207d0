#ifndef HDLMM_INFERENCE_TERMS_TERMS_PROFILE_HPP
#define HDLMM_INFERENCE_TERMS_TERMS_PROFILE_HPP

#include <optional>
#include <vector>

#include "hdlmm/inference/terms/profile_path.hpp"
#include "hdlmm/inference/terms/terms_search.hpp"

namespace hdlmm {

/// Where the profile of a parameter falls by half of height^2, below and above the estimate. An
/// end of the parameter's range that is no lower is the limit; infinite where none was found. NaN
/// where the estimate says nothing of the parameter.
struct TermsLimits {
  double lower = 0, upper = 0;
};
TermsLimits profile_limits(const ProfilePath& path, double height);

/// Points of a profile, ascending: the parameter, and the signed root of twice what the
/// log-likelihood loses.
struct TermsCurve {
  std::vector<double> value, root;
};

/// Out to a root of `height` on both sides or to an end, in steps of about `step`.
TermsCurve profile_curve(const ProfilePath& path, double height, double step);

/// Profiles of a fit, all from one system. Those of contrasts of the fixed effects are of the
/// likelihood, which has a maximum of its own where the fit is by the restricted one.
class TermsProfiles {
 public:
  /// at, moments: inside; moments as hold() takes them. search: for that maximum.
  TermsProfiles(const TermsLikelihood& fitted, Covariances at, double sigma2,
                std::vector<Matrix> moments, const TermsOptions& search, const Context& context);

  std::vector<TermsLimits> limits(const std::vector<AskedParameter>& asked, double height);
  std::vector<TermsCurve> curves(const std::vector<AskedParameter>& asked, double height,
                                 double step);

 private:
  const ProfileStart& start(bool is_contrast);
  ProfilePath path(const AskedParameter& asked);
  template <typename Result, typename Make>
  std::vector<Result> each(const std::vector<AskedParameter>& asked, const Make& make);

  TermsLikelihood fitted_, marginal_;
  ProfileStart at_;
  std::vector<Matrix> moments_;
  TermsOptions search_;
  const Context& context_;
  std::optional<ProfileStart> start_, marginal_start_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERMS_PROFILE_HPP
