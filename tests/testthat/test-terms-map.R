# MAP with several random terms and blocks, against dense algebra and optimisers of R.

map_data <- small_terms_data(3)
map_formula <- y ~ x + (x | a) + (1 | b)

map_priors <- list(
  default = lmm_prior(),
  beta = lmm_prior(pve = prior_beta(2.5, 3), total = prior_half_t(3, 2)),
  dirichlet = lmm_prior(
    pve = prior_dirichlet(c(a = 3, b = 1.5, Residual = 2)), total = prior_inverse_gamma(3, 4)
  ),
  half_t = lmm_prior(random = prior_half_t(2, 0.7), residual = prior_half_t(4, 3)),
  scales = lmm_prior(
    random = list(a = prior_half_t(3, c(0.5, 1.7)), b = prior_inverse_gamma(2, 0.3)),
    residual = prior_inverse_gamma(1.5, 0.4)
  ),
  mixed = lmm_prior(
    random = list(a = prior_flat(), b = prior_half_t(3, 1)), residual = prior_flat()
  ),
  normal = lmm_prior(
    random = prior_half_t(2, 1), residual = prior_jeffreys(),
    fixed = prior_normal(c(1, 0), c(2, 0.5))
  ),
  far = lmm_prior(
    pve = prior_beta(1, 1), total = prior_half_t(3, 2), fixed = prior_normal(-4, 1)
  )
)

map_fit <- function(prior, data = map_data, formula = map_formula, ...) {
  lmm(formula, data, method = "MAP", prior = prior, ...)
}

map_model <- function(data = map_data) {
  z <- cbind(1, data$x)
  terms_model(data$y, z, list(level_matrix(data$a, z), level_matrix(data$b)), c(2, 1))
}

# Log-likelihood plus log prior by the stated parameters at (Sigma_k, sigma_e^2), the fixed effects
# maximised out; moments of the terms in the user's units.
dense_posterior <- function(model, prior, moments, sigma, sigma2) {
  relative <- lapply(sigma, `/`, sigma2)
  v <- terms_covariance(model, relative)
  inverse <- solve(v)
  z <- model$z
  lambda <- if (prior$fixed$kind == "flat") matrix(0, 2, 2) else
    diag(1 / rep_len(prior$fixed$sd, 2)^2)
  mean <- if (prior$fixed$kind == "flat") c(0, 0) else rep_len(prior$fixed$mean, 2)
  omega <- solve(
    t(z) %*% inverse %*% z / sigma2 + lambda,
    t(z) %*% inverse %*% model$y / sigma2 + lambda %*% mean
  )
  e <- drop(model$y - z %*% omega)
  n <- length(e)
  loglik <- -0.5 * (
    n * log(2 * pi * sigma2) + c(determinant(v)$modulus) + sum(e * (inverse %*% e)) / sigma2
  )
  d <- drop(omega) - mean
  list(
    value = loglik - 0.5 * sum(d * (lambda %*% d)) +
      unname(dense_terms_prior(prior, sigma, sigma2, moments, TRUE)),
    loglik = loglik, omega = drop(omega)
  )
}

map_moments <- function(fit) lapply(fit$designs, hdlmm:::user_moments)

posterior_of_fit <- function(fit, prior) {
  dense_posterior(map_model(), prior, map_moments(fit), fit$covariances, sigma(fit)^2)
}

map_fits <- lapply(map_priors, map_fit)

