#' hdlmm: high-dimensional linear mixed models
#'
#' Fits `y = Z omega + X beta + e` with `beta ~ N(0, sigma_b^2 I)` and `e ~ N(0, sigma_e^2 I)`,
#' when `X` is wide (markers, spectra, expression, voxels) as well as when it is a grouping
#' factor. [lmm()] is the one fitting function; [re()] says what may stand on its right-hand
#' side.
#'
#' @keywords internal
#' @useDynLib hdlmm, .registration = TRUE
#' @importFrom Rcpp evalCpp
#' @importFrom methods as is
#' @importFrom nlme fixef ranef VarCorr
#' @importFrom stats sigma anova coef confint deviance df.residual family fitted formula logLik
#' @importFrom stats model.frame model.matrix na.action nobs predict residuals terms vcov weights
"_PACKAGE"

#' @importFrom nlme fixef
#' @export
nlme::fixef

#' @importFrom nlme ranef
#' @export
nlme::ranef

#' @importFrom nlme VarCorr
#' @export
nlme::VarCorr
