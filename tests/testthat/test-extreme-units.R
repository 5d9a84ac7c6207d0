# Weights and columns far from one: the promised digits, or a warning or error of ours.

# Log-likelihood at given variances by a Cholesky factor of V scaled to a unit diagonal.
scaled_loglik <- function(y, Z, K, w, variances, reml) {
  V <- variances[[1]] * K + diag(variances[[2]] / w)
  s <- 1 / sqrt(diag(V))
  R <- chol(V * outer(s, s))
  u <- backsolve(R, y * s, transpose = TRUE)
  q <- qr(backsolve(R, Z * s, transpose = TRUE))
  df <- length(y) - reml * ncol(Z)
  -0.5 * (df * log(2 * pi) + 2 * sum(log(diag(R))) - 2 * sum(log(s)) + sum(qr.resid(q, u)^2)) -
    reml * sum(log(abs(diag(qr.R(q)))))
}

weighted_case <- function(seed, spread, kind) {
  set.seed(seed)
  n <- 30
  d <- data.frame(x = rnorm(n), g = factor(sample(6, n, TRUE)), w = 10^runif(n, -spread, spread))
  d$w[1:2] <- 10^c(-spread, spread)
  X <- switch(kind,
    wide = matrix(rnorm(n * 60), n), tall = matrix(rnorm(n * 8), n),
    grouped = model.matrix(~ 0 + g, d)
  )
  d$y <- d$x + 0.3 * drop(X %*% rnorm(ncol(X))) + rnorm(n)
  d$X <- X
  list(d = d, K = tcrossprod(X), formula = if (kind == "grouped") y ~ x + (1 | g) else
    y ~ x + re(X))
}

test_that("the log-likelihood keeps its digits for weights over the supported range", {
  for (kind in c("wide", "tall", "grouped")) {
    for (method in c("REML", "ML")) {
      # columns and groups have no limit
      for (spread in if (kind == "wide") c(2, 4) else c(4, 8)) {
        case <- weighted_case(3, spread, kind)
        fit <- expect_no_warning(suppressMessages(
          lmm(case$formula, case$d, weights = w, method = method)
        ), class = "hdlmm_badly_scaled")
        want <- scaled_loglik(
          case$d$y, cbind(1, case$d$x), case$K, case$d$w, varcomp(fit), method == "REML"
        )
        expect_lt(abs(as.numeric(logLik(fit)) - want), 1e-7)
        expect_false(anyNA(fitted(fit)))
      }
    }
  }
})

test_that("weights beyond it are said where Gram matrices of rows lose them", {
  case <- weighted_case(3, 6, "wide")
  expect_warning(lmm(case$formula, case$d, weights = w), "10\\^12; up to 10\\^8",
    class = "hdlmm_badly_scaled")
  K <- case$K
  expect_warning(lmm(y ~ x + re(kernel = K), case$d, weights = w), "10\\^12",
    class = "hdlmm_badly_scaled")
})

test_that("weights at the ends of the range of numbers give a fit or an error of ours", {
  case <- weighted_case(3, 1, "wide")
  for (unit in 10^c(-310, -300, -200, 200, 300)) {
    for (method in c("REML", "ML", "MAP", "Bayes", "VB")) {
      case$d$v <- unit
      seen <- observe(function() {
        fit <- lmm(y ~ x + re(X), case$d, weights = v, method = method)
        list(fitted(fit), capture.output(print(fit), print(summary(fit))), vcov(fit))
      })
      if (is.null(seen$error)) expect_false(anyNA(seen$value[[1]]))
      else expect_s3_class(seen$error, "hdlmm_error")
    }
  }
})

test_that("columns at the ends of the range of numbers give a fit or an error of ours", {
  set.seed(4)
  d <- data.frame(y = rnorm(30), x = rnorm(30), g = gl(5, 6))
  for (unit in 10^c(-310, -200, 200, 300)) {
    for (at in c("random", "fixed", "response")) {
      X <- matrix(rnorm(150), 30)
      e <- d
      if (at == "random") X[, 1] <- X[, 1] * unit
      if (at == "fixed") e$x <- e$x * unit
      if (at == "response") e$y <- e$y * unit
      for (method in c("REML", "MAP", "Bayes")) {
        seen <- observe(function() {
          fit <- lmm(y ~ x + re(X), e, method = method)
          capture.output(print(fit), print(summary(fit)), print(VarCorr(fit)))
          list(predict(fit, e, se.fit = TRUE), vcov(fit), ranef(fit, se = TRUE))
        })
        if (!is.null(seen$error)) expect_s3_class(seen$error, "hdlmm_error")
        else expect_false(anyNA(unlist(seen$value)))
      }
    }
  }
})

test_that("weights whose ratios no double can square are refused with their range", {
  d <- data.frame(y = rnorm(20), x = rnorm(20), g = gl(5, 4))
  w <- 10^seq(-290, 280, length.out = 20)
  for (formula in list(y ~ x, y ~ (1 | g), y ~ 1 + re(x))) {
    expect_error(lmm(formula, d, weights = w), "10^570", fixed = TRUE, class = "hdlmm_overflow")
  }
  wide <- 10^seq(-9, 9, length.out = 20)
  for (formula in list(y ~ (1 | g), y ~ 1 + re(x))) {
    expect_warning(
      lmm(formula, d, weights = wide), "10^16", fixed = TRUE, class = "hdlmm_badly_scaled"
    )
  }
})

test_that("a sparse design far from the origin gives what the dense one gives", {
  set.seed(2)
  d <- data.frame(x = stats::rnorm(40), w = stats::runif(40, 0.5, 2))
  near <- matrix(stats::rnorm(40 * 5), 40)
  d$y <- stats::rnorm(40) + near[, 1]
  for (mean in c(0, 1e4, 1e6, 1e8)) {
    dense <- near + mean
    sparse <- methods::as(Matrix::Matrix(dense, sparse = TRUE), "CsparseMatrix")
    for (center in c(FALSE, TRUE)) {
      one <- lmm(y ~ x + re(dense, center = center), d, weights = w)
      other <- lmm(y ~ x + re(sparse, center = center), d, weights = w)
      expect_equal(as.numeric(logLik(other)), as.numeric(logLik(one)), tolerance = 1e-8)
      expect_equal(fixef(other), fixef(one), tolerance = 1e-6)  # 1e4 hides half of the digits
      new <- list(x = d$x[1:3], dense = dense[1:3, ], sparse = sparse[1:3, ])
      expect_equal(predict(other, new), predict(one, new), tolerance = 1e-6)
    }
  }
  # a far column beside sparse ones: what is known of K's squares is rounding, and no identity
  for (k in 1:8) {
    mixed <- cbind(Matrix::rsparsematrix(40, 60, 0.1), 1e5 + stats::rnorm(40))
    expect_warning(lmm(y ~ x + re(mixed), d), class = "hdlmm_badly_scaled")
  }
})
