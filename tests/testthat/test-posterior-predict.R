# Draws from the posterior, of new responses and from the prior, against the fits' own closed forms
# and dense ones.

n_draws <- 4000

draws_data <- function() {
  set.seed(62)
  n <- 24
  d <- data.frame(x = rnorm(n), w = runif(n, 0.5, 2), g = gl(6, 4, labels = letters[1:6]))
  d$o <- rnorm(n, sd = 2)
  d$X <- matrix(rnorm(n * 30), n)
  d$y <- 1 + d$x + d$o + drop(d$X %*% rnorm(30, sd = 0.2)) + rnorm(6)[d$g] + rnorm(n)
  d
}

d <- draws_data()
new <- list(
  x = c(0, 1, -1), o = c(1, 0, -1), w = c(1, 1, 1), g = c("a", "a", "b"),
  X = d$X[c(1, 1, 5), ] + 0.1
)
own <- lmm_prior(
  random = prior_half_t(4, 0.5), residual = prior_inverse_gamma(4, 3),
  fixed = prior_normal(c(0, 1), c(4, 1))
)
inverse <- lmm_prior(
  random = prior_inverse_gamma(3, 0.3), residual = prior_inverse_gamma(4, 3)
)

fit_one <- function(formula, method, ...) {
  lmm(formula, d, method = method, weights = w, offset = o, ...)
}

draw_fits <- list(
  ols = fit_one(y ~ x, "OLS"), reml = fit_one(y ~ x + re(X), "REML"),
  group = fit_one(y ~ x + (1 | g), "REML"),
  map = fit_one(y ~ x + re(X), "MAP", prior = own),
  map_group = fit_one(y ~ x + (1 | g), "MAP", prior = lmm_prior(pve = prior_beta(2, 2))),
  bayes = fit_one(y ~ x + re(X), "Bayes", prior = inverse),
  normal = fit_one(y ~ x + re(X), "Bayes", prior = own),
  bayes_group = fit_one(y ~ x + (1 | g), "Bayes", prior = inverse),
  gibbs = fit_one(
    y ~ x + re(X), "Bayes", prior = own, algorithm = "gibbs",
    control = lmm_control(draws = 1000, seed = 2)
  ),
  vb = fit_one(y ~ x + re(X), "VB"), vb_group = fit_one(y ~ x + (1 | g), "VB"),
  full = fit_one(y ~ x + re(X), "VB", prior = own),
  full_group = fit_one(y ~ x + (1 | g), "VB", prior = own)
)
kinds <- function(...) draw_fits[c(...)]

# Columns of draws against means and standard deviations: |z| of the mean, relative error of the
# standard deviation. Columns whose standard deviation is zero must be constant.
expect_drawn <- function(draws, mean, sd, label, spread = 0.1) {
  draws <- as.matrix(draws)
  mean <- rep_len(unname(mean), ncol(draws))
  sd <- rep_len(unname(sd), ncol(draws))
  still <- sd < 1e-12
  # 4.5 standard errors, some hundred comparisons with fixed seeds; 10% is as many for tails like
  # those of a t with few degrees of freedom
  z <- (colMeans(draws) - mean) / pmax(sd / sqrt(nrow(draws)), 1e-9)
  ratio <- apply(draws, 2, stats::sd) / sd - 1
  expect_below(c(mean = max(abs(z))), 4.5, label)
  if (any(!still)) expect_below(c(sd = max(abs(ratio[!still]))), spread, label)
  if (any(still)) expect_lt(max(apply(draws[, still, drop = FALSE], 2, stats::sd)), 1e-9)
}

test_that("draws of fixed and random effects have the fit's means and standard errors", {
  for (kind in names(draw_fits)) {
    fit <- draw_fits[[kind]]
    sample <- posterior_sample(fit, n_draws, seed = 1, beta = TRUE)
    is_held <- fit$method == "VB" && !isTRUE(fit$q$is_full)  # omega is a parameter there
    sd <- if (is_held) c(0, 0) else sqrt(diag(vcov(fit)))
    if (kind == "ols") sd <- sd * sqrt(22 / 20)  # a t with 22 degrees of freedom
    # quadrature nodes of the Gibbs fit are 400 of its draws
    if (kind != "gibbs") expect_drawn(sample$omega, fixef(fit), sd, kind)
    if (length(fit$designs) == 0) next
    random <- ranef(fit, se = TRUE)
    if (kind != "gibbs") {
      expect_drawn(sample$beta, random[[1]], attr(random, "se")[[1]], kind)
    }
    expect_identical(colnames(sample$beta), names(random[[1]]))
  }
})

