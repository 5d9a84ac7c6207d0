# Posteriors that are sharp, piled at an end, without an integral or in other units.

ig <- prior_inverse_gamma
half_t <- prior_half_t

# Balanced one-way data by their sufficient statistics: the rotated model of helper-dense-bayes.R
# without an eigenproblem of 4000 rows.
balanced_rotated <- function(y, groups, size) {
  table <- matrix(y, size)
  between <- size * sum((colMeans(table) - mean(y))^2)
  within <- sum((table - rep(colMeans(table), each = size))^2)
  n <- groups * size
  spread <- c(
    sqrt(n) * mean(y), rep(sqrt(between / (groups - 1)), groups - 1),
    rep(sqrt(within / (n - groups)), n - groups)
  )
  list(
    d = rep(c(size, 0), c(groups, n - groups)), y = spread,
    z = matrix(c(sqrt(n), numeric(n - 1)), n), half_log_w = 0
  )
}

test_that("a sharp posterior is integrated as exactly as a wide one", {
  set.seed(31)
  groups <- 2000
  d <- data.frame(g = factor(rep(seq_len(groups), each = 2)))
  d$y <- 3 + rnorm(groups, sd = 0.7)[d$g] + rnorm(2 * groups)
  prior <- lmm_prior(random = half_t(3, 1), residual = ig(2, 1), fixed = prior_normal(0, 10))
  fit <- lmm(y ~ (1 | g), d, method = "Bayes", prior = prior)
  v <- log(unname(varcomp(fit)))
  model <- list(y = d$y, z = matrix(1, 2 * groups))
  dense <- dense_posterior(
    model, prior, 1, 0.02, seq(v[1] - v[2] - 1, v[1] - v[2] + 1, by = 0.02),
    seq(v[2] - 0.4, v[2] + 0.4, by = 0.02), balanced_rotated(d$y, groups, 2)
  )
  # log densities of order 6000, each to 1e-12 of that
  expect_equal(log_evidence(fit), dense$log_evidence, tolerance = 1e-11)
  expect_equal(
    unname(varcomp(fit)), c(
      dense_moments(dense, function(b, e) b)[[1]], dense_moments(dense, function(b, e) e)[[1]]
    ),
    tolerance = 1e-7  # a lattice of six points to a standard deviation
  )
})

test_that("a posterior that is piled at pve = 0 keeps its mass and its evidence", {
  set.seed(32)
  g <- gl(6, 4)
  noise <- rnorm(24)
  d <- data.frame(y = 1 + noise - ave(noise, g), g = g)
  prior <- lmm_prior(pve = prior_beta(0.05, 1), total = ig(2, 1))
  fit <- lmm(y ~ (1 | g), d, method = "Bayes", prior = prior)
  model <- dense_model(d$y, matrix(1, 24), diag(6)[g, ])
  # exp(-0.05 * 600) = 1e-13 of the mass is beyond
  dense <- dense_posterior(
    model, prior, step = 0.25, r = seq(-600, 40, by = 0.25), t = seq(-6, 8, by = 0.25)
  )
  # quadrature's own bound
  expect_equal(fit$posterior$evidence$log, dense$log_evidence, tolerance = 1e-7)
  share <- dense_moments(dense, dense_share(dense))
  expect_equal(unlist(pve(fit)[c("estimate", "se")]), share, tolerance = 1e-6, ignore_attr = TRUE)
  limits <- unlist(pve(fit)[c("lower", "upper")])
  expect_lt(limits[[1]], 1e-12)  # the true quantile is exp(-75)
  expect_equal(
    dense_cdf(dense, "r")(stats::qlogis(limits[[2]]) - log(dense$kappa)), 0.975, tolerance = 1e-4
  )  # linear interpolation of a steep distribution function
})

