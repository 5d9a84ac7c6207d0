# Variational inference against plain loops: a textbook coordinate ascent and a textbook fully
# variational algorithm, written from the model alone, in the units of the data.

# Coordinate ascent for y = Z omega + X beta + e, single coefficients, variances estimated.
# Returns the bound of each sweep and the state.
textbook_cavi <- function(model, v, sweeps, mu = numeric(ncol(model$a)),
                          omega = numeric(ncol(model$z))) {
  root <- sqrt(model$w)
  y <- root * model$y
  z <- root * model$z
  x <- root * model$a
  n <- length(y)
  p <- ncol(x)
  lambda <- colSums(x^2)
  trace <- numeric(sweeps)
  for (sweep in seq_len(sweeps)) {
    s2 <- 1 / (lambda / v[2] + 1 / v[1])
    for (j in seq_len(p)) {
      rest <- y - z %*% omega - x[, -j, drop = FALSE] %*% mu[-j]
      mu[j] <- s2[j] * sum(x[, j] * rest) / v[2]
    }
    if (ncol(z)) omega <- solve(crossprod(z), crossprod(z, y - x %*% mu))
    fit <- sum((y - z %*% omega - x %*% mu)^2) + sum(lambda * s2)
    v <- c(sum(mu^2 + s2) / p, fit / n)
    trace[sweep] <- sum(log(root)) - n / 2 * log(2 * pi * v[2]) - fit / (2 * v[2]) -
      p / 2 * log(2 * pi * v[1]) - sum(mu^2 + s2) / (2 * v[1]) +
      sum(log(2 * pi * exp(1) * s2)) / 2
  }
  list(trace = trace, v = v, mu = mu, omega = drop(omega))
}

# A factor of one variance: prior list(kind, a, b) in the units of the data, m normal numbers.
textbook_variance <- function(prior, m) {
  kind <- prior$kind
  list(
    prior = prior, shape = m / 2 + switch(kind,
      inverse_gamma = prior$a, half_t = prior$a / 2, flat = -1, jeffreys = 0
    ), scale = 1, inverse_w = NULL
  )
}

textbook_update <- function(f, sum2) {
  b <- value_or(f$prior$b, 0)
  if (f$prior$kind == "half_t") {
    f$w <- c((f$prior$a + 1) / 2, 1 / b^2 + f$prior$a * f$shape / f$scale)
    b <- f$prior$a * f$w[1] / f$w[2]
  }
  if (f$prior$kind %in% c("flat", "jeffreys")) b <- 0
  f$scale <- b + sum2 / 2
  f
}

entropy_inverse_gamma <- function(a, b) a + log(b) + lgamma(a) - (1 + a) * digamma(a)

# E log p(x) + entropy, with every constant.
textbook_variance_terms <- function(f) {
  a <- f$prior$a
  mean_log <- log(f$scale) - digamma(f$shape)
  precision <- f$shape / f$scale
  own <- entropy_inverse_gamma(f$shape, f$scale)
  own + switch(f$prior$kind,
    flat = 0, jeffreys = -mean_log,
    inverse_gamma = a * log(f$prior$b) - lgamma(a) - (a + 1) * mean_log - f$prior$b * precision,
    half_t = {
      log_w <- log(f$w[2]) - digamma(f$w[1])
      inverse_w <- f$w[1] / f$w[2]
      a / 2 * (log(a) - log_w) - lgamma(a / 2) - (a / 2 + 1) * mean_log -
        a * inverse_w * precision - log(f$prior$b) - lgamma(1 / 2) - 3 / 2 * log_w -
        inverse_w / f$prior$b^2 + entropy_inverse_gamma(f$w[1], f$w[2])
    }
  )
}

