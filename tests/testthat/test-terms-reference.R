# Random mixed models against dense algebra: see helper-terms-reference.R.

# list(formula, data, model): two or three terms of any kind, with or without weights.
random_terms_model <- function(seed) {
  set.seed(seed)
  n <- 26
  d <- data.frame(
    a = factor(c(1:6, sample(6, n - 6, TRUE))), b = factor(c(1:4, sample(4, n - 4, TRUE))),
    x = round(rnorm(n), 2)
  )
  d$X <- matrix(rnorm(n * sample(c(4, 40), 1)), n)
  kernel <- crossprod(matrix(rnorm(36), 6)) / 6 + diag(6)
  dimnames(kernel) <- list(1:6, 1:6)
  weights <- if (seed %% 3 == 0) round(runif(n, 0.5, 2), 2)
  z <- cbind(1, d$x)
  a <- list(
    `(1 | a)` = level_matrix(d$a), `(x | a)` = level_matrix(d$a, z),
    `(1 | b)` = level_matrix(d$b), `re(X)` = d$X,
    `re(kernel = kernel, id = a)` = level_matrix(d$a) %*% t(chol(kernel))
  )
  groups <- sample(names(a)[c(1, 2, 5)], 1)
  chosen <- c(groups, sample(c("(1 | b)", "re(X)"), sample(2, 1)))
  a <- a[chosen]
  widths <- ifelse(chosen == "(x | a)", 2, 1)
  d$y <- 1 + d$x + rnorm(n, 0, 1 / sqrt(if (is.null(weights)) rep(1, n) else weights))
  for (x in a) d$y <- d$y + drop(x %*% rnorm(ncol(x), 0, sample(c(0.1, 1), 1) / sqrt(ncol(x) / 6)))
  formula <- stats::as.formula(paste("y ~ x +", paste(chosen, collapse = " + ")))
  model <- terms_model(d$y, z, a, widths, if (is.null(weights)) rep(1, n) else weights)
  list(formula = formula, data = d, weights = weights, model = model, kernel = kernel)
}

fit_random_model <- function(one, ...) {
  kernel <- one$kernel
  environment(one$formula) <- environment()
  if (is.null(one$weights)) return(lmm(one$formula, one$data, ...))
  one$data$w <- one$weights
  lmm(one$formula, one$data, weights = w, ...)
}

relative_of_fit <- function(fit) {
  lapply(unname(fit$covariances), function(sigma) unname(sigma) / sigma(fit)^2)
}

models <- lapply(1:16, random_terms_model)
fits <- lapply(seq_along(models), function(i) {
  fit_random_model(models[[i]], method = if (i %% 2) "REML" else "ML")
})
states <- Map(function(one, fit) {
  terms_state(one$model, relative_of_fit(fit), fit$method)
}, models, fits)

test_that("the log-likelihood is that of the dense model at the estimates, and its maximum", {
  for (i in seq_along(fits)) {
    own <- as.numeric(logLik(fits[[i]]))
    expect_equal(own, states[[i]]$loglik, tolerance = 1e-9, info = i)
    best <- terms_maximum(models[[i]]$model, fits[[i]]$method)
    # nlminb() by differences ends a little below, or at another mode
    expect_gt(own, best$loglik - 1e-6)
  }
})

test_that("the residual variance and the fixed effects are those of the dense model", {
  for (i in seq_along(fits)) {
    expect_equal(sigma(fits[[i]])^2, states[[i]]$sigma2, tolerance = 1e-8, info = i)
    expect_equal(unname(fixef(fits[[i]])), states[[i]]$omega, tolerance = 1e-8, info = i)
    expect_equal(
      unname(vcov(fits[[i]])), states[[i]]$sigma2 * states[[i]]$covariance, tolerance = 1e-7,
      info = i
    )
  }
})

# Var(z'omega + sum_k a_k'beta_k - hat | variances) for rows of Z and of all A_k side by side.
dense_errors <- function(model, state, relative, z, a) {
  all <- do.call(cbind, model$a)
  prior <- as.matrix(Matrix::bdiag(Map(by_level, relative, model$a)))
  k <- all %*% prior %*% t(a)
  rest <- t(z) - t(model$z) %*% state$inverse %*% k
  diag(
    a %*% prior %*% t(a) - t(k) %*% state$inverse %*% k + t(rest) %*% state$covariance %*% rest
  ) * state$sigma2
}

