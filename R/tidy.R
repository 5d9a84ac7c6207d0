# Tables for the generics of the package generics, with the columns of broom.mixed.

#' Fits as tidy tables
#'
#' Methods for [generics::tidy()], [generics::glance()] and [generics::augment()] (which
#' broom and broom.mixed re-export), found as soon as the package generics is loaded.
#' Columns are named as in broom.mixed.
#'
#' Random terms: `group` is the label of the term. The standard deviation of the effects
#' is the term `sd__(Intercept)` for grouping factors and kernels and `sd__coefficient`
#' for designs of columns; that of the residuals is `sd__Observation` of the group
#' `Residual`. `"ran_vals"` gives one row per predicted effect, `level` naming it; it is
#' not among the default effects because there may be a million of them.
#'
#' @param x a fit of [lmm()].
#' @param effects any of `"fixed"`, `"ran_pars"` (standard deviations) and `"ran_vals"`
#'   (predicted random effects).
#' @param conf.int `TRUE` adds `conf.low` and `conf.high`.
#' @param conf.level their level, in (0, 1).
#' @param conf.method for fixed effects and standard deviations, `"wald"` (when missing: what a
#'   fit without Wald limits has, as [confint()][confint.hdlmm] tells), `"profile"` or
#'   `"boot"`; see [confint()][confint.hdlmm]. Limits of random effects are normal, from
#'   their prediction error standard deviations.
#' @param data for `augment()`: a data frame with the fitted rows, or with all the rows
#'   that `lmm()` saw; of these the fitted ones are kept (all of them under `na.exclude`).
#' @param newdata a data frame of new rows, as for [predict()][predict.hdlmm].
#' @param se_fit `TRUE` adds `.se.fit`, the standard error of the conditional mean.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return Data frames, of class `tbl_df` when the package tibble is installed.
#'
#'   `tidy()`: `effect`, `group`, `level` (only with `"ran_vals"`), `term`, `estimate`,
#'   `std.error`, `statistic`, `df` (Satterthwaite's), `p.value`, and the limits when
#'   asked.
#'
#'   `glance()`: one row with `nobs`, `sigma`, `logLik`, `AIC`, `BIC`, `REMLcrit` (minus
#'   twice the restricted log-likelihood; `NA` unless the fit is REML), `deviance` (`NA`
#'   for REML), `df.residual`, `pve` (the sum over random terms; 0 without any). For MAP, VB
#'   and Bayes fits, whose estimates do not maximise a likelihood, `logLik`, `AIC`, `BIC` and
#'   `deviance` are `NA`, and a column more has what they do have: `log_posterior` (the maximum,
#'   up to a constant), `elbo`, or `log_evidence` (`NA` under an improper prior).
#'
#'   `augment()`: the data with `.fitted` (conditional mean), `.fixed` (fixed part),
#'   `.resid` (response residual; for new rows if the response can be evaluated in them),
#'   `.hat` (leverage; not for new rows) and `.se.fit` on request. Row names that are not
#'   numbers become the column `.rownames`.
#' @section Errors: `hdlmm_bad_input`.
#' @examplesIf requireNamespace("generics", quietly = TRUE)
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' generics::tidy(fit, conf.int = TRUE)
#' generics::glance(fit)
#' head(generics::augment(fit))
#' @name hdlmm-tidy
NULL

tidy_effects <- c("fixed", "ran_pars", "ran_vals")

#' @rdname hdlmm-tidy
#' @method tidy hdlmm
#' @exportS3Method generics::tidy hdlmm
tidy.hdlmm <- function(x, effects = c("fixed", "ran_pars"), conf.int = FALSE,
                       conf.level = 0.95, conf.method = c("wald", "profile", "boot"),
                       ...) {
  check_dots(list(exponentiate = FALSE, parametric = NULL))
  if (length(effects) == 0) bad_input("`effects` is empty.")
  for (effect in effects) check_choice(effect, tidy_effects, "effects")
  check_flag(conf.int, "conf.int")
  check_level(conf.level)
  is_asked <- !missing(conf.method)
  method <- check_choice(conf.method, c("wald", "profile", "boot"), "conf.method")
  verbs <- list(fixed = tidy_fixed, ran_pars = tidy_deviations, ran_vals = tidy_predicted)
  limits <- if (conf.int) list(level = conf.level, method = if (is_asked) method)
  verbs <- verbs[intersect(tidy_effects, effects)]
  out <- do.call(rbind, lapply(unname(verbs), function(verb) verb(x, limits)))
  if (!"ran_vals" %in% effects) out$level <- NULL
  as_tibble_if_there(out)
}

