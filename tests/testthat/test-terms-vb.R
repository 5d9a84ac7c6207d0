# Variational inference with several random terms against dense matrices: every fit is a fixed point
# of the textbook updates of its family, its bound is the one of the definition, and the evidence is
# bound plus gap.

d <- small_terms_data()
formula <- y ~ x + (x | a) + (1 | b) + re(X)
variational <- function(..., prior = lmm_prior(), blocks = NULL, algorithm = "collapsed") {
  lmm(
    formula, d, weights = w, method = "VB", algorithm = algorithm,
    control = lmm_control(blocks = blocks, tol = 1e-12), ...
  )
}
families <- c("levels", "coefficients", "terms")
fits <- lapply(stats::setNames(nm = families), function(blocks) variational(blocks = blocks))
ml <- lmm(formula, d, weights = w, method = "ML")

covariances_of <- function(fit) lapply(fit$covariances, unname)

test_that("a fit is a fixed point of the textbook updates", {
  for (family in families) {
    fit <- fits[[family]]
    model <- dense_terms_model(d)
    blocks <- dense_blocks(model, family)
    sigma <- covariances_of(fit)
    s2 <- sigma(fit)^2
    found <- dense_means(
      model, blocks, lapply(sigma, solve), 1 / s2, stacked_effects(fit), fixef(fit)
    )
    # the search ends where a step gains less than 1e-12: parameters are at 1e-6
    for (k in seq_along(sigma)) {
      expect_equal(found$mu[[k]], stacked_effects(fit)[[k]], tolerance = 1e-8, ignore_attr = TRUE)
      second <- level_sum(found$mu[[k]], model$r[k]) +
        level_block_sum(found$spread[[k]], model$r[k])
      expect_equal(second / (length(found$mu[[k]]) / model$r[k]), sigma[[k]], tolerance = 1e-5)
    }
    omega <- qr.coef(qr(model$z), found$residual + drop(model$z %*% fixef(fit)))
    expect_equal(omega, unname(fixef(fit)), tolerance = 1e-8)
    rest <- sum(found$residual^2) +
      sum(mapply(function(x, c) sum((x %*% c) * x), model$x, found$spread))
    expect_equal(rest / nobs(fit), s2, tolerance = 1e-6)
  }
})

test_that("the bound is its definition, the gap that of determinants, and they add up", {
  for (family in families) {
    fit <- fits[[family]]
    model <- dense_terms_model(d)
    blocks <- dense_blocks(model, family)
    sigma <- covariances_of(fit)
    s2 <- sigma(fit)^2
    bound <- dense_terms_bound(model, blocks, sigma, s2, stacked_effects(fit), fixef(fit))
    expect_equal(elbo(fit), bound, tolerance = 1e-10)
    expect_equal(kl_gap(fit), dense_terms_gap(model, blocks, sigma, s2), tolerance = 1e-8)
    evidence <- dense_terms_evidence(model, sigma, s2, fixef(fit))
    expect_equal(log_evidence(fit), evidence, tolerance = 1e-10)
    expect_equal(elbo(fit) + kl_gap(fit), log_evidence(fit), tolerance = 1e-11)
    expect_lt(log_evidence(fit), as.numeric(logLik(ml)) + 1e-9)
  }
})

test_that("wider blocks have higher bounds, and one block of all is maximum likelihood", {
  one <- variational(blocks = "all")
  bounds <- c(vapply(fits[c("coefficients", "levels", "terms")], elbo, 0), elbo(one))
  expect_true(all(diff(bounds) > 0))
  expect_equal(elbo(one), as.numeric(logLik(ml)), tolerance = 1e-10)
  expect_identical(kl_gap(one), 0)
  expect_equal(varcomp(one), varcomp(ml), tolerance = 1e-6)
  # levels of one factor are independent given the rest
  slope <- lmm(y ~ x + (x | a), d, method = "VB")
  both <- lmm(y ~ x + (x | a), d, method = "ML")
  expect_equal(elbo(slope), as.numeric(logLik(both)), tolerance = 1e-10)
  expect_equal(kl_gap(slope), 0, tolerance = 1e-10)
  expect_equal(varcomp(slope), varcomp(both), tolerance = 1e-5)
})

