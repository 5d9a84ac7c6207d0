# The Gibbs sampler in spectral coordinates against a textbook one that draws every beta.

# y ~ N(Z omega + A beta, sigma_e^2 W^-1), inverse-gamma priors on both variances, omega ~
# N(0, precision^-1): full conditionals, one block each, dense. Returns draws [draws x (2 + c)]:
# log sigma_b^2, log sigma_e^2, omega.
textbook_gibbs <- function(y, z, a, w, prior, precision, draws) {
  p <- ncol(a)
  n <- length(y)
  c <- ncol(z)
  aa <- crossprod(a, w * a)
  zz <- crossprod(z, w * z)
  beta <- numeric(p)
  v <- c(1, 1)
  out <- matrix(NA_real_, draws, 2 + c)
  # a draw from N(A^-1 b, A^-1)
  normal <- function(information, right) {
    root <- chol(information)
    backsolve(root, backsolve(root, right, transpose = TRUE) + stats::rnorm(length(right)))
  }
  for (k in seq_len(draws)) {
    omega <- normal(zz / v[2] + precision, crossprod(z, w * (y - a %*% beta)) / v[2])
    rest <- y - drop(z %*% omega)
    beta <- normal(aa / v[2] + diag(1 / v[1], p), crossprod(a, w * rest) / v[2])
    squares <- c(sum(beta^2), sum(w * (rest - a %*% beta)^2))
    v <- (prior$scale + squares / 2) / stats::rgamma(2, prior$shape + c(p, n) / 2)
    out[k, ] <- c(log(v), omega)
  }
  out
}

# The same columns from the package's sampler, in the units of the data.
core_gibbs <- function(formula, env, prior, precision, draws, options = list()) {
  weights <- if (!is.null(env$w)) list(weights = quote(w))
  call <- as.call(c(quote(lmm), formula, weights))
  problem <- hdlmm:::build_problem(
    formula, env, call, env, NULL, NULL, hdlmm:::make_host(lmm_control())
  )
  fixed <- problem$fixed
  design <- problem$designs[[1]]
  host <- hdlmm:::make_host(lmm_control())
  system <- hdlmm:::build_system(design, fixed, host)
  unit <- 2^c(2 * (design$exponent - fixed$ky), -2 * (fixed$kw + fixed$ky))
  density <- function(k) {
    list(kind = "inverse_gamma", a = prior$shape[k], b = prior$scale[k] / unit[k])
  }
  core_prior <- list(
    on_shares = FALSE, first = density(1), second = density(2), kappa = system$kappa
  )
  # omega = 2^(kz - ky) R^-1 delta: columns of R^-1 are the images of the unit vectors
  to_omega <- 2^(fixed$kz - fixed$ky) * backsolve(fixed$r, diag(fixed$rank))
  core_precision <- NULL
  least_squares <- fixed$omega[fixed$kept]
  if (any(precision != 0)) {
    core_precision <- t(to_omega) %*% precision %*% to_omega
    system$parts <- add_fixed_part(system$parts, solve(to_omega, least_squares))
    least_squares <- 0 * least_squares
  }
  options <- utils::modifyList(
    list(draws = draws, warmup = 200L, thin = 1L, chains = 4L, seed = 11), options
  )
  result <- hdlmm:::cpp_gibbs(system, core_prior, core_precision, options, host)
  list(
    draws = cbind(
      log(unit[1] * c(result$random)), log(unit[2] * c(result$residual)),
      t(least_squares + to_omega %*% result$delta)
    ),
    result = result, has_mean_shift = length(system$parts$mean) > 0,
    null_in_fixed = length(system$parts$null_scale), null_residual = system$parts$null_residual
  )
}

# The decomposed model of y + Q delta.
add_fixed_part <- function(parts, delta) {
  along <- drop(t(parts$turn) %*% delta)
  reaches_null <- seq_along(along) <= length(parts$null_scale)
  parts$null_shift <- parts$null_shift + along[reaches_null]
  parts$y <- parts$y + drop(parts$z[, !reaches_null, drop = FALSE] %*% along[!reaches_null])
  parts
}

# Differences of means and of second moments in standard errors of 50 batch means each.
moment_errors <- function(x, y) {
  batches <- function(draws) {
    draws <- cbind(draws, draws^2, draws[, 1] * draws)
    size <- nrow(draws) %/% 50
    apply(draws[seq_len(50 * size), ], 2, function(v) colMeans(matrix(v, size)))
  }
  a <- batches(x)
  b <- batches(y)
  abs(colMeans(a) - colMeans(b)) / sqrt((apply(a, 2, var) + apply(b, 2, var)) / 50)
}

expect_textbook <- function(core, textbook) {
  expect_equal(core$result$status, "completed")
  expect_true(all(is.finite(core$draws)))
  # about 13 correlated comparisons of t with 98 degrees of freedom each: above 4.5 with
  # probability 2e-5; the seeds are fixed
  expect_lt(max(moment_errors(core$draws, textbook)), 4.5)
}

