# Variational inference with estimated variances against the textbook loops of helper-vb.R.

# Where the variances start: h = 1/2 and the total variance that maximises the likelihood there.
start_in_units <- function(case) {
  model <- vb_dense(case)
  kappa <- dense_kappa(model)
  state <- dense_state(model, c(0.5 / kappa, 0.5))
  tau2 <- sum(state$residual * (state$inverse %*% state$residual)) / length(model$y)
  c(tau2 * 0.5 / kappa, tau2 * 0.5)
}

test_that("coordinate ascent is the textbook's, sweep by sweep", {
  for (kind in names(vb_kinds)) {
    case <- vb_case(kind)
    fit <- suppressWarnings(fit_vb_case(case, "cavi", max_iter = 12, tol = 0))
    course <- convergence(fit)
    model <- vb_dense(case)
    ols <- lm.wfit(model$z, model$y, model$w)$coefficients
    expect_gte(nrow(course), 4)
    book <- textbook_cavi(model, start_in_units(case), nrow(course), omega = ols)
    # sums of at most 45 terms; the residual runs along in one and is made anew in the other
    expect_below(c(bound = max(abs(course$objective - book$trace))), 1e-9, case$label)
    expect_below(c(v = relative_error(varcomp(fit), book$v)), 1e-9, case$label)
  }
})

test_that("the collapsed bound has the textbook's limit, and evidence = bound + gap", {
  for (kind in names(vb_kinds)) {
    case <- vb_case(kind)
    model <- vb_dense(case)
    fit <- fit_vb_case(case)
    # from the limit on: there the textbook has nothing to gain
    book <- textbook_cavi(model, varcomp(fit), 20, ranef(fit)[[1]], fixef(fit))
    expect_below(c(limit = abs(book$trace - elbo(fit))), 1e-8, case$label)
    expect_below(c(
      evidence = abs(log_evidence(fit) - dense_loglik(model, varcomp(fit), "ML")),
      identity = abs(log_evidence(fit) - elbo(fit) - kl_gap(fit))
    ), 1e-8, case$label)
    precision <- crossprod(sqrt(model$w) * model$a) / varcomp(fit)[2] +
      diag(1 / varcomp(fit)[1], ncol(model$a))
    # determinants by LU of a p x p matrix
    hadamard <- (sum(log(diag(precision))) - log_det(precision)) / 2
    expect_below(c(gap = abs(kl_gap(fit) - hadamard)), 1e-8, case$label)
    expect_below(c(
      mu = relative_error(ranef(fit)[[1]], book$mu), omega = relative_error(fixef(fit), book$omega),
      s2 = relative_error(fit$q$effect_variance, 1 / diag(precision))
    ), 1e-6, case$label)  # the square root of the bound's precision, about
    expect_gte(kl_gap(fit), -1e-10)
  }
})

test_that("both algorithms reach the same bound, whatever the order of the sweep", {
  for (kind in names(vb_kinds)) {
    case <- vb_case(kind, 2)
    fits <- list(
      fit_vb_case(case), fit_vb_case(case, "cavi"), fit_vb_case(case, "cavi", sweep = "random"),
      fit_vb_case(case, "cavi", sweep = "random", seed = 7)
    )
    bounds <- vapply(fits, function(fit) {
      objective <- convergence(fit)$objective
      objective[length(objective)]
    }, 0)
    expect_below(c(spread = diff(range(bounds))), 1e-8, case$label)
    for (fit in fits[-1]) {
      expect_monotone(fit, case$label)
      # a bound within 1e-10 of its maximum leaves 1e-5 of the variances open
      expect_below(c(v = relative_error(varcomp(fit), varcomp(fits[[1]]))), 1e-4, case$label)
      expect_below(c(id = abs(log_evidence(fit) - elbo(fit) - kl_gap(fit))), 1e-8, case$label)
    }
  }
})

test_that("no sweep lowers the bound, on many small designs", {
  for (seed in 1:200) {
    set.seed(seed)
    n <- sample(4:25, 1)
    p <- sample(c(1:4, 30), 1)
    x <- matrix(rnorm(n * p), n) + sample(c(0, 5), 1)
    if (p > 2) x[, 2] <- x[, 1]
    if (p > 3) x[, 3] <- 0
    if (seed %% 5 == 0) x <- matrix(rpois(n * p, 1), n)
    if (seed %% 7 == 0) x <- Matrix::Matrix(round(x) * (abs(x) > 1), sparse = TRUE)
    if (sum(abs(x)) == 0) next
    d <- list(y = rnorm(n), w = runif(n), x = x)
    formula <- if (seed %% 3 == 0) y ~ 0 + re(x) else y ~ re(x)
    control <- lmm_control(
      max_iter = 60, sweep = c("cyclic", "random")[1 + seed %% 2],
      blocks = if (seed %% 4 == 0) sample(1:3, p, replace = TRUE)
    )
    fit <- suppressMessages(suppressWarnings(lmm(
      formula, d, method = "VB", algorithm = "cavi", weights = w, control = control
    )))
    expect_monotone(fit, paste("seed", seed))
    expect_lte(elbo(fit), log_evidence(fit) + 1e-9)
    expect_lte(convergence(fit)$objective[1], log_evidence(fit) + abs(elbo(fit)))
  }
})

