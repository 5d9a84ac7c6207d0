#' Compare nested fits, and test fixed effects
#'
#' With one fit: an F test of every term of the fixed part, with Satterthwaite's degrees of
#' freedom (type III: each given all the others). With several: likelihood-ratio tests between
#' consecutive fits. REML fits that differ in their fixed part cannot be compared by their
#' restricted likelihoods; such a comparison stops unless `refit = TRUE` refits them by ML.
#' A random term that one of two fits lacks is tested on the boundary: 1/2 chi2_0 + 1/2 chi2_1
#' (see [test_random()] for the exact finite-sample test).
#'
#' @param object a fit of [lmm()].
#' @param ... further fits of [lmm()] to the same rows.
#' @param refit `TRUE` refits REML fits with different fixed parts by ML.
#' @return A data frame of class `"anova"`.
#' @section Errors: `hdlmm_not_comparable`: different rows or responses, REML fits with different
#'   fixed parts.
#' @examples
#' null <- lmm(height ~ 1 + (1 | Subject), data = nlme::Oxboys, method = "ML")
#' full <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "ML")
#' anova(null, full)
#' anova(full)
#' @export
anova.hdlmm <- function(object, ..., refit = FALSE) {
  others <- check_fit_dots()
  check_flag(refit, "refit")
  require_likelihood(object, "anova()")
  if (length(others) == 0) return(anova_terms(object))
  fits <- c(list(object), others)
  names <- vapply(as.list(match.call(expand.dots = FALSE))$..., deparse1, "")
  names <- c(deparse1(substitute(object)), names)
  for (i in seq_along(fits)) require_likelihood(check_fit(fits[[i]], names[i]), "anova()")
  fits <- comparable_fits(fits, refit)
  order <- order(vapply(fits, function(fit) attr(logLik.hdlmm(fit), "df"), 0))
  anova_table(fits[order], make.unique(names)[order])
}

comparable_fits <- function(fits, refit) {
  first <- fits[[1]]
  for (fit in fits[-1]) {
    if (fit$dims$n != first$dims$n) {
      abort(
        "not_comparable", "the fits use ", first$dims$n, " and ", fit$dims$n, " rows; ",
        "likelihoods of different data cannot be compared."
      )
    }
    if (!isTRUE(all.equal(as.double(fit$frame[[1]]), as.double(first$frame[[1]])))) {
      abort("not_comparable", "the fits have different responses.")
    }
  }
  is_reml <- vapply(fits, function(fit) fit$method == "REML", NA)
  if (!any(is_reml)) return(fits)
  same_fixed <- all(vapply(fits, function(fit) {
    identical(rownames(fit$fixed$vcov), rownames(first$fixed$vcov))
  }, NA))
  if (same_fixed) return(lapply(fits, on_reml_scale))
  if (!refit) {
    abort(
      "not_comparable", "REML fits with different fixed parts cannot be compared: their ",
      "restricted likelihoods are those of different data. Use refit = TRUE, or fit by ",
      "method = \"ML\"."
    )
  }
  lapply(fits, by_ml)
}

# Among REML fits, OLS stands for sigma_b^2 = 0 and is compared by its restricted likelihood.
on_reml_scale <- function(fit) {
  if (fit$method != "REML") {
    fit$loglik <- likelihood_at_estimate(fit, "REML")
    fit$method <- "REML"
  }
  fit
}

anova_table <- function(fits, names) {
  log_lik <- lapply(fits, logLik.hdlmm)
  value <- vapply(log_lik, as.numeric, 0)
  df <- vapply(log_lik, attr, 0, "df")
  random <- vapply(fits, function(fit) fit$dims$n_random, 0)
  statistic <- c(NA, pmax(0, 2 * diff(value)))
  steps <- c(NA, diff(df))
  p <- c(NA, vapply(seq_along(fits)[-1], function(i) {
    boundary_p_value(statistic[i], steps[i], random[i] - random[i - 1])
  }, 0))
  table <- data.frame(
    npar = df, AIC = vapply(log_lik, stats::AIC, 0), BIC = vapply(log_lik, stats::BIC, 0),
    logLik = value, Chisq = statistic, Df = steps, `Pr(>Chisq)` = p, check.names = FALSE,
    row.names = names
  )
  formulas <- vapply(fits, function(fit) short_text(fit$formula), "")
  heading <- c(
    paste0(
      "Likelihood-ratio tests", if (fits[[1]]$method == "REML") " (restricted likelihood)", "\n"
    ),
    paste0(names, ": ", formulas, "\n", collapse = ""),
    if (any(diff(random) != 0)) paste0(
      "A variance is tested on its boundary: 1/2 chi2(k - 1) + 1/2 chi2(k).\n"
    )
  )
  structure(table, heading = paste(heading, collapse = ""), class = c("anova", "data.frame"))
}

# k parameters, one of them a variance on the boundary under the null: the half-half mixture.
boundary_p_value <- function(statistic, df, n_variances) {
  if (df <= 0) return(NA_real_)
  upper <- stats::pchisq(statistic, df, lower.tail = FALSE)
  if (n_variances == 0) return(upper)
  lower <- if (df > 1) {
    stats::pchisq(statistic, df - 1, lower.tail = FALSE)
  } else {
    as.numeric(statistic <= 0)
  }
  (upper + lower) / 2
}

# F tests of each term by Fai & Cornelius (1996): Satterthwaite on the eigenvectors of L C L'.
anova_terms <- function(fit) {
  assign <- attr(model.matrix.hdlmm(fit), "assign")[fit$fixed$kept]
  labels <- attr(fit$terms, "term.labels")
  present <- intersect(seq_along(labels), assign)
  rows <- lapply(present, function(term) term_test(fit, which(assign == term)))
  table <- as.data.frame(do.call(rbind, rows))
  if (length(rows) == 0) table <- as.data.frame(matrix(numeric(), 0, 4))
  names(table) <- c("Df", "Den Df", "F value", "Pr(>F)")
  rownames(table) <- labels[present]
  structure(
    table, class = c("anova", "data.frame"),
    heading = paste0(
      "Type III tests of fixed effects",
      if (has_random(fit)) " (Satterthwaite's degrees of freedom)", "\n",
      "Response: ", deparse1(fit$formula[[2]])
    )
  )
}

term_test <- function(fit, at) {
  estimate <- fit$fixed$estimate[fit$fixed$kept]
  spectrum <- eigen(fit$fixed$vcov[at, at, drop = FALSE], symmetric = TRUE)
  q <- length(at)
  t2 <- drop(crossprod(spectrum$vectors, estimate[at]))^2 / spectrum$values
  df <- vapply(seq_len(q), function(k) {
    contrast <- rep(0, length(estimate))
    contrast[at] <- spectrum$vectors[, k]
    satterthwaite_df(fit, contrast)
  }, 0)
  usable <- sum((df / (df - 2))[which(df > 2)])
  denominator <- if (q == 1) df else if (usable > q) 2 * usable / (usable - q) else 0
  value <- sum(t2) / q
  p <- NA_real_
  if (isTRUE(denominator > 0)) p <- stats::pf(value, q, denominator, lower.tail = FALSE)
  c(q, denominator, value, p)
}