test_that("wide designs with column means have the posterior of the textbook sampler", {
  set.seed(1)
  n <- 20
  p <- 30
  env <- new.env()
  env$X <- matrix(rnorm(n * p), n) + rep(rnorm(p), each = n)
  env$z <- rnorm(n)
  env$y <- drop(50 + 3 * env$z + env$X %*% rnorm(p) + rnorm(n, sd = 3))
  prior <- list(shape = c(3, 3), scale = c(2, 20))
  core <- core_gibbs(y ~ z + re(X), env, prior, 0, 20000L)
  expect_true(core$has_mean_shift)
  textbook <- textbook_gibbs(
    env$y, cbind(1, env$z), env$X, rep(1, n), prior, matrix(0, 2, 2), 12000
  )
  expect_textbook(core, textbook[-(1:500), ])
})

test_that("tall designs with a normal prior on the fixed effects have that posterior too", {
  set.seed(2)
  n <- 30
  p <- 8
  env <- new.env()
  env$X <- matrix(rnorm(n * p), n)
  env$z <- matrix(rnorm(2 * n), n)
  env$y <- drop(env$z %*% c(4, -2) + env$X %*% rnorm(p) + rnorm(n))
  prior <- list(shape = c(2, 3), scale = c(1, 2))
  precision <- matrix(c(1, 0.6, 0.6, 0.8), 2)
  core <- core_gibbs(y ~ 0 + z + re(X), env, prior, precision, 20000L)
  expect_equal(core$null_in_fixed, 2)
  expect_gt(core$null_residual, 0)
  textbook <- textbook_gibbs(env$y, env$z, env$X, rep(1, n), prior, precision, 12000)
  expect_textbook(core, textbook[-(1:500), ])
})

test_that("weighted groups have that posterior too, by the collapsed and the plain sweep", {
  set.seed(3)
  n <- 40
  env <- new.env()
  env$g <- factor(c(1:8, sample(8, n - 8, replace = TRUE)))
  env$w <- runif(n, 0.2, 3)
  effects <- rnorm(8, sd = 2)
  env$y <- effects[env$g] + rnorm(n) / sqrt(env$w)
  a <- diag(8)[env$g, ]
  prior <- list(shape = c(3, 3), scale = c(4, 2))
  textbook <- textbook_gibbs(env$y, matrix(1, n, 1), a, env$w, prior, matrix(0, 1, 1), 12000)
  formula <- y ~ 1 + (1 | g)
  collapsed <- core_gibbs(formula, env, prior, 0, 20000L)
  expect_textbook(collapsed, textbook[-(1:500), ])
  plain <- core_gibbs(formula, env, prior, 0, 20000L, list(is_collapsed = FALSE))
  expect_textbook(plain, textbook[-(1:500), ])
  # what the collapsed sweep is for: the intercept and the group effects trade off
  lag_one <- function(core) {
    draws <- matrix(core$draws[, 3], ncol = 4)
    mean(apply(draws, 2, function(v) cor(v[-1], v[-length(v)])))
  }
  expect_lt(lag_one(collapsed), 0.2)
  expect_gt(lag_one(plain), 0.6)
})

test_that("the seed decides the draws and the threads do not", {
  set.seed(4)
  env <- list2env(list(X = matrix(rnorm(200), 20), y = rnorm(20)))
  prior <- list(shape = c(3, 3), scale = c(2, 2))
  one <- core_gibbs(y ~ re(X), env, prior, 0, 50L)
  again <- core_gibbs(y ~ re(X), env, prior, 0, 50L)
  other <- core_gibbs(y ~ re(X), env, prior, 0, 50L, list(seed = 12))
  expect_identical(one$result, again$result)
  expect_false(any(one$result$random == other$result$random))
  expect_equal(dim(one$result$random), c(50, 4))
  expect_equal(dim(one$result$delta), c(1, 200))
})

test_that("means of the effects get better with the number of draws", {
  set.seed(3)
  d <- data.frame(z = rnorm(15))
  d$X <- matrix(rnorm(15 * 40), 15)
  d$y <- d$z + drop(d$X %*% rnorm(40, 0, 0.2)) + rnorm(15)
  prior <- lmm_prior(
    random = prior_half_t(3, 0.3), residual = prior_half_t(3, 1), fixed = prior_normal(0, 3)
  )
  exact <- lmm(y ~ z + re(X), d, method = "Bayes", prior = prior)
  gibbs <- lapply(1:4, function(seed) {
    update(exact, algorithm = "gibbs", control = lmm_control(seed = seed, draws = 4000))
  })
  error <- vapply(gibbs, function(fit) {
    (fixef(fit)[["z"]] - fixef(exact)[["z"]]) / sqrt(vcov(exact)[2, 2])
  }, 0)
  # all draws are averaged, each over what is exact given the variances; 400 of them gave 0.02
  expect_lt(sqrt(mean(error^2)), 0.008)
})
