# Every answer of a fit against the dense algebra of helper-dense.R, at the fit's own
# variances ("the answer is right") and around them ("the optimum is one").

cases <- list(
  dense_case(1, n = 20, p = 50),
  dense_case(2, n = 20, p = 50, n_fixed = 5, weights = TRUE),
  dense_case(3, n = 25, p = 25, offset = TRUE),
  dense_case(4, n = 25, p = 24, n_fixed = 3),
  dense_case(5, n = 24, p = 25, n_fixed = 3, weights = TRUE, offset = TRUE),
  dense_case(6, n = 40, p = 6),
  dense_case(7, n = 40, p = 6, n_fixed = 4, weights = TRUE, offset = TRUE),
  dense_case(8, n = 15, p = 1, n_fixed = 1),
  dense_case(9, n = 30, p = 1, n_fixed = 2, weights = TRUE),
  dense_case(10, n = 60, p = 80, n_fixed = 30),
  dense_case(11, n = 60, p = 10, n_fixed = 30, weights = TRUE),
  dense_case(12, n = 20, p = 30, n_fixed = 0),
  dense_case(13, n = 30, p = 10, n_fixed = 0, weights = TRUE, offset = TRUE),
  dense_case(14, n = 25, p = 60, shift = 50),
  dense_case(15, n = 40, p = 8, n_fixed = 3, shift = 50, weights = TRUE),
  dense_case(16, n = 40, p = 12, center = TRUE, scale = TRUE),
  dense_case(17, n = 40, p = 12, center = TRUE, weights = TRUE, shift = 20),
  dense_case(18, n = 30, p = 12, n_fixed = 1, scale = TRUE, shift = 3),
  dense_case(19, n = 30, p = 50, random = "sparse"),
  dense_case(
    20, n = 40, p = 15, random = "sparse", n_fixed = 3, weights = TRUE, offset = TRUE
  ),
  dense_case(21, n = 40, p = 12, random = "sparse", center = TRUE, scale = TRUE),
  dense_case(22, n = 40, p = 8, random = "group"),
  dense_case(
    23, n = 40, p = 12, random = "group", n_fixed = 3, weights = TRUE, offset = TRUE
  ),
  dense_case(
    24, n = 30, p = 30, random = "group", n_fixed = 1, pve = 0.9, weights = TRUE
  ),
  dense_case(25, n = 20, p = 30, random = "kernel"),
  dense_case(
    26, n = 40, p = 15, random = "kernel", n_fixed = 3, weights = TRUE, offset = TRUE
  ),
  dense_case(27, n = 30, p = 40, pve = 0.02),
  dense_case(28, n = 40, p = 8, pve = 0.02, n_fixed = 3),
  dense_case(29, n = 25, p = 60, pve = 0.999),
  dense_case(30, n = 50, p = 10, pve = 0.999, weights = TRUE),
  dense_case(33, n = 20, p = 40, center = TRUE),
  dense_case(34, n = 20, p = 40, center = TRUE, scale = TRUE, weights = TRUE)
)

fits <- unlist(lapply(cases, function(case) {
  lapply(c("REML", "ML"), function(method) {
    unbounded <- FALSE
    fit <- withCallingHandlers(
      fit_case(case, method),
      hdlmm_unbounded_likelihood = function(w) {
        unbounded <<- TRUE
        invokeRestart("muffleWarning")
      }
    )
    list(
      fit = fit, case = case, model = case$dense, method = method,
      v = unname(varcomp(fit)), unbounded = unbounded, label = paste(method, case$label)
    )
  })
}), recursive = FALSE)

is_interior <- vapply(fits, function(one) one$fit$boundary == "none", NA)

# The law for every fit; `error(one)` returns one relative error or several.
expect_for_all <- function(among, bound, error) {
  for (one in among) expect_below(error(one), bound, one$label)
}

test_that("the cases reach the interior and both boundaries", {
  boundary <- vapply(fits, function(one) one$fit$boundary, "")
  expect_gte(length(cases), 20)
  expect_gte(sum(boundary == "none"), 40)
  expect_gte(sum(boundary == "random"), 1)
  expect_gte(sum(boundary == "residual"), 1)
})

