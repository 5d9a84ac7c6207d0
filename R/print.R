# Printed output: the model in words, then numbers.

#' @export
print.hdlmm <- function(x, digits = max(3, getOption("digits") - 3), ...) {
  check_dots(print_settings)
  cat_lines(describe_model(x))
  cat("\n")
  print_variances(x, digits)
  cat(if (has_posterior(x)) "\nFixed effects (posterior means):\n" else "\nFixed effects:\n")
  if (length(x$fixed$estimate) > 0) {
    print(x$fixed$estimate, digits = digits)
  } else {
    cat("  none\n")
  }
  print_remarks(x)
  invisible(x)
}

cat_lines <- function(lines) {
  is_long <- nchar(lines, "width") >= 0.9 * getOption("width")
  if (any(is_long)) lines <- strwrap(lines, exdent = 2)
  cat(paste0(lines, "\n"), sep = "")
}

describe_model <- function(x) {
  title <- if (has_random(x)) "Linear mixed model" else "Linear model"
  c(
    paste0(title, ", ", fit_words(x)$method),
    paste0("Formula: ", short_text(x$formula)),
    describe_sizes(x), describe_dropped(x), describe_approximation(x)
  )
}

describe_sizes <- function(x) {
  aliased <- length(x$fixed$aliased)
  out <- paste0(
    counted(x$dims$n, "row"), ", ", counted(x$dims$n_fixed, "fixed effect"),
    if (aliased > 0) paste0(" (", aliased, " more aliased)")
  )
  for (design in x$designs) out <- paste0(out, ", ", describe_design(design))
  if (!is.null(x$weights)) out <- paste0(out, ", weighted")
  out
}

describe_dropped <- function(x) {
  dropped <- x$dropped
  parts <- c(
    if (dropped$missing > 0) paste(dropped$missing, "by missing values"),
    if (dropped$zero_weight > 0) paste(dropped$zero_weight, "by weight zero")
  )
  left_out <- x$dims$n_total - x$dims$n - dropped$missing - dropped$zero_weight
  if (left_out > 0) parts <- c(parts, paste(left_out, "by subset"))
  if (length(parts) == 0) return(NULL)
  paste0("Rows dropped: ", paste(parts, collapse = ", "))
}

print_variances <- function(x, digits, table = VarCorr.hdlmm(x)) {
  if (!has_random(x)) {
    cat(
      "Residual standard deviation: ", format(sigma.hdlmm(x), digits = digits), " on ",
      counted(df.residual.hdlmm(x), "degree"), " of freedom\n", sep = ""
    )
    return(invisible())
  }
  what <- if (has_posterior(x)) " (posterior mean and standard deviation)"
  cat("Variances", what, ":\n", sep = "")
  print(table, digits = digits)
}

remarks <- function(x) {
  label <- if (has_random(x)) backtick(x$designs[[1]]$label)
  criterion <- fit_words(x)$criterion
  c(
    switch(x$boundary,
      random = if (has_random(x)) paste0(
        "The estimate lies on the boundary: the variance of ", label, " is exactly 0."
      ),
      residual = paste0(
        "The estimate lies on the boundary: the residual variance is exactly 0, ", label,
        " and the fixed effects explain every row."
      ),
      exact = "The response is explained exactly by the fixed part: all variances are 0."
    ),
    if (x$is_unbounded) paste0(
      "The ", criterion, " is unbounded as the residual variance tends to 0",
      if (x$boundary == "none") "; this is its interior mode." else "."
    ),
    if (!is.null(x$modes) && nrow(x$modes) > 1) paste0(
      "The ", criterion, " has ", nrow(x$modes), " modes, at pve = ",
      enumerate(shown_share(x$modes$pve), Inf), "; the first is the highest."
    ),
    if (!x$is_converged) paste0("Not converged: ", x$reason, "."),
    if (x$fixed$condition > 1e7) paste0(
      "The fixed effects are nearly collinear: condition number ",
      format(x$fixed$condition, digits = 2), "."
    ),
    if (length(x$notes)) paste0(capitalise(x$notes), ".")
  )
}

# A share that is exactly 0 or 1 reads so.
shown_share <- function(x) ifelse(x %in% c(0, 1), x, formatC(x, digits = 3, format = "g"))

capitalise <- function(x) paste0(toupper(substr(x, 1, 1)), substring(x, 2))

print_remarks <- function(x) {
  lines <- remarks(x)
  if (length(lines) > 0) {
    cat("\n")
    cat_lines(lines)
  }
}

#' Summary of a fit
#'
#' @param object a fit of [lmm()].
#' @param level level of the interval of pve.
#' @param x an object of class `"summary.hdlmm"`.
#' @param digits significant digits.
#' @param signif.stars passed to [stats::printCoefmat()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A list of class `"summary.hdlmm"`: `fit`, `coefficients` (matrix: estimate, standard
#'   error, Satterthwaite degrees of freedom, t value, p-value), `varcor` (see [VarCorr()]),
#'   `pve` (see [pve()]), `residuals` (quantiles of the scaled residuals), `logLik`, `AIC`, `BIC`
#'   (`NA` for MAP, VB and Bayes; see [logLik()][logLik.hdlmm]), `sigma`.
#' @examples
#' summary(lmm(height ~ age + (1 | Subject), data = nlme::Oxboys))
#' @export
summary.hdlmm <- function(object, level = 0.95, ...) {
  check_dots()
  exact <- object$boundary == "exact"
  log_lik <- logLik.hdlmm(object)
  sigma <- sigma.hdlmm(object)
  out <- list(
    fit = object, coefficients = fixed_table(object),
    limits = if (!at_maximum(object)) fixed_limits(object, level), varcor = VarCorr.hdlmm(object),
    pve = pve.hdlmm(object, level), level = level,
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
  cat(
    "\n", capitalise(words$loglik), format(as.numeric(x$logLik), digits = digits + 2),
    if (at_maximum(fit)) {
      paste0(
        ", AIC ", format(x$AIC, digits = digits + 2), ", BIC ", format(x$BIC, digits = digits + 2)
      )
    }, "\n", sep = ""
  )
  if (!is.null(x$residuals)) {
    cat("\nScaled residuals:\n")
    print(stats::setNames(x$residuals, c("Min", "1Q", "Median", "3Q", "Max")), digits = digits)
  }
  cat("\n")
  print_variances(fit, digits, x$varcor)
  error <- if (has_posterior(fit)) "s.d." else "s.e."
  print_pve(x$pve, x$level, digits, list(interval = words$interval, error = error))
  cat("\nFixed effects (", words$fixed, "):\n", sep = "")
  if (nrow(x$coefficients) == 0) {
    cat("  none\n")
  } else if (at_maximum(fit)) {
    print_fixed(x$coefficients, digits, signif.stars)
  } else {
    table <- cbind(x$coefficients[, 1:2, drop = FALSE], x$limits)
    if (has_posterior(fit)) colnames(table)[1:2] <- c("Mean", "SD")
    print(table, digits = digits)
  }
  print_evidence(fit, digits)
  print_remarks(fit)
  invisible(x)
}

fixed_limits <- function(fit, level) {
  confint.hdlmm(fit, which(parameter_kinds(fit) == "fixed"), level, "wald")
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
      "Proportion of variance explained by ", table$term[i], ": ",
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