test_that("a posterior that is piled at pve = 1 does, too", {
  set.seed(33)
  X <- matrix(rnorm(10 * 15), 10)
  y <- drop(X %*% rnorm(15))
  prior <- lmm_prior(pve = prior_beta(1, 0.05), total = ig(3, 5))
  fit <- lmm(y ~ 1 + re(X), method = "Bayes", prior = prior)
  dense <- dense_posterior(
    dense_model(y, matrix(1, 10), X), prior, step = 0.25, r = seq(-40, 600, by = 0.25),
    t = seq(-12, 30, by = 0.25), sheared = TRUE
  )
  expect_equal(fit$posterior$evidence$log, dense$log_evidence, tolerance = 1e-7)  # as above
  mass <- rowSums(dense$weight)
  share <- sum(mass * stats::plogis(dense$r + log(dense$kappa)))
  expect_equal(pve(fit)$estimate, share, tolerance = 1e-7)
})

test_that("posteriors that have no integral stop by class, whatever the algorithm", {
  d <- contract_data()$d
  bad <- list(
    lmm_prior(random = prior_jeffreys(), residual = prior_jeffreys()),
    # without noise X reproduces y, and 1 / sigma_e^2 has all its mass there
    lmm_prior(random = prior_flat(), residual = prior_jeffreys())
  )
  for (prior in bad) {
    for (algorithm in c("quadrature", "gibbs")) {
      expect_error(
        lmm(y ~ x + re(wide), d, method = "Bayes", algorithm = algorithm, prior = prior),
        "cannot be normalised", class = "hdlmm_improper_prior"
      )
    }
  }
  fit <- lmm(y ~ x + re(wide), d, method = "Bayes")
  expect_error(log_evidence(fit), "`total` and `fixed`", class = "hdlmm_improper_prior")
})

test_that("units of y and X change the posterior as they change the parameters", {
  d <- contract_data()$d
  k <- 1000
  m <- 0.01
  prior <- lmm_prior(random = half_t(3, 0.5), residual = ig(2, 1), fixed = prior_normal(1, 5))
  scaled <- lmm_prior(
    random = half_t(3, 0.5 * k / m), residual = ig(2, k^2), fixed = prior_normal(k, 5 * k)
  )
  one <- lmm(y ~ x + re(wide), d, method = "Bayes", prior = prior)
  two <- lmm(I(k * y) ~ x + re(m * wide), d, method = "Bayes", prior = scaled)
  # the same integral in other numbers: its own error is 1e-9
  expect_equal(log_evidence(two), log_evidence(one) - 24 * log(k), tolerance = 1e-9)
  expect_equal(bayes_factor(two, TRUE), bayes_factor(one, TRUE), tolerance = 1e-8)
  expect_equal(unname(varcomp(two)), unname(varcomp(one)) * k^2 / c(m^2, 1), tolerance = 1e-7)
  expect_equal(pve(two)[-1], pve(one)[-1], tolerance = 1e-7)
  expect_equal(fixef(two), k * fixef(one), tolerance = 1e-7)
  expect_equal(
    confint(two, "Residual", level = 0.5), k^2 * confint(one, "Residual", level = 0.5),
    tolerance = 1e-6  # a root to 1e-9 in the logarithm, on grids that differ
  )
})

test_that("profile() says that a prior with a pole makes the density of pve infinite at the end", {
  d <- wheat[1:60, ]
  prior <- lmm_prior(random = prior_half_t(3, 0.05), residual = prior_half_t(3, 1))
  out <- profile(lmm(yield1 ~ re(markers), d, method = "Bayes", prior = prior))
  if (out$modes$where[1] == "pve = 1") {
    expect_true(out$unbounded)
    expect_identical(out$boundary, "residual")
  }
  level <- lmm_prior(pve = prior_beta(1, 1))
  out <- profile(lmm(yield1 ~ re(markers), d, method = "Bayes", prior = level))
  expect_false(out$unbounded)
  expect_true(all(is.finite(out$modes$logLik)))
})
