# Fits of one coefficient a level, (0 + x | g): a design of columns that goes a way of its own.

d <- terms_data()
d$y <- 1 + d$x * (0.5 + rnorm(8, sd = 0.7)[d$g]) + rnorm(90)
d$S <- user_matrix(designs_for(y ~ (0 + x | g), d)[[1]])
new <- put(d[c(4, 20, 61), ], x = c(2.5, -1, 0))
new$S <- matrix(0, 3, 8)
new$S[cbind(1:3, as.integer(new$g))] <- new$x

methods <- list(
  c("REML", "direct"), c("REML", "em"), c("ML", "direct"), c("ML", "pxem"), c("MAP", "direct"),
  c("MAP", "em"), c("VB", "collapsed"), c("VB", "cavi"), c("Bayes", "quadrature")
)

fit_pair <- function(method, data = d) {
  both <- lapply(list(y ~ z + (0 + x | g), y ~ z + re(S)), lmm,
    data = data, method = method[1], algorithm = method[2]
  )
  stats::setNames(both, c("slope", "columns"))
}

test_that("every method gives a slope what it gives the same columns in re()", {
  for (method in methods) {
    # em runs to its limit, far from which its steps are the same
    fits <- suppressWarnings(fit_pair(method))
    expect_same <- function(f, tolerance = 1e-8) {
      expect_equal(unname(f(fits$slope)), unname(f(fits$columns)), tolerance = tolerance,
        info = paste(method, collapse = " ")
      )
    }
    expect_same(varcomp)
    expect_same(fixef)
    expect_same(function(fit) ranef(fit)[[1]])
    # roots of the eigenvalues' rounding where se are small
    expect_same(function(fit) attr(ranef(fit, se = TRUE), "se")[[1]], 1e-6)
    expect_same(function(fit) unlist(pve(fit)[, -1]), 1e-6)
    expect_same(function(fit) predict(fit, new, se.fit = TRUE)$se.fit, 1e-7)
    for (random in c(TRUE, FALSE)) {
      expect_same(function(fit) predict(fit, new, random = random, interval = "prediction"), 1e-7)
    }
  }
})

test_that("a level of which every x is 0 has its prior; one of tiny x costs no digit", {
  for (tiny in c(0, 1e-20, 1e-160)) {
    own <- d
    own$x[d$g == "B"] <- tiny
    own$S[, 2] <- tiny * (d$g == "B")
    for (method in methods) {
      # columns of zeros are said; of q and of em see above
      fits <- suppressWarnings(suppressMessages(fit_pair(method, own)))
      label <- paste(c(method, tiny), collapse = " ")
      expect_equal(unname(varcomp(fits$slope)), unname(varcomp(fits$columns)), tolerance = 1e-7,
        info = label
      )
      expect_equal(fitted(fits$slope), fitted(fits$columns), tolerance = 1e-7, info = label)
      effects <- lapply(fits, ranef, se = TRUE)
      expect_lt(abs(effects$slope[[1]][["B"]]), 1e-12)
      se <- lapply(effects, function(effect) unname(attr(effect, "se")[[1]]))
      expect_equal(se$slope, se$columns, tolerance = 1e-6, info = label)
    }
  }
})

test_that("rows that are levels of their own may have slopes, some of them at 0", {
  own <- put(d, row = factor(1:90), x = replace(d$x, 1:20, 0))
  own$S <- diag(own$x)
  slope <- lmm(y ~ z + (0 + x | row), own)
  columns <- suppressMessages(lmm(y ~ z + re(S), own))
  expect_equal(unname(varcomp(slope)), unname(varcomp(columns)), tolerance = 1e-8)
  expect_equal(as.numeric(logLik(slope)), as.numeric(logLik(columns)), tolerance = 1e-10)
})

test_that("weights, offset, subset and missing values go with the rows of a slope", {
  own <- put(d, w = runif(90, 0.5, 3), o = rnorm(90), x = replace(d$x, 3, NA))
  own$S[3, ] <- 0
  own$y[3] <- NA
  own$x[3] <- 1
  ask <- function(formula) lmm(formula, own, weights = w, offset = o, subset = z > 0.1)
  slope <- ask(y ~ z + (0 + x | g))
  columns <- ask(y ~ z + re(S))
  expect_equal(unname(varcomp(slope)), unname(varcomp(columns)), tolerance = 1e-8)
  expect_equal(fitted(slope), fitted(columns), tolerance = 1e-8)
  expect_equal(logLik(slope), logLik(columns), tolerance = 1e-9)
})