test_that("coordinate ascent climbs to the same maximum", {
  for (family in c(families, "all")) {
    fit <- variational(blocks = family, algorithm = "cavi")
    trace <- convergence(fit)$objective
    expect_true(all(diff(trace) > -1e-9))  # rounding of a bound of about 100
    expect_true(all(trace <= elbo(fit) + 1e-9))
    other <- if (family == "all") ml else fits[[family]]
    expect_equal(elbo(fit), if (family == "all") as.numeric(logLik(ml)) else elbo(other),
      tolerance = 1e-9)
    expect_equal(varcomp(fit), varcomp(other), tolerance = 1e-4)
    expect_true(fit$is_converged)
  }
})

test_that("sweeps are those of the textbook", {
  fit <- suppressWarnings(lmm(
    formula, d, weights = w, method = "VB", algorithm = "cavi", control = lmm_control(max_iter = 3)
  ))
  expect_false(fit$is_converged)
  model <- dense_terms_model(d)
  blocks <- dense_blocks(model, "levels")
  trace <- convergence(fit)
  parameters <- fit$parameters
  at <- function(i) {
    values <- unlist(trace[i, parameters$name])
    c(hdlmm:::block_covariances(fit$designs, parameters, values), s2 = values[["Residual"]])
  }
  # the third sweep, from means that two sweeps of the textbook leave
  mu <- lapply(model$x, function(x) numeric(ncol(x)))
  omega <- unname(coef(lm.fit(model$z, model$y)))
  state <- NULL
  for (i in 1:3) {
    before <- if (i > 1) at(i - 1) else start_of(fit, model)
    sigma <- lapply(before[names(model$x)], unname)
    found <- dense_means(model, blocks, lapply(sigma, solve), 1 / before$s2, mu, omega)
    mu <- found$mu
    omega <- omega + unname(coef(lm.fit(model$z, found$residual)))
    now <- at(i)
    for (k in seq_along(mu)) {
      second <- level_sum(mu[[k]], model$r[k]) + level_block_sum(found$spread[[k]], model$r[k])
      expect_equal(second / (length(mu[[k]]) / model$r[k]), unname(now[[names(mu)[k]]]),
        tolerance = 1e-8)
    }
  }
})

test_that("blocks may differ by term", {
  chosen <- list(X = rep(1:3, each = 3), a = "coefficients")
  fit <- variational(blocks = chosen)
  model <- dense_terms_model(d)
  blocks <- dense_blocks(model, c("coefficients", "levels", "levels"))
  blocks$X <- split(1:9, chosen$X)
  sigma <- covariances_of(fit)
  s2 <- sigma(fit)^2
  bound <- dense_terms_bound(model, blocks, sigma, s2, stacked_effects(fit), fixef(fit))
  expect_equal(elbo(fit), bound, tolerance = 1e-10)
  expect_equal(kl_gap(fit), dense_terms_gap(model, blocks, sigma, s2), tolerance = 1e-8)
  other <- variational(blocks = chosen, algorithm = "cavi")
  expect_equal(elbo(other), elbo(fit), tolerance = 1e-9)
  expect_output(print(fit), "14 coefficients of `a`, 5 coefficients of `b` and 3\n.*blocks of `X`")
})

test_that("words for blocks stand for those of one term as well", {
  one <- lmm(y ~ x + re(X), d, method = "VB", control = lmm_control(blocks = "terms"))
  codes <- lmm(y ~ x + re(X), d, method = "VB", control = lmm_control(blocks = rep(1, 9)))
  expect_equal(elbo(one), elbo(codes))
  expect_equal(
    predict(one, d[1:3, ], se.fit = TRUE)$se.fit, predict(codes, d[1:3, ], se.fit = TRUE)$se.fit
  )
  single <- lmm(y ~ x + re(X), d, method = "VB", control = lmm_control(blocks = "coefficients"))
  expect_equal(elbo(single), elbo(lmm(y ~ x + re(X), d, method = "VB")))
  expect_output(print(one), "Factorised over 1 block of coefficients")
})

