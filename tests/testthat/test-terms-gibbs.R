# Gibbs sampling of several random terms against a textbook sampler, quadrature and itself.

# y ~ N(Z omega + A b + H c, sigma_e^2 I), half t(df, scale) priors of the deviations of b in the
# blocks of Huang & Wand (2013) and of c, inverse gamma of sigma_e^2: full conditionals, dense.
# Returns draws of (Sigma_b by its lower triangle, sigma_c^2, sigma_e^2, omega).
textbook_terms_gibbs <- function(y, z, a, h, prior, draws) {
  nu <- prior$df
  inverse_gamma <- function(shape, scale) scale / stats::rgamma(length(scale), shape)
  levels <- ncol(a) / 2
  all <- cbind(z, a, h)
  products <- crossprod(all)
  right <- crossprod(all, y)
  sigma <- diag(2)
  weight <- c(1, 1)
  weight_c <- sigma_c <- sigma2 <- 1
  out <- matrix(NA_real_, draws, 5 + ncol(z))
  for (k in seq_len(draws)) {
    precision <- products / sigma2
    own <- ncol(z) + seq_len(ncol(a))
    precision[own, own] <- precision[own, own] + kronecker(diag(levels), solve(sigma))
    last <- ncol(z) + ncol(a) + seq_len(ncol(h))
    precision[last, last] <- precision[last, last] + diag(1 / sigma_c, ncol(h))
    root <- chol(precision)
    half <- backsolve(root, right / sigma2, transpose = TRUE)
    effects <- backsolve(root, half + stats::rnorm(length(half)))
    b <- matrix(effects[own], 2)
    scale <- 2 * nu * diag(1 / weight) + tcrossprod(b)
    sigma <- solve(stats::rWishart(1, nu + 1 + levels, solve(scale))[, , 1])
    weight <- inverse_gamma((nu + 2) / 2, 1 / prior$scale^2 + nu * diag(solve(sigma)))
    sigma_c <- inverse_gamma((nu + ncol(h)) / 2, nu / weight_c + sum(effects[last]^2) / 2)
    weight_c <- inverse_gamma((nu + 1) / 2, nu / sigma_c + 1 / prior$scale^2)
    rest <- sum((y - all %*% effects)^2) / 2
    sigma2 <- inverse_gamma(prior$shape + length(y) / 2, prior$rate + rest)
    out[k, ] <- c(sigma[c(1, 2, 4)], sigma_c, sigma2, effects[seq_len(ncol(z))])
  }
  out
}

# Draws of the package [parameters x draws] by chosen moves, in the order of `textbook`.
drawn_by <- function(formula, data, prior, moves, control) {
  problem <- hdlmm:::build_problem(
    formula, data, call("lmm", formula), environment(formula), NULL, prior,
    hdlmm:::make_host(control)
  )
  system <- hdlmm:::build_terms_system(problem, control, hdlmm:::make_host(control))
  options <- c(hdlmm:::gibbs_options(problem, control), list(moves = moves))
  inside <- hdlmm:::internal_terms_prior(problem)
  raw <- hdlmm:::cpp_terms_gibbs(
    system, inside, inside$fixed_precision, options, hdlmm:::make_host(control)
  )
  list(
    draws = hdlmm:::terms_draws_array(raw, problem, control$chains), accepted = raw$accepted,
    evaluations = raw$evaluations
  )
}

# Differences of means in their Monte Carlo standard errors.
expect_same_means <- function(a, b) {
  error <- function(x) posterior::mcse_mean(x)
  gap <- vapply(seq_len(dim(a)[3]), function(j) {
    x <- a[, , j]
    y <- b[, , j]
    (mean(x) - mean(y)) / sqrt(error(x)^2 + error(y)^2)
  }, 0)
  expect_lt(max(abs(gap)), 4.5)
}

slopes_data <- function() {
  set.seed(42)
  n <- 48
  d <- data.frame(x = rnorm(n), g = gl(8, 6), h = factor(sample(5, n, TRUE)))
  b <- matrix(rnorm(16), 8)
  d$y <- 2 + d$x + b[d$g, 1] + 0.6 * b[d$g, 2] * d$x + rnorm(5)[d$h] + rnorm(n)
  d
}

slopes_prior <- function() {
  lmm_prior(
    random = list(g = prior_half_t(2, 1.5), h = prior_half_t(2, 1.5)),
    residual = prior_inverse_gamma(2, 1)
  )
}

slopes_model <- y ~ x + (x | g) + (1 | h)

