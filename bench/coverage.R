# Coverage of the 95 % profile and exact intervals of pve, by simulation.
#
#   Rscript bench/coverage.R [replicates = 500] [n = 200] [p = 500]
#
# One design of independent normals; y drawn anew with the true pve. Prints coverage, its Monte
# Carlo standard error, mean width and the share of estimates on a boundary.

library(hdlmm)

arguments <- as.numeric(commandArgs(TRUE))
setting <- c(replicates = 500, n = 200, p = 500)
setting[seq_along(arguments)] <- arguments
n <- setting[["n"]]
p <- setting[["p"]]
draws <- 2000

set.seed(20040)
X <- matrix(rnorm(n * p), n)
kappa <- sum(scale(X, scale = FALSE)^2) / (n - 1)

one_replicate <- function(h) {
  y <- drop(X %*% rnorm(p, 0, sqrt(h / kappa))) + rnorm(n, 0, sqrt(1 - h))
  fit <- lmm(y ~ re(X))
  profile <- pve(fit)
  exact <- pve(fit, method = "exact", draws = draws)
  is_covered <- function(table) table$lower <= h && h <= table$upper
  c(
    profile = is_covered(profile), exact = is_covered(exact),
    width_profile = profile$upper - profile$lower, width_exact = exact$upper - exact$lower,
    boundary = fit$pve %in% c(0, 1)
  )
}

for (h in c(0, 0.05, 0.3, 0.8)) {
  seconds <- system.time(
    results <- t(replicate(setting[["replicates"]], one_replicate(h)))
  )[["elapsed"]]
  share <- colMeans(results)
  error <- sqrt(share * (1 - share) / nrow(results))
  cat(sprintf(
    paste(
      "pve %.2f: profile %.3f (s.e. %.3f, width %.3f), exact %.3f (s.e. %.3f, width %.3f),",
      "%.0f%% on a boundary, %.0f s\n"
    ),
    h, share[["profile"]], error[["profile"]], share[["width_profile"]], share[["exact"]],
    error[["exact"]], share[["width_exact"]], 100 * share[["boundary"]], seconds
  ))
}
