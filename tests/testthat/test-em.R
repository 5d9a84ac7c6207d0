# EM and PX-EM through lmm(), against the textbook in plain matrices and the direct search.

# Rows are multiplied by root weights, as in the package; p x p matrices are written out.
textbook_em <- function(y, z, x, w, start, method, expand, steps, is_centred) {
  y <- sqrt(w) * y
  z <- sqrt(w) * z
  x <- sqrt(w) * x
  # REML does not see the means of the columns; PX-EM is that of the centred ones
  if (is_centred && method == "REML") x <- x - sqrt(w) %o% colSums(sqrt(w) * x) / sum(w)
  step <- if (method == "REML") reml_em_step else ml_em_step
  state <- c(start, list(omega = ls_coefficients(z, y)))
  rows <- list()
  for (i in seq_len(steps)) {
    rows[[i]] <- c(em_objective(y, z, x, state, method) + sum(log(w)) / 2, state$b, state$e)
    state <- step(y, z, x, state, expand)
  }
  do.call(rbind, rows)
}

ls_coefficients <- function(z, y) if (ncol(z)) unname(qr.coef(qr(z), y)) else numeric()

em_objective <- function(y, z, x, state, method) {
  model <- dense_model(y, z, x)
  v <- c(state$b, state$e)
  if (method == "REML") return(dense_loglik(model, v, "REML"))
  covariance <- state$b * tcrossprod(x) + state$e * diag(length(y))
  rest <- y - drop(z %*% state$omega)
  -0.5 * (length(y) * log(2 * pi) + log_det(covariance) + sum(rest * solve(covariance, rest)))
}

ml_em_step <- function(y, z, x, state, expand) {
  n <- length(y)
  p <- ncol(x)
  gamma <- solve(crossprod(x) / state$e + diag(p) / state$b)
  mu <- drop(gamma %*% crossprod(x, y - z %*% state$omega)) / state$e
  fitted <- drop(x %*% mu)
  omega <- ls_coefficients(z, y - fitted)
  rest <- y - drop(z %*% omega)
  spread <- sum(diag(x %*% gamma %*% t(x)))
  alpha <- if (expand) sum(fitted * rest) / (sum(fitted^2) + spread) else 1
  list(
    b = alpha^2 * (sum(diag(gamma)) + sum(mu^2)) / p,
    e = (sum((rest - alpha * fitted)^2) + alpha^2 * spread) / n, omega = omega
  )
}

# omega is missing data too, with a flat prior.
reml_em_step <- function(y, z, x, state, expand) {
  both <- cbind(z, x)
  p <- ncol(x)
  at <- ncol(z) + seq_len(p)
  precision <- crossprod(both) / state$e
  diag(precision)[at] <- diag(precision)[at] + 1 / state$b
  covariance <- solve(precision)
  mean <- drop(covariance %*% crossprod(both, y)) / state$e
  g <- drop(x %*% mean[at])
  e <- y - drop(both %*% mean)
  gg <- sum(g^2) + sum(diag(x %*% covariance[at, at] %*% t(x)))
  ge <- sum(g * e) - sum(diag(x %*% covariance[at, ] %*% t(both)))
  ee <- sum(e^2) + sum(diag(both %*% covariance %*% t(both)))
  more <- if (expand) ge / gg else 0
  list(
    b = (1 + more)^2 * (sum(mean[at]^2) + sum(diag(covariance)[at])) / p,
    e = (ee - 2 * more * ge + more^2 * gg) / length(y), omega = state$omega
  )
}

# list(formula, data, z, x, w): the model as the package and as the textbook read it.
em_case <- function(label, x, z = "1", w = NULL, group = NULL, seed = 1) {
  set.seed(seed)
  n <- nrow(x)
  data <- list(y = numeric(n), u = rnorm(n), x = x, g = group, w = value_or(w, rep(1, n)))
  random <- if (is.null(group)) "re(x)" else "(1 | g)"
  fixed <- switch(z, "0" = matrix(0, n, 0), "1" = cbind(rep(1, n)), u = cbind(1, data$u))
  scale <- sqrt(sum(scale(x, scale = FALSE)^2) / (n - 1))
  data$y <- 2 + data$u + 1.5 * drop(x %*% rnorm(ncol(x))) / scale + rnorm(n)
  list(
    label = label, formula = stats::as.formula(paste("y ~", z, "+", random)), data = data,
    z = fixed, x = x, w = data$w, is_centred = z != "0" && is.null(group)
  )
}