test_that("the bound rises as blocks merge, up to maximum likelihood", {
  for (kind in c("wide", "tall", "means", "weighted_means", "sparse", "bare")) {
    case <- vb_case(kind, 3)
    p <- vb_kinds[[kind]]$p
    nested <- list(seq_len(p), ceiling(seq_len(p) / 3), ceiling(seq_len(p) / 9), rep(1, p))
    for (algorithm in c("collapsed", "cavi")) {
      fits <- lapply(nested, function(blocks) fit_vb_case(case, algorithm, blocks = blocks))
      bounds <- vapply(fits, elbo, 0)
      expect_true(all(diff(bounds) > -1e-8), info = case$label)
      gaps <- vapply(fits, kl_gap, 0)
      expect_below(c(gap = abs(gaps[4])), 1e-9, case$label)
      ml <- suppressWarnings(fit_case(case, "ML"))
      if (!ml$is_unbounded) expect_below(c(ml = abs(bounds[4] - c(logLik(ml)))), 1e-8, case$label)
      for (fit in fits) {
        expect_below(c(id = abs(log_evidence(fit) - elbo(fit) - kl_gap(fit))), 1e-8, case$label)
        if (algorithm == "cavi") expect_monotone(fit, case$label)
      }
    }
    # single columns as blocks are mean field
    expect_below(c(single = abs(bounds[1] - elbo(fit_vb_case(case)))), 1e-8, case$label)
  }
})

test_that("variances of blocks are the diagonal of the inverse of their precision", {
  for (kind in c("wide", "tall", "weighted_means")) {
    case <- vb_case(kind, 4)
    model <- vb_dense(case)
    p <- ncol(model$a)
    blocks <- rep(1:2, length.out = p)
    fit <- fit_vb_case(case, blocks = blocks)
    precision <- crossprod(sqrt(model$w) * model$a) / varcomp(fit)[2] +
      diag(1 / varcomp(fit)[1], p)
    expected <- numeric(p)
    for (b in 1:2) {
      at <- blocks == b
      expected[at] <- diag(solve(precision[at, at]))
    }
    # inverse of a p x p matrix of moderate condition
    expect_below(c(s2 = relative_error(fit$q$effect_variance, expected)), 1e-8, case$label)
    expect_identical(fit$q$family, "blocks")
  }
})

test_that("orthogonal columns and grouping factors have no gap, so VB is ML", {
  set.seed(5)
  d <- list(y = rnorm(24), x = qr.Q(qr(matrix(rnorm(24 * 6), 24))) * rep(1:6, each = 24))
  d$y <- d$y + d$x %*% rnorm(6)
  group <- vb_case("grouped", 2)
  pairs <- list(
    list(lmm(y ~ 0 + re(x), d, method = "VB"), lmm(y ~ 0 + re(x), d, method = "ML")),
    list(fit_vb_case(group), fit_case(group, "ML"))
  )
  for (pair in pairs) {
    # both optima are polished by Newton's method
    expect_below(c(
      gap = abs(kl_gap(pair[[1]])), bound = abs(elbo(pair[[1]]) - c(logLik(pair[[2]]))),
      v = relative_error(varcomp(pair[[1]]), varcomp(pair[[2]]))
    ), 1e-8)
  }
})

test_that("the bound has a maximum where the likelihood has none", {
  set.seed(6)
  x <- scale(matrix(rnorm(20 * 40), 20), scale = FALSE)
  d <- list(y = drop(x %*% rnorm(40)) / 4 + rnorm(20), x = x)
  expect_warning(lmm(y ~ re(x), d, method = "ML"), class = "hdlmm_unbounded_likelihood")
  fit <- expect_no_warning(lmm(y ~ re(x), d, method = "VB"))
  expect_false(fit$is_unbounded)
  expect_gt(varcomp(fit)[2], 0)
})

