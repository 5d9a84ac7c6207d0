# Simulation-based calibration (Talts et al. 2018) of Gibbs sampling and of quadrature with several
# random terms.
#
#   Rscript bench/calibration-terms.R [replicates = 200]
#
# As calibration.R: parameters from proper priors, a response from the parameters, the rank of each
# true value among 99 posterior draws, and a chi-square test of uniform ranks on 20 bins. Chains are
# thinned, as ranks among draws that depend on each other are not uniform.

library(hdlmm)

replicates <- c(as.integer(commandArgs(TRUE)), 200L)[1]
draws <- 99
bins <- 20

half_t_variance <- function(df, scale) (scale * rt(1, df))^2

# A covariance under half t priors of the deviations (Huang & Wand 2013).
half_t_block <- function(df, scale) {
  r <- length(scale)
  w <- 1 / rgamma(r, 0.5, 1 / scale^2)
  solve(rWishart(1, df + r - 1, diag(w / (2 * df)))[, , 1])
}

inverse_gamma <- function(shape, rate) 1 / rgamma(1, shape, rate)

fixed <- prior_normal(0, 2)
residual <- prior_inverse_gamma(4, 3)

# list(formula, prior, data, truth = function() list(y, values)), the values by their names in the
# draws of a fit.
slopes <- function() {
  n <- 40
  d <- data.frame(
    z = rnorm(n), x = rnorm(n, 0.5), g = factor(sample(6, n, TRUE)), h = factor(sample(5, n, TRUE))
  )
  truth <- function() {
    omega <- rnorm(2, 0, 2)
    sigma <- half_t_block(4, c(1, 0.7))
    other <- half_t_variance(4, 0.8)
    noise <- inverse_gamma(4, 3)
    b <- matrix(rnorm(12), 6) %*% chol(sigma)
    random <- b[d$g, 1] + b[d$g, 2] * d$x + rnorm(5, 0, sqrt(other))[d$h]
    list(
      y = omega[1] + omega[2] * d$z + random + rnorm(n, 0, sqrt(noise)),
      values = c(
        z = omega[2], `var_g.(Intercept)` = sigma[1], `var_g.x` = sigma[4],
        `cor.g.x.(Intercept)` = cov2cor(sigma)[2], var_h = other, var_Residual = noise
      ),
      beta = b[1, 2]
    )
  }
  prior <- lmm_prior(
    random = list(g = prior_half_t(4, c(1, 0.7)), h = prior_half_t(4, 0.8)), residual = residual,
    fixed = fixed
  )
  list(
    formula = y ~ z + (x | g) + (1 | h), prior = prior, data = d, truth = truth,
    effect = function(fit, beta) beta[, 2]
  )
}

markers <- function() {
  n <- 30
  p <- 60
  d <- data.frame(z = rnorm(n), g = factor(sample(5, n, TRUE)))
  d$X <- matrix(rnorm(n * p, 0.5), n)
  truth <- function() {
    omega <- rnorm(2, 0, 2)
    marker <- inverse_gamma(4, 0.1)
    group <- inverse_gamma(4, 3)
    noise <- inverse_gamma(4, 3)
    beta <- rnorm(p, 0, sqrt(marker))
    random <- drop(d$X %*% beta) + rnorm(5, 0, sqrt(group))[d$g]
    list(
      y = omega[1] + omega[2] * d$z + random + rnorm(n, 0, sqrt(noise)),
      values = c(z = omega[2], var_X = marker, var_g = group, var_Residual = noise),
      beta = beta[1]
    )
  }
  prior <- lmm_prior(
    random = list(X = prior_inverse_gamma(4, 0.1), g = prior_inverse_gamma(4, 3)),
    residual = residual, fixed = fixed
  )
  list(
    formula = y ~ z + re(X) + (1 | g), prior = prior, data = d, truth = truth,
    effect = function(fit, beta) beta[, 1]
  )
}

# Draws of the quantities, [99 x quantities], the last an effect.
posterior_draws <- function(fit, model, names, seed) {
  sample <- posterior_sample(fit, draws, seed = seed, beta = TRUE)
  kept <- as.matrix(sample)
  if (!is.null(fit$draws)) {
    kept <- matrix(fit$draws, ncol = dim(fit$draws)[3])
    colnames(kept) <- dimnames(fit$draws)[[3]]
  }
  at <- round(seq(1, nrow(kept), length.out = draws))
  cbind(kept[at, names], model$effect(fit, sample$beta))
}

rank_truth <- function(model, algorithm, truth, seed) {
  model$data$y <- truth$y
  fit <- lmm(
    model$formula, model$data, method = "Bayes", algorithm = algorithm, prior = model$prior,
    control = lmm_control(draws = 500, warmup = 200, chains = 2, thin = 6, seed = seed, threads = 1)
  )
  posterior <- posterior_draws(fit, model, names(truth$values), seed + 1e6)
  colSums(posterior < rep(c(truth$values, truth$beta), each = draws))
}

uniformity_p_value <- function(ranks) {
  counts <- tabulate(ranks %/% ((draws + 1) / bins) + 1, bins)
  stats::chisq.test(counts)$p.value
}

report <- function(name, make, algorithm) {
  set.seed(20180418)
  model <- make()
  truths <- replicate(replicates, model$truth(), simplify = FALSE)
  seconds <- system.time(ranks <- vapply(seq_along(truths), function(k) {
    suppressWarnings(rank_truth(model, algorithm, truths[[k]], k))
  }, numeric(length(truths[[1]]$values) + 1)))[["elapsed"]]
  p_values <- apply(ranks, 1, uniformity_p_value)
  names(p_values) <- c(names(truths[[1]]$values), "beta")
  cat(sprintf("%s, %s, %d replicates (%.0f s)\n", name, algorithm, replicates, seconds))
  print(round(p_values, 3))
}

report("(x | g) + (1 | h)", slopes, "gibbs")
report("markers and a group", markers, "gibbs")
report("markers and a group", markers, "quadrature")
