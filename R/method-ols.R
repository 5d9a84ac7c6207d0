# No random term: the ordinary linear model from the refined QR solution.

fit_ols <- function(problem, engine, control) {
  fixed <- problem$fixed
  n <- nrow(fixed$q)
  rss <- sum(fixed$residual^2)
  if (fixed$is_exact) {
    warn_exact("the residual variance is 0")
    rss <- 0
  }
  sigma2_in <- rss / (n - fixed$rank)
  variances <- checked_variances(problem$units, c(Residual = sigma2_in))
  loglik <- -n / 2 * (log(2 * pi) + 1 + log(rss / n)) + loglik_constant(fixed, "ML")
  list(
    omega = fixed$omega, vcov = sigma2_in * unscale_covariance(fixed, diag(fixed$rank)),
    variances = variances, tau2 = sigma2_in, share = list(h = 0, nu = 1), kappa = numeric(),
    pve = numeric(), effects = list(), alpha = fixed$residual, loglik = loglik,
    information = matrix((n - fixed$rank) / 2, 1, 1), boundary = if (rss == 0) "exact" else "none",
    convergence = frame_of(list(
      iteration = 1L, objective = loglik, Residual = unname(variances)
    )),
    is_converged = TRUE, reason = "closed form", system = NULL, modes = NULL, is_unbounded = FALSE
  )
}
