# Fully variational inference with several random terms: q(beta) q(omega) prod q(Sigma_k)
# q(sigma_e^2) under half t priors of standard deviations, against plain loops in the units of the
# data with entropies written out, and against the exact evidence by brute force.

d <- small_terms_data()
formula <- y ~ x + (x | a) + (1 | b) + re(X)
prior <- lmm_prior(
  random = list(a = prior_half_t(2, c(2, 0.7)), b = prior_half_t(3, 1.5),
    X = prior_inverse_gamma(1.5, 0.2)),
  residual = prior_inverse_gamma(2, 1), fixed = prior_normal(c(2, 0), c(5, 3))
)
flat <- prior
flat$fixed <- prior_flat()
variational <- function(prior, algorithm = "collapsed", blocks = NULL) {
  lmm(
    formula, d, weights = w, method = "VB", algorithm = algorithm, prior = prior,
    control = lmm_control(tol = 1e-12, blocks = blocks)
  )
}
fits <- list(normal = variational(prior), flat = variational(flat))

# Half t(nu, A_a) of every sd: q(Sigma) = IW(df, scale), q(w_a) = IG(shape, w_a).
log_gamma_r <- function(r, x) r * (r - 1) / 4 * log(pi) + sum(lgamma(x - (seq_len(r) - 1) / 2))
digamma_r <- function(r, x) sum(digamma(x - (seq_len(r) - 1) / 2))

# E log p(Sigma, w) - E log q(Sigma, w) under q = IW(df, scale) prod IG((nu + r)/2, w), with
# every constant.
half_t_terms <- function(nu, a, df, scale, w) {
  r <- length(a)
  precision <- df * solve(scale)
  e_log_sigma <- log_det(scale) - r * log(2) - digamma_r(r, df / 2)
  shape <- (nu + r) / 2
  e_inv_w <- shape / w
  e_log_w <- log(w) - digamma(shape)
  df0 <- nu + r - 1
  log_wishart <- function(f, log_scale) {
    f / 2 * log_scale - f * r / 2 * log(2) - log_gamma_r(r, f / 2) -
      (f + r + 1) / 2 * e_log_sigma
  }
  p_sigma <- log_wishart(df0, sum(log(2 * nu) - e_log_w)) - sum(nu * e_inv_w * diag(precision))
  q_sigma <- log_wishart(df, log_det(scale)) - df * r / 2
  inverse_gamma <- function(s, b, log_b) {
    s * log_b - lgamma(s) - (s + 1) * e_log_w - b * e_inv_w
  }
  p_w <- inverse_gamma(0.5, 1 / a^2, -2 * log(a))
  q_w <- inverse_gamma(shape, w, log(w))
  p_sigma - q_sigma + sum(p_w - q_w)
}

inverse_gamma_terms <- function(a, b, shape, scale) {
  e_log <- log(scale) - digamma(shape)
  e_inv <- shape / scale
  a * log(b) - lgamma(a) - (a + 1) * e_log - b * e_inv -
    (shape * log(scale) - lgamma(shape) - (shape + 1) * e_log - shape)
}

# E log p(beta | Sigma) under both factors.
wishart_normal <- function(second, count, df, scale) {
  r <- nrow(scale)
  e_log_sigma <- log_det(scale) - r * log(2) - digamma_r(r, df / 2)
  -count / 2 * (r * log(2 * pi) + e_log_sigma) - sum(df * solve(scale) * second) / 2
}