test_that("a block and a factor have the posterior of the textbook sampler, by all moves", {
  skip_if_not_installed("posterior")
  d <- slopes_data()
  set.seed(1)
  level_columns <- function(f) model.matrix(~ 0 + f)
  a <- t(vapply(seq_len(nrow(d)), function(i) {
    kronecker(level_columns(d$g)[i, ], c(1, d$x[i]))
  }, numeric(16)))
  other <- textbook_terms_gibbs(
    d$y, cbind(1, d$x), a, level_columns(d$h), list(df = 2, scale = 1.5, shape = 2, rate = 1), 6000
  )
  wanted <- c(
    "var_g.(Intercept)", "cov_g.x.(Intercept)", "var_g.x", "var_h", "var_Residual", "(Intercept)",
    "x"
  )
  # of logarithms: variances of so few levels have heavy tails
  to_logs <- function(x) {
    for (j in c(1, 3, 4, 5)) x[, , j] <- log(x[, , j])
    x[, , 2] <- x[, , 2] / exp((x[, , 1] + x[, , 3]) / 2)
    x
  }
  other <- to_logs(array(other[-(1:500), ], c(5500, 1, 7)))
  control <- lmm_control(seed = 2, draws = 1000, warmup = 300)
  for (moves in c("surface", "conditional", "slices")) {
    own <- drawn_by(slopes_model, d, slopes_prior(), moves, control)
    expect_same_means(to_logs(own$draws[, , wanted]), other)
    if (moves == "surface") expect_gt(own$accepted, 0.9)
  }
})

test_that("two kernels have the posterior of quadrature", {
  skip_if_not_installed("posterior")
  set.seed(5)
  n <- 40
  kernels <- lapply(1:2, function(k) crossprod(matrix(rnorm(n * (n + 10)), ncol = n)) / n)
  K <- kernels[[1]]
  L <- kernels[[2]]
  d <- data.frame(x = rnorm(n))
  d$y <- drop(d$x + t(chol(K)) %*% rnorm(n) + rnorm(n))
  model <- y ~ x + re(kernel = K) + re(kernel = L)
  exact <- lmm(model, d, method = "Bayes")
  drawn <- lmm(
    model, d, method = "Bayes", algorithm = "gibbs", control = lmm_control(seed = 1, draws = 1000)
  )
  for (label in c("K", "L")) {
    own <- drawn$draws[, , paste0("pve.", label)]
    gap <- mean(own) - exact$pve[[label]]
    expect_lt(abs(gap), 4 * posterior::mcse_mean(own))
  }
  residual <- drawn$draws[, , "var_Residual"]
  gap <- mean(residual) - varcomp(exact)[["Residual"]]
  expect_lt(abs(gap), 4 * posterior::mcse_mean(residual))
  # averages over 400 of the draws: standard errors of 4 percent
  expect_equal(ranef(drawn), ranef(exact), tolerance = 0.15)
  expect_equal(fixef(drawn), fixef(exact), tolerance = 0.02)
})

test_that("the seed decides the draws, and neither threads nor the system do", {
  d <- small_terms_data()
  draw <- function(moves, ...) {
    drawn_by(
      y ~ x + re(X) + (x | a), d, lmm_prior(), moves,
      lmm_control(draws = 20, warmup = 60, chains = 3, ...)
    )$draws
  }
  for (moves in c("surface", "conditional")) {
    one <- draw(moves, seed = 3, threads = 1)
    expect_identical(draw(moves, seed = 3, threads = 2), one)
    expect_identical(draw(moves, seed = 3, threads = 3), one)
    expect_false(identical(draw(moves, seed = 4, threads = 2), one))
    for (system in c("row", "absorbed")) {
      # sums in another order
      expect_equal(draw(moves, seed = 3, system = system), one, tolerance = 1e-6)
    }
  }
})

test_that("draws follow the units of y and of a slope", {
  d <- slopes_data()
  fit <- function(d, unit) {
    prior <- lmm_prior(
      random = list(g = prior_half_t(2, unit * c(1.5, 1.5)), h = prior_half_t(2, unit * 1.5)),
      residual = prior_inverse_gamma(2, unit^2)
    )
    lmm(
      slopes_model, d, method = "Bayes", algorithm = "gibbs", prior = prior,
      control = lmm_control(seed = 1, draws = 50, warmup = 20, chains = 2)
    )
  }
  one <- suppressWarnings(fit(d, 1))
  d$y <- 8 * d$y
  eight <- suppressWarnings(fit(d, 8))
  expect_equal(varcomp(eight), 64 * varcomp(one), tolerance = 1e-9)  # powers of two are exact
  expect_equal(pve(eight), pve(one), tolerance = 1e-9)
})

