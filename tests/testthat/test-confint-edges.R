# Limits where the curve of pve has no inside: designs of zeros, no fixed effects, boundaries.

edge_data <- local({
  set.seed(5)
  d <- data.frame(x = stats::rnorm(40), g = gl(8, 5))
  d$y <- d$x + stats::rnorm(40)
  d$Z <- matrix(0, 40, 6)
  d$X <- matrix(stats::rnorm(40 * 60), 40)
  d$line <- 1 + 2 * d$x
  d
})

test_that("a design of zeros is resampled as the linear model that it is", {
  for (method in c("REML", "ML")) {
    expect_warning(
      fit <- suppressMessages(lmm(y ~ x + re(Z), edge_data, method = method)),
      class = "hdlmm_not_identified"
    )
    limits <- confint(fit, method = "boot", draws = 4e4, seed = 1)
    expect_identical(unname(limits["Z", ]), c(0, 0))
    expect_identical(unname(limits["pve", ]), c(0, 0))
    # percentiles of the sampling distributions, in closed form; 4e4 draws know the 2.5 % point to
    # 1.5 % of a standard deviation, four of these are 6 %
    tails <- c(0.025, 0.975)
    estimate <- fixef(fit)[["x"]] + stats::qnorm(tails) * sqrt(vcov(fit)["x", "x"])
    expect_lt(max(abs(limits["x", ] - estimate)), 0.06 * sqrt(vcov(fit)["x", "x"]))
    n <- if (method == "ML") 40 else 38
    variance <- varcomp(fit)[["Residual"]] * stats::qchisq(tails, 38) / n
    expect_lt(max(abs(limits["Residual", ] / variance - 1)), 0.03)
    # the deviance of a variance alone
    profiled <- confint(fit, "Residual") / varcomp(fit)[["Residual"]]
    # 1e-5: the root is known to 1e-7 of log v, where the slope is below 100
    expect_equal(
      unname(drop(n * (log(profiled) + 1 / profiled - 1))), rep(stats::qchisq(0.95, 1), 2),
      tolerance = 1e-5
    )
  }
})

test_that("fits without fixed effects have limits by every method", {
  for (method in c("profile", "wald", "boot", "exact")) {
    limits <- confint(lmm(y ~ 0 + re(X), edge_data), method = method, draws = 50, seed = 1)
    expect_false(anyNA(limits))
    expect_true(all(limits[, 1] < limits[, 2]))
  }
  limits <- confint(lmm(y ~ 0, edge_data), method = "boot", draws = 50, seed = 1)
  expect_identical(rownames(limits), "Residual")
})

test_that("an exact fit has nothing to resample, with or without a random term", {
  for (formula in list(line ~ x, line ~ x + (1 | g), line ~ x + re(X))) {
    fit <- suppressWarnings(lmm(formula, edge_data))
    expect_error(confint(fit, method = "boot"), class = "hdlmm_exact_fit")
    expect_true(all(is.na(confint(fit))))
  }
})

test_that("aliased coefficients are NA under the bootstrap of least squares", {
  fit <- suppressMessages(lmm(y ~ x + I(2 * x), edge_data))
  limits <- confint(fit, method = "boot", draws = 50, seed = 1)
  expect_true(all(is.na(limits["I(2 * x)", ])))
  expect_false(anyNA(limits[c("(Intercept)", "x", "Residual"), ]))
})

# Centred columns and an intercept: the likelihood is unbounded at pve = 1; here the mode is at 0.
test_that("a mode at 0 beside an unbounded likelihood has limits with the deviance of its basin", {
  n_modes <- 0
  for (seed in c(2, 4, 6, 18)) {
    set.seed(seed)
    d <- data.frame(y = stats::rnorm(30), x = stats::rnorm(30))
    d$X <- scale(matrix(stats::rnorm(30 * 60), 30), scale = FALSE)
    fit <- suppressWarnings(lmm(y ~ x + re(X), d, method = "ML"))
    if (fit$boundary != "random") next
    n_modes <- n_modes + 1
    expect_silent(limits <- confint(fit, c("X", "Residual")))
    expect_identical(limits[["X", 1]], 0)
    spectrum <- eigen(tcrossprod(d$X), symmetric = TRUE)
    z <- crossprod(spectrum$vectors, cbind(1, d$x))
    y <- crossprod(spectrum$vectors, d$y)
    value <- function(v) {
      w <- 1 / (v[1] * pmax(spectrum$values, 0) + v[2])
      rss <- sum(w * stats::lm.wfit(z, y, w)$residuals^2)
      -0.5 * (30 * log(2 * pi) - sum(log(w)) + rss)
    }
    # the highest value along the ratio up to the valley of the profile
    ratio <- exp(seq(-16, 4, by = 0.02))
    profile <- vapply(ratio, function(r) {
      w <- 1 / (r * pmax(spectrum$values, 0) + 1)
      rss <- sum(w * stats::lm.wfit(z, y, w)$residuals^2)
      -0.5 * (30 * log(rss) - sum(log(w)))
    }, 0)
    basin <- ratio[seq_len(which.min(profile))]
    held <- function(v, name) {
      max(vapply(basin, function(r) value(if (name == "X") c(v, v / r) else c(v * r, v)), 0),
        if (name == "Residual") value(c(0, v)))
    }
    peak <- as.numeric(logLik(fit))
    deviance <- c(
      2 * (peak - held(limits["X", 2], "X")), 2 * (peak - held(limits["Residual", 1], "Residual")),
      2 * (peak - held(limits["Residual", 2], "Residual"))
    )
    # 1e-3: a grid of 2 % in the ratio is right to a few 1e-4 at a maximum
    expect_equal(deviance, rep(stats::qchisq(0.95, 1), 3), tolerance = 1e-3)
  }
  expect_gt(n_modes, 0)
})