# The bound of a fit, from its means and factors; w of half t priors at their best.
textbook_bound <- function(fit, model, blocks, omega_prior) {
  q <- fit$q
  noise <- q$residual$shape / q$residual$scale
  precision <- lapply(q$random, function(f) unname(f$df * solve(f$scale)))
  spread <- dense_spread(model, blocks, precision, noise)
  mu <- stacked_effects(fit)
  omega <- fixef(fit)
  residual <- model$y - drop(model$z %*% omega) - Reduce(`+`, Map(`%*%`, model$x, mu))
  fit2 <- sum(residual^2) + sum(mapply(function(x, c) sum((x %*% c) * x), model$x, spread)) +
    sum((model$z %*% q$omega_vcov) * model$z)
  n <- length(model$y)
  e_log_noise <- log(q$residual$scale) - digamma(q$residual$shape)
  out <- model$log_root - n / 2 * (log(2 * pi) + e_log_noise) - noise * fit2 / 2 +
    inverse_gamma_terms(2, 1, q$residual$shape, q$residual$scale)
  c <- length(omega)
  out <- out + c / 2 * log(2 * pi * exp(1)) + log_det(q$omega_vcov) / 2
  if (omega_prior) {
    sd <- c(5, 3)
    out <- out - sum(log(sd)) - c / 2 * log(2 * pi) -
      sum(((omega - c(2, 0))^2 + diag(q$omega_vcov)) / sd^2) / 2
  }
  for (k in seq_along(mu)) {
    f <- lapply(q$random[[k]], unname)
    r <- model$r[k]
    second <- level_sum(mu[[k]], r) + level_block_sum(spread[[k]], r)
    out <- out + wishart_normal(second, length(mu[[k]]) / r, f$df, as.matrix(f$scale))
    for (b in blocks[[k]]) {
      out <- out + length(b) / 2 * log(2 * pi * exp(1)) +
        log_det(spread[[k]][b, b, drop = FALSE]) / 2
    }
    if (k == 3) {
      out <- out + inverse_gamma_terms(1.5, 0.2, f$df / 2, f$scale[1, 1] / 2)
    } else {
      nu <- c(2, 3)[k]
      a <- list(c(2, 0.7), 1.5)[[k]]
      w <- 1 / a^2 + nu * diag(as.matrix(precision[[k]]))
      out <- out + half_t_terms(nu, a, f$df, as.matrix(f$scale), w)
    }
  }
  out
}

test_that("a fit is a fixed point of the textbook updates", {
  model <- dense_terms_model(d)
  blocks <- dense_blocks(model, "levels")
  for (name in names(fits)) {
    fit <- fits[[name]]
    q <- fit$q
    noise <- q$residual$shape / q$residual$scale
    precision <- lapply(q$random, function(f) unname(f$df * solve(f$scale)))
    found <- dense_means(model, blocks, precision, noise, stacked_effects(fit), fixef(fit))
    lambda <- if (name == "normal") diag(1 / c(5, 3)^2) else matrix(0, 2, 2)
    vcov <- solve(noise * crossprod(model$z) + lambda)
    expect_equal(unname(q$omega_vcov), vcov, tolerance = 1e-8)
    rest <- found$residual + drop(model$z %*% fixef(fit))
    omega <- vcov %*% (noise * crossprod(model$z, rest) + lambda %*% c(2, 0))
    expect_equal(drop(omega), unname(fixef(fit)), tolerance = 1e-8)
    fit2 <- sum(found$residual^2) + sum((model$z %*% vcov) * model$z) +
      sum(mapply(function(x, c) sum((x %*% c) * x), model$x, found$spread))
    expect_equal(q$residual$shape, 2 + nrow(d) / 2)
    expect_equal(q$residual$scale, 1 + fit2 / 2, tolerance = 1e-8)
    for (k in 1:3) {
      second <- level_sum(found$mu[[k]], model$r[k]) +
        level_block_sum(found$spread[[k]], model$r[k])
      f <- q$random[[k]]
      if (k == 3) {
        expect_equal(c(f$df / 2, f$scale / 2), c(1.5 + 4.5, 0.2 + second / 2), tolerance = 1e-8)
        next
      }
      nu <- c(2, 3)[k]
      a <- list(c(2, 0.7), 1.5)[[k]]
      r <- model$r[k]
      w <- 1 / a^2 + nu * diag(as.matrix(precision[[k]]))
      expect_equal(f$df, nu + r - 1 + length(found$mu[[k]]) / r)
      expected <- diag(2 * nu * (nu + r) / 2 / w, r) + second
      expect_equal(unname(f$scale), expected, tolerance = 1e-8)
    }
  }
})

