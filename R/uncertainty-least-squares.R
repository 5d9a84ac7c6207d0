# Ordinary least squares: no random effects, and t-tests that are exact.

#' @exportS3Method
at_maximum.least_squares <- function(fit) TRUE

#' @exportS3Method
fit_words.least_squares <- function(fit) {
  utils::modifyList(NextMethod(), list(
    method = "ordinary least squares", criterion = "likelihood", objective = "log-likelihood",
    loglik = "log-likelihood ", fixed = "t-tests"
  ))
}

#' @exportS3Method
variance_df.least_squares <- function(fit) fit$dims$n - fit$dims$n_fixed

# Both are the same, and exact.
#' @exportS3Method
limit_methods.least_squares <- function(fit, kind) c("profile", "wald")

#' @exportS3Method
parameter_limits.least_squares <- function(fit, names, kind, level, method) {
  df <- variance_df(fit)
  if (kind == "fixed") return(t_limits(fit, names, level, df))
  tails <- c((1 + level) / 2, (1 - level) / 2)
  rbind(unname(fit$variances) * df / stats::qchisq(tails, df))
}

#' @exportS3Method
contrast_df.least_squares <- function(fit, contrast) variance_df(fit)

#' @exportS3Method
small_sample.least_squares <- function(fit, what) NULL

#' @exportS3Method
row_df.least_squares <- function(fit) variance_df(fit)

#' @exportS3Method
draw_sample.least_squares <- function(fit, draws, with_beta) sample_ols(fit, draws)

#' @exportS3Method
draw_latent.least_squares <- function(fit, rows, random, draws) {
  sample_latent(fit, rows, random, draws)
}

#' @exportS3Method
fit_deviance.least_squares <- function(fit) {
  sum(value_or(fit$weights, 1) * fit$residuals^2)
}
