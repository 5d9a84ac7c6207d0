# Coverage of posterior predictive intervals at 50 % and 95 %: held-out wheat lines, and data drawn
# from the model, with one random term and with several.
#
#   Rscript bench/predictive.R [--small] [--terms: several random terms alone]
#
# Methods: REML with its prediction interval (variances taken as known), exact Bayes by quadrature
# under the default prior and under the prior of VB, fully variational Bayes. Beside coverage and
# its Monte Carlo standard error (over lines, which several splits hold out, or over replicates):
# mean width of the 95 % interval, the root mean squared error of the point prediction, mean pve. In
# simulation also the coverage of the 95 % interval of the row's mean z'omega + x'beta itself: noise
# hides there what an approximation gets wrong.

library(hdlmm)

is_small <- "--small" %in% commandArgs(TRUE)
only_terms <- "--terms" %in% commandArgs(TRUE)
levels <- c(0.5, 0.95)

describe_machine <- function(packages) {
  cpu <- tryCatch(
    sub(".*: *", "", grep("model name", readLines("/proc/cpuinfo"), value = TRUE)[1]),
    error = function(e) "unknown CPU", warning = function(w) "unknown CPU"
  )
  versions <- vapply(packages, function(name) as.character(utils::packageVersion(name)), "")
  cat(
    cpu, ", ", parallel::detectCores(), " cores; BLAS ", basename(La_library()), "; ",
    R.version.string, "; ", paste(packages, versions, collapse = ", "), "\n", sep = ""
  )
}

# Half t with three degrees of freedom: the typical random part and the typical residual each have
# the standard deviation of y.
variance_prior <- function(y, x) {
  kappa <- sum(scale(x, scale = FALSE)^2) / (nrow(x) - 1)
  lmm_prior(
    random = prior_half_t(3, stats::sd(y) / sqrt(kappa)), residual = prior_half_t(3, stats::sd(y))
  )
}

fit_methods <- function(y, x) {
  prior <- variance_prior(y, x)
  list(
    REML = lmm(y ~ re(x)),
    Bayes = lmm(y ~ re(x), method = "Bayes"),
    "Bayes, half t" = lmm(y ~ re(x), method = "Bayes", prior = prior),
    "VB, half t" = lmm(y ~ re(x), method = "VB", prior = prior)
  )
}

# One row a method: coverage at both levels, width, squared error, pve, coverage of the rows' means
# (NA where these are not known); means over the new rows. Attribute "covered": list over the levels
# of logical matrices [rows x methods].
score_methods <- function(fits, y_new, new, mean_new = NA) {
  limits <- lapply(fits, function(fit) {
    lapply(levels, function(level) {
      predict(fit, new, interval = "prediction", level = level, allow.new.levels = TRUE)
    })
  })
  covered <- lapply(seq_along(levels), function(i) {
    vapply(limits, function(at) {
      at[[i]][, "lwr"] <= y_new & y_new <= at[[i]][, "upr"]
    }, logical(length(y_new)))
  })
  scores <- t(vapply(names(fits), function(name) {
    fit <- fits[[name]]
    wide <- limits[[name]][[2]]
    latent <- predict(fit, new, interval = "confidence", level = 0.95, allow.new.levels = TRUE)
    c(
      mean(covered[[1]][, name]), mean(covered[[2]][, name]), mean(wide[, "upr"] - wide[, "lwr"]),
      mean((wide[, "fit"] - y_new)^2), utils::tail(pve(fit)$estimate, 1),  # of all terms
      mean(latent[, "lwr"] <= mean_new & mean_new <= latent[, "upr"])
    )
  }, numeric(6)))
  structure(scores, covered = covered)
}

# Standard errors of coverage at both levels [methods x 2] when the same units (lines) are scored
# again and again: of a ratio of sums over units.
unit_errors <- function(scores, units) {
  vapply(seq_along(levels), function(i) {
    covered <- do.call(rbind, lapply(scores, function(one) attr(one, "covered")[[i]]))
    unit <- unlist(units)
    rate <- colMeans(covered)
    excess <- rowsum(covered - rep(rate, each = nrow(covered)), unit)
    sqrt(colSums(excess^2) * nrow(excess) / (nrow(excess) - 1)) / nrow(covered)
  }, numeric(nrow(scores[[1]])))
}

