# Exact Bayes for two scalar random terms by quadrature, against brute-force integration over both
# log ratios and the log residual variance (helper-dense-terms-bayes.R), and its own laws.

pair_data <- local({
  n <- 16
  set.seed(3)
  d <- data.frame(
    g = factor(rep(1:5, length.out = n)), h = factor(sample(1:4, n, TRUE)), x = rnorm(n),
    w = runif(n, 0.5, 2)
  )
  d$y <- 2 + d$x / 2 + rnorm(5)[d$g] + 0.7 * rnorm(4)[d$h] + rnorm(n) / sqrt(d$w)
  d
})

pair_model <- local({
  indicators <- lapply(pair_data[c("g", "h")], function(f) model.matrix(~ 0 + f))
  list(
    y = pair_data$y, z = model.matrix(~x, pair_data), a = indicators,
    k = lapply(indicators, tcrossprod), w = pair_data$w
  )
})

pair_fit <- function(prior = lmm_prior(), data = pair_data, formula = y ~ x + (1 | g) + (1 | h)) {
  lmm(formula, data, weights = w, method = "Bayes", prior = prior)
}

proper_prior <- lmm_prior(
  random = prior_inverse_gamma(1.5, 0.8), residual = prior_inverse_gamma(2, 1),
  fixed = prior_normal(1, 3)
)

pair_fits <- list(default = pair_fit(), proper = pair_fit(proper_prior))

# Means, standard deviations, both from the fit and from the lattice, of variances and shares.
expect_pair_moments <- function(fit, posterior, tolerance) {
  kappa <- posterior$kappa
  total <- function(a, b, e) kappa[1] * a + kappa[2] * b + e
  found <- posterior_summary(fit, c("g", "h", "Residual", "pve.g", "pve.total"))[, 1:2]
  expected <- rbind(
    dense_pair_moments(posterior, function(a, b, e) a),
    dense_pair_moments(posterior, function(a, b, e) b),
    dense_pair_moments(posterior, function(a, b, e) e),
    dense_pair_moments(posterior, function(a, b, e) kappa[1] * a / total(a, b, e)),
    dense_pair_moments(posterior, function(a, b, e) 1 - e / total(a, b, e))
  )
  expect_equal(unname(found), unname(expected), tolerance = tolerance)
}

test_that("quadrature of two terms is the integral over three dimensions: shares", {
  prior <- lmm_prior(total = prior_inverse_gamma(2, 3), fixed = prior_normal(1, 3))
  dirichlet <- lmm_prior(
    pve = prior_dirichlet(c(g = 2, h = 1.5, Residual = 3)), total = prior_inverse_gamma(2, 3)
  )
  priors <- list(
    lmm_prior(), lmm_prior(prior_beta(2, 3), prior_inverse_gamma(2, 3)), prior, dirichlet
  )
  for (prior in priors) {
    # a density of shares that is no power of one of them needs a finer lattice
    by <- if (prior$pve$kind == "dirichlet") 0.5 else 0.7
    posterior <- dense_pair_posterior(pair_model, prior, r = seq(-20.3, 13.3, by = by))
    fit <- pair_fit(prior)
    expect_equal(evidence_as_it_stands(fit), posterior$log_evidence, tolerance = 1e-6 / 25)
    # the lattice of the referee ends where the squares of variances still have a part in 1e5
    expect_pair_moments(fit, posterior, 2e-5)
  }
})