test_that("draws of variances are held, or have the posterior's moments and quantiles", {
  for (kind in names(kinds("reml", "group", "map", "map_group", "vb", "vb_group"))) {
    fit <- draw_fits[[kind]]
    sample <- posterior_sample(fit, 5, seed = 1)
    # the estimate through the core's units and back
    expect_equal(unname(sample$variances[3, ]), unname(varcomp(fit)), tolerance = 1e-13)
    expect_equal(sample$pve, rep(pve(fit)$estimate, 5), tolerance = 1e-13)
  }
  for (kind in names(kinds("bayes", "normal", "bayes_group", "full", "full_group"))) {
    fit <- draw_fits[[kind]]
    sample <- posterior_sample(fit, n_draws, seed = 3)
    expect_drawn(log(sample$variances), apply(log(sample$variances), 2, mean), apply(
      log(sample$variances), 2, stats::sd
    ), kind)
    all <- cbind(sample$variances, pve = sample$pve)
    for (level in c(0.5, 0.9)) {
      limits <- confint(fit, colnames(all), level = level)
      below <- vapply(1:2, function(side) colMeans(t(t(all) <= limits[, side])), numeric(3))
      p <- rep(c(1 - level, 1 + level) / 2, each = 3)
      # frequencies of n_draws trials: 4.5 standard errors, and 2e-3 where tau^2 has no closed form
      error <- abs(as.vector(below) - p) - 2e-3
      expect_below(c(quantiles = max(error)), 4.5 * sqrt(0.25 / n_draws), kind)
    }
  }
})

test_that("draws of an OLS fit are those of the flat prior: chi-square, then normal", {
  fit <- draw_fits$ols
  sample <- posterior_sample(fit, n_draws, seed = 5)
  ratio <- 22 * varcomp(fit)[["Residual"]] / sample$variances[, "Residual"]
  expect_gt(stats::ks.test(ratio, "pchisq", 22)$p.value, 1e-3)
  t <- (sample$omega[, "x"] - fixef(fit)[["x"]]) / sqrt(vcov(fit)["x", "x"])
  expect_gt(stats::ks.test(t, "pt", 22)$p.value, 1e-3)
  expect_identical(sample$pve, numeric(n_draws))
  expect_equal(
    stats::cor(sample$omega)[1, 2], stats::cov2cor(vcov(fit))[1, 2], tolerance = 0.1
  )
})

test_that("predictive draws have the mean and the spread of predict()", {
  for (kind in names(draw_fits)) {
    fit <- draw_fits[[kind]]
    for (random in c(TRUE, FALSE)) {
      y <- posterior_predict(fit, new, n_draws, seed = 7, random = random, weights = c(1, 2, 4))
      expect_identical(dim(y), c(as.integer(n_draws), 3L))
      at <- predict(fit, new, random = random, se.fit = TRUE)
      noise <- varcomp(fit)[["Residual"]] / c(1, 2, 4)
      inflation <- if (kind == "ols") sqrt(22 / 20) else 1
      if (!random && length(fit$designs)) {
        x2 <- if (fit$designs[[1]]$kind == "grouped") 1 else rowSums(new$X^2)
        noise <- noise + x2 * varcomp(fit)[[1]]
      }
      # the Gibbs fit's own answers come from 400 of its draws: a twentieth of a posterior sd
      if (kind == "gibbs") next
      expect_drawn(y, at$fit, inflation * sqrt(at$se.fit^2 + noise), paste(kind, random))
    }
  }
})

