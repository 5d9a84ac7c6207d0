# MAP: log-likelihood plus log prior, both written out densely, maximised by R's own optimisers.

# Log posterior at (log sigma_b^2, log sigma_e^2), the fixed effects maximised out: list(value,
# omega). Each prior counts by the parameter on which it is stated.
dense_log_posterior <- function(model, prior, u, v, kappa) {
  n <- length(model$y)
  c <- ncol(model$z)
  covariance <- exp(u) * model$gram + diag(exp(v) / model$w, n)
  root <- t(chol(covariance))
  y <- forwardsolve(root, model$y)
  z <- forwardsolve(root, model$z)
  is_normal <- prior$fixed$kind == "normal" && c > 0
  if (is_normal) {
    sd <- rep_len(prior$fixed$sd, c)
    mean <- rep_len(prior$fixed$mean, c)
    y <- c(y, mean / sd)
    z <- rbind(z, diag(1 / sd, c))
  }
  omega <- if (c > 0) qr.coef(qr(z), y) else numeric()
  value <- -sum(log(diag(root))) - (n * log(2 * pi) + sum((y - z %*% omega)^2)) / 2 +
    dense_stated_prior(prior, u, v, kappa)
  if (is_normal) value <- value - sum(log(sd)) - c / 2 * log(2 * pi)
  list(value = value, omega = omega)
}

# Highest value that optim() finds from a few starts: c(u, v).
dense_mode <- function(model, prior, kappa) {
  f <- function(at) -dense_log_posterior(model, prior, at[1], at[2], kappa)$value
  runs <- lapply(list(c(-1, -1), c(-4, 0), c(1, -3)), function(start) {
    first <- stats::optim(start, f, control = list(reltol = 1e-14, maxit = 2000))
    stats::optim(first$par, f, control = list(reltol = 1e-15, maxit = 2000))
  })
  runs[[which.min(vapply(runs, `[[`, 0, "value"))]]$par
}

ig <- prior_inverse_gamma
half_t <- prior_half_t

map_cases <- list(
  list(dense_case(1, 14, 25), lmm_prior(random = ig(2, 0.1), residual = ig(2, 1))),
  list(
    dense_case(2, 14, 6, weights = TRUE, offset = TRUE),
    lmm_prior(random = half_t(3, 0.5), residual = half_t(1, 2))
  ),
  list(
    dense_case(3, 16, 5, random = "group", pve = 0.9),
    lmm_prior(random = half_t(3, 1), residual = prior_jeffreys(), fixed = prior_normal(3, 0.5))
  ),
  list(
    dense_case(4, 14, 9, random = "kernel"),
    lmm_prior(random = ig(1, 1), residual = prior_flat(), fixed = prior_normal(c(0, 2), c(1, 3)))
  ),
  list(
    dense_case(5, 14, 8, random = "sparse"),
    lmm_prior(pve = prior_beta(2, 2), total = prior_jeffreys())
  ),
  list(
    dense_case(6, 14, 20, weights = TRUE),
    lmm_prior(pve = prior_beta(3, 1.5), total = half_t(3, 1), fixed = prior_normal(0, 1))
  ),
  list(
    dense_case(7, 14, 20, n_fixed = 0), lmm_prior(pve = prior_beta(1.5, 4), total = ig(2, 1))
  ),
  list(
    dense_case(8, 14, 1, n_fixed = 1), lmm_prior(pve = prior_beta(2, 3), total = prior_flat())
  )
)

fit_map_case <- function(one, ...) fit_case(one[[1]], "MAP", prior = one[[2]], ...)

