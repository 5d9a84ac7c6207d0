#' Draws from the posterior
#'
#' Joint draws of the variances, the fixed effects and, when asked, the random effects. The
#' variances come from the method: held at their estimates for REML, ML and MAP (and for VB with
#' estimated parameters), from their variational factors for VB under a prior, from their posterior
#' for Bayes, from `RSS / chi-square` for OLS. Given the variances, fixed and random effects come
#' from their exact joint conditional. For VB they come from the factors of q, where omega is held
#' too if it has none; such draws show what the approximation believes, not the posterior.
#'
#' @param fit a fit of [lmm()].
#' @param draws positive whole number.
#' @param seed `NULL` (R's generator goes on; then the control's seed, if any) or one whole number.
#' @param beta `TRUE` adds the random effects: a matrix of draws x p. O(n p) a draw.
#' @param digits significant digits.
#' @param row.names,optional as for [as.data.frame()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return `posterior_sample()`: a list of class `"hdlmm_sample"`: `omega` (draws x c), `variances`
#'   (draws x 2: random term, `Residual`), `pve` (draws), and `beta` (draws x p) when asked; in
#'   the user's units. `as.matrix()` and `as.data.frame()` bind the columns, where names of
#'   variances begin with `var_`, of covariances within a block with `cov_`.
#'   `posterior::as_draws()` and its like take it, or the fit itself: for a Gibbs fit the draws
#'   that the sampler kept, chain by chain.
#' @references Matheron's rule for conditional draws: Doucet (2010), *A note on efficient
#'   conditional simulation of Gaussian distributions*.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
#' s <- posterior_sample(fit, 200, seed = 1)
#' apply(s$variances, 2, quantile)
#' @export
posterior_sample <- function(fit, draws = 1000, seed = NULL, beta = FALSE, ...) {
  check_dots()
  check_fit(fit)
  check_number(draws, "draws", 1, 1e7, whole = TRUE)
  check_flag(beta, "beta")
  if (is_exact_fit(fit)) {
    abort("exact_fit", "the response is explained exactly: its posterior is a single point.")
  }
  require_draws_memory(max(fit$dims$n, if (beta) fit$dims$p), draws)
  with_seed(sampling_seed(fit, seed), draw_sample(fit, draws, beta))
}

# sigma_e^2 from RSS / chi-square, omega given it: the posterior under flat and Jeffreys priors.
sample_ols <- function(fit, draws) {
  fixed <- fit$fixed
  df <- fit$dims$n - fit$dims$n_fixed
  ratio <- df / cpp_chi_squares(draws, df)
  omega <- sample_matrix(fit, draws)
  if (length(fixed$kept) > 0) {
    change <- cpp_normals(draws, length(fixed$kept)) %*% covariance_root(fixed$vcov)
    omega[, fixed$kept] <- sweep(change * sqrt(ratio), 2, fixed$estimate[fixed$kept], `+`)
  }
  variances <- cbind(Residual = fit$variances[["Residual"]] * ratio)
  new_sample(omega, variances, rep(0, draws), NULL)
}

#' @rdname posterior_sample
#' @param x an object of class `"hdlmm_sample"`.
#' @export
as.matrix.hdlmm_sample <- function(x, ...) {
  check_dots()
  variances <- x$variances
  covariances <- sub("^cor[.]", "", colnames(x$correlations))
  colnames(variances) <- variance_labels(colnames(variances), covariances)
  out <- cbind(x$omega, variances)
  if (ncol(variances) > 1) out <- cbind(out, x$correlations, x$shares, pve = x$pve)
  cbind(out, x$beta)
}

#' @rdname posterior_sample
#' @export
as.data.frame.hdlmm_sample <- function(x, row.names = NULL, optional = FALSE, ...) {
  check_dots(list(stringsAsFactors = NULL))
  as.data.frame(as.matrix(x), row.names = row.names, optional = optional)
}

#' @rdname posterior_sample
#' @export
print.hdlmm_sample <- function(x, digits = 4, ...) {
  check_dots(print_settings)
  m <- cbind(
    x$omega, x$variances, x$correlations, x$shares,
    if (ncol(x$variances) > 1) cbind(pve = x$pve)
  )
  cat(nrow(m), "draws")
  if (!is.null(x$beta)) cat(" with", counted(ncol(x$beta), "random effect"))
  cat("\n")
  table <- cbind(
    mean = colMeans(m), sd = apply(m, 2, stats::sd),
    t(apply(m, 2, stats::quantile, c(0.025, 0.5, 0.975), na.rm = TRUE))
  )
  print(table, digits = digits)
  invisible(x)
}

# For the package posterior: the draws that the Gibbs sampler kept, with their chains; for other
# fits a posterior_sample().
#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws hdlmm
as_draws.hdlmm <- function(x, ...) as_draws_array.hdlmm(x, ...)

#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws_array hdlmm
as_draws_array.hdlmm <- function(x, draws = 1000, seed = NULL, ...) {
  check_dots()
  if (!is.null(x$draws)) return(posterior::as_draws_array(x$draws))
  as_draws_array.hdlmm_sample(posterior_sample(x, draws, seed))
}

#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws_matrix hdlmm
as_draws_matrix.hdlmm <- function(x, ...) {
  posterior::as_draws_matrix(as_draws_array.hdlmm(x, ...))
}

#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws_df hdlmm
as_draws_df.hdlmm <- function(x, ...) posterior::as_draws_df(as_draws_array.hdlmm(x, ...))

#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws hdlmm_sample
as_draws.hdlmm_sample <- function(x, ...) as_draws_matrix.hdlmm_sample(x, ...)

#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws_array hdlmm_sample
as_draws_array.hdlmm_sample <- function(x, ...) {
  posterior::as_draws_array(as_draws_matrix.hdlmm_sample(x, ...))
}

# Without fixed effects that are aliased.
#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws_matrix hdlmm_sample
as_draws_matrix.hdlmm_sample <- function(x, ...) {
  check_dots()
  m <- as.matrix.hdlmm_sample(x)
  posterior::as_draws_matrix(m[, !is.na(colSums(m)), drop = FALSE])
}

#' @rdname posterior_sample
#' @exportS3Method posterior::as_draws_df hdlmm_sample
as_draws_df.hdlmm_sample <- function(x, ...) {
  posterior::as_draws_df(as_draws_matrix.hdlmm_sample(x, ...))
}
