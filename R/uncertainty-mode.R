# The mode of a posterior density (MAP): a profile of its own, and normal approximations from its
# curvature.

#' @exportS3Method
rests_on_likelihood.mode <- function(uncertainty, prior) !is_informative(prior)

#' @exportS3Method
fit_words.mode <- function(fit) {
  utils::modifyList(NextMethod(), list(
    method = "maximum a posteriori (MAP)", criterion = "posterior density",
    objective = "log posterior density", curve = "log posterior density, profiled",
    loglik = "log-likelihood at the posterior mode ",
    fixed = "posterior mode; standard errors given the variances"
  ))
}

#' @exportS3Method
pve_limits.mode <- function(fit, level) {
  profile_pve_limits(fit, level, function(curve, floor, has_mode_at_zero) {
    problem <- problem_of(fit)
    cpp_posterior_limits(
      problem$system, fit$internal$prior, prior_root(problem), curve, floor, has_mode_at_zero
    )
  })
}

#' @exportS3Method
limit_methods.mode <- function(fit, kind) c(if (kind == "pve") "profile", "wald")

#' @exportS3Method
objective_curve.mode <- function(fit, phi) {
  problem <- problem_of(fit)
  cpp_posterior_curve(problem$system, fit$internal$prior, prior_root(problem), phi)$value
}

#' @exportS3Method
share_panel.mode <- function(fit, interval) {
  list(curve = profile_curve(fit, interval), is_density = FALSE)
}

#' @exportS3Method
own_criterion.mode <- function(fit) data.frame(log_posterior = fit$modes$logLik[1])