# Fully variational: q(omega) prod q(beta_j) q(sigma_b^2) q(sigma_e^2), from the state of a fit;
# fixed = NULL (flat) or the sd of a normal prior.
textbook_full <- function(model, random, residual, fixed, fit, sweeps) {
  root <- sqrt(model$w)
  y <- root * model$y
  z <- root * model$z
  x <- root * model$a
  n <- length(y)
  p <- ncol(x)
  c <- ncol(z)
  mu <- ranef(fit)[[1]]
  omega <- fixef(fit)
  lambda <- colSums(x^2)
  fb <- textbook_variance(random, p)
  fe <- textbook_variance(residual, n)
  fb$scale <- fit$q$random$scale
  fe$scale <- fit$q$residual$scale
  lambda0 <- diag(if (is.null(fixed)) 0 else 1 / fixed^2, c)
  trace <- numeric(sweeps)
  for (sweep in seq_len(sweeps)) {
    eb <- fb$shape / fb$scale
    ee <- fe$shape / fe$scale
    s2 <- 1 / (lambda * ee + eb)
    for (j in seq_len(p)) {
      rest <- y - z %*% omega - x[, -j, drop = FALSE] %*% mu[-j]
      mu[j] <- s2[j] * ee * sum(x[, j] * rest)
    }
    d <- if (c) solve(ee * crossprod(z) + lambda0) else matrix(0, 0, 0)
    if (c) omega <- drop(d %*% (ee * crossprod(z, y - x %*% mu)))
    fit <- sum((y - z %*% omega - x %*% mu)^2) + sum(crossprod(z) * d) + sum(lambda * s2)
    fb <- textbook_update(fb, sum(mu^2 + s2))
    fe <- textbook_update(fe, fit)
    mean_log <- function(f) log(f$scale) - digamma(f$shape)
    trace[sweep] <- sum(log(root)) - n / 2 * (log(2 * pi) + mean_log(fe)) -
      fit / 2 * fe$shape / fe$scale - p / 2 * (log(2 * pi) + mean_log(fb)) -
      sum(mu^2 + s2) / 2 * fb$shape / fb$scale + sum(log(2 * pi * exp(1) * s2)) / 2 +
      c / 2 * log(2 * pi * exp(1)) + log_det(d) / 2 +
      textbook_variance_terms(fb) + textbook_variance_terms(fe)
    if (!is.null(fixed)) {
      trace[sweep] <- trace[sweep] - c / 2 * log(2 * pi * fixed^2) -
        sum(omega^2 + diag(d)) / (2 * fixed^2)
    }
  }
  list(trace = trace, mu = mu, omega = omega, random = fb, residual = fe, omega_vcov = d)
}

kinds <- list(
  wide = list(n = 30, p = 45), tall = list(n = 40, p = 9), one = list(n = 25, p = 1, pve = 0.9),
  sparse = list(n = 30, p = 20, random = "sparse"), weights = list(n = 30, p = 40, weights = TRUE),
  means = list(n = 40, p = 9, shift = 2, pve = 0.9),
  weighted_means = list(n = 40, p = 9, shift = 2, pve = 0.9, weights = TRUE),
  bare = list(n = 30, p = 20, n_fixed = 0), grouped = list(n = 30, p = 6, random = "group")
)

vb_case <- function(kind, seed = 1) do.call(dense_case, c(list(seed = seed), kinds[[kind]]))

# what is said of correlated columns has its own tests
fit_vb_case <- function(case, algorithm = "collapsed", ...) {
  suppressMessages(fit_case(case, "VB", algorithm = algorithm, control = lmm_control(...)))
}

# Levels that have no data count as coefficients of the dense twin only: they are left out.
vb_dense <- function(case) {
  at <- case$effects
  model <- case$dense
  dense_model(model$y, model$z, model$a[, at, drop = FALSE], w = model$w)
}

expect_monotone <- function(fit, info) {
  objective <- convergence(fit)$objective
  size <- abs(objective[length(objective)]) + nobs(fit)
  fall <- if (length(objective) > 1) max(-diff(objective)) else 0
  expect_below(c(fall = fall / size), 1e-9, info)  # rounding only
}

# Estimated variances --------------------------------------------------------------------

# Where the variances start: h = 1/2 and the total variance that maximises the likelihood there.
start_in_units <- function(case) {
  model <- vb_dense(case)
  kappa <- dense_kappa(model)
  state <- dense_state(model, c(0.5 / kappa, 0.5))
  tau2 <- sum(state$residual * (state$inverse %*% state$residual)) / length(model$y)
  c(tau2 * 0.5 / kappa, tau2 * 0.5)
}