# One shape for all rows, so that any selection of effects binds.
tidy_rows <- function(effect, group, term, estimate, std.error, level = NA_character_,
                      statistic = NA_real_, df = NA_real_, p.value = NA_real_,
                      limits = NULL) {
  n <- length(estimate)
  out <- data.frame(
    effect = rep(effect, n), group = rep_len(group, n), level = rep_len(level, n),
    term = rep_len(term, n), estimate = unname(estimate), std.error = unname(std.error),
    statistic = rep_len(unname(statistic), n), df = rep_len(unname(df), n),
    p.value = rep_len(unname(p.value), n), row.names = NULL
  )
  if (is.null(limits)) return(out)
  cbind(out, data.frame(conf.low = unname(limits[, 1]), conf.high = unname(limits[, 2])))
}

tidy_fixed <- function(fit, limits) {
  table <- fixed_table(fit)
  tidy_rows(
    "fixed", NA_character_, rownames(table), table[, "Estimate"], table[, "Std. Error"],
    statistic = table[, "t value"], df = table[, "df"], p.value = table[, "Pr(>|t|)"],
    limits = tidy_limits(fit, "fixed", limits)
  )
}

# Standard deviations and correlations: standard errors by the delta method, limits of standard
# deviations as roots.
tidy_deviations <- function(fit, limits) {
  rows <- variance_rows(fit)
  is_correlation <- !is.na(rows$var2)
  bounds <- if (!is.null(limits)) {
    at <- length(fit$fixed$estimate) + match(rows$parameter, names(variance_kinds(fit)))
    out <- limits_at(fit, at, limits)
    out[!is_correlation, ] <- sqrt(out[!is_correlation, ])
    out
  }
  tidy_rows(
    "ran_pars", rows$grp,
    ifelse(
      is_correlation, paste0("cor__", rows$coefficient, ".", rows$var2),
      paste0("sd__", rows$coefficient)
    ),
    rows$sdcor, rows$se_sdcor, limits = bounds
  )
}

tidy_predicted <- function(fit, limits) {
  effects <- ranef.hdlmm(fit, se = TRUE)
  se <- attr(effects, "se")
  table <- function(group, term, value, se, level) {
    half <- if (!is.null(limits)) stats::qnorm((1 + limits$level) / 2) * se
    bounds <- if (!is.null(limits)) cbind(value - half, value + half)
    tidy_rows("ran_vals", group, term, value, se, level = level, limits = bounds)
  }
  none <- table(character(), character(), numeric(), numeric(), character())
  rows <- lapply(unname(fit$designs), function(design) {
    label <- design$label
    value <- as.matrix(effects[[label]])
    term <- rep(block_names(design), each = nrow(value))
    table(label, term, c(value), c(as.matrix(se[[label]])), rep(rownames(value), ncol(value)))
  })
  do.call(rbind, c(list(none), rows))
}

# Limits of the parameters of one kind, by position: labels of terms may repeat fixed
# effects.
tidy_limits <- function(fit, kind, limits) {
  if (is.null(limits)) return(NULL)
  at <- which(parameter_kinds(fit) == kind)
  if (length(at) == 0) return(matrix(0, 0, 2))
  limits_at(fit, unname(at), limits)
}

limits_at <- function(fit, at, limits) {
  if (is.null(limits$method)) return(limits_by_default(fit, at, limits$level, "wald"))
  confint.hdlmm(fit, at, limits$level, limits$method)
}

as_tibble_if_there <- function(x) {
  rownames(x) <- NULL
  if (requireNamespace("tibble", quietly = TRUE)) tibble::as_tibble(x) else x
}

