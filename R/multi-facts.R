# What accessors and tables need of the fit of each response, so that thousands are read at once.

# list(fixed, vcov, variances, covariances (names of those that are none), shares, share_se, loglik,
# n, p_value of a variance of zero, NULL where it is not at hand, boundary, is_converged).
fit_facts <- function(fit) {
  list(
    fixed = fit$fixed$estimate, vcov = fit$fixed$vcov, variances = fit$variances,
    covariances = covariance_names(fit), shares = shares(fit), share_se = pve_se(fit),
    loglik = fit$loglik, n = fit$dims$n, p_value = NULL, boundary = fit$boundary,
    is_converged = fit$is_converged
  )
}

# A fact of every response by name, NULL where one has no fit.
facts_of <- function(x, name) {
  stats::setNames(lapply(x$facts, `[[`, name), x$responses)
}

number_of_facts <- function(x, name) {
  vapply(facts_of(x, name), function(value) as.numeric(value_or(value, NA_real_)), 0)
}
