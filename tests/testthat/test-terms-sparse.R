# Crossed factors of which each level meets few levels of the other: these are eliminated one by
# one, and what is left as a dense matrix is small.

# People who live in cells of one map and work in cells of another, which is shifted
neighbours <- function(side, n) {
  set.seed(side)
  east <- stats::runif(n)
  north <- stats::runif(n)
  cell <- function(x, y) factor(floor(pmin(x, 1 - 1e-9) * side) * side + floor(y * side))
  d <- data.frame(
    x = stats::rnorm(n), home = cell(east, north), work = cell(east + 0.4 / side, north)
  )
  effects <- lapply(d[c("home", "work")], function(f) stats::rnorm(nlevels(f))[f])
  d$y <- 1 + d$x + effects$home + 0.7 * effects$work + stats::rnorm(n)
  d
}

# Rows of a curve in a basis of hats
hat_basis <- function(at, knots) {
  place <- at * (knots - 1) + 1
  left <- pmin(floor(place), knots - 1)
  Matrix::sparseMatrix(
    i = rep(seq_along(at), 2), j = c(left, left + 1), x = c(1 - place + left, place - left),
    dims = c(length(at), knots)
  )
}

map <- neighbours(17, 1000)
curve <- data.frame(t = stats::runif(600), g = factor(rep(1:200, 3)))
curve$B <- hat_basis(curve$t, 220)
curve$y <- sin(6 * curve$t) + stats::rnorm(200)[curve$g] + stats::rnorm(600)
# two crossed terms; one with slopes; columns that rows share beside a factor
models <- list(
  crossed = list(y ~ x + (1 | home) + (1 | work), map),
  slopes = list(y ~ x + (x | home) + (1 | work), map),
  curve = list(y ~ 1 + re(B) + (1 | g), curve)
)
by <- function(system, case, ...) {
  lmm(case[[1]], case[[2]], control = lmm_control(system = system, tol = 1e-12), ...)
}

test_that("levels one by one and the matrix of rows give the same fit", {
  for (name in names(models)) {
    columns <- by("blocked", models[[name]])
    rows <- by("row", models[[name]])
    expect_equal(as.numeric(logLik(columns)), as.numeric(logLik(rows)), tolerance = 1e-10)
    # where a likelihood is flat to rounding, variances are fixed to its root
    expect_equal(varcomp(columns), varcomp(rows), tolerance = 1e-6, info = name)
    expect_equal(fixef(columns), fixef(rows), tolerance = 1e-7, info = name)
    expect_equal(vcov(columns), vcov(rows), tolerance = 1e-6, info = name)
    expect_equal(ranef(columns), ranef(rows), tolerance = 1e-6, info = name)
    expect_equal(fitted(columns), fitted(rows), tolerance = 1e-7, info = name)
    expect_equal(hatvalues(columns), hatvalues(rows), tolerance = 1e-6, info = name)
    expect_equal(loo(columns)$pointwise, loo(rows)$pointwise, tolerance = 1e-6, info = name)
  }
})

test_that("standard errors of effects and of predictions are those of the matrix of rows", {
  for (name in names(models)) {
    case <- models[[name]]
    columns <- by("blocked", case)
    rows <- by("row", case)
    expect_equal(
      as.data.frame(ranef(columns, se = TRUE)), as.data.frame(ranef(rows, se = TRUE)),
      tolerance = 1e-6, info = name
    )
    new <- case[[2]][c(3, 400, 7), ]
    # levels that met in no row
    grouping <- names(Filter(is.factor, new))[1]
    new[[grouping]] <- new[[grouping]][c(2, 3, 1)]
    expect_equal(
      predict(columns, new, se.fit = TRUE), predict(rows, new, se.fit = TRUE),
      tolerance = 1e-6, info = name
    )
  }
})

test_that("the order of rows and of levels changes nothing", {
  case <- models$crossed
  set.seed(1)
  other <- case[[2]][sample(nrow(map)), ]
  other$home <- factor(other$home, sample(levels(map$home)))
  expect_equal(
    varcomp(by("auto", list(case[[1]], other))), varcomp(by("auto", case)), tolerance = 1e-7
  )
})

test_that("the fit is lme4's, or one of a higher likelihood", {
  skip_if_not_installed("lme4")
  for (name in c("crossed", "slopes")) {
    ours <- by("auto", models[[name]])
    theirs <- suppressWarnings(lme4::lmer(models[[name]][[1]], models[[name]][[2]]))
    gap <- as.numeric(logLik(ours)) - as.numeric(logLik(theirs))
    expect_gte(gap, -1e-6)
    expect_lte(gap, 1e-4)
    effects <- as.vector(unlist(ranef(ours)$work))
    expect_equal(effects, lme4::ranef(theirs)$work[[1]], tolerance = 1e-3)
  }
})

test_that("draws, bounds and expected steps by levels are those by rows", {
  case <- models$crossed
  for (method in c("MAP", "VB")) {
    expect_equal(
      varcomp(by("blocked", case, method = method)), varcomp(by("row", case, method = method)),
      tolerance = 1e-5, info = method
    )
  }
  em <- function(system) {
    control <- lmm_control(system = system, max_iter = 4)
    lmm(case[[1]], case[[2]], algorithm = "em", control = control)
  }
  expect_equal(
    varcomp(suppressWarnings(em("blocked"))), varcomp(suppressWarnings(em("row"))), tolerance = 1e-8
  )
})