test_that("effects and their errors are those of the dense model", {
  for (i in seq_along(fits)) {
    model <- models[[i]]$model
    effects <- ranef(fits[[i]], se = TRUE)
    relative <- relative_of_fit(fits[[i]])
    total <- sum(vapply(model$a, ncol, 0L))
    errors <- sqrt(pmax(0, dense_errors(
      model, states[[i]], relative, matrix(0, total, 2), diag(total)
    )))
    before <- 0
    for (k in seq_along(effects)) {
      at <- before + seq_len(ncol(model$a[[k]]))
      before <- max(at)
      if (inherits(fits[[i]]$designs[[k]], "kernel_design")) {
        # the effects themselves, not the coefficients of a root
        expect_equal(
          drop(model$a[[k]] %*% states[[i]]$effects[[k]]),
          unname(effects[[k]][models[[i]]$data$a]), tolerance = 1e-7, info = i
        )
        next
      }
      own <- function(x) as.vector(if (is.matrix(x)) t(x) else x)
      expect_equal(own(effects[[k]]), states[[i]]$effects[[k]], tolerance = 1e-7, info = i)
      expect_equal(own(attr(effects, "se")[[k]]), errors[at], tolerance = 1e-6, info = i)
    }
  }
})

test_that("errors of predicted means at fitted rows are those of the dense model", {
  for (i in seq_along(fits)) {
    model <- models[[i]]$model
    wanted <- dense_errors(
      model, states[[i]], relative_of_fit(fits[[i]]), model$z, do.call(cbind, model$a)
    )
    expect_equal(unname(predict(fits[[i]], se.fit = TRUE)$se.fit)^2, wanted, tolerance = 1e-6)
  }
})

test_that("leave-one-out predictions are those of the model without the row", {
  for (i in c(1, 2, 3, 6)) {
    model <- models[[i]]$model
    table <- loo(fits[[i]])$table
    relative <- relative_of_fit(fits[[i]])
    for (row in c(1, 13)) {
      rest <- terms_model(
        model$y[-row], model$z[-row, ], lapply(model$a, function(a) a[-row, , drop = FALSE]),
        model$widths, model$w[-row]
      )
      state <- terms_state(rest, relative, sigma2 = sigma(fits[[i]])^2)
      a <- do.call(cbind, model$a)[row, , drop = FALSE]
      z <- model$z[row, , drop = FALSE]
      expect_equal(
        table$prediction[row], drop(z %*% state$omega + a %*% unlist(state$effects)),
        tolerance = 1e-7
      )
      expect_equal(
        table$variance[row],
        dense_errors(rest, state, relative, z, a) + sigma(fits[[i]])^2 / model$w[row],
        tolerance = 1e-7
      )
    }
  }
})

test_that("standard errors of variances are those of the average information", {
  for (i in seq_along(fits)) {
    # with hardly any noise V is singular to rounding, here and there
    v <- varcomp(fits[[i]])
    if (length(fits[[i]]$boundary) > 0 || v[["Residual"]] < 1e-5 * max(v)) next
    derivatives <- terms_derivatives(models[[i]]$model)
    state <- states[[i]]
    along <- vapply(derivatives, function(v) drop(v %*% state$py), state$py) / state$sigma2
    information <- t(along) %*% state$p %*% along / (2 * state$sigma2)
    expect_equal(
      unname(diag(vcov(fits[[i]], full = TRUE))[-(1:2)]), diag(solve(information)),
      tolerance = 1e-5, info = i
    )
  }
})

test_that("simulated responses have the mean and the covariance of the dense model", {
  i <- 3
  y <- as.matrix(simulate(fits[[i]], 4000, seed = 2))
  v <- terms_state(models[[i]]$model, relative_of_fit(fits[[i]]))$v * sigma(fits[[i]])^2
  mean <- drop(models[[i]]$model$z %*% fixef(fits[[i]]))
  expect_true(all(abs(rowMeans(y) - mean) < 4.5 * sqrt(diag(v) / 4000)))
  # relative to the standard deviations, errors are about 1 / sqrt(4000)
  scale <- sqrt(diag(v))
  expect_lt(max(abs(cov(t(y)) - v) / outer(scale, scale)), 6 / sqrt(4000))
})

test_that("draws given the variances have the moments of the dense model", {
  i <- which(vapply(fits, function(fit) length(fit$boundary) == 0, NA))[1]
  fit <- fits[[i]]
  draws <- posterior_sample(fit, 4000, seed = 1, beta = TRUE)
  effects <- ranef(fit, se = TRUE)
  own <- function(x) unlist(lapply(x, function(one) if (is.matrix(one)) t(one) else one))
  se <- unname(own(attr(effects, "se")))
  # means to four standard errors, deviations of 4000 draws to 1.1 % each
  expect_true(all(abs(colMeans(draws$beta) - own(effects)) < 4 * se / sqrt(4000) + 1e-12))
  expect_equal(unname(apply(draws$beta, 2, sd)), se, tolerance = 0.05)
  expect_equal(unname(cov(draws$omega)), unname(vcov(fit)), tolerance = 0.1)
})