test_that("MAP is the maximum of the dense log posterior, whatever the prior", {
  model <- map_model()
  for (name in names(map_priors)) {
    fit <- map_fits[[name]]
    prior <- map_priors[[name]]
    expect_true(fit$is_converged, info = name)
    at <- posterior_of_fit(fit, prior)
    expect_equal(c(logLik(fit)), at$loglik, tolerance = 1e-9, info = name)
    expect_equal(unname(fixef(fit)), at$omega, tolerance = 1e-7, info = name)
    moments <- map_moments(fit)
    read <- function(p) {
      l <- matrix(c(p[1], p[2], 0, p[3]), 2)
      list(sigma = list(a = tcrossprod(l), b = matrix(p[4]^2)), sigma2 = exp(p[5]))
    }
    objective <- function(p) {
      here <- read(p)
      -dense_posterior(model, prior, moments, here$sigma, here$sigma2)$value
    }
    l <- t(chol(fit$covariances$a))
    start <- c(l[1, 1], l[2, 1], l[2, 2], sqrt(fit$covariances$b), log(sigma(fit)^2))
    # differences of fourth order: those of nlminb() itself leave 1e-5 of the covariances
    gradient <- function(p) {
      step <- 1e-3 * pmax(abs(p), 0.1)
      vapply(seq_along(p), function(i) {
        beside <- function(k) objective(replace(p, i, p[i] + k * step[i]))
        (8 * (beside(1) - beside(-1)) - (beside(2) - beside(-2))) / (12 * step[i])
      }, 0)
    }
    found <- stats::nlminb(start + c(0.1, -0.1, 0.1, 0.1, 0.1), objective, gradient)$par
    for (i in 1:3) {
      found <- found - solve(stats::optimHess(found, objective, gradient), gradient(found))
    }
    expect_equal(-objective(found), at$value, tolerance = 1e-8 / abs(at$value), info = name)
    there <- read(found)
    expect_equal(unname(there$sigma$a), unname(fit$covariances$a), tolerance = 1e-5, info = name)
    expect_equal(there$sigma2, sigma(fit)^2, tolerance = 1e-5, info = name)
  }
})

test_that("the core's log posterior differs from the dense one by a constant", {
  for (name in names(map_priors)) {
    fit <- map_fits[[name]]
    prior <- map_priors[[name]]
    gap <- vapply(c(1, 0.4, 3), function(size) {
      relative <- lapply(fit$internal$relative, `*`, size)
      at <- hdlmm:::cpp_terms_posterior(
        hdlmm:::terms_system(fit), fit$internal$prior, relative, hdlmm:::make_host(fit$control)
      )
      sigma <- Map(
        function(design, s) hdlmm:::user_block(fit$internal$units, design, s * at$sigma2),
        fit$designs, relative
      )
      sigma2 <- hdlmm:::user_variance(fit$internal$units, at$sigma2, "Residual")
      at$value - dense_posterior(map_model(), prior, map_moments(fit), sigma, sigma2)$value
    }, 0)
    expect_equal(gap - gap[1], numeric(3), tolerance = 1e-8, info = name)
  }
})

test_that("gradients of the log posterior are those of its values", {
  for (name in names(map_priors)) {
    fit <- map_fits[[name]]
    at <- function(relative) {
      hdlmm:::cpp_terms_posterior(
        hdlmm:::terms_system(fit), fit$internal$prior, relative, hdlmm:::make_host(fit$control)
      )
    }
    relative <- unname(lapply(fit$internal$relative, function(s) 1.3 * s))
    gradient <- at(relative)$gradient
    moved <- function(k, i, j, d) {
      relative[[k]][i, j] <- relative[[k]][j, i] <- relative[[k]][i, j] + d
      -2 * at(relative)$value
    }
    slope <- function(k, i, j) {
      h <- 1e-5 * sqrt(relative[[k]][i, i] * relative[[k]][j, j])
      (moved(k, i, j, h) - moved(k, i, j, -h)) / (2 * h)
    }
    # rounding 1e-14 / 1e-5
    expect_equal(gradient[[1]][1, 1], slope(1, 1, 1), tolerance = 1e-5, info = name)
    expect_equal(2 * gradient[[1]][2, 1], slope(1, 2, 1), tolerance = 1e-5, info = name)
    if (relative[[2]] > 0) {
      expect_equal(gradient[[2]][1], slope(2, 1, 1), tolerance = 1e-5, info = name)
    }
  }
})

test_that("flat priors give maximum likelihood", {
  flat <- lmm_prior(random = prior_flat(), residual = prior_flat())
  for (formula in list(map_formula, y ~ x + (1 | a) + (1 | b), y ~ x + (x | a) + re(X))) {
    ml <- lmm(formula, map_data, method = "ML")
    map <- map_fit(flat, formula = formula)
    expect_equal(c(logLik(map)), c(logLik(ml)), tolerance = 1e-10)
    expect_equal(map$variances, ml$variances, tolerance = 1e-8)
    expect_equal(fixef(map), fixef(ml), tolerance = 1e-8)
  }
})