test_that("the units of x change the variance by their square and nothing else", {
  for (unit in c(1000, 2^-300, 1e100)) {
    one <- lmm(y ~ z + (0 + x | g), d)
    other <- lmm(y ~ z + (0 + x | g), put(d, x = d$x * unit))
    expect_equal(varcomp(other) * c(unit, 1)^c(2, 1), varcomp(one), tolerance = 1e-8)
    expect_equal(ranef(other)[[1]] * unit, ranef(one)[[1]], tolerance = 1e-8)
    expect_equal(fitted(other), fitted(one), tolerance = 1e-8)
    expect_equal(pve(other)$estimate, pve(one)$estimate, tolerance = 1e-8)
  }
})

test_that("a slope of 1 is the grouping factor", {
  slope <- lmm(y ~ z + (0 + one | g), put(d, one = 1))
  plain <- lmm(y ~ z + (1 | g), d)
  expect_equal(unname(varcomp(slope)), unname(varcomp(plain)), tolerance = 1e-10)
  expect_equal(ranef(slope)[[1]], ranef(plain)[[1]], tolerance = 1e-10)
  expect_equal(unname(pve(slope)$estimate), unname(pve(plain)$estimate), tolerance = 1e-10)
})

test_that("estimates of a slope are those of lme4", {
  skip_if_not_installed("lme4")
  for (reml in c(TRUE, FALSE)) {
    ours <- lmm(y ~ x + (0 + x | g), d, method = if (reml) "REML" else "ML")
    theirs <- lme4::lmer(y ~ x + (0 + x | g), d, REML = reml)
    # lme4 stops at 1e-8 of its deviance
    expect_equal(as.numeric(logLik(ours)), as.numeric(logLik(theirs)), tolerance = 1e-7)
    expect_equal(fixef(ours), lme4::fixef(theirs), tolerance = 1e-4)
    expect_equal(unname(varcomp(ours)), as.data.frame(lme4::VarCorr(theirs))$vcov, tolerance = 1e-3)
  }
})

test_that("new levels of a slope have mean 0 and the variance of x^2 at their rows", {
  fit <- lmm(y ~ z + (0 + x | g), d)
  unseen <- put(new, g = c("A", "new", "newer"))
  expect_error(predict(fit, unseen), "\"new\" and \"newer\"", class = "hdlmm_new_levels")
  at <- predict(fit, unseen, se.fit = TRUE, allow.new.levels = TRUE)
  without <- predict(fit, unseen, random = FALSE, se.fit = TRUE)
  expect_equal(at$fit[2:3], without$fit[2:3], tolerance = 1e-12)
  variance <- varcomp(fit)[[1]] * unseen$x^2
  expect_equal((at$se.fit^2 - without$se.fit^2)[2:3], variance[2:3], tolerance = 1e-8,
    ignore_attr = TRUE
  )
  expect_error(predict(fit, new[names(new) != "x"]), "lacks `x`", class = "hdlmm_bad_input")
})

test_that("draws of effects of a slope are shared by the rows of a level, times their x", {
  fit <- lmm(y ~ z + (0 + x | g), d)
  twice <- put(d[c(1, 1), ], x = c(1, 3), g = c("new", "new"), z = 0)
  draws <- posterior_predict(fit, twice, draws = 400, seed = 1, allow.new.levels = TRUE)
  expect_identical(dim(draws), c(400L, 2L))
  design <- fit$designs[[1]]
  rows <- hdlmm:::read_rows(design, NULL, list(
    evaluate = function(expr, rule) eval(expr, twice), rules = list(), m = 2,
    allow_new_levels = TRUE
  ))
  set.seed(1)
  fresh <- hdlmm:::unseen_effects(design, list(x = rows, m = 2, is_fitted = FALSE), c(1, 2))
  expect_equal(fresh[2, ], 3 * fresh[1, ], tolerance = 1e-12)
})

test_that("a fit of a slope made in a function is whole: it predicts, refits and is saved", {
  make <- function(data) {
    k <- 2
    twice <- function(v) k * v
    lmm(y ~ z + (0 + twice(x) | g), data)
  }
  fit <- make(d)
  path <- tempfile(fileext = ".rds")
  on.exit(unlink(path))
  saveRDS(fit, path)
  loaded <- readRDS(path)
  expect_identical(predict(loaded, new), predict(fit, new))
  expect_equal(unname(varcomp(fit)[1]) * 4, unname(varcomp(lmm(y ~ z + (0 + x | g), d))[1]),
    tolerance = 1e-8
  )
  expect_identical(rownames(drop1(fit)), c("<none>", "z"))
  expect_identical(rownames(add1(lmm(y ~ (0 + x | g), d), ~ x + z)), c("<none>", "x", "z"))
})
