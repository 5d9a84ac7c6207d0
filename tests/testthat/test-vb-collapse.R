# A small share that the factorisation makes, not the data, is named in one sentence.

correlated <- function(copies, noise = 0.001, seed = 1, n = 100, p = 3) {
  set.seed(seed)
  d <- data.frame(x = rnorm(n))
  base <- matrix(rnorm(n * p), n)
  d$columns <- base[, rep(seq_len(p), copies), drop = FALSE] + noise * rnorm(n * p * copies)
  signal <- drop(d$columns %*% rnorm(p * copies))
  d$y <- d$x + signal / sd(signal) + rnorm(n)
  d
}

told <- function(fit) grep("factorisation over correlated", fit$notes, value = TRUE)

fit_vb <- function(d, ..., formula = y ~ x + re(columns)) {
  suppressMessages(suppressWarnings(lmm(formula, d, ..., method = "VB")))
}

# The number that follows `words` in a sentence.
number_after <- function(text, words) {
  as.numeric(sub(paste0(".*", words, "([-0-9.e]+[0-9]).*"), "\\1", text))
}

test_that("copied columns: a sentence has the likelihood's maximum, its lead and the divergence", {
  d <- correlated(20)
  by_ml <- lmm(y ~ x + re(columns), d, method = "ML")
  for (algorithm in c("collapsed", "cavi")) {
    fit <- fit_vb(d, algorithm = algorithm)
    expect_lt(pve(fit)$estimate, pve(by_ml)$estimate / 2)
    note <- told(fit)
    expect_length(note, 1)
    # written to three digits, or to one decimal
    expect_equal(number_after(note, "makes pve "), pve(fit)$estimate, tolerance = 5e-3)
    expect_equal(number_after(note, "maximum, pve "), pve(by_ml)$estimate, tolerance = 5e-3)
    lead <- as.numeric(logLik(by_ml)) - as.numeric(logLik(fit))
    expect_lt(abs(number_after(note, "higher by ") - lead), 0.051)
    expect_lt(abs(number_after(note, "kl_gap\\(\\) = ") - kl_gap(fit)), 0.051)
    # Hadamard's gap at the maximum, densely
    ratio <- varcomp(by_ml)[[1]] / varcomp(by_ml)[[2]]
    a <- diag(ncol(d$columns)) + ratio * crossprod(d$columns)
    gap <- (sum(log(diag(a))) - determinant(a)$modulus) / 2
    expect_lt(abs(number_after(note, "short of it by ") - gap), 0.051)
    expect_gt(gap, lead)  # why the bound left that share
    expect_output(print(fit), "factorisation over correlated")
    expect_output(print(summary(fit)), "The factorisation over correlated")
  }
})

test_that("a fully variational fit compares with the exact posterior under the same priors", {
  d <- correlated(20)
  own <- lmm_prior(random = prior_half_t(1, 2.5), residual = prior_half_t(1, 2.5))
  exact <- lmm(y ~ x + re(columns), d, method = "Bayes", prior = own)
  for (algorithm in c("collapsed", "cavi")) {
    fit <- fit_vb(d, algorithm = algorithm, prior = own)
    note <- told(fit)
    expect_length(note, 1)
    expect_equal(number_after(note, "mean pve "), pve(exact)$estimate, tolerance = 5e-3)
    expect_lt(pve(fit)$estimate, pve(exact)$lower)
    expect_lt(abs(number_after(note, "kl_gap\\(\\) = ") - kl_gap(fit)), 0.051)
  }
  # priors that want a small share themselves are no fault of the factors
  small <- lmm_prior(
    random = prior_inverse_gamma(2000, 0.01), residual = prior_inverse_gamma(3, 1)
  )
  fit <- fit_vb(d, prior = small)
  expect_lt(pve(fit)$estimate, 0.05)
  expect_length(told(fit), 0)
})