test_that("one variance by the route of several is the one-term MAP", {
  priors <- list(
    lmm_prior(), lmm_prior(pve = prior_beta(2, 3), total = prior_half_t(3, 2)),
    lmm_prior(random = prior_half_t(3, 0.5), residual = prior_inverse_gamma(2, 1)),
    lmm_prior(random = prior_inverse_gamma(2, 1), residual = prior_jeffreys()),
    lmm_prior(
      random = prior_half_t(3, 0.5), residual = prior_half_t(2, 1), fixed = prior_normal(0, 1)
    )
  )
  for (prior in priors) {
    one <- lmm(y ~ x + (1 | a), map_data, method = "MAP", prior = prior)
    env <- list2env(map_data)
    problem <- hdlmm:::build_problem(
      y ~ x + (1 | a), map_data, quote(lmm()), env, NULL, prior, hdlmm:::make_host(lmm_control())
    )
    problem$designs <- lapply(problem$designs, hdlmm:::uncentred)
    problem$host <- hdlmm:::make_host(lmm_control())
    found <- hdlmm:::search_terms_map(
      problem, hdlmm:::internal_terms_prior(problem), lmm_control()
    )
    several <- hdlmm:::terms_map_result(problem, hdlmm:::internal_terms_prior(problem), found)
    expect_equal(several$variances, one$variances, tolerance = 1e-5)  # half of the digits of values
    expect_equal(several$loglik, one$loglik, tolerance = 1e-6)  # not at its maximum
    expect_equal(several$omega, one$fixed$estimate, tolerance = 1e-6)
  }
})

test_that("the origin and the unit of x do not move a block under priors of shares", {
  moved <- map_data
  moved$x <- 40 + 3 * map_data$x
  for (prior in map_priors[c("default", "beta", "dirichlet")]) {
    one <- map_fit(prior)
    two <- map_fit(prior, moved)
    turn <- matrix(c(1, 0, -40 / 3, 1 / 3), 2)
    expect_equal(
      unname(two$covariances$a), unname(turn %*% one$covariances$a %*% t(turn)), tolerance = 1e-5
    )
    expect_equal(two$pve, one$pve, tolerance = 1e-6)
    expect_equal(two$variances[["Residual"]], one$variances[["Residual"]], tolerance = 1e-6)
  }
})

test_that("neither the order of the terms nor the unit of y moves a mode", {
  tall <- map_data
  tall$y <- 1000 * map_data$y
  scaled <- list(
    lmm_prior(
      random = list(a = prior_half_t(3, c(500, 1700)), b = prior_inverse_gamma(2, 0.3e6)),
      residual = prior_inverse_gamma(1.5, 0.4e6)
    ),
    lmm_prior(
      pve = prior_dirichlet(c(a = 3, b = 1.5, Residual = 2)), total = prior_inverse_gamma(3, 4e6)
    )
  )
  plain <- map_fits[c("scales", "dirichlet")]
  for (i in 1:2) {
    fit <- map_fit(scaled[[i]], tall)
    expect_equal(fit$variances, 1e6 * plain[[i]]$variances, tolerance = 1e-5)
    own <- map_priors[[c("scales", "dirichlet")[i]]]
    turned <- map_fit(own, formula = y ~ x + (1 | b) + (x | a))
    expect_equal(turned$variances[names(fit$variances)], plain[[i]]$variances, tolerance = 1e-5)
  }
})

test_that("what is infinite at a variance of 0 is refused by name", {
  expect_error(
    map_fit(lmm_prior(random = list(a = prior_half_t(2, 1), b = prior_jeffreys()))), "`b` is 0",
    class = "hdlmm_unbounded_posterior"
  )
  expect_error(
    map_fit(lmm_prior(pve = prior_dirichlet(c(a = 0.5, b = 1, Residual = 1)))), "`a` is 0",
    class = "hdlmm_unbounded_posterior"
  )
  expect_error(
    map_fit(lmm_prior(pve = prior_beta(2, 0.5))), "pve = 1", class = "hdlmm_unbounded_posterior"
  )
  expect_error(
    map_fit(lmm_prior(random = prior_inverse_gamma(2, 1))), "prior_half_t",
    class = "hdlmm_bad_input"
  )
})

test_that("a MAP fit answers what a REML fit does", {
  fit <- map_fits$scales
  reml <- lmm(map_formula, map_data)
  expect_output(print(summary(fit)), "maximum a posteriori")
  expect_identical(names(varcomp(fit)), names(varcomp(reml)))
  expect_identical(dim(ranef(fit)$a), dim(ranef(reml)$a))
  expect_equal(rownames(confint(fit)), rownames(confint(reml, method = "wald")))
  expect_true(all(is.finite(predict(fit, map_data[1:3, ]))))
  expect_identical(dim(posterior_sample(fit, 5, seed = 1)$omega), c(5L, 2L))
})