test_that("coordinate ascent is the textbook's, sweep by sweep", {
  for (kind in names(kinds)) {
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
  for (kind in names(kinds)) {
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
  for (kind in names(kinds)) {
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
    p <- kinds[[kind]]$p
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

# Priors of the variances ----------------------------------------------------------------

fit_full_case <- function(case, prior, algorithm = "collapsed", ...) {
  fit_case(case, "VB", algorithm = algorithm, prior = prior, control = lmm_control(...))
}

full_priors <- list(
  gamma = lmm_prior(random = prior_inverse_gamma(2, 0.1), residual = prior_inverse_gamma(3, 2)),
  half_t = lmm_prior(random = prior_half_t(3, 0.4), residual = prior_half_t(1, 2)),
  jeffreys = lmm_prior(random = prior_half_t(4, 0.3), residual = prior_jeffreys()),
  flat = lmm_prior(random = prior_inverse_gamma(1, 0.2), residual = prior_flat())
)

test_that("fully variational fits have the textbook's limit and bound, with every constant", {
  for (kind in c("wide", "tall", "weights", "sparse", "bare", "weighted_means")) {
    case <- vb_case(kind, 5)
    model <- vb_dense(case)
    for (name in names(full_priors)) {
      prior <- full_priors[[name]]
      info <- paste(case$label, name)
      fits <- list(
        fit_full_case(case, prior), fit_full_case(case, prior, "cavi"),
        fit_full_case(case, prior, blocks = seq_len(kinds[[kind]]$p))
      )
      fit <- fits[[1]]
      book <- textbook_full(model, prior$random, prior$residual, NULL, fit, 20)
      expect_below(c(
        book = abs(book$trace[20] - elbo(fit)), cavi = abs(elbo(fits[[2]]) - elbo(fit)),
        blocks = abs(elbo(fits[[3]]) - elbo(fit))
      ), 1e-8, info)
      q <- fit$q
      expect_below(c(
        mu = relative_error(ranef(fit)[[1]], book$mu),
        omega = relative_error(fixef(fit), book$omega),
        random = relative_error(unlist(q$random), unlist(book$random[c("shape", "scale")])),
        residual = relative_error(unlist(q$residual), unlist(book$residual[c("shape", "scale")])),
        vcov = if (ncol(model$z)) relative_error(q$omega_vcov, book$omega_vcov) else 0
      ), 1e-6, info)  # the square root of the bound's precision, about
      for (one in fits) {
        expect_monotone(one, info)
        expect_lte(elbo(one), elbo(fit) + 1e-8)
      }
    }
  }
})

test_that("a normal prior of the fixed effects has its factor, too", {
  for (kind in c("wide", "weighted_means")) {
    case <- vb_case(kind, 9)
    model <- vb_dense(case)
    for (name in c("gamma", "half_t")) {
      info <- paste(case$label, name)
      prior <- full_priors[[name]]
      prior$fixed <- prior_normal(0, 0.7)
      fit <- fit_full_case(case, prior)
      cavi <- fit_full_case(case, prior, "cavi")
      book <- textbook_full(model, prior$random, prior$residual, 0.7, fit, 20)
      expect_below(c(
        book = abs(book$trace[20] - elbo(fit)), cavi = abs(elbo(cavi) - elbo(fit))
      ), 1e-8, info)
      expect_below(c(
        mu = relative_error(ranef(fit)[[1]], book$mu),
        omega = relative_error(fixef(fit), book$omega),
        vcov = relative_error(fit$q$omega_vcov, book$omega_vcov)
      ), 1e-6, info)  # the square root of the bound's precision, about
      expect_gte(kl_gap(fit), 0)
      expect_below(c(id = abs(log_evidence(fit) - elbo(fit) - kl_gap(fit))), 1e-8, info)
      expect_lte(kl_gap(fit_full_case(case, prior, blocks = rep(1, ncol(model$a)))), kl_gap(fit))
    }
  }
})

# log p(y) by the trapezoidal rule over both log variances, omega integrated out.
grid_evidence <- function(model, prior) {
  log_density <- function(density, x) {
    v <- exp(x)
    x + switch(density$kind,
      inverse_gamma = density$a * log(density$b) - lgamma(density$a) - (density$a + 1) * x -
        density$b / v,
      half_t = log(2) + dt(sqrt(v) / density$b, density$a, log = TRUE) - log(density$b) -
        log(2) - x / 2
    )
  }
  # a half t leaves exp(u / 2) of its mass below u: 1e-5 at the lower end
  u <- seq(-23, 6, length.out = 70)
  grid <- expand.grid(u = u, v = u)
  value <- vapply(seq_len(nrow(grid)), function(i) {
    dense_loglik(model, exp(unlist(grid[i, ])), "REML")
  }, 0) + log_density(prior$random, grid$u) + log_density(prior$residual, grid$v)
  top <- max(value)
  top + log(sum(exp(value - top))) + 2 * log(u[2] - u[1])
}

test_that("the fully variational bound is below the log evidence under the same priors, and near", {
  case <- dense_case(10, 14, 6, pve = 0.7)
  for (name in c("gamma", "half_t")) {
    prior <- full_priors[[name]]
    exact <- grid_evidence(vb_dense(case), prior)
    bounds <- vapply(list(NULL, rep(1, 6)), function(blocks) {
      fit <- fit_full_case(case, prior, blocks = blocks)
      # the package's own quadrature, and the rule here; a flat omega counts with density one
      expect_below(c(evidence = abs(elbo(fit) + kl_gap(fit) - exact)), 1e-4, name)
      elbo(fit)
    }, 0)
    # the rule is exact to about 1e-6 for so smooth an integrand
    expect_lt(bounds[1], bounds[2])
    expect_lt(bounds[2], exact + 1e-4)
    expect_gt(bounds[2], exact - 2)
  }
})

test_that("priors without conjugate factors are refused by class", {
  case <- vb_case("tall")
  expect_error(fit_full_case(case, lmm_prior()), class = "hdlmm_unsupported")
  for (random in list(prior_flat(), prior_jeffreys())) {
    prior <- lmm_prior(random = random, residual = prior_jeffreys())
    expect_error(fit_full_case(case, prior), class = "hdlmm_improper_prior")
  }
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