test_that("predictive quantiles of Bayes fits are those of the exact mixture", {
  for (kind in names(kinds("bayes", "normal", "bayes_group", "ols"))) {
    fit <- draw_fits[[kind]]
    y <- posterior_predict(fit, new, n_draws, seed = 8)
    for (level in c(0.5, 0.9)) {
      limits <- predict(fit, new, interval = "prediction", level = level)
      below <- c(colMeans(t(t(y) <= limits[, "lwr"])), colMeans(t(t(y) <= limits[, "upr"])))
      # frequencies of n_draws trials, 4.5 standard errors
      expect_below(
        c(p = max(abs(below - rep(c(1 - level, 1 + level) / 2, each = 3)))),
        4.5 * sqrt(0.25 / n_draws), kind
      )
    }
  }
})

test_that("rows of one draw share the effects: their covariance is the dense one", {
  for (kind in names(kinds("reml", "group", "map_group"))) {
    fit <- draw_fits[[kind]]
    v <- varcomp(fit)
    is_group <- fit$designs[[1]]$kind == "grouped"
    a <- if (is_group) diag(6)[d$g, ] else d$X
    at <- if (is_group) diag(6)[c(1, 1, 2), ] else new$X
    z <- cbind(1, d$x)
    # several rows with weights: the noise is independent
    state <- dense_state(dense_model(d$y - d$o, z, a, w = d$w), v)
    f <- v[1] * a %*% t(at)
    rest <- t(cbind(1, new$x)) - t(z) %*% state$inverse %*% f
    latent <- v[1] * at %*% t(at) - t(f) %*% state$inverse %*% f + t(rest) %*% state$vcov %*% rest
    y <- posterior_predict(fit, new, n_draws, seed = 9)
    covariance <- latent + diag(v[2], 3)
    scale <- sqrt(outer(diag(covariance), diag(covariance)))
    # an entry of a covariance matrix of normal draws: 4.5 sqrt(2 / n_draws)
    expect_lt(max(abs(stats::cov(y) - covariance) / scale), 4.5 * sqrt(2 / n_draws))
    if (is_group) expect_gt(stats::cor(y)[1, 2], stats::cor(y)[1, 3] + 0.1)
  }
})

test_that("fitted rows are drawn with their weights and offset, like new rows of the same values", {
  same <- c(as.list(d[c("x", "o", "w", "g")]), list(X = d$X))
  for (kind in names(kinds("ols", "reml", "normal", "bayes_group", "full", "vb_group"))) {
    fit <- draw_fits[[kind]]
    one <- posterior_predict(fit, draws = n_draws, seed = 10)
    two <- posterior_predict(fit, same, n_draws, seed = 11, weights = d$w)
    both <- sqrt(apply(one, 2, var) + apply(two, 2, var))
    # two independent samples
    expect_below(
      c(mean = max(abs(colMeans(one) - colMeans(two)) / both * sqrt(n_draws))), 4.5, kind
    )
    expect_below(
      c(sd = max(abs(apply(one, 2, stats::sd) / apply(two, 2, stats::sd) - 1))), 0.12, kind
    )
    expect_identical(colnames(one), rownames(model.frame(fit)))
  }
})

test_that("rows of one unseen level share an effect from the prior, of two do not", {
  rows <- list(x = c(0, 0, 0), o = c(0, 0, 0), w = c(1, 1, 1), g = c("new", "new", "other"))
  for (kind in names(kinds("group", "bayes_group", "vb_group", "full_group"))) {
    fit <- draw_fits[[kind]]
    expect_error(posterior_predict(fit, rows, 5), class = "hdlmm_new_levels")
    y <- posterior_predict(fit, rows, n_draws, seed = 12, allow.new.levels = TRUE)
    s <- posterior_sample(fit, n_draws, seed = 13)
    shared <- mean(s$variances[, 1])
    intercept <- stats::var(s$omega[, 1])
    expected <- diag(mean(s$variances[, 2]), 3) + intercept + shared * outer(
      c(1, 1, 2), c(1, 1, 2), `==`
    )
    # heavier tails than normal where variances are drawn
    error <- max(abs(stats::cov(y) - expected)) / max(expected)
    expect_lt(error, 8 * sqrt(2 / n_draws), label = kind)
  }
})

