# Balanced data: REML is the analysis of variance where that is positive.

mean_squares <- function(formula, data) {
  table <- summary(stats::aov(formula, data))[[1]]
  stats::setNames(table[["Mean Sq"]], trimws(rownames(table)))
}

test_that("two crossed factors with replication have the variances of their mean squares", {
  set.seed(1)
  d <- expand.grid(r = 1:4, b = factor(1:5), a = factor(1:6))
  d$y <- 5 + 2 * rnorm(6)[d$a] + 1.5 * rnorm(5)[d$b] + rnorm(30)[interaction(d$a, d$b)] + rnorm(120)
  ms <- mean_squares(y ~ a * b, d)
  wanted <- c(
    "a:b" = (ms[["a:b"]] - ms[["Residuals"]]) / 4, a = (ms[["a"]] - ms[["a:b"]]) / 20,
    b = (ms[["b"]] - ms[["a:b"]]) / 24, Residual = ms[["Residuals"]]
  )
  expect_true(all(wanted > 0))
  fit <- lmm(y ~ 1 + (1 | a:b) + (1 | a) + (1 | b), d)
  expect_equal(varcomp(fit), wanted, tolerance = 1e-12)
})

test_that("nested factors have the variances of their mean squares, far from the origin too", {
  set.seed(2)
  d <- expand.grid(r = 1:3, c = factor(1:4), a = factor(1:7))
  d$y <- 2 * rnorm(7)[d$a] + rnorm(28)[interaction(d$a, d$c)] + rnorm(84)
  ms <- mean_squares(y ~ a / c, d)
  wanted <- c(
    a = (ms[["a"]] - ms[["a:c"]]) / 12, "c:a" = (ms[["a:c"]] - ms[["Residuals"]]) / 3,
    Residual = ms[["Residuals"]]
  )
  expect_true(all(wanted > 0))
  fit <- lmm(y ~ 1 + (1 | a / c), d)
  expect_equal(varcomp(fit)[names(wanted)], wanted, tolerance = 1e-12)
  far <- lmm(y + 1000 ~ 1 + (1 | a / c), d)
  # y has lost three digits
  expect_equal(varcomp(far)[names(wanted)], wanted, tolerance = 1e-10)
})

test_that("treatments within blocks have the errors and degrees of freedom of the analysis", {
  set.seed(3)
  d <- expand.grid(w = factor(1:3), blk = factor(1:8), r = 1:2)
  d$y <- as.integer(d$w) + rnorm(8)[d$blk] + rnorm(24)[interaction(d$w, d$blk)] + rnorm(48)
  fit <- lmm(y ~ w + (1 | blk) + (1 | blk:w), d)
  ms <- mean_squares(y ~ w + blk + w:blk, d)
  expect_true(ms[["w:blk"]] > ms[["Residuals"]] && ms[["blk"]] > ms[["w:blk"]])
  # treatments are compared beside the interaction
  expect_equal(vcov(fit)["w2", "w2"], 2 * ms[["w:blk"]] / 16, tolerance = 1e-12)
  table <- anova(fit)
  expect_equal(table[["F value"]], ms[["w"]] / ms[["w:blk"]], tolerance = 1e-10)
  expect_equal(table[["Den Df"]], 14, tolerance = 1e-8)
})
