#' Variance components and proportion of variance explained
#'
#' `varcomp()` gives the variances themselves; `VarCorr()` a table with standard errors and
#' shares. `pve()` is `kappa sigma_b^2 / (kappa sigma_b^2 + sigma_e^2)`, where `kappa` is the
#' expected sample variance of `X beta` per unit `sigma_b^2` in the fitted rows: heritability
#' when `X` holds genotypes, the intraclass correlation (nearly) for a grouping factor.
#'
#' The share and the intraclass correlation are two quantities. The intraclass correlation is
#' `sigma_g^2 / (sigma_g^2 + sigma_e^2)`, the correlation of two rows of one level: no property of
#' the rows at hand. The share counts how much of the variance among the fitted rows the term
#' explains on average, for which `kappa = n / (n - 1) (1 - sum_j n_j^2 / n^2)` with `n_j` rows in
#' level j: 1 for many small levels, and 1/2 for two levels of equal size, so that the share is then
#' well below the intraclass correlation. The latter is `performance::icc(fit)`, or from
#' `varcomp(fit)`; of a wide `X`, whose rows correlate each in its own way, there is only the share.
#'
#' Standard errors come from the expected information (of the restricted likelihood for REML
#' fits), with several random terms from the average information, the mean of the expected and the
#' observed one (in balanced data the three are the same); that of pve by the delta method. At a
#' boundary estimate the normal approximation has no
#' meaning and they are `NA`; the intervals of `pve()` do not use them. For fits by
#' `method = "Bayes"` standard errors are posterior standard deviations and intervals are credible
#' intervals with equal tails; for MAP they come from the curvature of the log posterior.
#'
#' @param x,fit a fit of [lmm()].
#' @param sigma required by the generic of nlme; must be 1.
#' @param level confidence level in (0, 1).
#' @param method `"profile"`: the profile likelihood; `"exact"`: the finite-sample interval that
#'   inverts the exact null distribution of the likelihood ratio at every value (simulated with
#'   `draws` data sets), which keeps its coverage at the boundaries; `"wald"`: normal on the logit
#'   scale, at once however large the data. When missing, the profile, or what the fit has in its
#'   place: credible limits of a posterior, Wald limits of a MAP fit with several terms. A method
#'   that the fit does not have is an error.
#' @param draws,seed simulations of the exact interval and their seed; the defaults are those of
#'   the fit's [lmm_control()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return `varcomp()`: named numeric, `sigma_k^2` of every random term, then `Residual`, in
#'   squared units of the response (per squared unit of a column); posterior means for Bayes fits,
#'   `NA` where the posterior has none.
#'   `VarCorr()`: a data frame of
#'   class `"VarCorr.hdlmm"` with columns `grp`, `var1`, `var2`, `vcov`, `sdcor`, `se`, `share`.
#'   `pve()`: a data frame with columns `term`, `estimate`, `se`, `lower`, `upper`; with several
#'   random terms a row each and one for their `total`. Of a block of correlated coefficients
#'   `varcomp()` has the lower triangle of the covariance matrix, named as `g.(Intercept)`,
#'   `g.x.(Intercept)` and `g.x`, and `VarCorr()` its correlations as `sdcor`.
#' @references Crainiceanu and Ruppert (2004). Likelihood ratio tests in linear mixed models with
#'   one variance component. *J. R. Stat. Soc. B* 66, 165-185.
#'   \doi{10.1111/j.1467-9868.2004.00438.x}
#' @concept heritability
#' @concept variance components
#' @concept intraclass correlation
#' @concept ICC
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' varcomp(fit)
#' VarCorr(fit)
#' pve(fit, level = 0.9)
#' @export
varcomp <- function(x, ...) UseMethod("varcomp")

#' @export
varcomp.default <- function(x, ...) check_fit(x, "x")

#' @rdname varcomp
#' @export
varcomp.hdlmm <- function(x, ...) {
  check_dots()
  x$variances
}

# Covariance matrix of the estimated variances from their information, NA where the estimate is on a
# boundary.
information_covariance <- function(fit) {
  names <- names(fit$variances)
  v <- unname(fit$variances)
  out <- matrix(NA_real_, length(v), length(v), dimnames = list(names, names))
  free <- free_variances(fit)
  if (length(free) > 0 && !is.null(fit$information)) {
    out[free, free] <- inverse_information(fit, free) * v[free] * rep(v[free], each = length(free))
  }
  out
}

# Covariance matrix of the log variances that are free: in closed form, as threads of an optimised
# BLAS cost a millisecond to wake for a 2 x 2 matrix. NA where they cannot be told apart.
inverse_information <- function(fit, free = free_variances(fit), information = fit$information) {
  information <- information[free, free, drop = FALSE]
  if (length(free) == 1) return(1 / information)
  size <- information[1, 1] * information[2, 2]
  determinant <- size - information[1, 2] * information[2, 1]
  # not a number where squares of variances leave the range of doubles
  if (!isTRUE(determinant > .Machine$double.eps * size)) return(matrix(NA_real_, 2, 2))
  matrix(c(information[2, 2], -information[2, 1], -information[1, 2], information[1, 1]), 2) /
    determinant
}

# Variances in the interior of the parameter space.
free_variances <- function(fit) {
  at <- seq_along(fit$variances)
  switch(fit$boundary, exact = integer(), random = at[length(at)], residual = at[1], at)
}

variance_se <- function(fit) {
  out <- sqrt(diagonal(variance_covariance(fit)))
  names(out) <- names(fit$variances)
  out
}