test_that("weights, sparse columns, columns of one factor and blocks are told of alike", {
  d <- correlated(20)
  d$w <- 1 + d$x^2
  expect_length(told(suppressMessages(lmm(y ~ x + re(columns), d, weights = w, method = "VB"))), 1)
  set.seed(2)
  shared <- rnorm(100)
  d$near <- sqrt(0.05) * matrix(rnorm(100 * 40), 100) + sqrt(0.95) * shared
  d$z <- 2 * shared + rnorm(100)
  expect_length(told(fit_vb(d, formula = z ~ re(near))), 1)
  pairs <- factor(rep(1:30, each = 2))
  note <- told(fit_vb(d, control = lmm_control(blocks = pairs)))
  expect_match(note, "correlated blocks of columns")
  skip_if_not_installed("Matrix")
  marks <- Matrix::Matrix(rbinom(300, 1, 0.3) * 1, 100, sparse = TRUE)[, rep(1:3, 20)]
  set.seed(3)
  d$z <- as.numeric(marks %*% rnorm(60))
  d$z <- d$z / sd(d$z) + rnorm(100)
  expect_length(told(fit_vb(d, formula = z ~ re(marks))), 1)
})

test_that("nothing is said where the factors cost nothing or the likelihood agrees", {
  d <- correlated(1, noise = 0)
  d$columns <- qr.Q(qr(cbind(1, d$x, d$columns)))[, -(1:2)] * 10  # orthogonal
  expect_length(told(fit_vb(d)), 0)
  d$g <- gl(20, 5)
  d$z <- rnorm(20)[d$g] + rnorm(100)
  expect_length(told(fit_vb(d, formula = z ~ x + (1 | g))), 0)
  d <- correlated(20)
  # one block is exact
  whole <- lmm_control(blocks = factor(rep(1, 60)))
  expect_length(told(fit_vb(d, control = whole)), 0)
  # copies in one block, and little correlation between blocks
  sets <- lmm_control(blocks = factor(rep(1:3, 20)))
  expect_length(told(fit_vb(d, control = sets)), 0)
  # the likelihood has its maximum at 0, too
  at_zero <- 0
  for (seed in 1:8) {
    d <- correlated(20, seed = seed)
    d$y <- rnorm(100)
    by_ml <- suppressWarnings(lmm(y ~ x + re(columns), d, method = "ML"))
    if (varcomp(by_ml)[[1]] == 0) {
      at_zero <- at_zero + 1
      expect_length(told(fit_vb(d)), 0)
    }
  }
  expect_gt(at_zero, 0)
})

test_that("exact Bayesian inference integrates where tiny eigenvalues widen the range of shares", {
  d <- correlated(20)
  own <- lmm_prior(random = prior_half_t(1, 2.5), residual = prior_half_t(1, 2.5))
  fit <- lmm(y ~ x + re(columns), d, method = "Bayes", prior = own)
  # the log evidence by Riemann sums over both log variances; improper only in the fixed effects
  e <- eigen(tcrossprod(d$columns), symmetric = TRUE)
  z <- crossprod(e$vectors, cbind(1, d$x))
  y <- crossprod(e$vectors, d$y)
  density <- function(v) 2 * dt(sqrt(v) / 2.5, 1) / 2.5 * sqrt(v) / 2  # of log v
  grid <- expand.grid(u = seq(-16, 14, by = 0.5), v = seq(-2, 2, by = 0.1))
  value <- mapply(function(u, v) {
    s <- exp(u) * pmax(e$values, 0) + exp(v)
    a <- crossprod(z, z / s)
    b <- crossprod(z, y / s)
    quad <- sum(y^2 / s) - sum(b * solve(a, b))
    -0.5 * (98 * log(2 * pi) + sum(log(s)) + log(det(a)) + quad) +
      log(density(exp(u))) + log(density(exp(v)))
  }, grid$u, grid$v)
  share <- exp(grid$u) * mean(rowSums(d$columns^2))
  mass <- exp(value - max(value))
  # random variances beyond the grid have a prior probability below 1e-3
  expect_equal(
    unname(varcomp(fit)["Residual"]), sum(mass * exp(grid$v)) / sum(mass), tolerance = 2e-3
  )
  expect_equal(
    unname(fit$posterior$evidence$log), max(value) + log(sum(mass) * 0.5 * 0.1),
    tolerance = 2e-5
  )
})