#' @rdname hdlmm-tidy
#' @method glance hdlmm
#' @exportS3Method generics::glance hdlmm
glance.hdlmm <- function(x, ...) {
  check_dots()
  log_lik <- logLik.hdlmm(x)
  if (!at_maximum(x)) log_lik[] <- NA_real_
  is_reml <- is_restricted(x$uncertainty)
  out <- data.frame(
    nobs = x$dims$n, sigma = sigma.hdlmm(x), logLik = as.numeric(log_lik),
    AIC = stats::AIC(log_lik), BIC = stats::BIC(log_lik),
    REMLcrit = if (is_reml) -2 * as.numeric(log_lik) else NA_real_,
    deviance = tryCatch(deviance.hdlmm(x), hdlmm_undefined = function(e) NA_real_),
    df.residual = df.residual.hdlmm(x), pve = sum(x$pve)
  )
  own <- own_criterion(x)
  as_tibble_if_there(if (is.null(own)) out else cbind(out, own))
}

#' @rdname hdlmm-tidy
#' @method augment hdlmm
#' @exportS3Method generics::augment hdlmm
augment.hdlmm <- function(x, data = stats::model.frame(x), newdata = NULL, se_fit = FALSE,
                          ...) {
  check_dots()
  check_flag(se_fit, "se_fit")
  if (is.null(newdata)) return(augment_fitted(x, data, se_fit))
  if (!is.data.frame(newdata)) {
    bad_input("`newdata` must be a data frame; found ", describe(newdata), ".")
  }
  columns <- list(
    .fitted = predict.hdlmm(x, newdata),
    .fixed = predict.hdlmm(x, newdata, random = FALSE)
  )
  response <- new_response(x, newdata)
  if (!is.null(response)) columns$.resid <- response - columns$.fitted
  if (se_fit) columns$.se.fit <- predict.hdlmm(x, newdata, se.fit = TRUE)$se.fit
  bind_columns(newdata, columns)
}

augment_fitted <- function(fit, data, se_fit) {
  if (!is.data.frame(data)) {
    bad_input("`data` must be a data frame; found ", describe(data), ".")
  }
  points <- fitted_points(fit)
  columns <- list(
    .fitted = fit$fitted, .fixed = fixed_mean(fit, points), .resid = fit$residuals,
    .hat = unpadded_hat(fit)
  )
  if (se_fit) columns$.se.fit <- sqrt(mean_variance(fit, points, has_random(fit)))
  if (nrow(data) == fit$dims$n) return(bind_columns(data, columns))
  if (nrow(data) != fit$dims$n_total) {
    bad_input(
      "`data` has ", counted(nrow(data), "row"), "; expected the ", fit$dims$n,
      " fitted ones, or all ", fit$dims$n_total, "."
    )
  }
  rows <- value_or(fit$rows, seq_len(fit$dims$n_total))
  if (!inherits(fit$na_action, "exclude")) {
    return(bind_columns(data[rows, , drop = FALSE], columns))
  }
  bind_columns(data, lapply(columns, function(column) {
    replace(rep(NA_real_, nrow(data)), rows, column)
  }))
}

unpadded_hat <- function(fit) {
  fit$na_action <- NULL
  hatvalues.hdlmm(fit)
}

# The response in new rows, NULL when they do not bring it.
new_response <- function(fit, newdata) {
  response <- fit$formula[[2]]
  if (!all(all.vars(response) %in% names(newdata))) return(NULL)
  as.double(eval(response, newdata, written_in(fit)))
}

bind_columns <- function(data, columns) {
  names <- attr(data, "row.names")
  taken <- intersect(names(columns), names(data))
  if (length(taken) > 0) {
    bad_input("the data already have ", enumerate(backtick(taken)), ".")
  }
  attr(data, "terms") <- NULL
  if (is.character(names) && !".rownames" %in% names(data)) {
    data <- cbind(data.frame(.rownames = names), data)
  }
  for (name in names(columns)) data[[name]] <- unname(columns[[name]])
  as_tibble_if_there(data)
}
