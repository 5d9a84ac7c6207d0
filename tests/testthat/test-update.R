# update(): the edited formula, its arguments, and where they are read.

d <- bad_input_data()
n <- nrow(d)
plain <- lmm(y ~ x + re(X), d)
grouped <- lmm(y ~ x + (1 | g), d)

test_that("update() edits the fixed part and leaves the random term alone", {
  more <- update(plain, . ~ . + z)
  expect_identical(deparse1(formula(more)), "y ~ x + re(X) + z")
  expect_identical(varcomp(update(more, . ~ . - z)), varcomp(plain))
  expect_identical(
    deparse1(formula(update(plain, log(y + 99) ~ .))), "log(y + 99) ~ x + re(X)"
  )
  expect_identical(fixef(update(plain, ~ . - 1)), fixef(lmm(y ~ 0 + x + re(X), d)))
  expect_identical(deparse1(formula(update(plain, . ~ . + x:f))), "y ~ x + re(X) + x:f")
  expect_identical(
    deparse1(formula(update(grouped, . ~ . + I(x^2)))), "y ~ x + (1 | g) + I(x^2)"
  )
})

test_that("update() adds, removes and exchanges the random term", {
  ols <- update(plain, . ~ . - re(X))
  expect_identical(ols$method, "OLS")
  expect_identical(varcomp(update(ols, . ~ . + re(X), method = "REML")), varcomp(plain))
  expect_identical(varcomp(update(plain, . ~ . - re(X) + (1 | g))), varcomp(grouped))
  expect_identical(deparse1(formula(update(grouped, . ~ . - (1 | g)))), "y ~ x")
  expect_identical(deparse1(formula(update(plain, . ~ . + re(X)))), "y ~ x + re(X)")
})

test_that("update() adds two random terms of equally long text as two", {
  wide <- put(d, A = d$X[, 1:5], B = d$X[, 6:9])
  both <- update(lmm(y ~ x, wide), . ~ . + re(A) + re(B), method = "REML")
  expect_named(varcomp(both), c("A", "B", "Residual"))
})

test_that("update() changes arguments, and NULL removes them", {
  expect_identical(update(plain, method = "ML")$method, "ML")
  weighted <- update(plain, weights = z)
  expect_identical(unname(weights(weighted)), d$z)
  expect_identical(varcomp(update(weighted, weights = NULL)), varcomp(plain))
  expect_identical(nobs(update(plain, data = d[1:30, ])), 30L)
  expect_identical(
    deparse1(update(plain, . ~ . + z, evaluate = FALSE)),
    "lmm(formula = y ~ x + re(X) + z, data = d)"
  )
  expect_error(update(plain, . ~ . * z), "found `re\\(X\\):z`", class = "hdlmm_bad_input")
})

test_that("update() reads its arguments where it is called, not where the formula was written", {
  block_of <- function(k) ceiling(seq_len(ncol(d$X)) * k / ncol(d$X))
  fit <- lmm(y ~ x + re(X), d, method = "VB")
  k <- 2  # also in the environment of the formula
  counts <- c(1, 3, 5)
  blocked <- lapply(counts, function(k) update(fit, control = lmm_control(blocks = block_of(k))))
  expect_equal(vapply(blocked, function(fit) nlevels(fit$control$blocks), 0L), counts)
  keep <- seq_len(nrow(d)) > 5
  smaller <- function(fit, keep) update(fit, subset = keep, weights = 1 + x^2)
  expect_identical(nobs(smaller(fit, 1:30)), 30L)
  expect_equal(weights(smaller(fit, 1:30)), 1 + d$x[1:30]^2, ignore_attr = TRUE, tolerance = 0)
})

test_that("update() keeps the priors and the control of the fit, whatever became of their names", {
  control <- lmm_control(blocks = rep(1:2, length.out = ncol(d$X)))
  fit <- lmm(y ~ x + re(X), d, method = "VB", control = control)
  control <- lmm_control()
  expect_identical(nlevels(update(fit, . ~ . + z)$control$blocks), 2L)
  expect_identical(update(fit, . ~ . + z)$call$control, quote(control))
})

test_that("update(), drop1() and anova() find data that bear the name of a function", {
  ask <- function(df) {
    formulas <- list(y ~ x + re(X), y ~ x + z + re(X))
    for (i in 1:2) environment(formulas[[i]]) <- globalenv()
    fit <- lmm(formulas[[1]], data = df)
    more <- lmm(formulas[[2]], data = df)
    list(update(fit, . ~ . + z), drop1(fit), anova(fit, more, refit = TRUE))
  }
  answers <- ask(d)
  expect_identical(names(fixef(answers[[1]])), c("(Intercept)", "x", "z"))
  expect_identical(rownames(answers[[2]]), c("<none>", "x"))
  expect_identical(answers[[3]]$Df[2], 1)
})
