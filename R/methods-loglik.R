#' Likelihood of a fit
#'
#' Constants are those of lme4 and [stats::lm()], so that values can be compared across packages.
#'
#' The likelihood has its maximum at the estimates of OLS, REML (the restricted one) and ML fits
#' only. For fits by MAP, VB and Bayes `logLik()` is the log-likelihood at their estimates, its
#' `df` is `NA`, and there is no AIC, BIC or deviance: see [log_evidence()], [elbo()],
#' [bayes_factor()] and [loo()][loo.hdlmm].
#'
#' @param object a fit of [lmm()].
#' @param REML `NULL` (the criterion of the fit), `TRUE` or `FALSE`: the restricted or the
#'   marginal log-likelihood at the fit's own estimates.
#' @param scale,k as for [stats::extractAIC()].
#' @param fit a fit of [lmm()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return `extractAIC()`: degrees of freedom and AIC of the fit by ML. `logLik()`: class
#'   `"logLik"` with attributes `df` (c + number of variances; `NA` where nothing is at its
#'   maximum), `nobs` and `REML`; `AIC()` and `BIC()` follow. `deviance()`: residual sum of
#'   squares for OLS, minus twice the log-likelihood for ML.
#' @section Errors: `hdlmm_undefined` from `AIC()`, `BIC()` and `deviance()` for fits by MAP, VB and
#'   Bayes, and from `deviance()` for REML, which has none.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' logLik(fit)
#' logLik(fit, REML = FALSE)
#' AIC(fit)
#' @name hdlmm-likelihood
NULL

#' @rdname hdlmm-likelihood
#' @export
logLik.hdlmm <- function(object, REML = NULL, ...) {
  check_dots()
  own <- object$uncertainty$criterion
  wanted <- if (is.null(REML)) own else if (check_flag(REML, "REML")) "REML" else "ML"
  value <- if (wanted == own) object$loglik else likelihood_at_estimate(object, wanted)
  structure(
    value, class = "logLik",
    df = if (at_maximum(object)) n_parameters(object) else NA_integer_, nobs = object$dims$n,
    REML = wanted == "REML"
  )
}

n_parameters <- function(fit) fit$dims$n_fixed + length(fit$variances)

stop_without_maximum <- function(fit, what) {
  if (at_maximum(fit)) return(invisible())
  abort(
    "undefined", what, " is for a likelihood at its maximum, which a fit by method ",
    dQuote(fit$method, FALSE), " does not have: compare by loo()", fit_words(fit)$compare,
    ", or fit by \"ML\"."
  )
}

#' @rdname hdlmm-likelihood
#' @export
deviance.hdlmm <- function(object, ...) {
  check_dots()
  stop_without_maximum(object, "a deviance")
  value <- fit_deviance(object)
  if (is.null(value)) {
    if (is_asked_by_step(parent.frame())) return(NULL)
    abort(
      "undefined", "a REML fit has no deviance; -2 * logLik(fit) is its criterion, and ",
      "update(fit, method = \"ML\") has a deviance."
    )
  }
  value
}

# step() and MASS::stepAIC() take extractAIC() where there is no deviance, which is NULL to them.
is_asked_by_step <- function(frame) {
  exists("mydeviance", envir = parent.env(frame), inherits = FALSE)
}

#' @rdname hdlmm-likelihood
#' @importFrom stats extractAIC
#' @export
extractAIC.hdlmm <- function(fit, scale = 0, k = 2, ...) {
  check_dots()
  require_likelihood(fit, "a comparison by AIC")
  # step() and drop1() compare different fixed parts: restricted likelihoods would not do
  value <- logLik.hdlmm(by_ml(fit))
  c(attr(value, "df"), -2 * as.numeric(value) + k * attr(value, "df"))
}

#' @importFrom stats AIC BIC
#' @export
AIC.hdlmm <- function(object, ..., k = 2) {
  fits <- own_fits(c(list(object), check_fit_dots()))
  for (fit in fits) stop_without_maximum(fit, "AIC")
  warn_incomparable(fits)
  NextMethod()
}

#' @export
BIC.hdlmm <- function(object, ...) {
  fits <- own_fits(c(list(object), check_fit_dots()))
  for (fit in fits) stop_without_maximum(fit, "BIC")
  warn_incomparable(fits)
  NextMethod()
}

own_fits <- function(fits) Filter(function(fit) inherits(fit, "hdlmm"), fits)

# Criteria of restricted likelihoods rank fits with the same fixed part only.
warn_incomparable <- function(fits) {
  if (length(fits) < 2) return(invisible())
  is_reml <- vapply(fits, function(fit) is_restricted(fit$uncertainty), NA)
  parts <- unique(lapply(fits, function(fit) rownames(fit$fixed$vcov)))
  if (any(is_reml) && length(parts) > 1) {
    warn(
      "not_comparable", "restricted likelihoods of fits with different fixed parts are those of ",
      "different data: compare fits by method = \"ML\"."
    )
  }
}