test_that("quadrature of two terms is the integral over three dimensions: variances", {
  half_t <- lmm_prior(
    random = list(g = prior_half_t(3, 1), h = prior_half_t(4, 0.5)), residual = prior_half_t(3, 2)
  )
  posterior <- dense_pair_posterior(pair_model, half_t, r = seq(-36, 12, by = 0.75))
  fit <- pair_fit(half_t)
  expect_equal(evidence_as_it_stands(fit), posterior$log_evidence, tolerance = 1e-6 / 25)
  expect_pair_moments(fit, posterior, 1e-3)
  half_t$fixed <- prior_normal(c(1, 0), c(3, 0.5))
  posterior <- dense_pair_posterior(pair_model, half_t, r = seq(-36, 12, by = 0.75))
  fit <- pair_fit(half_t)
  expect_equal(log_evidence(fit), posterior$log_evidence, tolerance = 1e-6 / 25)
  posterior <- dense_pair_posterior(pair_model, proper_prior, r = seq(-12.6, 12.6, by = 0.7))
  fit <- pair_fits$proper
  expect_equal(log_evidence(fit), posterior$log_evidence, tolerance = 1e-6 / 25)
  expect_pair_moments(fit, posterior, 1e-3)
})

test_that("effects and predictions of two terms are mixtures over the whole posterior", {
  fit <- pair_fits$default
  posterior <- dense_pair_posterior(pair_model, lmm_prior(), r = seq(-16, 12, by = 0.8))
  new <- data.frame(x = c(0, 1), g = c("1", "5"), h = c("2", "4"))
  z <- cbind(1, new$x)
  a <- list(diag(5)[c(1, 5), ], diag(4)[c(2, 4), ])
  mixture <- dense_pair_mixture(posterior, z, a)
  moments <- dense_mixture_moments(mixture)
  found <- predict(fit, new, se.fit = TRUE)
  expect_equal(unname(found$fit), moments$mean, tolerance = 1e-4)
  expect_equal(unname(found$se.fit), unname(moments$sd), tolerance = 1e-3)
  limits <- predict(fit, new, interval = "prediction")
  noisy <- dense_pair_mixture(posterior, z, a, c(1, 1))
  expect_equal(dense_mixture_cdf(noisy, unname(limits[, "lwr"])), c(0.025, 0.025), tolerance = 5e-3)
  expect_equal(dense_mixture_cdf(noisy, unname(limits[, "upr"])), c(0.975, 0.975), tolerance = 1e-3)
  # the fixed effects, and a random one
  fixed <- dense_mixture_moments(dense_pair_mixture(posterior, diag(2), list(
    matrix(0, 2, 5), matrix(0, 2, 4)
  )))
  expect_equal(unname(fixef(fit)), fixed$mean, tolerance = 1e-4)
  expect_equal(unname(sqrt(diag(vcov(fit)))), unname(fixed$sd), tolerance = 1e-3)
  one <- dense_mixture_moments(dense_pair_mixture(posterior, matrix(0, 4, 2), list(
    matrix(0, 4, 5), diag(4)
  )))
  effects <- ranef(fit, se = TRUE)
  expect_equal(unname(effects$h), one$mean, tolerance = 1e-3)
  expect_equal(unname(attr(effects, "se")$h), unname(one$sd), tolerance = 1e-3)
  summary <- posterior_summary(fit, "x")
  part <- dense_pair_mixture(posterior, matrix(c(0, 1), 1), list(matrix(0, 1, 5), matrix(0, 1, 4)))
  expect_equal(dense_mixture_cdf(part, unname(summary[, "2.5 %"])), 0.025, tolerance = 5e-3)
})

test_that("leave-one-out densities of two terms are ratios of evidences", {
  fit <- pair_fits$proper
  rows <- loo(fit)$table
  for (i in c(2, 9)) {
    without <- pair_fit(proper_prior, pair_data[-i, ])
    expect_equal(
      rows$log_density[i], log_evidence(fit) - log_evidence(without), tolerance = 1e-5
    )
    new <- pair_data[i, ]
    expect_equal(rows$prediction[i], unname(predict(without, new)), tolerance = 1e-4)
  }
})

