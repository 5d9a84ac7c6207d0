#' Leave-one-out prediction in closed form
#'
#' With the variances held, the prediction of `y_i` from the other rows and its variance are
#' `y_i - (P y)_i / P_ii` and `1 / P_ii`: no refit. Works for OLS fits too. For Bayes fits the
#' density of a row given the others is integrated over the posterior given the others,
#' `1 / E[1 / p(y_i | rest, variances)]`: exact for the quadrature, an average of the draws for the
#' Gibbs sampler.
#'
#' @param x a fit of [lmm()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return An object of class `c("hdlmm_loo", "loo")`: `table`, a data frame with one row per
#'   observation (`observed`, `prediction`, `variance`, `residual`, `log_density`), and the totals
#'   `elpd` (sum of log densities), `se_elpd`, `rmse`, `r2` (one minus the ratio of mean squared
#'   error to the variance of the response), and `estimates` and `pointwise` as the package loo
#'   has them (`p_loo` is `NA` for Bayes fits), so that `loo::loo_compare()` compares fits to the
#'   same rows. loo's generic of the same name finds this method too.
#' @section Errors: `hdlmm_exact_fit` when the residual variance is 0 and rows have no predictive
#'   density; `hdlmm_unsupported` when a row of a Bayes fit is so far from the others (a million
#'   times their spread) that the sum of squares without it is rounding.
#' @references Cook (1977). Detection of influential observation in linear regression.
#'   *Technometrics* 19, 15-18; Sundararajan and Keerthi (2001). Predictive approaches for
#'   choosing hyperparameters in Gaussian processes. *Neural Computation* 13, 1103-1118.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' loo(fit)
#' @export
loo <- function(x, ...) UseMethod("loo")

# Not called loo.default: loo::loo(), called from this namespace, would find it again.
#' @rawNamespace S3method(loo, default, loo_elsewhere)
loo_elsewhere <- function(x, ...) {
  if (!requireNamespace("loo", quietly = TRUE)) {
    bad_input("loo() has no method for ", describe(x), "; the package loo may have one.")
  }
  loo::loo(x, ...)
}

#' @rdname loo
#' @export
#' @rawNamespace if (getRversion() >= "3.6.0") S3method(loo::loo, hdlmm)
loo.hdlmm <- function(x, ...) {
  check_dots()
  new_loo(loo_rows(x))
}

# rows: loo_rows().
new_loo <- function(rows) {
  table <- rows$table
  y <- table$observed
  density <- table$log_density
  pointwise <- cbind(
    elpd_loo = density, p_loo = value_or(rows$effective, rep(NA_real_, length(y))),
    looic = -2 * density
  )
  estimates <- loo_estimates(pointwise)
  structure(
    list(
      table = table, elpd = estimates["elpd_loo", "Estimate"],
      se_elpd = estimates["elpd_loo", "SE"], rmse = sqrt(mean(table$residual^2)),
      r2 = 1 - mean(table$residual^2) / mean((y - mean(y))^2), is_integrated = rows$is_integrated,
      estimates = estimates, pointwise = pointwise
    ),
    # what loo::loo_compare() holds against each other
    class = c("hdlmm_loo", "loo"), yhash = y
  )
}

# As loo has them: sums over the rows and their standard errors.
loo_estimates <- function(pointwise) {
  cbind(
    Estimate = colSums(pointwise),
    SE = sqrt(nrow(pointwise) * apply(pointwise, 2, stats::var))
  )
}

held_loo <- function(fit) {
  projection_loo_table(row_projection(fit), as.double(fit$frame[[1]]), rownames(fit$frame))
}

# p: list(py, diagonal), P y and diag(P).
projection_loo_table <- function(p, y, names) {
  residual <- p$py / p$diagonal
  variance <- 1 / p$diagonal
  stop_without_density(residual, variance)
  density <- stats::dnorm(residual, 0, sqrt(variance), log = TRUE)
  loo_table(y, names, residual, variance, density)
}

# Effective numbers of parameters by row: log density given all rows less that given the others,
# the variances held.
effective_rows <- function(fit, table) {
  noise <- fit$variances[["Residual"]] / value_or(fit$weights, 1)
  leverage <- 1 - noise / table$variance
  given <- noise * table$residual / table$variance
  stats::dnorm(given, 0, sqrt(noise * (1 + leverage)), log = TRUE) - table$log_density
}

stop_without_density <- function(residual, variance) {
  if (any(!is.finite(residual)) || any(!(variance > 0 & variance < Inf))) {
    abort("exact_fit", "rows that are fitted exactly have no leave-one-out density.")
  }
}

loo_table <- function(y, names, residual, variance, density) {
  data.frame(
    observed = y, prediction = y - residual, variance = variance, residual = residual,
    log_density = density, row.names = names
  )
}

#' @export
print.hdlmm_loo <- function(x, digits = 4, ...) {
  check_dots(print_settings)
  how <- if (x$is_integrated) "averaged over the posterior" else "variances held"
  cat("Leave-one-out prediction of", nrow(x$table), "rows,", how, "\n")
  cat(
    "  expected log predictive density ", format(x$elpd, digits = digits), "  (s.e. ",
    format(x$se_elpd, digits = digits), ")\n",
    "  root mean squared error ", format(x$rmse, digits = digits), "\n",
    "  predictive R squared ", format(x$r2, digits = digits), "\n", sep = ""
  )
  invisible(x)
}

#' Leverages
#'
#' @param model a fit of [lmm()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return Named numeric n-vector: derivatives of the conditional fitted values by the response,
#'   `1 - sigma_e^2 P_ii / w_i`. Their sum is the effective number of parameters.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' sum(hatvalues(fit))
#' @importFrom stats hatvalues
#' @export
hatvalues.hdlmm <- function(model, ...) {
  check_dots()
  stats::naresid(model$na_action, row_named(leverages(model), model))
}