test_that("a seed makes draws reproducible, and R's generator stays where it was", {
  for (fit in kinds("ols", "reml", "normal", "gibbs", "full")) {
    set.seed(4)
    state <- .Random.seed
    ask <- function(seed) {
      list(posterior_sample(fit, 6, seed), posterior_predict(fit, new, 6, seed))
    }
    first <- ask(1)
    expect_identical(.Random.seed, state)
    expect_identical(ask(1), first)
    expect_false(identical(ask(2), first))
    if (is.null(fit$control$seed)) {
      posterior_sample(fit, 2)
      expect_false(identical(.Random.seed, state))
    }
  }
})

test_that("one draw is a matrix, and no rows give no columns", {
  fit <- draw_fits$bayes
  expect_identical(dim(posterior_predict(fit, new, 1, seed = 1)), c(1L, 3L))
  one <- posterior_sample(fit, 1, seed = 1, beta = TRUE)
  expect_identical(dim(one$beta), c(1L, 30L))
  expect_identical(dim(as.matrix(one)), c(1L, 35L))
  none <- list(x = numeric(), o = numeric(), w = numeric(), X = d$X[0, ])
  expect_identical(dim(posterior_predict(fit, none, 4, seed = 1)), c(4L, 0L))
})

test_that("a missing value in new data is a missing draw, and only there", {
  rows <- put_cells(new, "x", 2, NA)
  for (kind in names(kinds("ols", "reml", "normal", "full"))) {
    y <- posterior_predict(draw_fits[[kind]], rows, 20, seed = 1)
    expect_identical(unname(colSums(is.na(y))), c(0, 20, 0), label = kind)
  }
})

# Variational answers --------------------------------------------------------------------

test_that("intervals of variational fits are quantiles of their factors", {
  for (kind in c("full", "full_group")) {
    fit <- draw_fits[[kind]]
    q <- fit$q
    p <- c(0.05, 0.95)
    limits <- confint(fit, level = 0.9)
    quantile_of <- function(factor) 1 / stats::qgamma(rev(p), factor$shape, factor$scale)
    # the same distributions through other functions
    expect_equal(unname(limits[3, ]), quantile_of(q$random), tolerance = 1e-10)
    expect_equal(unname(limits[4, ]), quantile_of(q$residual), tolerance = 1e-10)
    expect_equal(
      unname(limits[1:2, ]),
      unname(fixef(fit) + outer(sqrt(diag(vcov(fit))), stats::qnorm(p))), tolerance = 1e-10
    )
    set.seed(1)
    b <- q$random$scale / stats::rgamma(1e5, q$random$shape)
    e <- q$residual$scale / stats::rgamma(1e5, q$residual$shape)
    share <- fit$kappa * b / (fit$kappa * b + e)
    # 1e5 draws of a share: 4.5 standard errors of a mean, and as many of a quantile
    expect_equal(unname(limits["pve", ]), unname(stats::quantile(share, p)), tolerance = 0.02)
    expect_equal(
      unlist(pve(fit, 0.9)[c("lower", "upper")]), limits["pve", ], tolerance = 0,
      ignore_attr = TRUE
    )
    expect_equal(pve(fit)$estimate, mean(share), tolerance = 5e-3)
    expect_equal(pve(fit)$se, stats::sd(share), tolerance = 2e-2)
    # means and standard deviations of inverse gammas
    expect_equal(unname(varcomp(fit)[1]), q$random$scale / (q$random$shape - 1), tolerance = 1e-12)
    expect_equal(
      VarCorr(fit)$se[2], q$residual$scale / (q$residual$shape - 1) / sqrt(q$residual$shape - 2),
      tolerance = 1e-12
    )
  }
})