test_that("a Bayes factor of two terms has the evidence of one-term fits below", {
  with <- pair_fits$proper
  for (rest in c("g", "h")) {
    formula <- as.formula(paste("y ~ x + (1 |", rest, ")"))
    without <- pair_fit(proper_prior, formula = formula)
    expect_equal(
      bayes_factor(with, log = TRUE)[[setdiff(c("g", "h"), rest)]],
      log_evidence(with) - log_evidence(without), tolerance = 1e-6
    )
  }
  shares <- lmm_prior(prior_beta(2, 1), prior_inverse_gamma(2, 2), fixed = prior_normal(0, 5))
  with <- pair_fit(shares)
  without <- pair_fit(shares, formula = y ~ x + (1 | g))
  expect_equal(
    bayes_factor(with, log = TRUE)[["h"]], log_evidence(with) - log_evidence(without),
    tolerance = 1e-6
  )
})

test_that("a posterior of two terms does not know their order or the units of y", {
  fit <- pair_fits$default
  turned <- pair_fit(formula = y ~ x + (1 | h) + (1 | g))
  # two quadratures of the same integral, each to 1e-6
  expect_equal(varcomp(turned)[names(varcomp(fit))], varcomp(fit), tolerance = 1e-5)
  expect_equal(ranef(turned)$g, ranef(fit)$g, tolerance = 1e-5)
  expect_equal(
    posterior_summary(turned, "pve.g"), posterior_summary(fit, "pve.g"), tolerance = 1e-4
  )
  scaled <- pair_fit(data = transform(pair_data, y = 1000 * y))
  expect_equal(varcomp(scaled), 1e6 * varcomp(fit), tolerance = 1e-7)
  expect_equal(posterior_summary(scaled, "g"), 1e6 * posterior_summary(fit, "g"), tolerance = 1e-7)
  expect_equal(pve(scaled), pve(fit), tolerance = 1e-7)
  expect_equal(bayes_factor(scaled), bayes_factor(fit), tolerance = 1e-7)
  expect_equal(loo(scaled)$elpd, loo(fit)$elpd - 16 * log(1000), tolerance = 1e-7)
})

test_that("quadrature of two terms does not depend on the number of threads", {
  told <- function(threads) {
    fit <- lmm(
      y ~ x + (1 | g) + (1 | h), pair_data, weights = w, method = "Bayes",
      control = lmm_control(threads = threads)
    )
    list(
      varcomp(fit), fixef(fit), ranef(fit), loo(fit)$pointwise,
      as.matrix(posterior_sample(fit, 20, seed = 1))
    )
  }
  one <- told(1)
  for (threads in 2:3) expect_identical(told(threads), one)
})

test_that("quantiles, densities and draws of two terms are of one distribution", {
  for (fit in pair_fits) {
    sample <- as.matrix(posterior_sample(fit, 4000, seed = 1))
    for (name in c("g", "h", "Residual", "pve.g", "pve.total")) {
      column <- if (name == "pve.total") "pve" else
        if (startsWith(name, "pve")) name else paste0("var_", name)
      drawn <- sample[, column]
      p <- c(0.05, 0.25, 0.5, 0.75, 0.95)
      q <- posterior_summary(fit, name, p)[, -(1:2)]
      # five standard errors of 4000 draws at most
      expect_lt(max(abs(ecdf(drawn)(q) - p)), 0.04)
      curve <- posterior_density(fit, name, 400)
      inside <- curve$x >= q[1] & curve$x <= q[5]
      area <- sum(curve$density[inside]) * (curve$x[2] - curve$x[1])
      # a sum of rectangles
      expect_equal(area, 0.9, tolerance = 0.03)
    }
    fixed <- posterior_summary(fit, "x")
    expect_equal(mean(sample[, "x"]), fixed[, "mean"], tolerance = 0.1)
    expect_equal(sd(sample[, "x"]), fixed[, "sd"], tolerance = 0.1)
  }
})

test_that("predictive draws of two terms have the limits of predict()", {
  fit <- pair_fits$default
  new <- pair_data[1:2, ]
  for (random in c(TRUE, FALSE)) {
    limits <- predict(fit, new, random = random, interval = "prediction", level = 0.8)
    drawn <- posterior_predict(fit, new, draws = 4000, seed = 2, random = random)
    below <- colMeans(drawn < rep(limits[, "lwr"], each = 4000))
    above <- colMeans(drawn > rep(limits[, "upr"], each = 4000))
    # five standard errors of 4000 draws
    expect_lt(max(abs(c(below, above) - 0.1)), 0.024)
  }
})

