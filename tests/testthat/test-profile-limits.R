# Profile limits of pve: where the criterion itself, evaluated apart, has fallen by half a quantile.

test_that("the criterion has fallen by half a chi-squared quantile at every limit inside", {
  set.seed(5)
  n_inside <- 0
  for (i in 1:12) {
    n <- c(30, 120)[1 + i %% 2]
    p <- c(6, 60, 400)[1 + i %% 3]
    d <- data.frame(z = rnorm(n))
    d$X <- matrix(rnorm(n * p), n)
    d$y <- d$z + drop(d$X %*% rnorm(p, 0, sqrt(c(0, 0.5, 5)[1 + i %/% 4 %% 3] / p))) + rnorm(n)
    for (method in c("REML", "ML", "MAP")) {
      fit <- suppressWarnings(lmm(y ~ z + re(X), d, method = method))
      for (level in c(0.5, 0.95)) {
        limits <- unlist(pve(fit, level = level)[c("lower", "upper")], use.names = FALSE)
        inside <- limits[!is.na(limits) & limits > 0 & limits < 1]
        n_inside <- n_inside + length(inside)
        phi <- log_ratio(inside, fit$internal$system$kappa)
        fallen <- fit$internal$value - objective_at(fit, phi)
        expect_equal(fallen, rep(qchisq(level, 1) / 2, length(inside)), tolerance = 1e-8)
        expect_true(limits[1] <= pve(fit)$estimate && pve(fit)$estimate <= limits[2])
      }
    }
  }
  expect_gt(n_inside, 50)
})