test_that("ML is called unbounded when and only when Z reaches all of null(K)", {
  for (one in fits) {
    spectrum <- eigen(one$model$gram, symmetric = TRUE)
    null <- spectrum$vectors[, spectrum$values < 1e-9 * spectrum$values[1], drop = FALSE]
    reached <- qr(t(null) %*% one$model$z)$rank
    is_unbounded <- one$method == "ML" && ncol(null) > 0 && reached == ncol(null)
    expect_identical(one$unbounded, is_unbounded, label = one$label)
    expect_identical(profile(one$fit)$unbounded, is_unbounded, label = one$label)
  }
})

test_that("an unbounded likelihood returns its mode when it has one and stops else", {
  h <- c(0, 10^seq(-4, -1, by = 0.25), seq(0.12, 0.99, by = 0.01), 1 - 10^-(3:9))
  outcome <- vapply(31:42, function(seed) {
    case <- dense_case(seed, n = 20, p = 40, center = TRUE)
    profile <- vapply(h, dense_profile, 0, model = case$dense, method = "ML")
    has_mode <- any(diff(profile) < 0)
    if (has_mode) {
      expect_warning(fit <- fit_case(case, "ML"), class = "hdlmm_unbounded_likelihood")
      # the mode of the grid, to its step
      at <- which(diff(profile) < 0)[1]
      expect_lt(abs(pve(fit)$estimate - h[at]), 0.011, label = case$label)
    } else {
      expect_error(fit_case(case, "ML"), class = "hdlmm_unbounded_likelihood")
    }
    has_mode
  }, NA)
  expect_gte(sum(outcome), 3)
  expect_gte(sum(!outcome), 3)
})

test_that("the log-likelihoods at the fit's variances are the dense ones", {
  # 1e-9: two routes to sums of about n terms; the requirement
  expect_for_all(fits, 1e-9, function(one) {
    dense <- c(
      REML = dense_loglik(one$model, one$v, "REML"),
      ML = dense_loglik(one$model, one$v, "ML")
    )
    c(
      own = relative_error(logLik(one$fit), dense[[one$method]]),
      REML = relative_error(logLik(one$fit, REML = TRUE), dense[["REML"]]),
      ML = relative_error(logLik(one$fit, REML = FALSE), dense[["ML"]])
    )
  })
})

test_that("nowhere on [0, 1] is the dense profile above the fit", {
  grid <- c(0, 0.001, 0.01, seq(0.05, 0.95, by = 0.1), 0.99, 0.9999)
  for (one in fits) {
    h <- pve(one$fit)$estimate
    near <- h + c(-1, 1) * 1e-3 * h * (1 - h)
    # an unbounded criterion is higher near 1: its interior mode is a local maximum only
    values <- vapply(
      c(if (!one$unbounded) grid, near), dense_profile, 0, model = one$model,
      method = one$method, kappa = dense_kappa(one$model)
    )
    best <- as.numeric(logLik(one$fit))
    # 1e-9 relative: rounding of both values
    expect_below(c(excess = (max(values) - best) / abs(best)), 1e-9, one$label)
  }
})

test_that("the score is zero inside and points outward at a boundary", {
  for (one in fits) {
    df <- one$fit$dims$n - if (one$method == "REML") one$fit$dims$n_fixed else 0
    score <- dense_log_score(one$model, one$v, one$method) / df
    # 1e-6 of the scale n/2 of its terms: the requirement
    expect_below(c(score = max(abs(score))), 1e-6, one$label)
    if (one$fit$boundary == "none") next
    state <- dense_state(one$model, one$v)
    weight <- if (one$method == "REML") state$p else state$inverse
    at <- if (one$fit$boundary == "random") 1 else 2
    py <- state$p %*% one$model$y
    d <- state$derivatives[[at]]
    outward <- sum(py * (d %*% py)) - sum(diag(weight %*% d))
    expect_lte(outward, 0, label = one$label)
  }
})

