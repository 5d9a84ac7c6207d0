# Data without noise where there are as many columns as rows: the residual variance is 0 at the
# maximum, and the likelihood is bounded.

noise_free <- function(seed) {
  set.seed(seed)
  n <- 60
  one <- tcrossprod(matrix(rnorm(n * 80), n)) / 80
  two <- tcrossprod(matrix(rnorm(n * 90), n)) / 90
  d <- data.frame(x = rnorm(n))
  d$y <- 1 + d$x + 1.5 * drop(t(chol(one)) %*% rnorm(n)) + 0.8 * drop(t(chol(two)) %*% rnorm(n))
  list(data = d, one = one, two = two)
}

# The maximum over two variances alone, by dense algebra.
dense_noise_free <- function(model) {
  z <- cbind(1, model$data$x)
  objective <- function(log_variance) {
    v <- exp(log_variance[1]) * model$one + exp(log_variance[2]) * model$two
    inverse <- solve(v)
    a <- t(z) %*% inverse %*% z
    p <- inverse - inverse %*% z %*% solve(a) %*% t(z) %*% inverse
    (58 * log(2 * pi) + c(determinant(v)$modulus) + c(determinant(a)$modulus) +
      sum(model$data$y * (p %*% model$data$y))) / 2
  }
  found <- nlminb(c(0, 0), objective, control = list(rel.tol = 1e-13))
  list(variances = exp(found$par), value = -found$objective)
}

test_that("a residual variance of 0 is reached, said, and leaves the other variances right", {
  model <- noise_free(2)
  one <- model$one
  two <- model$two
  fit <- lmm(y ~ x + re(kernel = one) + re(kernel = two), model$data)
  wanted <- dense_noise_free(model)
  expect_true(fit$is_converged)
  expect_true("Residual" %in% fit$boundary)
  expect_lt(varcomp(fit)[["Residual"]], 1e-8)
  # the likelihood is that of V without noise, to the rounding of a matrix of condition 1e4
  expect_equal(as.numeric(logLik(fit)), wanted$value, tolerance = 1e-8)
  expect_equal(unname(varcomp(fit)[1:2]), wanted$variances, tolerance = 1e-4)
  expect_equal(unname(fitted(fit)), model$data$y, tolerance = 1e-6)
  expect_output(print(fit), "residual variance is 0 to rounding")
  # Newton's steps in relative factors alone take 100
  expect_lt(fit$certificate$evaluations, 60)
})

test_that("two exact fits have no likelihood ratio, and one has it without end", {
  d <- data.frame(x = rnorm(20), a = gl(4, 5), b = gl(5, 1, 20))
  d$y <- 2 * d$x
  exact <- suppressWarnings(lmm(y ~ x + (1 | a) + (1 | b), d, method = "ML"))
  slope <- suppressWarnings(lmm(y ~ x + (x | a) + (1 | b), d, method = "ML"))
  simple <- suppressWarnings(lmm(y ~ x + (1 | a), d, method = "ML"))
  for (small in list(simple, suppressWarnings(lmm(y ~ x, d)))) {
    table <- anova(exact, small)
    expect_identical(is.na(table$Chisq) & !is.nan(table$Chisq), c(TRUE, TRUE))
    expect_identical(is.na(table$`Pr(>Chisq)`), c(TRUE, TRUE))
  }
  expect_true(all(is.na(anova(slope, exact)$`Pr(>Chisq)`)))
  worse <- lmm(y ~ 1 + (1 | a) + (1 | b), d, method = "ML")
  expect_identical(anova(worse, exact)$`Pr(>Chisq)`, c(NA, 0))
})

test_that("exact fits of several terms answer by every method as those of one term do", {
  d <- data.frame(x = as.numeric(1:20), a = gl(4, 5), b = gl(5, 1, 20))
  d$y <- 2 * d$x
  for (method in c("REML", "ML", "MAP", "VB", "Bayes")) {
    for (formula in list(y ~ x + (1 | a) + (1 | b), y ~ x + (x | a), y ~ x + (1 | a))) {
      if (method == "Bayes" && grepl("x | a", deparse1(formula), fixed = TRUE)) next
      fit <- suppressWarnings(lmm(formula, d, method = method))
      expect_true(all(varcomp(fit) == 0), label = method)
      expect_output(print(summary(fit)), "explained exactly", label = method)
      limits <- suppressWarnings(confint(fit, method = "wald"))
      expect_false(any(is.nan(limits)), label = method)
      expect_true(all(is.na(pve(fit)$lower)), label = method)
    }
  }
})

test_that("little noise is no noise: it is found where it is", {
  model <- noise_free(2)
  set.seed(5)
  model$data$y <- model$data$y + rnorm(60, 0, 0.3)
  one <- model$one
  two <- model$two
  fit <- lmm(y ~ x + re(kernel = one) + re(kernel = two), model$data)
  state <- terms_maximum(terms_model(
    model$data$y, cbind(1, model$data$x), lapply(list(one, two), function(k) t(chol(k)))
  ))
  expect_gt(as.numeric(logLik(fit)), state$loglik - 1e-6)
})