set.seed(3)
groups <- gl(8, 4)
base <- matrix(rnorm(30 * 6), 30)
em_cases <- list(
  em_case("n < p", matrix(rnorm(20 * 45), 20) + 1, "u"),
  em_case("p < n", base, "u", seed = 2),
  em_case("p = 1", base[, 1, drop = FALSE] + 1, seed = 11),
  em_case("duplicated and zero columns", cbind(base[, 1:4], base[, 1:2], 0), "u", seed = 5),
  em_case("grouping factor", unclass(model.matrix(~ 0 + groups)), "u", group = groups, seed = 6),
  em_case("weights", base + 0.5, "u", w = runif(30, 0.3, 3), seed = 7),
  em_case("weighted groups", unclass(model.matrix(~ 0 + groups)),
    group = groups, w = runif(32, 0.3, 3), seed = 8
  ),
  em_case("no intercept", base, "0", seed = 9)
)

fit_em_case <- function(case, method, algorithm, ...) {
  suppressMessages(lmm(
    case$formula, case$data, method = method, algorithm = algorithm, weights = w,
    control = lmm_control(...)
  ))
}

for_every_em_case <- function(check) {
  for (case in em_cases) {
    for (method in c("REML", "ML")) {
      for (algorithm in c("em", "pxem")) {
        check(case, method, algorithm, paste(case$label, method, algorithm))
      }
    }
  }
}

test_that("the course of a fit is that of the textbook, step by step", {
  for_every_em_case(function(case, method, algorithm, label) {
    fit <- suppressWarnings(fit_em_case(case, method, algorithm, max_iter = 7))
    course <- as.matrix(convergence(fit)[-1])
    steps <- nrow(course)
    expect_gte(steps, 5, label = label)
    start <- list(b = course[[1, 2]], e = course[[1, 3]])
    rest <- stats::lm.wfit(case$z, case$data$y, case$w)
    tau2 <- if (ncol(case$z)) {
      sum(case$w * rest$residuals^2) / rest$df.residual
    } else {
      sum(case$w * case$data$y^2) / length(case$w)
    }
    # half of the residual variance to each part; the same sums in two orders
    expect_equal(start$e, tau2 / 2, tolerance = 1e-12, label = label)
    expect_equal(start$b * fit$kappa[[1]], tau2 / 2, tolerance = 1e-12, label = label)
    book <- textbook_em(
      case$data$y, case$z, case$x, case$w, start, method, algorithm == "pxem", steps,
      case$is_centred
    )
    # the textbook inverts a p x p matrix a step
    expect_below(relative_error(course, book), 1e-9, label)
  })
})

test_that("limits are those of the direct search, with and without extrapolation", {
  for_every_em_case(function(case, method, algorithm, label) {
    direct <- fit_em_case(case, method, "direct")
    for (accelerate in c("none", "squarem")) {
      fit <- fit_em_case(case, method, algorithm, accelerate = accelerate, max_iter = 1e6)
      expect_true(fit$is_converged, label = label)
      # sqrt(tol) = 1e-5 is what convergence promises for the variances, squared for the value
      expect_equal(varcomp(fit), varcomp(direct), tolerance = 2e-5, label = label)
      expect_equal(fixef(fit), fixef(direct), tolerance = 1e-5, label = label)
      expect_equal(
        as.numeric(logLik(fit)), as.numeric(logLik(direct)), tolerance = 1e-9, label = label
      )
    }
  })
})

test_that("the objective never falls and ends at the log-likelihood of the fit", {
  for_every_em_case(function(case, method, algorithm, label) {
    for (accelerate in c("none", "squarem")) {
      fit <- fit_em_case(case, method, algorithm, accelerate = accelerate, max_iter = 1e6)
      course <- convergence(fit)
      size <- max(abs(course$objective))
      # rounding of log-determinants
      expect_gte(min(diff(course$objective)), -1e-11 * size, label = label)
      last <- course[nrow(course), ]
      expect_equal(last$objective, as.numeric(logLik(fit)), tolerance = 1e-8, label = label)
      # the last iterate, or the boundary, is what is returned
      expect_equal(
        unlist(last[names(varcomp(fit))]), varcomp(fit), tolerance = 1e-12, label = label
      )
    }
  })
})