test_that("a fit keeps its draws by chain, and its numbers are their means", {
  fit <- lmm(
    slopes_model, slopes_data(), method = "Bayes", algorithm = "gibbs", prior = slopes_prior(),
    control = lmm_control(seed = 1, draws = 200, warmup = 100)
  )
  names <- c(
    "(Intercept)", "x", "var_g.(Intercept)", "cov_g.x.(Intercept)", "var_g.x", "var_h",
    "var_Residual", "cor.g.x.(Intercept)", "pve.g", "pve.h", "pve"
  )
  expect_identical(dimnames(fit$draws)[[3]], names)
  expect_setequal(colnames(as.matrix(posterior_sample(fit, 10))), names)
  expect_identical(setdiff(colnames(vcov(fit, full = TRUE)), names), character())
  expect_identical(dim(fit$draws), c(200L, 4L, 11L))
  own <- apply(fit$draws, 3, mean)
  expect_equal(unname(varcomp(fit)), unname(own[3:7]), tolerance = 1e-12)
  expect_equal(pve(fit)$estimate, unname(own[9:11]), tolerance = 1e-12)
  expect_equal(
    c(fit$draws[, , 8]),
    c(fit$draws[, , 4] / sqrt(fit$draws[, , 3] * fit$draws[, , 5])), tolerance = 1e-12
  )
  expect_identical(c(fit$draws[, , 11]), c(fit$draws[, , 9] + fit$draws[, , 10]))
  expect_identical(convergence(fit)$h, c(fit$draws[, , "var_h"]))
  # 800 draws of the fixed effects: within 4 standard errors of the averages over the nodes
  error <- sqrt(diag(vcov(fit)) / 400)
  expect_lt(max(abs(fixef(fit) - own[1:2]) / error), 4)
  expect_output(print(fit), "Gibbs")
  expect_identical(fit$boundary, character())
})

test_that("without a warm-up there is no surface, and the same posterior", {
  skip_if_not_installed("posterior")
  d <- slopes_data()
  control <- function(warmup) lmm_control(seed = 1, draws = 400, warmup = warmup)
  none <- drawn_by(y ~ x + (1 | g) + (1 | h), d, lmm_prior(), "surface", control(0))
  some <- drawn_by(y ~ x + (1 | g) + (1 | h), d, lmm_prior(), "surface", control(100))
  expect_identical(none$accepted, NaN)
  # one factor a sweep, against the looks of three slices
  expect_lt(some$evaluations, 4 * 560)
  expect_gt(none$evaluations, 4 * 1200)
  shares <- c("pve.g", "pve.h", "pve")
  expect_same_means(none$draws[-(1:50), , shares], some$draws[, , shares])
})

test_that("posteriors without a finite mass are refused", {
  d <- slopes_data()
  sample <- function(formula, ...) {
    lmm(
      formula, d, method = "Bayes", algorithm = "gibbs", prior = lmm_prior(...),
      control = lmm_control(seed = 1, draws = 50, warmup = 100)
    )
  }
  refuse <- function(...) expect_error(sample(...), class = "hdlmm_improper_prior")
  flat <- prior_flat()
  d$three <- gl(3, 16)
  refuse(y ~ x + (1 | g) + (1 | three), random = flat, residual = flat)
  refuse(y ~ x + (1 | g) + (1 | h), random = prior_jeffreys())
  expect_error(
    sample(y ~ x + (x | three) + (1 | g), random = flat), "variance of `three` grows",
    class = "hdlmm_improper_prior"
  )
  d$X <- matrix(rnorm(48 * 60), 48)
  refuse(y ~ x + re(X) + (1 | g), random = prior_half_t(3, 1))
  # levels and the slope reach every row together
  d$pair <- factor(rep(1:24, 2))
  d$other <- factor(c(1:24, 2:24, 1))
  refuse(y ~ x + (1 | pair) + (1 | other), random = prior_half_t(3, 1))
})

test_that("flat priors of enough levels have a posterior", {
  fit <- suppressWarnings(lmm(
    y ~ x + (1 | g) + (1 | h), slopes_data(), method = "Bayes", algorithm = "gibbs",
    prior = lmm_prior(random = prior_flat(), residual = prior_flat()),
    control = lmm_control(seed = 1, draws = 100, warmup = 50)
  ))
  expect_true(all(is.finite(varcomp(fit))))
})
