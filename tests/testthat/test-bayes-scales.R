# Priors whose scales are far from those of the data, and data that leave nothing to the variances.

ig <- prior_inverse_gamma
half_t <- prior_half_t

scale_priors <- function(s) {
  list(
    lmm_prior(random = half_t(1, s), residual = half_t(1, 1)),
    lmm_prior(random = half_t(3, s), residual = half_t(2, s)),
    lmm_prior(random = half_t(2, 1), residual = half_t(1, s)),
    lmm_prior(random = ig(2, s^2), residual = ig(3, 1)),
    lmm_prior(random = ig(2, 1), residual = ig(1, s^2)),
    lmm_prior(random = half_t(1, s), residual = ig(2, 1), fixed = prior_normal(0, 3))
  )
}

test_that("the evidence is the integral wherever the scales of the priors lie", {
  cases <- list(dense_case(21, 12, 20), dense_case(22, 14, 4, random = "group"))
  for (s in c(1e-8, 1e-4, 1e4, 1e8)) {
    for (case in cases) {
      for (prior in scale_priors(s)) {
        fit <- fit_case(case, "Bayes", prior = prior)
        dense <- dense_posterior(
          case$dense, prior, step = 0.25, r = seq(-130, 130, 0.25), t = seq(-70, 70, 0.25)
        )
        error <- abs(fit$posterior$evidence$log - dense$log_evidence)
        # asked for 1e-6, and the lattice cuts tails of half t's with few degrees of freedom
        expect_below(c(evidence = error), 1e-6, paste(case$label, s))
        expect_true(fit$is_converged)
      }
    }
  }
})

test_that("the gap of a variational fit is the same wherever the unit of its priors lies", {
  case <- dense_case(23, 16, 5)
  gap <- function(unit) {
    data <- case$data
    data$y <- data$y * unit
    prior <- lmm_prior(random = half_t(1, 2.5 * unit), residual = half_t(1, 2.5 * unit))
    kl_gap(lmm(case$formula, data, method = "VB", algorithm = "cavi", prior = prior))
  }
  expect_equal(gap(2^30), gap(1), tolerance = 1e-9)  # rounding of the ascent's own tolerance
})

exact_data <- function() {
  set.seed(31)
  data <- data.frame(f = gl(6, 2), g = gl(4, 3), h = gl(3, 1, 12))
  data$y <- rnorm(6)[data$f]
  data$X <- matrix(rnorm(240), 12)
  data
}

test_that("a normal prior of fixed effects that explain y exactly is refused, with its reason", {
  data <- exact_data()
  weak <- list(
    lmm_prior(fixed = prior_normal(0, 2)),
    lmm_prior(random = half_t(3, 1), residual = half_t(3, 1), fixed = prior_normal(0, 2))
  )
  for (prior in weak) {
    for (algorithm in c("quadrature", "gibbs")) {
      for (formula in list(y ~ f + re(X), y ~ f + (1 | g), y ~ f + (1 | g) + (1 | h))) {
        expect_error(
          lmm(formula, data, method = "Bayes", algorithm = algorithm, prior = prior),
          "explained exactly by the fixed effects", class = "hdlmm_improper_prior"
        )
      }
    }
  }
})

test_that("a prior that keeps variances from 0 has an evidence where y is explained exactly", {
  data <- exact_data()
  prior <- lmm_prior(random = ig(2, 1), residual = ig(2, 1), fixed = prior_normal(0, 2))
  fit <- lmm(y ~ f + re(X), data, method = "Bayes", prior = prior)
  z <- model.matrix(~f, data)
  model <- list(
    y = data$y, z = z, a = data$X, s = diag(20), gram = tcrossprod(data$X), w = rep(1, 12)
  )
  dense <- dense_posterior(model, prior, kappa = 1, step = 0.25)
  expect_below(c(evidence = abs(log_evidence(fit) - dense$log_evidence)), 1e-7)  # asked for 1e-6
  formula <- y ~ f + (1 | g) + (1 | h)
  exact <- lmm(formula, data, method = "Bayes", prior = prior)
  sampled <- lmm(
    formula, data, method = "Bayes", algorithm = "gibbs", prior = prior,
    control = lmm_control(draws = 4000, warmup = 500, chains = 2, seed = 1)
  )
  # 8000 draws of variances without fourth moments
  expect_equal(log(varcomp(sampled)), log(varcomp(exact)), tolerance = 0.15)
})

test_that("such draws are those of the posterior by every system and from every seed", {
  data <- exact_data()
  set.seed(3)
  data$W <- matrix(rnorm(12 * 3), 12)
  prior <- lmm_prior(random = ig(2, 1), residual = ig(2, 1), fixed = prior_normal(0, 2))
  for (formula in list(y ~ f + (1 | g) + (1 | h), y ~ f + (1 | g) + re(W))) {
    exact <- lmm(formula, data, method = "Bayes", prior = prior)
    for (system in c("blocked", "row")) {
      for (seed in 1:4) {
        control <- lmm_control(
          draws = 1000, warmup = 300, chains = 2, seed = seed, system = system
        )
        sampled <- suppressWarnings(lmm(
          formula, data, method = "Bayes", algorithm = "gibbs", prior = prior, control = control
        ))
        # 2000 draws of variances without fourth moments
        expect_equal(log(varcomp(sampled)), log(varcomp(exact)), tolerance = 0.25)
      }
    }
  }
})