test_that("column means that were taken out inside cost no digits", {
  set.seed(7)
  x <- matrix(rnorm(30 * 2), 30) + 300
  d <- list(y = drop((x - 300) %*% c(3, 5)) + rnorm(30), x = x)
  model <- dense_model(d$y, matrix(1, 30, 1), x)
  fit <- lmm(y ~ re(x), d, method = "VB")
  lambda <- colSums(x^2)
  direct <- function(v) {
    dense_loglik(model, v, "ML") -
      (sum(log(1 + lambda * v[1] / v[2])) - log_det(diag(2) + crossprod(x) * v[1] / v[2])) / 2
  }
  # dense determinants of matrices with condition 1e5
  expect_below(c(bound = abs(direct(varcomp(fit)) - elbo(fit))), 1e-6)
  step <- vapply(c(0.98, 1.02), function(s) direct(varcomp(fit) * c(s, 1)), 0)
  expect_true(all(step < elbo(fit)))
})

test_that("the boundary sigma_b^2 = 0 is found, with no gap", {
  set.seed(8)
  g <- rep(1:6, each = 4)
  e <- rnorm(24)
  d <- list(y = e - ave(e, g), x = outer(g, 1:6, `==`) + 0)
  fit <- lmm(y ~ re(x), d, method = "VB")
  expect_identical(fit$boundary, "random")
  expect_identical(unname(varcomp(fit)[1]), 0)
  expect_identical(kl_gap(fit), 0)
  expect_identical(fit$q$effect_variance, numeric(6))
})

test_that("few sweeps give a classed warning, and designs without columns an error", {
  case <- vb_case("wide")
  expect_warning(fit_vb_case(case, "cavi", max_iter = 2), class = "hdlmm_not_converged")
  kernel <- dense_case(1, 20, 8, random = "kernel")
  expect_error(fit_case(kernel, "VB"), class = "hdlmm_unsupported")
  expect_error(fit_vb_case(case, blocks = 1:3), class = "hdlmm_bad_input")
  ml <- fit_case(case, "REML")
  expect_error(elbo(ml), class = "hdlmm_unsupported")
  expect_error(kl_gap(ml), class = "hdlmm_unsupported")
  expect_identical(log_evidence(ml), as.numeric(logLik(ml, REML = FALSE)))
})

test_that("coordinate ascent says that a bound is unbounded, as the collapsed search does", {
  set.seed(4)
  d <- data.frame(y = rep(0, 12))
  d$X <- matrix(rnorm(12 * 4), 12)
  d$y <- 1 + drop(d$X %*% 1:4)
  for (algorithm in c("collapsed", "cavi")) {
    expect_error(
      lmm(y ~ re(X), d, method = "VB", algorithm = algorithm), class = "hdlmm_unbounded_likelihood"
    )
    prior <- lmm_prior(
      random = prior_half_t(3, 1), residual = prior_half_t(3, 1), fixed = prior_normal(0, 3)
    )
    expect_error(
      lmm(y ~ re(X), d, method = "VB", algorithm = algorithm, prior = prior),
      class = "hdlmm_unbounded_posterior"
    )
    safe <- lmm_prior(random = prior_half_t(3, 1), residual = prior_inverse_gamma(2, 0.1))
    fit <- lmm(y ~ re(X), d, method = "VB", algorithm = algorithm, prior = safe)
    expect_gt(sigma(fit), 0)
  }
})

test_that("without priors the fixed part has the standard errors of an estimate", {
  d <- wheat[1:80, ]
  d$z <- seq_len(80) / 80
  fit <- suppressMessages(lmm(yield1 ~ z + re(markers), d, method = "VB"))
  limits <- predict(fit, d[1:3, ], random = FALSE, interval = "confidence")
  z <- cbind(1, d$z[1:3])
  half <- qnorm(0.975) * sqrt(rowSums((z %*% vcov(fit)) * z))
  expect_equal(unname(limits[, "upr"] - limits[, "fit"]), half, tolerance = 1e-10)  # one product
})

test_that("blocks predict new rows with the errors of the same fitted rows", {
  set.seed(8)
  d <- data.frame(x = stats::rnorm(30))
  d$X <- matrix(stats::rnorm(30 * 12), 30)
  d$y <- drop(d$X %*% stats::rnorm(12)) + stats::rnorm(30)
  control <- lmm_control(blocks = rep(1:3, each = 4))
  for (formula in c(y ~ x + re(X), y ~ x + re(X, center = TRUE, scale = TRUE))) {
    fit <- lmm(formula, d, method = "VB", control = control)
    for (random in c(TRUE, FALSE)) {
      fitted <- predict(fit, random = random, se.fit = TRUE)
      new <- predict(fit, d[5:1, ], random = random, se.fit = TRUE)
      expect_equal(unname(new$fit), unname(fitted$fit[5:1]), tolerance = 1e-8)
      expect_equal(unname(new$se.fit), unname(fitted$se.fit[5:1]), tolerance = 1e-8)
    }
  }
})
