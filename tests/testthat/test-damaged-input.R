# Indices and lengths are checked where they enter the core: what is damaged gives an error of
# ours, and R lives on.

damaged_data <- function(n = 20, p = 30) {
  set.seed(1)
  d <- data.frame(y = rnorm(n), x = rnorm(n), g = factor(rep(letters[1:4], length.out = n)))
  dense <- matrix(rbinom(n * p, 1, 0.3), n)
  list(
    data = d, dense = dense,
    sparse = methods::as(Matrix::Matrix(dense * 1, sparse = TRUE), "dgCMatrix")
  )
}

test_that("missing values in a grouping factor that na.action keeps are refused", {
  d <- damaged_data()$data
  d$g[3] <- NA
  for (method in c("REML", "ML", "Bayes", "VB")) {
    expect_error(
      lmm(y ~ x + (1 | g), d, method = method, na.action = na.pass), "missing value",
      class = "hdlmm_bad_input"
    )
  }
  expect_error(lmm(y ~ x + (1 | g), d, na.action = NULL), class = "hdlmm_bad_input")
  d$h <- factor(rep(1:2, 10))
  expect_error(lmm(y ~ x + (1 | g:h), d, na.action = na.pass), class = "hdlmm_bad_input")
  # a level NA is a level
  d$g <- addNA(d$g)
  expect_equal(nobs(lmm(y ~ x + (1 | g), d, na.action = na.pass)), 20)
})

test_that("a damaged sparse matrix is refused with what is wrong about it", {
  case <- damaged_data()
  X <- case$sparse
  y <- case$data$y
  # attr() as slot() would check
  cells <- function(slot, at, value) {
    function(x) {
      attr(x, slot)[at] <- value
      x
    }
  }
  shorter <- function(slot) {
    function(x) {
      attr(x, slot) <- attr(x, slot)[-1]
      x
    }
  }
  damage <- list(
    row_beyond = cells("i", 3, 50000000L), row_negative = cells("i", 3, -1L),
    row_missing = cells("i", 1, NA), rows_repeated = cells("i", 2, X@i[1]),
    rows_unsorted = cells("i", 1:2, X@i[2:1]), starts_beyond = cells("p", length(X@p), 10000L),
    starts_descend = cells("p", 3, 0L), starts_missing = cells("p", 2, NA),
    starts_short = shorter("p"), cells_short = shorter("x"), rows_claimed = cells("Dim", 1, 10L),
    columns_claimed = cells("Dim", 2, 31L)
  )
  for (name in names(damage)) {
    X_bad <- damage[[name]](X)
    expect_error(lmm(y ~ re(X_bad)), "not a valid object", class = "hdlmm_bad_input", info = name)
  }
  triplets <- methods::as(X, "TsparseMatrix")
  triplets@i[2] <- 99L
  expect_error(lmm(y ~ re(triplets)), "not a valid object", class = "hdlmm_bad_input")
  fit <- lmm(y ~ re(X))
  expect_error(
    predict(fit, list(X = damage$row_beyond(X))), "not a valid object", class = "hdlmm_bad_input"
  )
})

# The same fit with one thing changed inside, and what reads it.
expect_refused <- function(fit, edit, ..., class = "hdlmm_error") {
  broken <- edit(unserialize(serialize(fit, NULL)))
  for (use in list(...)) expect_error(use(broken), class = class)
}

test_that("an edited fit gives an error, whatever was edited", {
  case <- damaged_data()
  d <- case$data
  X <- case$dense
  se <- function(fit) ranef(fit, se = TRUE)
  latent <- function(fit) predict(fit, se.fit = TRUE)
  grouped <- lmm(y ~ x + (1 | g), d)
  expect_refused(grouped, function(f) {
    f$designs[[1]]$core$x[2] <- 99L
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(grouped, function(f) {
    f$designs[[1]]$core$x[2] <- NA
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(grouped, function(f) {
    f$designs[[1]]$core$n_cols <- 2L
    f
  }, se, latent)

  dense <- lmm(y ~ x + re(X), d, subset = 2:20, weights = rep(1:2, 10))
  expect_refused(dense, function(f) {
    f$designs[[1]]$core$rows[1] <- 1000L
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(dense, function(f) {
    f$designs[[1]]$core$scale <- f$designs[[1]]$core$scale[1:3]
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(dense, function(f) {
    f$internal$fixed$root <- f$internal$fixed$root[1:5]
    f
  }, se, loo)
  expect_refused(dense, function(f) {
    f$internal$system$vectors <- f$internal$system$vectors[1:4, ]
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(dense, function(f) {
    f$internal$system$parts$z <- f$internal$system$parts$z[1:4, ]
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(dense, function(f) {
    f$internal$system$parts$d <- NULL
    f
  }, se, latent, loo)

  K <- tcrossprod(matrix(rnorm(400), 20))
  kernel <- lmm(y ~ x + re(kernel = K), d)
  expect_refused(kernel, function(f) {
    f$designs[[1]]$core$unit[1] <- 21L
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
  expect_refused(kernel, function(f) {
    f$designs[[1]]$core$x <- f$designs[[1]]$core$x[, 1:3]
    f
  }, se, class = "hdlmm_bad_input")

  bayes <- lmm(y ~ x + (1 | g), d, method = "Bayes")
  expect_refused(bayes, function(f) {
    f$posterior$core$nu <- f$posterior$core$nu[-1]
    f
  }, se, latent, loo, class = "hdlmm_bad_input")
})

test_that("the core's own checks refuse indices and lengths that R does not look at", {
  case <- damaged_data()
  host <- make_host(lmm_control())
  core <- list(kind = "grouped", x = rep(1:4, 5), n_cols = 4L)
  for (columns in list(0L, 5L, NA_integer_, -1L)) {
    expect_error(cpp_covariance_columns(core, NULL, columns), class = "hdlmm_bad_input")
  }
  expect_error(cpp_product(core, NULL, matrix(1, 3, 1)), class = "hdlmm_error")
  expect_error(cpp_product(core, rep(1, 3), matrix(1, 4, 1)), class = "hdlmm_bad_input")
  sparse <- list(kind = "sparse", x = case$sparse, shift = NULL, scale = rep(1, 30))
  sparse$x@i[1] <- 77L
  expect_error(cpp_gram(sparse, NULL, "row", host), "row indices", class = "hdlmm_bad_input")
  expect_error(cpp_summarise_columns(case$dense, c(1L, 21L), NULL, host),
    class = "hdlmm_bad_input")
  expect_error(cpp_summarise_columns(case$dense, NULL, 1, host), class = "hdlmm_bad_input")
  expect_error(cpp_least_squares(case$dense * 1, 1:3 / 2, 1e-11), class = "hdlmm_bad_input")
  expect_error(cpp_order_statistics(c(1, 2), 3), class = "hdlmm_error")
  expect_error(cpp_gram(list(kind = "no such"), NULL, "row", host), class = "hdlmm_internal")
})