# scores: list over replicates of matrices [methods x 6]; units: their rows' lines, if any.
print_scores <- function(label, scores, units = NULL) {
  all <- simplify2array(scores)
  mean <- apply(all, c(1, 2), mean)
  error <- apply(all, c(1, 2), stats::sd) / sqrt(dim(all)[3])
  if (!is.null(units)) error[, 1:2] <- unit_errors(scores, units)
  latent <- ifelse(
    is.na(mean[, 6]), "", sprintf("%8.1f (%.1f)", 100 * mean[, 6], 100 * error[, 6])
  )
  cat(sprintf(
    "%-12s %-14s %6.1f (%.1f) %+6.1f %8.1f (%.1f) %+6.1f %8.3f %8.3f %6.3f %s\n", label,
    rownames(mean), 100 * mean[, 1], 100 * error[, 1], (mean[, 1] - 0.5) / error[, 1],
    100 * mean[, 2], 100 * error[, 2], (mean[, 2] - 0.95) / error[, 2], mean[, 3],
    sqrt(mean[, 4]), mean[, 5], latent
  ), sep = "")
}

print_header <- function(has_mean) {
  cat(sprintf(
    "%-12s %-14s %12s %6s %14s %6s %8s %8s %6s%s\n", "data", "method", "50% (s.e.)", "z",
    "95% (s.e.)", "z", "width95", "RMSE", "pve", if (has_mean) "    mean95 (s.e.)" else ""
  ))
}

# The same splits for every yield.
wheat_splits <- function(splits, held_out, yields) {
  wheat <- hdlmm::wheat
  set.seed(20262)
  out <- replicate(splits, sample(nrow(wheat), held_out), simplify = FALSE)
  cat(sprintf(
    "\nHeld-out wheat lines: %d random splits of %d lines, fitted on the other %d\n", splits,
    held_out, nrow(wheat) - held_out
  ))
  print_header(FALSE)
  every <- lapply(yields, function(yield) {
    y <- wheat[[yield]]
    scores <- lapply(out, function(at) {
      fits <- fit_methods(y[-at], wheat$markers[-at, ])
      score_methods(fits, y[at], list(x = wheat$markers[at, ]))
    })
    print_scores(yield, scores, out)
    scores
  })
  print_scores("all yields", do.call(c, every), rep(out, length(yields)))
  cat("kurtosis of REML residuals (normal: 3):", vapply(yields, function(yield) {
    e <- residuals(lmm(y ~ re(x), list(y = wheat[[yield]], x = wheat$markers)))
    sprintf("%.2f", mean((e - mean(e))^4) / mean((e - mean(e))^2)^2)
  }, ""), "\n")
}

# The same markers with responses that do follow the model, at the REML estimates of yield2: what
# is off above and not here is off in the data.
drawn_wheat <- function(replicates, held_out) {
  wheat <- hdlmm::wheat
  x <- wheat$markers
  variances <- varcomp(lmm(wheat$yield2 ~ re(x)))
  set.seed(20264)
  cat(sprintf(
    "\nWheat markers, yield drawn from the model %d times, %d lines held out\n", replicates,
    held_out
  ))
  print_header(TRUE)
  scores <- replicate(replicates, simplify = FALSE, {
    mean <- drop(x %*% rnorm(ncol(x), 0, sqrt(variances[["x"]])))
    y <- mean + rnorm(nrow(x), 0, sqrt(variances[["Residual"]]))
    at <- sample(nrow(x), held_out)
    score_methods(fit_methods(y[-at], x[-at, ]), y[at], list(x = x[at, ]), mean[at])
  })
  print_scores("drawn yield", scores)
}

simulated_coverage <- function(replicates, n, p, new_rows, shares) {
  set.seed(20263)
  cat(sprintf(
    "\nSimulation: n = %d, p = %d, %d replicates, %d new rows each; X, beta, e drawn anew\n", n, p,
    replicates, new_rows
  ))
  print_header(TRUE)
  for (h in shares) {
    scores <- replicate(replicates, simplify = FALSE, {
      x <- matrix(rnorm((n + new_rows) * p), n + new_rows)
      mean <- drop(x %*% rnorm(p, 0, sqrt(h / p)))
      y <- mean + rnorm(n + new_rows, 0, sqrt(1 - h))
      new <- n + seq_len(new_rows)
      score_methods(fit_methods(y[-new], x[-new, ]), y[new], list(x = x[new, ]), mean[new])
    })
    print_scores(sprintf("pve %.2f", h), scores)
  }
}

