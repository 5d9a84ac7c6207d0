#' Compare nested fits, and test fixed effects
#'
#' With one fit: an F test of every term of the fixed part, with Satterthwaite's or Kenward and
#' Roger's degrees of freedom. Neither type depends on how factors are coded or on the order of
#' their levels. Type III: a term given all others, main effects averaged over the levels of the
#' factors that they interact with (what sum-to-zero contrasts test; a covariate counts at 0; with
#' empty cells the hypotheses of SAS). Type II: a term given all others but those that contain it,
#' as in `car::Anova()`.
#'
#' With several fits: likelihood-ratio tests between consecutive ones. REML fits that differ in
#' their fixed part cannot be compared by their restricted likelihoods; such a comparison stops
#' unless `refit = TRUE` takes the maxima of the likelihood for the rows that the fits hold.
#' A random term that one of two fits lacks is tested on the boundary: 1/2 chi2_0 + 1/2 chi2_1
#' (see [test_random()] for the exact finite-sample test), k parameters of which one is a variance,
#' as (x | g) has them beside (1 | g), by 1/2 chi2_(k-1) + 1/2 chi2_k. Several variances at once,
#' with their covariances, have a mixture of chi2 whose weights depend on the information of the
#' null: 1e5 normal draws (1e4 with blocks of three or more coefficients) are projected onto the
#' cone of covariances, from one seed, so that the p-value is always the same. Where the random
#' terms of the one fit are not among those of the other, chi2_k bounds the p-value; the heading
#' says which.
#'
#' @param object a fit of [lmm()].
#' @param ... further fits of [lmm()] to the same rows.
#' @param refit `TRUE` refits REML fits with different fixed parts by ML.
#' @param ddf degrees of freedom of the tests of one fit, see [summary()][summary.hdlmm].
#' @param type `"III"` or `"II"` (or 3, 2) for the tests of one fit.
#' @return A data frame of class `"anova"`: of one fit with columns `Df`, `Den Df`, `F value` and
#'   `Pr(>F)`, one row for each term that the data determine; of several with `npar`, `AIC`, `BIC`,
#'   `logLik`, `Chisq`, `Df`, `Pr(>Chisq)`.
#' @references Stram and Lee (1994). Variance components testing in the longitudinal mixed effects
#'   model. *Biometrics* 50, 1171-1177. \doi{10.2307/2533455}; Self and Liang (1987). *J. Am. Stat.
#'   Assoc.* 82, 605-610. \doi{10.1080/01621459.1987.10478472}
#' @section Errors: `hdlmm_not_comparable`: different rows or responses, REML fits with different
#'   fixed parts.
#' @examples
#' null <- lmm(height ~ 1 + (1 | Subject), data = nlme::Oxboys, method = "ML")
#' full <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "ML")
#' anova(null, full)
#' anova(full)
#' @export
anova.hdlmm <- function(object, ..., refit = FALSE, type = c("III", "II"),
                        ddf = c("Satterthwaite", "Kenward-Roger")) {
  others <- check_fit_dots()
  check_flag(refit, "refit")
  require_likelihood(object, "anova()")
  if (length(others) > 0 && (!missing(type) || !missing(ddf))) {
    bad_input(
      "`type` and `ddf` are for the tests of one fit; several are compared by their likelihoods."
    )
  }
  type <- check_type(type)
  if (length(others) == 0) return(anova_terms(object, type, fixed_tests(object, ddf)))
  fits <- c(list(object), others)
  names <- vapply(as.list(match.call(expand.dots = FALSE))$..., deparse1, "")
  names <- c(deparse1(substitute(object)), names)
  for (i in seq_along(fits)) require_likelihood(check_fit(fits[[i]], names[i]), "anova()")
  fits <- comparable_fits(fits, refit)
  order <- order(vapply(fits, function(fit) attr(logLik.hdlmm(fit), "df"), 0))
  anova_table(fits[order], make.unique(names)[order])
}