test_that("the bound has every constant", {
  model <- dense_terms_model(d)
  for (name in names(fits)) {
    fit <- fits[[name]]
    expected <- textbook_bound(fit, model, dense_blocks(model, "levels"), name == "normal")
    expect_equal(elbo(fit), expected, tolerance = 1e-9, ignore_attr = TRUE)
  }
})

test_that("coordinate ascent and the fixed point agree, and both only climb", {
  for (blocks in c("levels", "coefficients", "terms", "all")) {
    one <- variational(prior, "collapsed", blocks)
    other <- variational(prior, "cavi", blocks)
    expect_equal(elbo(other), elbo(one), tolerance = 1e-9)
    expect_equal(varcomp(other), varcomp(one), tolerance = 1e-4)
    expect_equal(fixef(other), fixef(one), tolerance = 1e-5)
    for (fit in list(one, other)) {
      expect_true(all(diff(convergence(fit)$objective) > -1e-9))
      expect_true(fit$is_converged)
    }
  }
})

test_that("wider blocks have higher bounds", {
  bounds <- vapply(c("coefficients", "levels", "terms", "all"), function(blocks) {
    elbo(variational(prior, blocks = blocks))
  }, 0)
  expect_true(all(diff(bounds) > 0))
})

test_that("the bound is below the evidence by brute force", {
  set.seed(5)
  small <- data.frame(g = gl(4, 6), h = gl(6, 1, 24))
  small$y <- 1 + rnorm(4)[small$g] + 0.7 * rnorm(6)[small$h] + rnorm(24)
  own <- lmm_prior(
    random = list(g = prior_half_t(3, 1), h = prior_inverse_gamma(2, 1)),
    residual = prior_inverse_gamma(2, 1), fixed = prior_normal(0, 4)
  )
  bounds <- vapply(c("levels", "all"), function(blocks) {
    elbo(lmm(y ~ 1 + (1 | g) + (1 | h), small, method = "VB", prior = own,
      control = lmm_control(blocks = blocks)))
  }, 0)
  # trapezoids in log variances
  grid <- seq(-7, 6, length.out = 27)
  kg <- outer(small$g, small$g, `==`) * 1
  kh <- outer(small$h, small$h, `==`) * 1
  density <- function(u) {
    v <- exp(u)
    total <- v[1] * kg + v[2] * kh + 16 + v[3] * diag(24)
    root <- chol(total)
    ig <- function(x) 2 * log(1) - lgamma(2) - 3 * log(x) - 1 / x + log(x)
    half_t <- lgamma(2) - lgamma(1.5) - log(3 * pi) / 2 + log(2) -
      2 * log1p(v[1] / 3) - log(2) + u[1] / 2
    white <- backsolve(root, small$y, transpose = TRUE)
    -12 * log(2 * pi) - sum(log(diag(root))) - sum(white^2) / 2 + half_t + ig(v[2]) + ig(v[3])
  }
  points <- as.matrix(expand.grid(grid, grid, grid))
  log_density <- apply(points, 1, density)
  top <- max(log_density)
  evidence <- top + log(sum(exp(log_density - top))) + 3 * log(grid[2] - grid[1])
  expect_true(all(bounds < evidence))
  expect_lt(evidence - bounds[["all"]], 3)  # omega and all variances are apart still
})

test_that("units and order change nothing", {
  # half t scales in the units of the coefficients
  other <- d
  other$y <- 100 * d$y
  scaled <- lmm_prior(
    random = list(X = prior_inverse_gamma(1.5, 0.2e4), a = prior_half_t(2, c(200, 70)),
      b = prior_half_t(3, 150)),
    residual = prior_inverse_gamma(2, 1e4), fixed = prior_normal(c(200, 0), c(500, 300))
  )
  fit <- lmm(
    y ~ x + re(X) + (1 | b) + (x | a), other, weights = w, method = "VB", prior = scaled
  )
  expect_equal(elbo(fit), elbo(fits$normal) - nrow(d) * log(100), tolerance = 1e-8)
  own <- varcomp(fits$normal)
  expect_equal(varcomp(fit)[names(own)], 1e4 * own, tolerance = 1e-5)
})