information_pve_se <- function(fit) {
  if (length(free_variances(fit)) < 2 || is.null(fit$information)) return(NA_real_)
  covariance <- inverse_information(fit)
  h <- fit$pve
  unname(h * (1 - h) * sqrt(max(0, covariance[1, 1] - 2 * covariance[1, 2] + covariance[2, 2])))
}

#' @rdname varcomp
#' @export
VarCorr.hdlmm <- function(x, sigma = 1, ...) {
  check_dots()
  if (!identical(as.double(sigma), 1)) bad_input("`sigma` must be 1; found ", describe(sigma), ".")
  out <- variance_rows(x)
  # of a block first the variances and then the covariances, as lme4 has them
  out <- out[order(match(out$grp, out$grp), !is.na(out$var2)), ]
  rownames(out) <- NULL
  sizes <- out$size
  total <- sum(sizes, na.rm = TRUE)
  out <- out[c("grp", "var1", "var2", "vcov", "sdcor", "se")]
  out$share <- if (total > 0) sizes / total else rep(NA_real_, length(sizes))
  attr(out, "is_posterior") <- has_posterior(x)
  class(out) <- c("VarCorr.hdlmm", "data.frame")
  out
}

# Of one random term at most: a row a variance.
one_variance_rows <- function(fit) {
  v <- fit$variances
  frame_of(list(
    grp = names(v), var1 = variance_term(fit), var2 = rep(NA_character_, length(v)),
    vcov = unname(v), sdcor = sqrt(unname(v)), se = unname(variance_se(fit)),
    se_sdcor = ifelse(v > 0, unname(variance_se(fit)) / (2 * sqrt(unname(v))), NA_real_),
    parameter = names(v), coefficient = c(vapply(unname(fit$designs), block_names, ""),
      "Observation"),
    size = unname(if (has_posterior(fit)) c(fit$pve, 1 - sum(fit$pve)) else v * c(fit$kappa, 1))
  ))
}

# What varies by level, as lme4 names it; NA for designs, kernels and the residual.
variance_term <- function(fit) {
  c(vapply(unname(fit$designs), level_coefficient, ""), NA_character_)
}

#' @export
print.VarCorr.hdlmm <- function(x, digits = max(3, getOption("digits") - 3), ...) {
  check_dots(print_settings)
  table <- printed_variances(x, digits)
  if (isTRUE(attr(x, "is_posterior"))) colnames(table)[3] <- "Post.SD"
  rownames(table) <- printed_names(x)
  print(table, quote = FALSE, right = TRUE)
  invisible(x)
}

printed_variances <- function(x, digits) {
  is_correlation <- !is.na(x$var2)
  is_deviation <- !is_correlation
  table <- cbind(
    Variance = format(x$vcov, digits = digits),
    `Std.Dev.` = format_or_dash(replace(x$sdcor, is_correlation, NA), digits),
    `Std.Error` = format_or_dash(x$se, digits)
  )
  if (any(is_correlation)) {
    correlation <- replace(x$sdcor, is_deviation, NA)
    table <- cbind(table, Corr = format_or_dash(correlation, min(digits, 3)))
  }
  cbind(table, Share = format_share(x$share))
}

# The label of a term, of a block with its coefficients.
printed_names <- function(x) {
  is_block <- x$grp %in% x$grp[duplicated(x$grp)]
  second <- ifelse(is.na(x$var2), "", paste0(", ", x$var2))
  ifelse(is_block, paste0(x$grp, " ", x$var1, second), x$grp)
}

format_or_dash <- function(x, digits) {
  out <- rep("-", length(x))
  out[!is.na(x)] <- format(x[!is.na(x)], digits = digits)
  out
}

format_share <- function(x) {
  ifelse(is.na(x), "-", paste0(formatC(100 * x, digits = 1, format = "f"), "%"))
}

wald_pve_limits <- function(fit, level) {
  kinds <- variance_kinds(fit)
  names <- names(kinds)[kinds == "pve"]
  parameter_limits(fit, names, "pve", level, limit_method(fit, "pve", "wald"))
}

#' @rdname varcomp
#' @export
pve <- function(fit, ...) UseMethod("pve")

#' @export
pve.default <- function(fit, ...) check_fit(fit, "fit")

#' @rdname varcomp
#' @export
pve.hdlmm <- function(fit, level = 0.95, method = c("profile", "exact", "wald"), draws = NULL,
                      seed = NULL, ...) {
  check_dots()
  check_level(level)
  is_asked <- !missing(method)
  method <- check_choice(method, c("profile", "exact", "wald"), "method")
  if (is_asked && method != "exact" && has_random(fit)) require_limits(fit, "pve", method)
  share_table(fit, level, method, draws, seed)
}

# Where `method` is none that the fit has, by what it has.
share_table <- function(fit, level, method, draws = NULL, seed = NULL) {
  if (!has_random(fit)) {
    return(data.frame(
      term = character(), estimate = numeric(), se = numeric(), lower = numeric(),
      upper = numeric()
    ))
  }
  limits <- switch(method,
    profile = pve_limits(fit, level), exact = exact_pve_limits(fit, level, draws, seed),
    wald = wald_pve_limits(fit, level)
  )
  limits <- matrix(limits, ncol = 2)
  estimate <- shares(fit)
  frame_of(list(
    term = names(estimate), estimate = unname(estimate), se = pve_se(fit), lower = limits[, 1],
    upper = limits[, 2]
  ))
}