test_that("PX-EM and extrapolation need fewer iterations than EM", {
  weak_cases <- list(
    dense_case(2, n = 60, p = 30, pve = 0.3),
    dense_case(3, n = 80, p = 20, pve = 0.3, random = "group"),
    dense_case(4, n = 60, p = 40, pve = 0.3, random = "kernel")
  )
  count <- function(...) {
    fit <- fit_case(...)
    expect_true(fit$is_converged)
    nrow(convergence(fit))
  }
  for (case in weak_cases) {
    for (method in c("REML", "ML")) {
      em <- count(case, method, algorithm = "em")
      expect_lt(count(case, method, algorithm = "pxem"), em, label = case$label)
      fast <- count(case, method, algorithm = "em", control = lmm_control(accelerate = "squarem"))
      expect_lt(fast, em, label = case$label)
    }
  }
})

test_that("a boundary estimate is exactly on the boundary", {
  data <- contract_data()$d
  for (method in c("REML", "ML")) {
    for (algorithm in c("em", "pxem")) {
      fit <- lmm(flat ~ x + (1 | g), data, method, algorithm)
      direct <- lmm(flat ~ x + (1 | g), data, method)
      expect_identical(varcomp(fit)[["g"]], 0)
      expect_true(fit$is_converged)
      expect_identical(fit$boundary, "random")
      expect_equal(logLik(fit), logLik(direct), tolerance = 1e-12)  # the same closed form
      expect_equal(pve(fit), pve(direct), tolerance = 1e-8)
    }
  }
})

test_that("an unbounded likelihood is said, and the interior mode returned", {
  found <- 0
  stopped <- 0
  for (seed in 31:36) {
    case <- dense_case(seed, n = 20, p = 40, center = TRUE)
    direct <- tryCatch(suppressWarnings(fit_case(case, "ML")), error = identity)
    if (inherits(direct, "error")) {
      expect_error(
        fit_case(case, "ML", algorithm = "em"), class = "hdlmm_unbounded_likelihood"
      )
      stopped <- stopped + 1
      next
    }
    expect_warning(
      fit <- fit_case(case, "ML", algorithm = "pxem"), class = "hdlmm_unbounded_likelihood"
    )
    expect_true(profile(fit)$unbounded)
    expect_equal(varcomp(fit), varcomp(direct), tolerance = 2e-5)
    found <- found + 1
  }
  expect_gte(found, 1)
  expect_gte(stopped, 1)
})

test_that("a fit that stops too early and one at a lower mode are said", {
  case <- em_cases[[2]]
  for (algorithm in c("em", "pxem")) {
    expect_warning(
      fit <- fit_em_case(case, "REML", algorithm, max_iter = 2), class = "hdlmm_not_converged"
    )
    expect_match(attr(convergence(fit), "reason"), "max_iter")
    expect_identical(nrow(convergence(fit)), 3L)
  }
  # two modes of nearly equal height, mirror images of each other but for 1 / 100
  two <- diagonal_case(c(1e-4, 1, 1e4), c(0.1, 1, 9.9))
  direct <- fit_diagonal(two)
  expect_identical(nrow(direct$modes), 2L)
  fits <- lapply(list(c(0.1, 1, 9.9), c(0.1, 1, 10.1)), function(y) {
    case <- diagonal_case(c(1e-4, 1, 1e4), y)
    warned <- FALSE
    fit <- withCallingHandlers(
      fit_diagonal(case, algorithm = "em", control = lmm_control(max_iter = 1e6)),
      hdlmm_local_mode = function(w) {
        warned <<- TRUE
        invokeRestart("muffleWarning")
      }
    )
    at <- which.min(abs(fit$modes$pve - pve(fit)$estimate))
    list(warned = warned, is_lower = at == 2, gap = diff(rev(fit$modes$logLik)))
  })
  for (one in fits) {
    expect_gt(one$gap, 1e-6)
    expect_identical(one$warned, one$is_lower)
  }
  expect_identical(sum(vapply(fits, `[[`, NA, "warned")), 1L)
})

test_that("every answer of a fit by EM is that of the direct fit", {
  case <- em_cases[[1]]
  direct <- fit_em_case(case, "REML", "direct")
  fit <- fit_em_case(case, "REML", "pxem", tol = 1e-14)
  # convergence to 1e-7 in the variances
  same <- function(f, ...) expect_equal(f(fit, ...), f(direct, ...), tolerance = 1e-6)
  same(ranef)
  same(fitted)
  same(vcov)
  same(pve)
  same(confint)
  same(function(fit) profile(fit)$modes)
  same(function(fit) summary(fit)$coefficients)
  same(function(fit) predict(fit, case$data, se.fit = TRUE))
  same(function(fit) loo(fit)$estimates)
  same(function(fit) AIC(fit))
  expect_identical(fit$algorithm, "pxem")
  expect_output(print(summary(fit)), "REML")
})
