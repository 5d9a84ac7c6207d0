# Expressions of the user are evaluated at new rows as among the fitted ones, or refused.

n <- 60
set.seed(8)
d <- data.frame(
  x = runif(n) + 0.1, b = rnorm(n), w = runif(n) + 1, g = gl(6, 10),
  f = factor(sample(letters[1:4], n, TRUE))
)
d$ch <- as.character(d$f)
d$X <- matrix(rnorm(n * 8, 5, 3), n, dimnames = list(NULL, paste0("c", 1:8)))
d$y <- sin(6 * d$x) + drop(scale(d$X) %*% rnorm(8, 0, 0.2)) + as.integer(d$g) / 5 +
  rnorm(n, 0, 0.2)
K <- diag(6) + 0.2
rownames(K) <- colnames(K) <- paste0("i", 1:6)
knots <- c(0.3, 0.6)
both <- function(v) cbind(v, v^2)
centred <- function(v) v - mean(v)
alias <- scale

new_rows <- list(1:20, 31, c(50, 5), n:1)

expect_fitted_rows <- function(fit, info) {
  for (rows in new_rows) {
    # poly(), bs() find new values by another route than old ones
    expect_equal(predict(fit, d[rows, ]), fitted(fit)[rows], tolerance = 1e-9, info = info)
  }
  expect_length(predict(fit, d[0, ]), 0)
}

test_that("a fitted row that comes again has its fitted value, whatever its expression", {
  skip_if_not_installed("splines")
  formulas <- list(
    y ~ re(scale(X)), y ~ re(base::scale(X)), y ~ re(alias(X)), y ~ re(scale(X)[, 1:3]),
    y ~ re(poly(x, 6)), y ~ re(splines::bs(x, df = 8)), y ~ re(splines::ns(log(x), 5)),
    y ~ re(cbind(scale(x), poly(b, 3))), y ~ re(log(scale(x)^2)), y ~ re(scale(x) * 2),
    y ~ re(model.matrix(~ 0 + f)), y ~ re(log(X^2)), y ~ re(cbind(x, b^2)), y ~ re(I(X)),
    y ~ re(X[, 1:3]), y ~ re(X[, "c2", drop = FALSE]), y ~ re(data.frame(x, b)),
    y ~ re(both(x)), y ~ re(sapply(knots, function(k) pmax(x - k, 0))), y ~ re(as.integer(f)),
    y ~ re(Matrix::Matrix(X, sparse = TRUE)), y ~ re(outer(x, knots, `>`) * 1),
    y ~ re(kernel = K, id = paste0("i", g)),
    y ~ (1 | cut(x, c(0, 0.4, 0.7, 2))), y ~ (1 | x > 0.5), y ~ (1 | factor(g):f),
    y ~ (1 | interaction(g, f)), y ~ (1 | paste(f)), y ~ re(X) + offset(scale(w)),
    y ~ re(X) + offset(log(w)), y ~ I(scale(x)^2) + re(X), y ~ scale(x):f + re(X),
    y ~ splines::ns(log(x), 3) + re(X), y ~ as.integer(f) + re(X), y ~ X[, 1:2] + re(b),
    y ~ factor(ch) + re(X)
  )
  for (formula in formulas) {
    expect_fitted_rows(suppressWarnings(lmm(formula, d)), deparse1(formula))
  }
})

test_that("the offset argument is evaluated as in the fit", {
  for (fit in list(
    lmm(y ~ re(X), d, offset = w), lmm(y ~ re(X), d, offset = scale(w)),
    lmm(y ~ re(X), d, offset = log(w)), lmm(y ~ x, d, offset = poly(w, 1)[, 1])
  )) expect_fitted_rows(fit, deparse1(fit$call))
  unnamed <- do.call(lmm, list(y ~ re(X), d, offset = d$w))
  expect_error(predict(unnamed, d[1:2, ]), "offset", class = "hdlmm_bad_input")
})

test_that("constants come from the fitted rows, as in lm()", {
  half <- d[1:30, ]
  fit <- lmm(y ~ poly(x, 3) + re(scale(X)), half)
  Z <- scale(half$X)
  new <- scale(d$X[31:60, ], attr(Z, "scaled:center"), attr(Z, "scaled:scale"))
  fixed <- stats::model.matrix(
    delete.response(terms(lm(y ~ poly(x, 3), half))),
    model.frame(delete.response(terms(lm(y ~ poly(x, 3), half))), d[31:60, ])
  )
  expect_equal(
    unname(predict(fit, d[31:60, ])), unname(drop(fixed %*% fixef(fit) + new %*% ranef(fit)[[1]])),
    tolerance = 1e-10  # sums in another order
  )
})