test_that("under a normal prior of the fixed effects all moments are those of dense algebra", {
  fit <- map_fits$normal
  model <- map_model()
  model$a <- c(model$a, list(model$z %*% diag(c(2, 0.5))))
  model$y <- model$y - 1
  # fixed effects with a known prior are one more term of known covariance
  n <- length(model$y)
  s2 <- sigma(fit)^2
  d <- model$a[[3]]
  v <- terms_covariance(model[c("y", "a", "w")], list(
    fit$covariances$a / s2, fit$covariances$b / s2, diag(ncol(d)) / s2
  )) * s2
  inverse <- solve(v)
  solved <- drop(inverse %*% model$y)
  expect_equal(unname(fixef(fit)), c(1, 0) + c(4, 0.25) * drop(t(model$z) %*% solved))
  omega_covariance <- diag(c(4, 0.25)) -
    diag(c(4, 0.25)) %*% t(model$z) %*% inverse %*% model$z %*% diag(c(4, 0.25))
  expect_equal(unname(vcov(fit)), omega_covariance, tolerance = 1e-8)
  b <- model$a[[2]]
  prior <- c(fit$covariances$b)
  error <- prior - prior^2 * diag(t(b) %*% inverse %*% b)
  expect_equal(unname(attr(ranef(fit, se = TRUE), "se")$b), sqrt(error), tolerance = 1e-7)
  expect_equal(unname(hatvalues(fit)), 1 - s2 * diag(inverse), tolerance = 1e-8)
  draws <- posterior_sample(fit, 4000, seed = 2)
  # 4000 draws: 4 standard errors of a variance are 9 percent
  expect_equal(var(draws$omega), omega_covariance, tolerance = 0.09, ignore_attr = TRUE)
})

test_that("a variance that the data hold to 0 is exactly 0 under a half t", {
  d <- map_data
  d$y <- residuals(lm(y ~ b, d)) + d$x
  prior <- lmm_prior(random = prior_half_t(2, 2), residual = prior_half_t(3, 2))
  fit <- map_fit(prior, d, y ~ x + (1 | a) + (1 | b))
  expect_identical(fit$variances[["b"]], 0)
  expect_identical(fit$boundary, "b")
  expect_true(fit$is_converged)
})

test_that("a deviation of a block may be exactly 0, with the density that its limit has", {
  set.seed(2)
  d <- data.frame(a = gl(8, 6), x = rep(seq(-2.5, 2.5), 8))
  e <- residuals(lm(rnorm(48) ~ 0 + d$a + d$a:d$x))
  d$y <- 1 + d$x + rnorm(8)[d$a] + e
  prior <- lmm_prior(random = prior_half_t(2, 2), residual = prior_half_t(3, 2))
  fit <- map_fit(prior, d, y ~ x + (x | a))
  expect_true(fit$is_converged)
  expect_identical(unname(fit$covariances$a[, "x"]), c(0, 0))
  expect_identical(fit$rank[["a"]], 1L)
  expect_match(paste(capture.output(print(fit)), collapse = " "), "rank 1, a variance +of 0")
  model <- terms_model(d$y, cbind(1, d$x), list(level_matrix(d$a, cbind(1, d$x))), 2)
  value <- function(p) {
    s <- abs(p[1:2]) + 1e-6
    rho <- tanh(p[3])
    sigma <- outer(s, s) * matrix(c(1, rho, rho, 1), 2)
    dense_posterior(model, prior, map_moments(fit), list(a = sigma), exp(p[4]))$value
  }
  own <- c(sqrt(fit$covariances$a[1]), 0, 0, log(sigma(fit)^2))
  for (start in list(c(0.2, 0.3, 0.2, 0.1), c(-0.3, 0.05, -0.4, -0.1))) {
    found <- stats::nlminb(
      own + start, function(p) -value(p), control = list(rel.tol = 1e-14, iter.max = 500)
    )
    expect_lt(-found$objective - value(own), 1e-7)
  }
  em <- map_fit(prior, d, y ~ x + (x | a), algorithm = "em")
  expect_equal(em$variances, fit$variances, tolerance = 1e-6)
})