test_that("order of terms, units, and the origin of x change nothing", {
  fit <- fits$levels
  reordered <- lmm(y ~ x + re(X) + (1 | b) + (x | a), d, weights = w, method = "VB")
  expect_equal(elbo(reordered), elbo(fit), tolerance = 1e-10)
  expect_equal(varcomp(reordered)[names(varcomp(fit))], varcomp(fit), tolerance = 1e-5)
  other <- d
  other$y <- 1000 * d$y
  scaled <- lmm(formula, other, weights = w, method = "VB")
  expect_equal(elbo(scaled), elbo(fit) - nrow(d) * log(1000), tolerance = 1e-9)
  expect_equal(kl_gap(scaled), kl_gap(fit), tolerance = 1e-6)
  other <- d
  other$x <- 50 + 0.01 * d$x  # levels are whole blocks: x is any basis of them
  moved <- lmm(formula, other, weights = w, method = "VB")
  expect_equal(elbo(moved), elbo(fit), tolerance = 1e-8)
  expect_equal(kl_gap(moved), kl_gap(fit), tolerance = 1e-6)
  expect_equal(varcomp(moved)[["a.x"]], 1e4 * varcomp(fit)[["a.x"]], tolerance = 1e-4)
})

test_that("every system gives the same bound", {
  both <- lapply(c("row", "blocked", "absorbed"), function(system) {
    lmm(formula, d, weights = w, method = "VB", control = lmm_control(system = system))
  })
  for (other in both[-1]) {
    expect_equal(elbo(other), elbo(both[[1]]), tolerance = 1e-10)
    expect_equal(kl_gap(other), kl_gap(both[[1]]), tolerance = 1e-7)
  }
})

test_that("a variance that the bound makes zero is exactly that", {
  flat <- d
  flat$y <- d$y - ave(d$y, d$b)
  fit <- lmm(y ~ x + (x | a) + (1 | b), flat, method = "VB")
  expect_identical(varcomp(fit)[["b"]], 0)
  expect_identical(fit$boundary, "b")
  expect_output(print(fit), "the variance of `b` is exactly 0")
  expect_equal(elbo(fit) + kl_gap(fit), log_evidence(fit), tolerance = 1e-11)
  expect_true(all(ranef(fit)$b == 0))
  without <- lmm(y ~ x + (x | a), flat, method = "VB")
  expect_equal(elbo(fit), elbo(without), tolerance = 1e-9)
})

test_that("what the factorisation makes of a term is said", {
  set.seed(3)
  n <- 80
  common <- rnorm(n)
  wide <- data.frame(g = gl(8, 10))
  wide$X <- sqrt(0.98) * common + sqrt(0.02) * matrix(rnorm(n * 60), n)
  wide$y <- rnorm(8)[wide$g] + drop(wide$X %*% rnorm(60, 0, 0.3)) + rnorm(n)
  fit <- suppressMessages(lmm(y ~ 1 + (1 | g) + re(X), wide, method = "VB"))
  likely <- lmm(y ~ 1 + (1 | g) + re(X), wide, method = "ML")
  expect_lt(fit$pve[["X"]], likely$pve[["X"]] / 2)
  expect_match(fit$notes, "the factorisation over coefficients that correlate", all = FALSE)
  expect_match(fit$notes, "`X`", all = FALSE)
  expect_null(lmm(y ~ 1 + (1 | g) + re(X), wide, method = "VB",
    control = lmm_control(blocks = "terms"))$notes)
})

# Verbs ----------------------------------------------------------------------------------