test_that("fixed effects and their covariance are generalised least squares", {
  # 1e-8: solve(V) of the referee loses condition(V) digits, up to 1e6 with means of 50
  expect_for_all(fits, 1e-8, function(one) {
    state <- dense_state(one$model, one$v)
    c(
      fixef = relative_error(fixef(one$fit), state$omega),
      vcov = relative_error(vcov(one$fit), state$vcov)
    )
  })
})

test_that("predicted effects and their standard errors are the posterior's", {
  # 1e-7: as above, and a difference of two matrices under the square root
  expect_for_all(fits, 1e-7, function(one) {
    keep <- one$case$effects
    dense <- dense_effects(one$model, one$v)
    effects <- ranef(one$fit, se = TRUE)
    if (one$v[1] == 0) {
      return(c(effects = max(abs(effects[[1]])), se = max(attr(effects, "se")[[1]])))
    }
    scale <- sqrt(one$v[1])
    c(
      effects = max(abs(effects[[1]] - dense$mean[keep])) / scale,
      se = max(abs(attr(effects, "se")[[1]]^2 - pmax(0, dense$variance[keep]))) / scale^2
    )
  })
})

test_that("kappa, pve and the residual standard deviation follow from the variances", {
  # 1e-10: no inverse is involved
  expect_for_all(fits, 1e-10, function(one) {
    kappa <- dense_kappa(one$model)
    total <- kappa * one$v[1] + one$v[2]
    c(
      pve = abs(pve(one$fit)$estimate - kappa * one$v[1] / total),
      sigma = relative_error(sigma(one$fit), sqrt(one$v[2]))
    )
  })
})

test_that("fitted values, residuals and leverages are those of the dense maps", {
  # 1e-7: solve(V) of the referee
  expect_for_all(fits, 1e-7, function(one) {
    model <- one$model
    dense <- dense_prediction(model, one$v, model$z, model$a)
    spread <- stats::sd(model$y)
    c(
      fitted = max(abs(fitted(one$fit) - one$case$offset - dense$mean)) / spread,
      residual = max(abs(residuals(one$fit) - (model$y - dense$mean))) / spread,
      hat = max(abs(hatvalues(one$fit) - dense_hat(model, one$v)))
    )
  })
})

test_that("predictions at the fitted rows and their variances are the dense ones", {
  # 1e-7 of the total variance: solve(V) of the referee
  expect_for_all(fits, 1e-7, function(one) {
    model <- one$model
    dense <- dense_prediction(model, one$v, model$z, model$a)
    answer <- predict(one$fit, se.fit = TRUE)
    total <- stats::var(model$y)
    c(
      mean = max(abs(answer$fit - one$case$offset - dense$mean)) / sqrt(total),
      variance = max(abs(answer$se.fit^2 - dense$variance)) / total
    )
  })
})

test_that("predictions at new rows, their variances and intervals are the dense ones", {
  # 1e-7 of the total variance: solve(V) of the referee
  expect_for_all(fits, 1e-7, function(one) {
    case <- one$case
    dense <- dense_prediction(one$model, one$v, case$new_z, case$new_a)
    mean <- dense$mean + case$new_offset
    w <- seq_along(mean)
    ask <- function(...) predict(one$fit, case$new, allow.new.levels = TRUE, ...)
    answer <- ask(se.fit = TRUE)
    confidence <- ask(interval = "confidence", level = 0.9)
    response <- ask(interval = "prediction", level = 0.8, weights = w)
    width <- function(interval) interval[, "upr"] - interval[, "lwr"]
    half <- qnorm(0.95) * sqrt(pmax(0, dense$variance))
    wide <- qnorm(0.9) * sqrt(pmax(0, dense$variance) + one$v[2] / w)
    total <- stats::var(one$model$y)
    c(
      mean = max(abs(ask() - mean)) / sqrt(total),
      variance = max(abs(answer$se.fit^2 - dense$variance)) / total,
      fit = max(abs(confidence[, "fit"] - mean)) / sqrt(total),
      confidence = relative_error(width(confidence)^2, 4 * half^2),
      response = relative_error(width(response), 2 * wide),
      centre = max(abs(response[, "upr"] + response[, "lwr"] - 2 * mean)) / sqrt(total)
    )
  })
})