test_that("what uses other rows is refused at new rows, and only there", {
  formulas <- list(
    y ~ re(X - rep(colMeans(X), each = nrow(X))), y ~ re(sweep(X, 2, colMeans(X))),
    y ~ re(apply(X, 2, rank)), y ~ re(centred(x)), y ~ re(model.matrix(~ 0 + ch)),
    y ~ re(cumsum(x)), y ~ re(x / max(x)), y ~ re(rev(x)), y ~ re(c(0, diff(x))),
    y ~ re(as.integer(factor(ch))), y ~ re(ave(x, f)), y ~ re(X %*% svd(X)$v),
    y ~ re(outer(x, x, function(a, b) exp(-(a - b)^2))), y ~ re(get("d")$X),
    y ~ (1 | cut(x, 3)), y ~ (1 | cut(x, 3, labels = FALSE)), y ~ (1 | x > median(x)),
    y ~ re(X) + offset(centred(w)), y ~ rank(x) + re(X), y ~ centred(x) + re(X)
  )
  for (formula in formulas) {
    fit <- suppressWarnings(lmm(formula, d))
    expect_length(predict(fit), n)
    for (rows in list(1:20, 31, n:1)) {
      expect_error(predict(fit, d[rows, ]), class = "hdlmm_not_row_wise", info = deparse1(formula))
    }
  }
  expect_error(
    predict(lmm(y ~ re(X), d, offset = centred(w)), d[1:3, ]), class = "hdlmm_not_row_wise"
  )
  expect_error(
    posterior_predict(lmm(y ~ re(apply(X, 2, rank)), d), d[1:3, ], draws = 2),
    class = "hdlmm_not_row_wise"
  )
})

test_that("rows with missing values are NA, all of them too, and 0 rows give 0 values", {
  formulas <- list(
    y ~ x + re(X), y ~ f + re(scale(X)), y ~ poly(x, 2) + re(X), y ~ x + re(poly(x, 4)),
    y ~ f + (1 | g), y ~ re(model.matrix(~ 0 + f)), y ~ scale(x):f + re(X),
    y ~ re(kernel = K, id = paste0("i", g)) + log(x), y ~ x + re(Matrix::Matrix(X, sparse = TRUE))
  )
  gap <- d[1:4, ]
  gap$x[2] <- gap$f[3] <- NA
  gap$X[3, 1] <- NA
  none <- d[1:3, ]
  none[] <- lapply(none, function(v) replace(v, seq_along(v), NA))
  none$g <- d$g[1:3]
  bare <- data.frame(x = NA, f = NA, g = "1")
  bare$X <- matrix(NA, 1, 8, dimnames = dimnames(d$X))
  for (formula in formulas) {
    fit <- suppressWarnings(lmm(formula, d))
    info <- deparse1(formula)
    seen <- predict(fit, gap)
    known <- !is.na(seen)
    expect_equal(seen[known], fitted(fit)[1:4][known], tolerance = 1e-9, info = info)
    expect_true(all(known[c(1, 4)]), info = info)
    expect_true(all(is.na(predict(fit, none))), info = info)
    expect_true(is.na(predict(fit, bare)), info = info)
    out <- predict(fit, none, se.fit = TRUE, interval = "prediction")
    expect_true(all(is.na(out$fit)) && all(is.na(out$se.fit)), info = info)
    empty <- predict(fit, d[0, ], se.fit = TRUE, interval = "prediction")
    expect_identical(dim(empty$fit), c(0L, 3L), info = info)
    expect_identical(dim(posterior_predict(fit, d[0, ], draws = 3)), c(3L, 0L), info = info)
  }
})

test_that("columns of new data count by name and factors by level inside of expressions too", {
  new <- d[c(3, 9, 27), ]
  shuffled <- new
  shuffled$X <- new$X[, 8:1]
  fit <- lmm(y ~ re(scale(X)), d)
  expect_equal(predict(fit, shuffled), predict(fit, new), tolerance = 1e-12)  # order of sums
  fit <- lmm(y ~ as.integer(f) + re(X), d)
  expect_identical(predict(fit, droplevels(new)), predict(fit, new))
  fit <- lmm(y ~ re(model.matrix(~ 0 + f)), d)
  other <- new
  other$f <- factor(c("a", "b", "z"))
  expect_error(predict(fit, other), "z", class = "hdlmm_new_levels")
})

test_that("a column without any value is named, and no mean is offered for it", {
  own <- d
  own$Z <- scale(cbind(one = 1, d$X))
  for (formula in list(
    y ~ re(Z), y ~ re(Z, na = "mean"), y ~ re(Matrix::Matrix(Z, sparse = TRUE), na = "mean"),
    y ~ re(cbind(one = NA_real_, x))
  )) {
    seen <- expect_error(lmm(formula, own), "`one`; leave it out", class = "hdlmm_bad_input")
    expect_no_match(conditionMessage(seen), "mean")
  }
})

test_that("a level whose rows were left out of the fit is said to be so", {
  own <- d
  own$x[own$f == "b"] <- NA
  expect_error(
    predict(lmm(y ~ x + f, own), d[d$f == "b", ]), "new level b .rows of \"b\".*left out",
    class = "hdlmm_bad_input"
  )
})