test_that("the mode is the maximum that optim() finds on the dense log posterior", {
  for (one in map_cases) {
    model <- one[[1]]$dense
    kappa <- dense_kappa(model)
    fit <- fit_map_case(one)
    at <- log(unname(varcomp(fit)))
    best <- dense_mode(model, one[[2]], kappa)
    ours <- dense_log_posterior(model, one[[2]], at[1], at[2], kappa)
    theirs <- dense_log_posterior(model, one[[2]], best[1], best[2], kappa)
    # the value is flat to second order: optim() is 1e-12 below or less
    expect_gt(ours$value, theirs$value - 1e-10, label = one[[1]]$label)
    expect_below(c(
      variances = max(abs(at - best)), fixed = relative_error(fixef(fit), ours$omega)
    ), 1e-5, one[[1]]$label)  # half of the digits of a value to 1e-12
    # likelihood at the estimates, without the prior
    gap <- forwardsolve(
      t(chol(exp(at[1]) * model$gram + diag(exp(at[2]) / model$w))),
      model$y - model$z %*% ours$omega
    )
    covariance <- exp(at[1]) * model$gram + diag(exp(at[2]) / model$w)
    plain <- -0.5 * (length(model$y) * log(2 * pi) + log_det(covariance) + sum(gap^2))
    expect_equal(as.numeric(logLik(fit)), plain, tolerance = 1e-9)  # rounding and omega's 1e-9
    expect_identical(log_evidence(fit), as.numeric(logLik(fit)))
  }
})

test_that("random effects are predicted from the fixed effects of the mode", {
  for (one in map_cases) {
    fit <- fit_map_case(one)
    model <- one[[1]]$dense
    v <- varcomp(fit)
    covariance <- v[1] * model$gram + diag(v[2] / model$w)
    omega <- unname(fixef(fit))
    residual <- model$y - if (length(omega)) drop(model$z %*% omega) else 0
    effects <- drop(v[1] * model$s %*% t(model$a) %*% solve(covariance, residual))
    # the same solution by another route
    expect_below(
      c(effects = relative_error(ranef(fit)[[1]], effects[one[[1]]$effects])), 1e-8,
      one[[1]]$label
    )
  }
})

test_that("standard errors are those of the curvature of the log posterior", {
  for (one in map_cases[c(1, 3, 6)]) {
    model <- one[[1]]$dense
    fit <- fit_map_case(one)
    v <- unname(varcomp(fit))
    # fixed effects given the variances: the likelihood's information plus the prior's
    covariance <- v[1] * model$gram + diag(v[2] / model$w)
    information <- t(model$z) %*% solve(covariance, model$z)
    if (one[[2]]$fixed$kind == "normal") {
      information <- information + diag(1 / rep_len(one[[2]]$fixed$sd, 2)^2)
    }
    expect_equal(vcov(fit), solve(information), tolerance = 1e-8, ignore_attr = TRUE)
    # finite, positive; the likelihood's part is its expectation, which has no simpler referee
    expect_true(all(VarCorr(fit)$se > 0))
  }
})

test_that("EM ends at the mode of the direct search, and never lowers the log posterior", {
  for (one in map_cases) {
    direct <- fit_map_case(one)
    em <- fit_map_case(one, algorithm = "em")
    # EM stops when log variances change by 1e-6 more
    expect_below(
      c(variances = max(abs(log(varcomp(em) / varcomp(direct))))), 1e-5, one[[1]]$label
    )
    # quadratic in that
    expect_equal(
      utils::tail(convergence(em)$objective, 1), utils::tail(convergence(direct)$objective, 1),
      tolerance = 1e-9, label = one[[1]]$label
    )
    expect_gt(min(diff(convergence(em)$objective)), -1e-9)  # rounding of a sum of order 100
    squarem <- fit_map_case(one, algorithm = "em", control = lmm_control(accelerate = "squarem"))
    expect_gt(min(diff(convergence(squarem)$objective)), -1e-9)
    expect_equal(fixef(squarem), fixef(direct), tolerance = 1e-5)  # as the variances
  }
})