# Methods for several terms; quadrature where there are two of one variance.
fit_terms <- function(formula, data, prior, has_quadrature) {
  control <- lmm_control(draws = 500, warmup = 200, chains = 2, seed = 1)
  bayes <- function(algorithm) {
    lmm(formula, data, method = "Bayes", algorithm = algorithm, prior = prior, control = control)
  }
  c(
    list(REML = lmm(formula, data), MAP = lmm(formula, data, method = "MAP", prior = prior)),
    if (has_quadrature) list(Bayes = bayes("quadrature")),
    list(Gibbs = bayes("gibbs"), VB = lmm(formula, data, method = "VB", prior = prior))
  )
}

# draw(rows): data frame with y and mean, whose random effects are drawn anew; rows of levels that
# the fit does not know are among the last ones.
terms_coverage <- function(label, formula, replicates, n, new_rows, draw, prior, has_quadrature) {
  scores <- replicate(replicates, simplify = FALSE, {
    d <- draw(n + new_rows)
    new <- n + seq_len(new_rows)
    fits <- suppressWarnings(fit_terms(formula, d[-new, ], prior, has_quadrature))
    score_methods(fits, d$y[new], d[new, ], d$mean[new])
  })
  print_scores(label, scores)
}

# Variances from the priors, so that Bayes and Gibbs cover what they say.
simulated_terms <- function(replicates) {
  set.seed(20265)
  n <- 60
  new_rows <- 10
  half_t <- function(scale) abs(scale * rt(1, 3))
  cat(sprintf(
    "\nSeveral terms, variances from half t priors: n = %d, %d replicates, %d new rows each\n",
    n, replicates, new_rows
  ))
  print_header(TRUE)
  # the last two rows have a group of their own
  groups <- function(rows, count) {
    factor(c(sample(count, rows - 2, TRUE), count + 1, count + 1), levels = seq_len(count + 1))
  }
  wide <- prior_half_t(3, 0.1)
  one <- prior_half_t(3, 1)
  terms_coverage(
    "re(X)+(1|g)", y ~ re(X) + (1 | g), replicates, n, new_rows, function(rows) {
      d <- data.frame(g = groups(rows, 8))
      d$X <- matrix(rnorm(rows * 100), rows)
      d$mean <- drop(d$X %*% rnorm(100, 0, half_t(0.1))) + rnorm(9, 0, half_t(1))[d$g]
      d$y <- d$mean + rnorm(rows, 0, half_t(1))
      d
    }, lmm_prior(random = list(X = wide, g = one), residual = one), TRUE
  )
  terms_coverage(
    "(x|g)+(1|h)", y ~ x + (x | g) + (1 | h), replicates, n, new_rows, function(rows) {
      d <- data.frame(x = rnorm(rows), g = groups(rows, 8), h = factor(sample(5, rows, TRUE)))
      root <- chol(solve(rWishart(1, 4, diag(1 / rgamma(2, 0.5) / 6))[, , 1]))
      b <- matrix(rnorm(18), 9) %*% root
      d$mean <- d$x + b[d$g, 1] + b[d$g, 2] * d$x + rnorm(5, 0, half_t(1))[d$h]
      d$y <- d$mean + rnorm(rows, 0, half_t(1))
      d
    }, lmm_prior(random = list(g = prior_half_t(3, c(1, 1)), h = one), residual = one), FALSE
  )
}

describe_machine("hdlmm")
cat("z: coverage less level, in standard errors. width95: mean width of the 95 % interval.\n")
started <- proc.time()[["elapsed"]]
if (!only_terms) {
  wheat_splits(if (is_small) 2L else 10L, 120L, if (is_small) "yield1" else paste0("yield", 1:4))
  drawn_wheat(if (is_small) 3L else 40L, 120L)
  simulated_coverage(if (is_small) 10L else 300L, 100L, 300L, 10L, c(0.05, 0.3, 0.8))
}
simulated_terms(if (is_small) 10L else 200L)
cat(sprintf("\n%.0f s\n", proc.time()[["elapsed"]] - started))