check_type <- function(type) {
  at <- match(toupper(as.character(type[1])), c("III", "II", "3", "2"))
  if (length(at) == 0 || is.na(at)) {
    bad_input("`type` must be \"III\" or \"II\"; found ", describe(type), ".")
  }
  c("III", "II")[(at - 1) %% 2 + 1]
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
  is_reml <- vapply(fits, function(fit) is_restricted(fit$uncertainty), NA)
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
  if (!is_restricted(fit$uncertainty)) {
    fit$loglik <- likelihood_at_estimate(fit, "REML")
    fit$uncertainty$criterion <- "REML"
  }
  fit
}

anova_table <- function(fits, names) {
  log_lik <- lapply(fits, logLik.hdlmm)
  value <- vapply(log_lik, as.numeric, 0)
  df <- vapply(log_lik, attr, 0, "df")
  gain <- 2 * diff(value)
  gain[is.nan(gain)] <- NA  # of two fits that are exact
  statistic <- c(NA, pmax(0, gain))
  steps <- lapply(seq_along(fits)[-1], function(i) {
    step_tail(fits[[i - 1]], fits[[i]], statistic[i], df[i] - df[i - 1])
  })
  p <- c(NA, vapply(steps, `[[`, 0, "p"))
  table <- data.frame(
    npar = df, AIC = vapply(log_lik, stats::AIC, 0), BIC = vapply(log_lik, stats::BIC, 0),
    logLik = value, Chisq = statistic, Df = c(NA, diff(df)), `Pr(>Chisq)` = p, check.names = FALSE,
    row.names = names
  )
  formulas <- vapply(fits, function(fit) short_text(fit$formula), "")
  heading <- c(
    paste0(
      "Likelihood-ratio tests",
      if (is_restricted(fits[[1]]$uncertainty)) " (restricted likelihood)", "\n"
    ),
    paste0(names, ": ", formulas, "\n", collapse = ""),
    boundary_law(vapply(steps, `[[`, "", "law"))
  )
  structure(table, heading = paste(heading, collapse = ""), class = c("anova", "data.frame"))
}

# By which laws the steps of a table are tested, see step_tail().
boundary_law <- function(laws) {
  words <- c(
    half = "1/2 chi2(k - 1) + 1/2 chi2(k) for one variance",
    projected = paste(
      "a mixture of chi2 for several variances, its weights those of normal draws projected onto",
      "the cone of covariances"
    ),
    bound = "the tail of chi2(k), an upper bound of p, for variances and covariances"
  )
  used <- words[names(words) %in% laws]
  if (length(used) > 0) paste0("Tested on the boundary: ", paste(used, collapse = "; "), ".\n")
}

# Variances of a fit that may lie on a boundary.
count_deviations <- function(fit) sum(unlist(each_term(fit, coefficient_width)), 0)

# list(p, law): of a likelihood ratio of two fits, df parameters apart. One variance more that is 0
# under the null, with any number of other parameters, as (x | g) has them beside (1 | g): half and
# half (Stram & Lee 1994, Biometrics 50, 1171-1177). Of several the weights depend on the
# information of the null; where the terms of the one fit are not among those of the other, the
# tail of chi2(df) is a bound.
step_tail <- function(small, large, statistic, df) {
  tail <- function(df) {
    if (df == 0) as.numeric(statistic <= 0) else
      stats::pchisq(statistic, df, lower.tail = FALSE)
  }
  if (df <= 0 || is.na(statistic)) return(list(p = NA_real_, law = "none"))
  on_boundary <- count_deviations(large) - count_deviations(small)
  if (on_boundary <= 0) return(list(p = tail(df), law = "none"))
  if (on_boundary == 1) return(list(p = (tail(df - 1) + tail(df)) / 2, law = "half"))
  parts <- nested_parts(large, small)
  if (is.null(parts)) return(list(p = tail(df), law = "bound"))
  n_fixed <- df - (length(large$variances) - length(small$variances))
  list(p = boundary_tail(large, parts, statistic, n_fixed)$p, law = "projected")
}