test_that("a wide term and a kernel with a group answer as they do by likelihood", {
  set.seed(5)
  n <- 40
  x <- matrix(rnorm(n * 60), n)
  d <- data.frame(g = factor(rep(1:8, 5)))
  d$y <- drop(x %*% rnorm(60)) / 8 + rnorm(8)[d$g] + rnorm(n)
  wide <- lmm(y ~ re(x, name = "m") + (1 | g), d, method = "Bayes")
  kernel <- lmm(y ~ re(kernel = tcrossprod(x), name = "m") + (1 | g), d, method = "Bayes")
  expect_equal(varcomp(kernel), varcomp(wide), tolerance = 1e-6)
  expect_equal(fitted(kernel), fitted(wide), tolerance = 1e-6)
  expect_equal(loo(kernel)$elpd, loo(wide)$elpd, tolerance = 1e-6)
  expect_equal(
    predict(wide, se.fit = TRUE)$se.fit, predict(kernel, se.fit = TRUE)$se.fit, tolerance = 1e-6
  )
  # the residuals are those of the posterior means
  expect_equal(fitted(wide), predict(wide, list(x = x, g = d$g)), tolerance = 1e-9)
})

test_that("draws of a posterior answer as the nodes that they are from", {
  for (fit in pair_fits) {
    set.seed(7)
    drawn <- sampled_fit(fit, 4000)
    exact <- posterior_summary(fit)
    found <- posterior_summary(drawn)
    # five standard errors of 4000 draws, of 400 for what is averaged over a selection
    expect_lt(max(abs(found[, "mean"] - exact[, "mean"]) / exact[, "sd"]), 0.1)
    expect_equal(found[, "50 %"], exact[, "50 %"], tolerance = 0.1)
    expect_equal(loo(drawn)$elpd, loo(fit)$elpd, tolerance = 0.01)
    expect_equal(fitted(drawn), fitted(fit), tolerance = 0.05)
    expect_equal(
      predict(drawn, se.fit = TRUE)$se.fit, predict(fit, se.fit = TRUE)$se.fit, tolerance = 0.05
    )
    expect_equal(
      attr(ranef(drawn, se = TRUE), "se")$g, attr(ranef(fit, se = TRUE), "se")$g, tolerance = 0.1
    )
    sample <- as.matrix(posterior_sample(drawn, 500, seed = 1, beta = TRUE))
    expect_equal(mean(sample[, "x"]), exact["x", "mean"], tolerance = 0.15)
    expect_equal(dim(posterior_predict(drawn, pair_data[1:2, ], 10)), c(10, 2))
    expect_equal(pve(drawn)$estimate, pve(fit)$estimate, tolerance = 0.05)
    expect_error(bayes_factor(drawn), "quadrature", class = "hdlmm_unsupported")
  }
})

