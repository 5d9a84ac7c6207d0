# Draws from priors.

#' @rdname lmm_prior
#' @importFrom stats simulate
#' @export
simulate.lmm_density <- function(object, nsim = 1, seed = NULL, ...) {
  check_dots()
  check_number(nsim, "nsim", 0, 1e9, whole = TRUE)
  if (!is.null(seed)) check_seed(seed)
  if (!is_proper(object)) stop_improper(paste0("prior_", object$kind, "()"), "drawing from it")
  with_seed(seed, draw_density(object, nsim))
}

draw_density <- function(density, n) {
  switch(density$kind,
    beta = stats::rbeta(n, density$a, density$b),
    inverse_gamma = density$b / stats::rgamma(n, density$a),
    half_t = (density$b * stats::rt(n, density$a))^2,
    normal = stats::rnorm(n, density$mean, density$sd)
  )
}

#' @rdname lmm_prior
#' @export
simulate.lmm_prior <- function(object, nsim = 1, seed = NULL, kappa = 1, ...) {
  check_dots()
  check_number(nsim, "nsim", 0, 1e9, whole = TRUE)
  if (!is.null(seed)) check_seed(seed)
  check_positive(kappa, "kappa")
  bad <- setdiff(improper_parts(object), "fixed")
  if (length(bad) > 0) stop_improper(bad, "drawing from a prior")
  with_seed(seed, draw_variances(object, nsim, kappa))
}

draw_variances <- function(prior, n, kappa, label = NULL) {
  if (is.null(prior$pve)) {
    random <- draw_density(random_density(prior, label), n)
    residual <- draw_density(prior$residual, n)
    return(data.frame(
      random = random, residual = residual, pve = kappa * random / (kappa * random + residual)
    ))
  }
  pve <- if (prior$pve$kind == "flat") stats::runif(n) else draw_density(prior$pve, n)
  total <- draw_density(prior$total, n)
  data.frame(random = total * pve / kappa, residual = total * (1 - pve), pve = pve)
}

# Draws of the variances of a problem, by label and "Residual".
draw_problem_variances <- function(problem, prior, draws) {
  if (length(problem$designs) > 0) {
    design <- lone_design(problem)
    drawn <- draw_variances(prior, draws, unname(user_kappa(design)), design$label)
    return(stats::setNames(list(drawn$random, drawn$residual), c(design$label, "Residual")))
  }
  residual <- draw_variances(prior, draws, 1)$residual
  list(Residual = if (is.null(prior$total)) residual else draw_density(prior$total, draws))
}