test_that("random = FALSE predicts the fixed part, its interval a row drawn anew", {
  # 1e-8: as for fixed effects
  expect_for_all(fits, 1e-8, function(one) {
    case <- one$case
    state <- dense_state(one$model, one$v)
    mean <- drop(case$new_z %*% state$omega) + case$new_offset
    variance <- rowSums((case$new_z %*% state$vcov) * case$new_z)
    answer <- predict(one$fit, case$new, random = FALSE, se.fit = TRUE)
    response <- predict(one$fit, case$new, random = FALSE, interval = "prediction")
    a <- case$new_a
    x2 <- if (one$fit$designs[[1]]$kind == "grouped") 1 else rowSums((a %*% one$model$s) * a)
    total <- variance + x2 * one$v[1] + one$v[2]
    spread <- stats::sd(one$model$y)
    c(
      mean = max(abs(answer$fit - mean)) / spread,
      variance = max(abs(answer$se.fit^2 - variance)) / max(spread^2, variance),
      response = relative_error(
        response[, "upr"] - response[, "fit"], qnorm(0.975) * sqrt(total)
      )
    )
  })
})

test_that("loo() equals refits without each row, variances held", {
  # 1e-7: n refits by solve()
  expect_for_all(fits, 1e-7, function(one) {
    dense <- dense_loo(one$model, one$v)
    answer <- loo(one$fit)
    mean <- dense$mean + one$case$offset
    density <- dnorm(one$case$data$y, mean, sqrt(dense$variance), log = TRUE)
    spread <- stats::sd(one$model$y)
    c(
      prediction = max(abs(answer$table$prediction - mean)) / spread,
      variance = relative_error(answer$table$variance, dense$variance),
      density = relative_error(answer$table$log_density, density),
      elpd = relative_error(answer$elpd, sum(density)),
      rmse = relative_error(answer$rmse, sqrt(mean((one$case$data$y - mean)^2)))
    )
  })
})

test_that("standard errors of variances and pve come from the expected information", {
  # 1e-7: the inverse of a 2 x 2 matrix of traces over solve(V)
  expect_for_all(fits[is_interior], 1e-7, function(one) {
    covariance <- solve(dense_information(one$model, one$v, one$method))
    kappa <- dense_kappa(one$model)
    total <- kappa * one$v[1] + one$v[2]
    gradient <- kappa / total^2 * c(one$v[2], -one$v[1])
    full <- vcov(one$fit, full = TRUE)
    last <- nrow(full) - 1:0
    c(
      se = relative_error(VarCorr(one$fit)$se, sqrt(diag(covariance))),
      full = relative_error(full[last, last], covariance),
      pve = relative_error(
        pve(one$fit)$se, sqrt(sum(gradient * (covariance %*% gradient)))
      )
    )
  })
})

test_that("at a boundary only the free variance has a standard error", {
  # 1e-8: one trace
  for (one in fits[!is_interior]) {
    free <- if (one$fit$boundary == "random") 2 else 1
    se <- VarCorr(one$fit)$se
    dense <- 1 / sqrt(dense_information(one$model, one$v, one$method)[free, free])
    expect_below(c(se = relative_error(se[free], dense)), 1e-8, one$label)
    expect_true(is.na(se[3 - free]), label = one$label)
    expect_identical(one$v[3 - free], 0, label = one$label)
  }
})

test_that("degrees of freedom are Satterthwaite's", {
  # 1e-6: the referee differentiates by differences
  expect_for_all(fits[is_interior], 1e-6, function(one) {
    df <- summary(one$fit)$coefficients[, "df"]
    c(df = relative_error(df, dense_satterthwaite(one$model, one$v, one$method)))
  })
})
