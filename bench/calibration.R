# Simulation-based calibration (Talts et al. 2018) of the Bayesian methods.
#
#   Rscript bench/calibration.R [replicates = 500]
#
# Parameters are drawn from proper priors, a response from the parameters, and the rank of each true
# value among 99 posterior draws is recorded. An exact method has uniform ranks: the p-values of a
# chi-square test on 20 bins are then uniform too, and few are below 0.01. Those of method "VB" show
# what its factorised posterior gets wrong.

library(hdlmm)

replicates <- c(as.integer(commandArgs(TRUE)), 500L)[1]
draws <- 99
bins <- 20

prior <- lmm_prior(
  random = prior_inverse_gamma(4, 0.3), residual = prior_inverse_gamma(4, 3),
  fixed = prior_normal(0, 2)
)

engines <- list(
  gibbs = list(
    method = "Bayes", algorithm = "gibbs",
    control = lmm_control(draws = 500, warmup = 200, chains = 2)
  ),
  quadrature = list(method = "Bayes", algorithm = "quadrature", control = lmm_control()),
  VB = list(method = "VB", algorithm = NULL, control = lmm_control())
)

# Columns with means, so that centring inside has something to do.
make_design <- function(n, p) {
  list(
    z = rnorm(n), X = matrix(rnorm(n * p, mean = 0.5), n),
    new = list(z = rnorm(1), X = matrix(rnorm(p, mean = 0.5), 1))
  )
}

# Parameters and responses from the priors. kappa: pve = kappa s_b^2 / (kappa s_b^2 + s_e^2).
simulate_truth <- function(design) {
  variances <- simulate(prior, 1)
  omega <- rnorm(2, 0, 2)
  beta <- rnorm(ncol(design$X), 0, sqrt(variances$random))
  respond <- function(z, x) {
    drop(cbind(1, z) %*% omega + x %*% beta) + rnorm(length(z), 0, sqrt(variances$residual))
  }
  kappa <- sum(apply(design$X, 2, var))
  list(
    y = respond(design$z, design$X),
    values = c(
      pve = kappa * variances$random / (kappa * variances$random + variances$residual),
      random = variances$random, residual = variances$residual, omega = omega[2],
      beta = beta[1], prediction = respond(design$new$z, design$new$X)
    )
  )
}

# How many of the posterior draws are below the truth, for each quantity.
rank_truth <- function(engine, design, truth, seed) {
  control <- engine$control
  control$seed <- seed
  data <- list(y = truth$y, z = design$z, X = design$X)
  fit <- lmm(
    y ~ z + re(X), data, method = engine$method, algorithm = engine$algorithm, prior = prior,
    control = control
  )
  sample <- posterior_sample(fit, draws, seed = seed + 1e6, beta = TRUE)
  posterior <- cbind(
    sample$pve, sample$variances, sample$omega[, "z"], sample$beta[, 1],
    posterior_predict(fit, design$new, draws, seed = seed + 2e6)
  )
  colSums(posterior < rep(truth$values, each = draws))
}

uniformity_p_value <- function(ranks) {
  counts <- tabulate(ranks %/% ((draws + 1) / bins) + 1, bins)
  stats::chisq.test(counts)$p.value
}

for (size in list(c(20, 10), c(15, 40))) {
  set.seed(20180418)
  design <- make_design(size[1], size[2])
  truths <- replicate(replicates, simulate_truth(design), simplify = FALSE)
  cat(sprintf("n = %d, p = %d, %d replicates\n", size[1], size[2], replicates))
  for (name in names(engines)) {
    seconds <- system.time(ranks <- vapply(seq_along(truths), function(k) {
      rank_truth(engines[[name]], design, truths[[k]], k)
    }, numeric(6)))[["elapsed"]]
    p_values <- apply(ranks, 1, uniformity_p_value)
    cat(sprintf("  %-10s", name), sprintf("%s %.3f", names(truths[[1]]$values), p_values),
      sprintf("(%.0f s)\n", seconds)
    )
  }
}