test_that("draws of a block have correlations, and give effects of levels", {
  d <- nlme::Orthodont
  fit <- lmm(distance ~ age + (age | Subject), d)
  # draws about the estimates; what posterior they are of does not matter here
  set.seed(1)
  half <- replicate(60, {
    s <- fit$internal$relative$Subject
    turn <- matrix(rnorm(8), 4) %*% chol(s)
    (crossprod(turn) / 4)[lower.tri(s, TRUE)]
  })
  drawn <- list(half = half, sigma2 = fit$internal$tau2 * runif(60, 0.8, 1.2))
  sampled <- sampled_fit(fit, 60, drawn)
  sample <- posterior_sample(sampled, 40, seed = 2, beta = TRUE)
  v <- sample$variances
  expect_equal(
    sample$correlations[, 1], v[, 2] / sqrt(v[, 1] * v[, 3]), tolerance = 1e-12
  )
  name <- "cor.Subject.age.(Intercept)"
  summary <- posterior_summary(sampled)
  expect_true(all(c(name, "pve.Subject") %in% rownames(summary)))
  expect_true(all(abs(summary[name, ]) <= 1))
  limits <- confint(sampled, name)
  expect_equal(unname(limits[1, ]), unname(summary[name, c("2.5 %", "97.5 %")]), tolerance = 1e-12)
  effects <- ranef(sampled, se = TRUE)$Subject
  expect_equal(dim(effects), c(27, 2))
  # the mean over the nodes, by hand
  one <- hdlmm:::fit_at(fit, half[, 1], drawn$sigma2[1], fit$variances)
  part <- hdlmm:::node_effect_components(sampled, sampled$designs[[1]], 1:4)
  expect_equal(part$mean[, 1], unname(one$effects$Subject[1:4]), tolerance = 1e-9)
  expect_equal(
    unname(predict(sampled)), unname(predict(sampled, d)), tolerance = 1e-9
  )
  new <- data.frame(age = c(8, 14), Subject = c("M01", "new"))
  limits <- predict(sampled, new, interval = "prediction", allow.new.levels = TRUE)
  wide <- predict(sampled, new, interval = "prediction", random = FALSE)
  expect_equal(limits[2, ], wide[2, ], tolerance = 1e-9)
  expect_equal(dim(posterior_predict(sampled, new, 20, allow.new.levels = TRUE)), c(20, 2))
  expect_output(print(summary(sampled)), "Corr")
  if (requireNamespace("generics", quietly = TRUE)) {
    expect_true(all(is.finite(generics::tidy(sampled, conf.int = TRUE)$conf.low)))
  }
})

test_that("what the quadrature of two terms cannot do is said", {
  d <- transform(pair_data, k = factor(rep(1:3, length.out = 16)))
  expect_error(
    lmm(y ~ (1 | g) + (1 | h) + (1 | k), d, method = "Bayes"), "gibbs",
    class = "hdlmm_unsupported"
  )
  expect_error(lmm(y ~ (x | g), d, method = "Bayes"), "gibbs", class = "hdlmm_unsupported")
  jeffreys <- lmm_prior(random = prior_jeffreys(), residual = prior_jeffreys())
  expect_error(
    lmm(y ~ (1 | g) + (1 | h), d, method = "Bayes", prior = jeffreys), "no variance",
    class = "hdlmm_improper_prior"
  )
  fit <- pair_fits$default
  expect_error(log_evidence(fit), class = "hdlmm_improper_prior")
  expect_error(profile(fit), class = "hdlmm_unsupported")
})

test_that("a fit of two terms by quadrature prints, draws itself and survives saving", {
  fit <- pair_fits$default
  expect_output(print(fit), "posterior mean")
  expect_output(print(summary(fit)), "Log Bayes factor of `g`")
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_silent(plot(fit))
  file <- tempfile(fileext = ".rds")
  saveRDS(fit, file)
  again <- readRDS(file)
  expect_equal(predict(again, pair_data[1:2, ], se.fit = TRUE),
    predict(fit, pair_data[1:2, ], se.fit = TRUE))
  expect_equal(posterior_sample(again, 20, seed = 1), posterior_sample(fit, 20, seed = 1))
})

test_that("a mean exists where the ratio of variances is large as the residual variance is small", {
  set.seed(2)
  n <- 30
  d <- data.frame(x = rnorm(n))
  kernel <- tcrossprod(matrix(rnorm(n * 60), n)) / 60
  wide <- matrix(rnorm(n * 50), n)
  d$y <- rnorm(n) + drop(wide %*% rnorm(50)) * 0.1
  fit <- lmm(y ~ x + re(kernel = kernel) + re(wide), d, method = "Bayes")
  sampled <- update(fit, algorithm = "gibbs", control = lmm_control(seed = 1, draws = 500))
  expect_false(anyNA(varcomp(fit)))
  error <- posterior_summary(sampled)[names(varcomp(fit)), "sd"]
  expect_lt(max(abs(varcomp(fit) - varcomp(sampled)) / error), 0.15)
})
