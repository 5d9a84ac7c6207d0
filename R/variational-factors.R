# Factors of the variances under q: inverse gammas, and pve as their ratio.

# Mean and standard deviation of an inverse gamma: NA and infinite where they do not exist.
factor_mean <- function(factor) {
  if (factor$shape > 1) factor$scale / (factor$shape - 1) else NA_real_
}

factor_sd <- function(factor) {
  if (factor$shape <= 2) return(if (factor$shape > 1) Inf else NA_real_)
  factor$scale / (factor$shape - 1) / sqrt(factor$shape - 2)
}

factor_quantile <- function(factor, p) {
  factor$scale / stats::qgamma(p, factor$shape, lower.tail = FALSE)
}

# Quantiles of pve: under q the ratio of both variances is that of two gammas, an F.
factor_share <- function(factors, kappa, p) {
  a <- factors$random
  b <- factors$residual
  ratio <- stats::qf(p, 2 * b$shape, 2 * a$shape) * (a$scale / a$shape) / (b$scale / b$shape)
  stats::plogis(log(unname(kappa)) + log(ratio))
}