test_that("under flat priors MAP is maximum likelihood", {
  flat <- lmm_prior(random = prior_flat(), residual = prior_flat())
  shares <- lmm_prior(pve = prior_flat(), total = prior_flat())
  for (case in list(
    dense_case(11, 20, 30), dense_case(12, 20, 6, weights = TRUE, offset = TRUE),
    dense_case(13, 20, 5, random = "group"), dense_case(14, 20, 30, n_fixed = 0),
    dense_case(15, 20, 30, shift = 100)
  )) {
    ml <- fit_case(case, "ML")
    for (prior in list(flat, shares)) {
      map <- fit_case(case, "MAP", prior = prior)
      # both are polished by Newton steps to 1e-10
      expect_equal(varcomp(map), varcomp(ml), tolerance = 1e-8)
      expect_equal(fixef(map), fixef(ml), tolerance = 1e-8)
      expect_equal(ranef(map), ranef(ml), tolerance = 1e-8, ignore_attr = TRUE)
      expect_equal(c(logLik(map)), c(logLik(ml)), tolerance = 1e-12)
      expect_equal(pve(map)$estimate, pve(ml)$estimate, tolerance = 1e-8)
      expect_equal(predict(map, case$new, allow.new.levels = TRUE),
                   predict(ml, case$new, allow.new.levels = TRUE), tolerance = 1e-8)
    }
  }
})

test_that("a wide normal prior of the fixed effects is a flat one", {
  case <- dense_case(16, 20, 30)
  wide <- lmm_prior(
    random = prior_flat(), residual = prior_flat(), fixed = prior_normal(0, 1e6)
  )
  map <- fit_case(case, "MAP", prior = wide)
  ml <- fit_case(case, "ML")
  # the prior's precision is 1e-12 of the data's
  expect_equal(varcomp(map), varcomp(ml), tolerance = 1e-7)
  expect_equal(fixef(map), fixef(ml), tolerance = 1e-7)
})

test_that("the mode moves with the units of y and of X", {
  d <- contract_data()$d
  for (k in c(2^20, 2^-15, 1000)) {
    m <- 0.25
    prior <- lmm_prior(random = half_t(3, 0.5), residual = ig(2, 1), fixed = prior_normal(1, 2))
    scaled <- lmm_prior(
      random = half_t(3, 0.5 * k / m), residual = ig(2, k^2), fixed = prior_normal(k, 2 * k)
    )
    one <- lmm(y ~ x + re(wide), d, method = "MAP", prior = prior)
    two <- lmm(I(k * y) ~ x + re(m * wide), d, method = "MAP", prior = scaled)
    # Newton steps to 1e-10 from grids that may differ
    expect_equal(unname(varcomp(two)), unname(varcomp(one)) * k^2 / c(m^2, 1), tolerance = 1e-8)
    expect_equal(fixef(two), k * fixef(one), tolerance = 1e-8)
    expect_equal(c(logLik(two)), c(logLik(one)) - 24 * log(k), tolerance = 1e-10)
  }
})

test_that("a prior with its mode inside moves an estimate off the boundary, a flat one does not", {
  d <- contract_data()$d
  expect_identical(varcomp(lmm(flat ~ x + (1 | g), d, method = "MAP"))[["g"]], 0)
  inside <- lmm(
    flat ~ x + (1 | g), d, method = "MAP", prior = lmm_prior(pve = prior_beta(2, 2))
  )
  expect_gt(varcomp(inside)[["g"]], 0)
  expect_identical(inside$boundary, "none")
})

test_that("densities that are infinite at a variance of zero are refused, by either algorithm", {
  d <- contract_data()$d
  infinite <- list(
    lmm_prior(random = prior_jeffreys(), residual = ig(2, 1)),
    lmm_prior(random = list(g = prior_jeffreys()), residual = ig(2, 1)),
    lmm_prior(pve = prior_beta(0.5, 1)), lmm_prior(pve = prior_beta(1, 0.9))
  )
  for (prior in infinite) {
    for (algorithm in c("direct", "em")) {
      expect_error(
        lmm(y ~ x + (1 | g), d, method = "MAP", algorithm = algorithm, prior = prior),
        "density is infinite .*method = \"Bayes\"", class = "hdlmm_unbounded_posterior"
      )
    }
  }
})

test_that("few iterations give a classed warning", {
  d <- contract_data()$d
  expect_warning(
    fit <- lmm(
      y ~ x + (1 | g), d, method = "MAP", algorithm = "em", control = lmm_control(max_iter = 2)
    ),
    class = "hdlmm_not_converged"
  )
  expect_false(fit$is_converged)
})
