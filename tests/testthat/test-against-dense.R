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

# The internal systems, without lmm() ----------------------------------------------------

# The system of the core for one random problem, and its dense parts.
internal_systems <- function(seed, n, p, c, weighted, shift) {
  set.seed(seed)
  x <- matrix(rnorm(n * p), n) + shift
  z <- cbind(1, matrix(rnorm(n * (c - 1)), n))
  root <- if (weighted) sqrt(runif(n, 0.5, 2)) else rep(1, n)
  q <- qr.Q(qr(z * root))
  y <- root * drop(x %*% rnorm(p, sd = 0.5) + rnorm(n))
  y <- y - drop(q %*% crossprod(q, y))
  mean <- if (shift != 0) colSums(x * root^2) / sum(root^2)
  design <- list(
    kind = "dense", x = x, rows = NULL, shift = mean, scale = NULL, fill = NULL
  )
  row_scale <- if (weighted) root
  parts <- hdlmm:::cpp_decompose(
    design, row_scale, q, y, mean, if (shift != 0) root, "vectors",
    hdlmm:::make_host(lmm_control())
  )$parts
  gram <- tcrossprod(x * root)
  kappa <- sum(scale(x, scale = FALSE)^2) / (n - 1)
  list(
    spectral = list(parts = parts, kappa = kappa), gram = gram, q = q, y = y, kappa = kappa,
    full_rank = p >= n
  )
}

# What cpp_evaluate() says of V = (h / kappa) K + (1 - h) I, by its inverse.
dense_evaluation <- function(one, h) {
  nu <- 1 - h
  k <- one$gram
  v <- h / one$kappa * k + nu * diag(nrow(k))
  inverse <- solve(v)
  information <- crossprod(one$q, inverse %*% one$q)
  covariance <- solve(information)
  operation <- covariance %*% crossprod(one$q, inverse)
  p <- inverse - inverse %*% one$q %*% operation
  py <- drop(p %*% one$y)
  kpy <- drop(k %*% py)
  trace <- function(a) sum(diag(a))
  list(
    h = h, nu = nu, rss = sum(one$y * py), log_det_v = log_det(v),
    log_det_restricted = log_det(v) + log_det(information),
    tr_vk = trace(inverse %*% k), tr_vkvk = trace(inverse %*% k %*% inverse %*% k),
    tr_v_noise = nu * trace(inverse), tr_pk = trace(p %*% k),
    tr_pkpk = trace(p %*% k %*% p %*% k), tr_p_noise = nu * trace(p),
    quad_k = sum(py * kpy), quad_kk = sum(kpy * (p %*% kpy)), quad_noise = nu * sum(py^2),
    delta = drop(operation %*% one$y), covariance = covariance,
    covariance_k = operation %*% k %*% t(operation),
    covariance_noise = nu * tcrossprod(operation)
  )
}

systems <- list(
  internal_systems(101, 20, 5, 3, FALSE, 0), internal_systems(102, 20, 50, 3, FALSE, 0),
  internal_systems(103, 20, 50, 3, FALSE, 3), internal_systems(104, 30, 8, 2, TRUE, 0),
  internal_systems(105, 30, 8, 2, TRUE, 3), internal_systems(106, 15, 40, 4, TRUE, 3),
  internal_systems(107, 10, 10, 1, FALSE, 0), internal_systems(108, 12, 11, 2, FALSE, 3),
  internal_systems(109, 40, 60, 30, TRUE, 0), internal_systems(110, 15, 1, 2, TRUE, 2)
)

shares <- c(0, 1e-8, 1e-3, 0.3, 0.6, 0.99)

test_that("the system says of V what its inverse says", {
  for (i in seq_along(systems)) {
    one <- systems[[i]]
    for (h in c(shares, if (one$full_rank) 1)) {
      spectral <- hdlmm:::cpp_evaluate(one$spectral, h, 1 - h)
      dense <- dense_evaluation(one, h)
      expect_identical(names(spectral), names(dense))
      error <- mapply(function(a, b) {
        max(0, abs(a - b)) / (1 + max(0, abs(b)))
      }, spectral, dense)
      # 1e-8: an inverse loses condition(V), about 1e5 at h = 0.99
      expect_below(error, 1e-8, paste("system", i, "h =", h))
    }
  }
})

test_that("log|V| and log|V| + log|Q'V^-1 Q| are the determinants of V and of A'VA", {
  for (i in seq_along(systems)) {
    one <- systems[[i]]
    n <- length(one$y)
    rest <- qr.Q(qr(one$q), complete = TRUE)[, -seq_len(ncol(one$q))]
    for (h in shares) {
      e <- hdlmm:::cpp_evaluate(one$spectral, h, 1 - h)
      v <- h / one$kappa * one$gram + (1 - h) * diag(n)
      restricted <- t(rest) %*% v %*% rest
      y <- t(rest) %*% one$y
      error <- c(
        v = abs(e$log_det_v - log_det(v)),
        restricted = abs(e$log_det_restricted - log_det(restricted)),
        rss = relative_error(e$rss, sum(y * solve(restricted, y)))
      )
      # 1e-9 absolute in a sum of n logarithms of order one
      expect_below(error, 1e-9, paste("system", i, "h =", h))
    }
  }
})

test_that("the slope of the profiled criterion is its derivative", {
  for (i in seq_along(systems)) {
    one <- systems[[i]]
    phi <- c(-4, -1, 0, 2)
    step <- 1e-3
    for (criterion in c("REML", "ML")) {
      at <- function(d) hdlmm:::cpp_curve(one$spectral, criterion, phi + d)
      value <- function(k) at(k * step)$value
      slope <- (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
      curvature <- (8 * (at(step)$slope - at(-step)$slope) - (at(2 * step)$slope -
        at(-2 * step)$slope)) / (12 * step)
      here <- at(0)
      # 1e-9 n: rounding of a value of order n over a step of 1e-3
      expect_below(
        c(
          slope = max(abs(here$slope - slope)),
          curvature = max(abs(here$curvature - curvature))
        ),
        1e-9 * length(one$y), paste("system", i, criterion)
      )
    }
  }
})

test_that("interior modes are where the dense criterion is level", {
  host <- hdlmm:::make_host(lmm_control(threads = 1))
  options <- list(tol = 1e-10, max_iter = 100L, step = 0.5)
  for (i in which(vapply(systems, `[[`, NA, "full_rank"))) {
    one <- systems[[i]]
    for (criterion in c("REML", "ML")) {
      is_reml <- criterion == "REML"
      degrees <- length(one$y) - if (is_reml) ncol(one$q) else 0
      modes <- hdlmm:::cpp_search(one$spectral, criterion, options, host)$modes
      for (at in which(modes$kind == "interior")) {
        e <- dense_evaluation(one, modes$h[at])
        log_det <- if (is_reml) e$log_det_restricted else e$log_det_v
        trace <- if (is_reml) e$tr_pk else e$tr_vk
        value <- -(degrees * (log(2 * pi * e$rss / degrees) + 1) + log_det) / 2
        slope <- -e$h / one$kappa * (trace - degrees * e$quad_k / e$rss) / 2
        # a mode is polished to 1e-10 in the log ratio; an inverse loses condition(V)
        expect_below(
          c(value = abs(modes$value[at] - value), slope = abs(slope)), 1e-7,
          paste("system", i, criterion)
        )
      }
    }
  }
})
