# Summary of a fit.

#' Summary of a fit
#'
#' @param object a fit of [lmm()].
#' @param level level of the interval of pve.
#' @param ddf degrees of freedom of the t-tests: `"Satterthwaite"`, with the covariance of the
#'   estimates given the variances; or `"Kenward-Roger"`, for REML fits of small samples, whose
#'   covariance and standard errors count that the variances are estimated (O(n^3) work and O(n^2)
#'   memory a variance; at a boundary all variances count as free). Both agree in large samples.
#' @param x an object of class `"summary.hdlmm"`.
#' @param digits significant digits.
#' @param signif.stars passed to [stats::printCoefmat()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A list of class `"summary.hdlmm"`: `fit`, `coefficients` (matrix: estimate, standard
#'   error, degrees of freedom, t value, p-value), `ddf`, `varcor` (see [VarCorr()]),
#'   `pve` (see [pve()]), `residuals` (quantiles of the scaled residuals), `logLik`, `AIC`, `BIC`
#'   (`NA` for MAP, VB and Bayes; see [logLik()][logLik.hdlmm]), `sigma`.
#' @references Satterthwaite (1946). *Biometrics Bulletin* 2, 110-114. \doi{10.2307/3002019};
#'   Kenward and Roger (1997). Small sample inference for fixed effects from restricted maximum
#'   likelihood. *Biometrics* 53, 983-997. \doi{10.2307/2533558}
#' @section Errors: `hdlmm_unsupported`: Kenward-Roger of a fit that is not by REML.
#' @examples
#' summary(lmm(height ~ age + (1 | Subject), data = nlme::Oxboys))
#' @export
summary.hdlmm <- function(object, level = 0.95, ddf = c("Satterthwaite", "Kenward-Roger"), ...) {
  check_dots()
  tests <- fixed_tests(object, ddf)
  exact <- is_exact_fit(object)
  log_lik <- logLik.hdlmm(object)
  sigma <- sigma.hdlmm(object)
  out <- list(
    fit = object, coefficients = fixed_table(object, tests), ddf = tests$name,
    limits = if (!at_maximum(object)) fixed_limits(object, level), varcor = VarCorr.hdlmm(object),
    pve = share_table(object, level, fit_words(object)$limits), level = level,
    residuals = if (!exact && isTRUE(sigma > 0)) residual_quartiles(object),
    # no maximum, no AIC: NA, as the df of such a log-likelihood
    logLik = log_lik, AIC = stats::AIC(log_lik), BIC = stats::BIC(log_lik), sigma = sigma
  )
  class(out) <- "summary.hdlmm"
  out
}

# As quantile() has them (its type 7), whose checks cost more than a few hundred residuals.
residual_quartiles <- function(fit) {
  r <- fitted_residuals(fit, "scaled")
  at <- 1 + (length(r) - 1) * c(`0%` = 0, `25%` = 0.25, `50%` = 0.5, `75%` = 0.75, `100%` = 1)
  below <- floor(at)
  low <- cpp_order_statistics(r, below)
  low + (at - below) * (cpp_order_statistics(r, ceiling(at)) - low)
}

#' @export
coef.summary.hdlmm <- function(object, ...) {
  check_dots()
  object$coefficients
}

#' @rdname summary.hdlmm
#' @export
print.summary.hdlmm <- function(x, digits = max(3, getOption("digits") - 3),
                                signif.stars = getOption("show.signif.stars"), ...) {
  check_dots(print_settings)
  fit <- x$fit
  cat_lines(describe_model(fit))
  words <- fit_words(fit)
  cat("\n", loglik_line(x, digits), "\n", sep = "")
  if (!is.null(x$residuals)) {
    cat("\nScaled residuals:\n")
    print(stats::setNames(x$residuals, quartile_names), digits = digits)
  }
  cat("\n")
  print_variances(fit, digits, x$varcor)
  error <- if (has_posterior(fit)) "s.d." else "s.e."
  print_pve(x$pve, x$level, digits, list(interval = words$interval, error = error))
  cat("\nFixed effects (", sub("%s", x$ddf, words$fixed, fixed = TRUE), "):\n", sep = "")
  if (nrow(x$coefficients) == 0) {
    cat("  none\n")
  } else if (at_maximum(fit)) {
    print_fixed(x$coefficients, digits, signif.stars)
  } else {
    print(shown_coefficients(x), digits = digits)
  }
  print_evidence(fit, digits)
  print_remarks(fit)
  invisible(x)
}

quartile_names <- c("Min", "1Q", "Median", "3Q", "Max")

loglik_line <- function(x, digits) {
  shown <- function(value) format(as.numeric(value), digits = digits + 2)
  paste0(
    capitalise(fit_words(x$fit)$loglik), shown(x$logLik),
    if (at_maximum(x$fit)) paste0(", AIC ", shown(x$AIC), ", BIC ", shown(x$BIC))
  )
}

# Tests at a maximum, else limits.
shown_coefficients <- function(x) {
  if (at_maximum(x$fit)) return(x$coefficients)
  table <- cbind(x$coefficients[, 1:2, drop = FALSE], x$limits)
  if (has_posterior(x$fit)) colnames(table)[1:2] <- c("Mean", "SD")
  table
}

fixed_limits <- function(fit, level) {
  limits_by_default(fit, which(parameter_kinds(fit) == "fixed"), level, "wald")
}

print_fixed <- function(table, digits, signif.stars) {
  table[, "df"] <- signif(table[, "df"], 4)
  stats::printCoefmat(
    table, digits = digits, signif.stars = signif.stars, cs.ind = 1:2, tst.ind = 4,
    P.values = TRUE, has.Pvalue = TRUE, na.print = "NA"
  )
}

print_pve <- function(table, level, digits, words) {
  for (i in seq_len(nrow(table))) {
    cat(
      "Proportion of variance explained ",
      if (nrow(table) > 1 && i == nrow(table)) "in total" else paste("by", table$term[i]), ": ",
      format(table$estimate[i], digits = digits),
      if (!is.na(table$se[i])) {
        paste0(" (", words$error, " ", format(table$se[i], digits = digits), ")")
      },
      if (!is.na(table$lower[i]) && !is.na(table$upper[i])) {
        paste0(
          ",\n  ", format(100 * level), "% ", words$interval, " interval ",
          format(table$lower[i], digits = digits), " to ", format(table$upper[i], digits = digits)
        )
      }, "\n", sep = ""
    )
  }
}