test_that("prediction intervals of variational fits add the variances of their factors", {
  for (kind in c("vb", "vb_group", "full", "full_group")) {
    fit <- draw_fits[[kind]]
    x <- if (grepl("group", kind)) diag(6)[c(1, 1, 2), ] else new$X
    z <- cbind(1, new$x)
    variance <- drop(x^2 %*% fit$q$effect_variance)
    if (kind %in% c("full", "full_group")) variance <- variance + rowSums((z %*% vcov(fit)) * z)
    at <- predict(fit, new, se.fit = TRUE, interval = "prediction", level = 0.9)
    # one sum of products
    expect_equal(unname(at$se.fit), sqrt(variance), tolerance = 1e-10)
    half <- stats::qnorm(0.95) * sqrt(variance + varcomp(fit)[["Residual"]])
    expect_equal(unname(at$fit[, 3] - at$fit[, 1]), unname(half), tolerance = 1e-10)
    # fitted rows: the same factors
    rows <- if (grepl("group", kind)) diag(6)[d$g, ] else d$X
    inside <- drop(rows^2 %*% fit$q$effect_variance)
    if (kind %in% c("full", "full_group")) {
      inside <- inside + rowSums((cbind(1, d$x) %*% vcov(fit)) * cbind(1, d$x))
    }
    # centred columns are put back together inside
    expect_equal(unname(predict(fit, se.fit = TRUE)$se.fit), sqrt(inside), tolerance = 1e-8)
  }
})

test_that("variational fits with estimated variances have no interval for them, and say so by NA", {
  fit <- draw_fits$vb
  expect_true(all(is.na(confint(fit, c("X", "Residual", "pve")))))
  expect_true(all(is.na(unlist(pve(fit)[c("se", "lower", "upper")]))))
  expect_false(anyNA(confint(fit, "beta_")))
})

# The prior ------------------------------------------------------------------------------

# Var(y) under independent priors, E(y) = Z m + offset.
prior_moments <- function(z, gram, prior, random, residual, w) {
  sd <- rep_len(prior$fixed$sd, ncol(z))
  list(
    mean = drop(z %*% rep_len(prior$fixed$mean, ncol(z))),
    covariance = z %*% diag(sd^2, ncol(z)) %*% t(z) + random * gram + diag(residual / w)
  )
}

test_that("prior draws have the moments of the model under the prior", {
  z <- cbind(1, d$x)
  groups <- diag(6)[d$g, ]
  set.seed(63)
  kernel <- crossprod(matrix(stats::rnorm(36), 6)) + diag(6)
  dimnames(kernel) <- list(letters[1:6], letters[1:6])
  normal <- prior_normal(c(5, -1), c(2, 0.5))
  light <- prior_inverse_gamma(8, 7)  # mean 1, fourth moments of y finite
  on_variances <- lmm_prior(
    random = prior_inverse_gamma(8, 3.5), residual = light, fixed = normal
  )
  on_shares <- lmm_prior(pve = prior_beta(2, 2), total = light, fixed = normal)
  runs <- list(
    list(y ~ x + re(X), tcrossprod(d$X)), list(y ~ x + (1 | g), tcrossprod(groups)),
    list(y ~ x + re(kernel = kernel, id = g), groups %*% kernel %*% t(groups)),
    list(y ~ x + re(X, center = TRUE), tcrossprod(sweep(d$X, 2, colMeans(d$X))))
  )
  for (run in runs) {
    kappa <- dense_kappa(dense_model(d$y, z, diag(24), gram = run[[2]]))
    # E tau^2 h / kappa and E tau^2 (1 - h), h and tau^2 independent
    means <- list(c(0.5, 1), c(0.5 / kappa, 0.5))
    for (k in 1:2) {
      prior <- list(on_variances, on_shares)[[k]]
      y <- prior_predict(run[[1]], d, prior, draws = 2 * n_draws, seed = 14)
      truth <- prior_moments(z, run[[2]], prior, means[[k]][1], means[[k]][2], rep(1, 24))
      sd <- sqrt(diag(truth$covariance))
      expect_drawn(y, truth$mean, sd, deparse1(run[[1]]))
      # an entry of a covariance matrix, with heavier tails than normal
      error <- abs(stats::cov(y) - truth$covariance) / outer(sd, sd)
      expect_lt(max(error), 8 * sqrt(2 / (2 * n_draws)))
    }
  }
})

