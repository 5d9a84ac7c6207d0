# The mode of a posterior density with several random terms: errors and limits follow from the
# curvature of likelihood and prior.

#' @exportS3Method
limit_methods.several_mode <- function(fit, kind) "wald"

#' @exportS3Method
parameter_limits.several_mode <- function(fit, names, kind, level, method) {
  limits_by_name(names, function(name) terms_wald_limits(fit, name, kind, level))
}

#' @exportS3Method
pve_limits.several_mode <- function(fit, level) wald_share_limits(fit, level)

#' @exportS3Method
own_criterion.several_mode <- function(fit) {
  data.frame(log_posterior = fit$internal$value + loglik_constant(fit$internal$fixed, "ML"))
}