# Answers --------------------------------------------------------------------------------

test_that("means, deviations and limits are those of the factors", {
  fit <- fits$normal
  f <- fit$q$random$a
  expect_equal(unname(fit$covariances$a), unname(f$scale) / (f$df - 3), tolerance = 1e-12)
  expect_equal(
    varcomp(fit)[["Residual"]], fit$q$residual$scale / (fit$q$residual$shape - 1),
    tolerance = 1e-12
  )
  s <- posterior_sample(fit, 20000, seed = 1)
  se <- sqrt(diag(hdlmm:::variance_covariance(fit)))
  names <- names(varcomp(fit))
  means <- colMeans(s$variances)
  # five standard errors of the mean; tails are heavy
  expect_true(all(abs(means - varcomp(fit)) < 5 * se / sqrt(20000)))
  quartiles <- apply(s$variances, 2, quantile, c(0.025, 0.975))
  own <- names[!grepl("a.x.(Intercept)", names, fixed = TRUE)]
  expect_equal(unname(t(quartiles[, own])), unname(confint(fit, own)), tolerance = 0.08)
  expect_equal(cor(s$variances[, 1:3])[1, 3],
    cov2cor(hdlmm:::variance_covariance(fit))[1, 3], tolerance = 0.3)
  shares <- pve(fit)
  expect_identical(shares$term, c("a", "b", "X", "total"))
  expect_true(all(shares$lower < shares$estimate & shares$estimate < shares$upper))
  expect_equal(mean(s$pve), shares$estimate[4], tolerance = 0.05)
})

test_that("rows have the variance of q, and draws of them that variance", {
  fit <- fits$normal
  model <- dense_terms_model(d)
  precision <- lapply(fit$q$random, function(f) unname(f$df * solve(f$scale)))
  spread <- dense_spread(
    model, dense_blocks(model, "levels"), precision, fit$q$residual$shape / fit$q$residual$scale
  )
  at <- c(2, 30)
  root <- sqrt(d$w)
  z <- (model$z / root)[at, ]
  expected <- rowSums((z %*% fit$q$omega_vcov) * z) + Reduce(`+`, Map(function(x, c) {
    rows <- (x / root)[at, ]
    rowSums((rows %*% c) * rows)
  }, model$x, spread))
  found <- predict(fit, d[at, ], se.fit = TRUE)$se.fit^2
  expect_equal(unname(found), unname(expected), tolerance = 1e-8)
  draws <- posterior_predict(fit, d[at, ], 4000, seed = 1)
  noise <- varcomp(fit)[["Residual"]]
  expect_equal(unname(apply(draws, 2, var)), unname(expected) + noise, tolerance = 0.1)
  # a level that the fit does not know has the variance of its prior
  new <- d[at, ]
  new$b <- "Z"
  more <- predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)$se.fit^2
  expect_true(all(more > found))
  fresh <- posterior_predict(fit, new, 50, seed = 1, allow.new.levels = TRUE)
  expect_true(all(is.finite(fresh)))
})

test_that("what has no answer says why", {
  fit <- fits$normal
  blocks <- lmm(
    Reaction ~ Days + (Days | Subject), lme4::sleepstudy, method = "VB",
    prior = lmm_prior(
      random = prior_half_t(3, 20), residual = prior_inverse_gamma(2, 500),
      fixed = prior_normal(c(250, 0), 100)
    )
  )
  expect_error(kl_gap(blocks), "elbo", class = "hdlmm_unsupported")
  expect_error(log_evidence(blocks), class = "hdlmm_unsupported")
  expect_output(print(summary(fit)), "variational posterior: mean")
  expect_error(variational(lmm_prior()), "conjugate", class = "hdlmm_unsupported")
  expect_error(
    variational(lmm_prior(random = prior_flat(), residual = prior_jeffreys())),
    class = "hdlmm_improper_prior"
  )
  expect_error(
    variational(lmm_prior(random = prior_inverse_gamma(1, 1), residual = prior_jeffreys())),
    "half_t", class = "hdlmm_bad_input"
  )
})
