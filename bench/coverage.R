# Coverage of the 95 % profile and exact intervals of pve, and of profile intervals of several
# random terms, by simulation.
#
#   Rscript bench/coverage.R [--terms: several random terms alone] [replicates = 500] [n = 200]
#     [p = 500]
#
# One design of independent normals; y drawn anew with the true pve. Prints coverage, its Monte
# Carlo standard error, mean width and the share of estimates on a boundary.

library(hdlmm)

only_terms <- "--terms" %in% commandArgs(TRUE)
arguments <- as.numeric(setdiff(commandArgs(TRUE), "--terms"))
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

for (h in if (!only_terms) c(0, 0.05, 0.3, 0.8)) {
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

# Several random terms: 95 % profile intervals of the variance of slopes, of the covariance and the
# correlation with the intercepts and of the share of a second term, in y ~ x + (x | g) + (1 | h),
# 30 groups of 6 crossed with 12 levels of h. The share has its variance at 0 too. Where the
# variance of slopes is 0 so is their covariance: 1/2 chi2_1 + 1/2 chi2_2 then says 0.902 for it.
slopes_replicate <- function(design, variance, correlation, other) {
  cross <- correlation * sqrt(variance)
  half <- t(chol(matrix(c(1, cross, cross, variance), 2) + diag(1e-12, 2)))
  effects <- half %*% matrix(rnorm(60), 2)
  d <- design
  d$y <- effects[1, d$g] + effects[2, d$g] * d$x + rnorm(12, 0, sqrt(other))[d$h] + rnorm(nrow(d))
  fit <- suppressWarnings(lmm(y ~ x + (x | g) + (1 | h), d))
  share <- other * fit$kappa$h[1]
  total <- sum(fit$kappa$g * matrix(c(1, cross, cross, variance), 2)) + share + 1
  truth <- c(
    g.x = variance, `g.x.(Intercept)` = cross, `cor.g.x.(Intercept)` = correlation,
    pve.h = share / total
  )
  limits <- confint(fit, names(truth))
  if (variance == 0) truth[[3]] <- NA
  limits[, 1] <= truth & truth <= limits[, 2]
}

slopes_design <- data.frame(
  g = gl(30, 6), h = factor(sample(rep(1:12, 15))), x = rep(seq(-1, 1, length.out = 6), 30)
)
settings <- data.frame(
  variance = c(0, 0.1, 2, 2), correlation = c(0, 0, 0.5, 0.9), other = c(0, 0.1, 1, 4)
)
for (i in seq_len(nrow(settings))) {
  one <- settings[i, ]
  covered <- t(replicate(
    setting[["replicates"]],
    slopes_replicate(slopes_design, one$variance, one$correlation, one$other)
  ))
  share <- colMeans(covered, na.rm = TRUE)
  error <- sqrt(share * (1 - share) / colSums(!is.na(covered)))
  cat(
    sprintf(
      "variance %.1f, correlation %.1f, other variance %.1f:", one$variance, one$correlation,
      one$other
    ),
    sprintf("%s %.3f (s.e. %.3f)", names(share), share, error), sep = "  ", fill = 100
  )
}
