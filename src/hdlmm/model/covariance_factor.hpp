#ifndef HDLMM_MODEL_COVARIANCE_FACTOR_HPP
#define HDLMM_MODEL_COVARIANCE_FACTOR_HPP

#include "hdlmm/base/types.hpp"
#include "hdlmm/model/variance_factor.hpp"

namespace hdlmm {

/// q of the covariance Sigma [r x r] of `count` independent normal vectors, what VarianceFactor is
/// of one variance: an inverse Wishart under a half t prior of every standard deviation, or a point
/// where Sigma is estimated by maximum likelihood.
///
/// Half t of df nu and scale A_a: Sigma | w ~ IW(nu + r - 1, 2 nu diag(1 / w)), w_a ~ IG(1/2,
/// 1 / A_a^2) (Huang & Wand 2013, Bayesian Analysis 8, eq. 2), where IW(f, L) has density
/// proportional to |Sigma|^(-(f + r + 1)/2) exp(-tr(L Sigma^-1)/2); nu = 2 makes every correlation
/// uniform. With factors q(w_a) = IG((nu + r)/2, 1 / A_a^2 + nu (E Sigma^-1)_aa).
class CovarianceFactor {
 public:
  static CovarianceFactor point(Index width, double count);

  /// r = 1, any conjugate prior of the variance.
  static CovarianceFactor conjugate(const ParameterDensity& prior, double count);

  /// scale2: A_a^2, [r].
  static CovarianceFactor half_t(double df, Vector scale2, double count);

  Index width() const { return precision_.rows(); }
  bool is_point() const { return is_point_; }

  /// Degrees of freedom and scale of the inverse Wishart; of a point, count and its own sum.
  double df() const { return df_; }
  Matrix scale() const;

  /// E[Sigma^-1], positive definite.
  const Matrix& precision() const { return precision_; }
  void set_precision(const Matrix& precision);

  /// Best q(w), then best q(Sigma). second: E sum_j b_j b_j', positive definite but for the prior.
  void update(const Matrix& second);

  /// E log p(vectors | Sigma) + E log prior - E log q, less r count/2 log 2 pi. For r = 1 less the
  /// constant of the prior as well, see VarianceFactor.
  double value(const Matrix& second) const;

 private:
  CovarianceFactor(Index width, double df);

  bool is_scalar() const { return width() == 1; }

  bool is_point_ = false;
  double df_ = 0;
  double nu_ = 0;
  VarianceFactor scalar_;  ///< what answers where r = 1
  Vector scale2_;          ///< [r], A_a^2
  Vector w_scale_;         ///< [r], of q(w_a)
  Matrix precision_;
};

}  // namespace hdlmm

#endif  // HDLMM_MODEL_COVARIANCE_FACTOR_HPP