test_that("prior draws need no response, follow the seed, and use an offset of the formula", {
  prior <- lmm_prior(
    random = prior_half_t(5, 1), residual = prior_half_t(5, 1), fixed = prior_normal(0, 1)
  )
  bare <- d[setdiff(names(d), "y")]
  first <- prior_predict(y ~ x + (1 | g), d, prior, draws = 5, seed = 1)
  expect_identical(prior_predict(y ~ x + (1 | g), bare, prior, draws = 5, seed = 1), first)
  expect_equal(
    prior_predict(y ~ x + (1 | g), as.list(bare), prior, draws = 5, seed = 1), first,
    tolerance = 0, ignore_attr = TRUE  # the same numbers
  )
  moved <- prior_predict(y ~ x + offset(10 * o) + (1 | g), d, prior, draws = 5, seed = 1)
  # the same numbers plus a constant of each row
  expect_equal(sweep(moved, 2, 10 * d$o), first, tolerance = 1e-12, ignore_attr = TRUE)
  expect_false(identical(
    prior_predict(y ~ x + (1 | g), d, prior, draws = 5, seed = 2), first
  ))
  expect_identical(dim(prior_predict(y ~ x, d, prior, draws = 3, seed = 1)), c(3L, 24L))
})

test_that("draws that need an integral refuse improper priors and say which", {
  expect_error(
    prior_predict(y ~ x + (1 | g), d, lmm_prior()), "`total` and `fixed`",
    class = "hdlmm_improper_prior"
  )
})

test_that("prior_predict() takes weights, one a row", {
  set.seed(1)
  d <- data.frame(y = rep(0, 20), w = runif(20, 0.5, 3))
  d$X <- matrix(rnorm(20 * 6), 20)
  prior <- lmm_prior(
    random = prior_inverse_gamma(5, 0.3), residual = prior_inverse_gamma(8, 7),
    fixed = prior_normal(0, 1e-6)
  )
  y <- prior_predict(y ~ re(X), d, prior, draws = 20000, seed = 1, weights = d$w)
  wanted <- 0.075 * rowSums(d$X^2) + 1 / d$w
  # a variance from 20000 draws of heavier tails than the normal: 1.5 % of itself, 20 rows
  expect_lt(max(abs(apply(y, 2, var) / wanted - 1)), 0.06)
  expect_error(prior_predict(y ~ re(X), d, prior, weights = -1), class = "hdlmm_bad_input")
})

test_that("intervals and draws of a weighted fit's own rows have its weights", {
  d <- wheat[1:60, ]
  d$w <- rep(c(0.5, 3), 30)
  fit <- lmm(yield1 ~ re(markers), d, weights = w)
  own <- predict(fit, interval = "prediction")
  expect_identical(own, predict(fit, interval = "prediction", weights = d$w))
  draws <- posterior_predict(fit, draws = 4000, seed = 1)
  drawn <- apply(draws, 2, quantile, 0.975)
  # Monte Carlo error of a 97.5 % quantile: 2.7 standard deviations / sqrt(4000), 60 rows
  expect_lt(max(abs(drawn - own[, "upr"]) / (own[, "upr"] - own[, "fit"])), 0.1)
})

test_that("a prior of no fixed effects is not improper", {
  d <- data.frame(y = wheat$yield1[1:30])
  d$x <- scale(wheat$markers[1:30, 1:50], scale = FALSE)
  prior <- lmm_prior(random = prior_inverse_gamma(2.5, 0.3), residual = prior_inverse_gamma(3, 1))
  fit <- lmm(y ~ 0 + re(x), d, method = "Bayes", prior = prior)
  with_normal <- lmm_prior(
    random = prior_inverse_gamma(2.5, 0.3), residual = prior_inverse_gamma(3, 1),
    fixed = prior_normal(0, 1)
  )
  expect_equal(
    log_evidence(fit),
    log_evidence(lmm(y ~ 0 + re(x), d, method = "Bayes", prior = with_normal)),
    tolerance = 1e-10
  )
  expect_identical(dim(prior_predict(y ~ 0 + re(x), d, prior, draws = 3)), c(3L, 30L))
  expect_error(
    prior_predict(y ~ re(x), d, prior, draws = 3), "fixed",
    class = "hdlmm_improper_prior"
  )
})

test_that("the response of a new level has the variance of a level, not kappa times it", {
  fit <- lmm(travel ~ 1 + (1 | Rail), nlme::Rail)
  new <- data.frame(Rail = "new")
  whole <- predict(fit, new, interval = "prediction", allow.new.levels = TRUE)
  expect_equal(predict(fit, new, interval = "prediction", random = FALSE), whole, tolerance = 1e-10)
})