test_that("standard errors and variances of rows are those of q", {
  new <- d[c(1, 5, 9), ]
  for (family in c(families, "all")) {
    fit <- if (family == "all") variational(blocks = "all") else fits[[family]]
    model <- dense_terms_model(d)
    sigma <- covariances_of(fit)
    s2 <- sigma(fit)^2
    root <- sqrt(d$w)
    if (family == "all") {
      x <- do.call(cbind, unname(model$x))
      prior <- Map(function(x, s) kronecker(diag(ncol(x) / nrow(s)), solve(s)), model$x, sigma)
      a <- crossprod(x) / s2
      a <- a + as.matrix(Matrix::bdiag(unname(prior)))
      spread <- solve(a)
      rows <- (x / root)[c(1, 5, 9), ]
      expected <- rowSums((rows %*% spread) * rows)
      se <- sqrt(diag(spread))
    } else {
      blocks <- dense_blocks(model, family)
      spread <- dense_spread(model, blocks, lapply(sigma, solve), 1 / s2)
      expected <- Reduce(`+`, Map(function(x, c) {
        rows <- (x / root)[c(1, 5, 9), ]
        rowSums((rows %*% c) * rows)
      }, model$x, spread))
      se <- sqrt(unlist(lapply(spread, diag)))
    }
    found <- predict(fit, new, se.fit = TRUE)
    expect_equal(unname(found$se.fit^2), unname(expected), tolerance = 1e-7)
    own <- as.vector(t(attr(ranef(fit, se = TRUE), "se")$a))
    expect_equal(own, unname(se[seq_along(own)]), tolerance = 1e-7)
    # draws of all coefficients
    s <- posterior_sample(fit, 4000, seed = 1, beta = TRUE)
    expect_equal(unname(apply(s$beta, 2, sd)), unname(se), tolerance = 0.06)  # 4 / sqrt(2 * 4000)
    expect_equal(unname(s$omega[7, ]), unname(fixef(fit)))
  }
})

test_that("draws of blocks have the covariances of q", {
  fit <- fits$levels
  model <- dense_terms_model(d)
  spread <- dense_spread(
    model, dense_blocks(model, "levels"), lapply(covariances_of(fit), solve), 1 / sigma(fit)^2
  )
  s <- posterior_sample(fit, 10000, seed = 2, beta = TRUE)$beta[, 1:14]
  # standard errors are 0.01
  expect_lt(max(abs(cor(s) - cov2cor(spread$a))), 0.045)
})

test_that("what has no answer says why", {
  fit <- fits$levels
  expect_error(confint(fit, method = "boot"), class = "hdlmm_unsupported")
  expect_error(test_random(fit), class = "hdlmm_unsupported")
  expect_error(AIC(fit), class = "hdlmm_undefined")
  expect_error(profile(fit), class = "hdlmm_unsupported")
  expect_true(all(is.na(confint(fit, "Residual"))))
  kernel <- tcrossprod(d$X)
  expect_error(
    lmm(y ~ x + (1 | a) + re(kernel = kernel), d, method = "VB"), class = "hdlmm_unsupported"
  )
  for (blocks in list(gl(3, 3), list(c = "levels"), list(a = gl(7, 2)), list(X = gl(2, 2)))) {
    expect_error(variational(blocks = blocks), "blocks", class = "hdlmm_bad_input")
  }
  for (blocks in list("chunks", list("levels"), list(a = "all"), NA)) {
    expect_error(lmm_control(blocks = blocks), "blocks", class = "hdlmm_bad_input")
  }
})

test_that("a fit that was saved and loaded answers the same", {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  fit <- fits$coefficients
  saveRDS(fit, file)
  again <- readRDS(file)
  expect_equal(predict(again, d[1:4, ], se.fit = TRUE), predict(fit, d[1:4, ], se.fit = TRUE))
  expect_equal(loo(again)$elpd, loo(fit)$elpd)
  expect_output(print(summary(again)), "divergence")
})

test_that("a response that the fixed effects explain leaves a point", {
  exact <- d
  exact$y <- 2 + 3 * d$x
  expect_warning(
    fit <- lmm(y ~ x + (x | a) + (1 | b), exact, method = "VB"), class = "hdlmm_exact_fit"
  )
  expect_true(all(varcomp(fit) == 0))
  expect_identical(elbo(fit), Inf)
  expect_output(print(fit), "explained exactly")
})
