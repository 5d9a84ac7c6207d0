# Maximum likelihood, restricted or not: estimates at the mode of a criterion that is profiled over
# pve, with tests and intervals from its curvature and its profile.

#' @exportS3Method
rests_on_likelihood.likelihood <- function(uncertainty, prior) TRUE

#' @exportS3Method
at_maximum.likelihood <- function(fit) TRUE

#' @exportS3Method
is_below_evidence.likelihood <- function(fit) !is_restricted(fit$uncertainty)

#' @exportS3Method
fit_words.likelihood <- function(fit) {
  own <- if (is_restricted(fit$uncertainty)) {
    list(
      method = "restricted maximum likelihood (REML)", criterion = "restricted likelihood",
      objective = "restricted log-likelihood", loglik = "REML log-likelihood "
    )
  } else {
    list(
      method = "maximum likelihood (ML)", criterion = "likelihood", objective = "log-likelihood",
      loglik = "log-likelihood "
    )
  }
  own$curve <- paste0(own$objective, ", profiled")
  own$fixed <- "t-tests with %s's degrees of freedom"
  utils::modifyList(NextMethod(), own)
}

#' @exportS3Method
pve_limits.likelihood <- function(fit, level) {
  profile_pve_limits(fit, level, function(curve, floor, has_mode_at_zero) {
    cpp_profile_limits(
      fit$internal$system, fit$uncertainty$criterion, curve, floor, has_mode_at_zero
    )
  })
}

#' @exportS3Method
exact_pve_limits.likelihood <- function(fit, level, draws, seed) {
  exact_null_limits(fit, level, draws, seed)
}

#' @exportS3Method
limit_methods.likelihood <- function(fit, kind) c("profile", "wald")

#' @exportS3Method
parameter_limits.likelihood <- function(fit, names, kind, level, method) {
  profile_or_wald(fit, names, kind, level, method)
}

#' @exportS3Method
contrast_df.likelihood <- function(fit, contrast) satterthwaite_df(fit, contrast)

#' @exportS3Method
small_sample.likelihood <- function(fit, what) {
  if (is_restricted(fit$uncertainty)) row_covariances(fit) else NextMethod()
}

#' @exportS3Method
objective_curve.likelihood <- function(fit, phi) likelihood_at(fit, phi)

#' @exportS3Method
share_panel.likelihood <- function(fit, interval) {
  list(curve = profile_curve(fit, interval), is_density = FALSE)
}

#' @exportS3Method
fit_deviance.likelihood <- function(fit) {
  if (!is_restricted(fit$uncertainty)) -2 * fit$loglik
}
