# insight's predictions, and what performance and parameters find for classes that they know by name
# alone.

#' Methods for performance, parameters and nlme
#'
#' **performance**: `r2()` is Nakagawa's, conditional and marginal, as for fits of lme4;
#' `model_performance()` has AIC and BIC of fits at a maximum of the likelihood alone.
#' **parameters**: `model_parameters()`, `ci()`, `p_value()` show the tests of
#' [summary()][summary.hdlmm] and the limits of [confint()][confint.hdlmm], by Wald's method unless
#' another is asked for.
#' **insight**: `get_predicted()`. **nlme**: `getData()`, `getVarCov()` of a fit with one grouping
#' factor (or `group =` of several), and `intervals()`, the limits of [confint()][confint.hdlmm].
#'
#' @param x,model,object,obj a fit of [lmm()].
#' @param data,newdata new rows; `NULL` for the fitted ones.
#' @param predict,include_random,ci,effects,metrics,verbose as in these packages;
#'   `model_parameters()` takes one `ci`, or `NULL` for none.
#' @param group label of a random term.
#' @param level level of the intervals.
#' @param method,ci_method of `intervals()`, a method of [confint()][confint.hdlmm]; of the others
#'   `"satterthwaite"` (when `NULL`), `"kenward"`, and for limits `"wald"`, `"profile"` or `"boot"`.
#' @param ... settings of these packages that do not concern fits of [lmm()].
#' @return What the generic promises for fits of lme4 or nlme.
#' @section Errors: `hdlmm_unsupported`: `p_value()` of a fit that is not at a maximum of the
#'   likelihood; `hdlmm_bad_input`: `getVarCov()` of a term that is not there.
#' @references Nakagawa, Johnson and Schielzeth (2017). *J. R. Soc. Interface* 14, 20170213.
#'   \doi{10.1098/rsif.2017.0213}
#' @name hdlmm-easystats
#' @keywords internal
NULL

# What these packages hand to all of their generics and does not concern fits of lmm(), whose
# estimates are on the scale of the response.
easystats_settings <- function() {
  c(insight_settings, list(
    ci_type = NULL, ci_random = NULL, dispersion_method = NULL, estimator = NULL,
    dof = NULL, iterations = NULL, summary = NULL, keep = NULL, drop = NULL,
    digits = NULL, wb_component = NULL, robust = FALSE, group_level = FALSE, include_sigma = FALSE,
    bootstrap = FALSE, exponentiate = FALSE, standardize = list(NULL, FALSE), p_adjust = list(NULL),
    vcov = list(NULL), vcov_args = list(NULL), vcov_type = list(NULL), by_group = FALSE,
    model_info = NULL, check_response = NULL, as_draws = NULL
  ))
}

#' @rdname hdlmm-easystats
#' @method get_predicted hdlmm
#' @exportS3Method insight::get_predicted hdlmm
get_predicted.hdlmm <- function(x, data = NULL, predict = "expectation", ci = NULL,
                                include_random = TRUE, verbose = TRUE, ...) {
  check_dots(easystats_settings())
  kinds <- c("expectation", "prediction", "link", "response")
  predict <- check_choice(predict, kinds, "predict")
  random <- !identical(include_random, FALSE)
  interval <- if (predict == "prediction") "prediction" else "confidence"
  out <- predict.hdlmm(x, data, random = random, se.fit = TRUE)
  limits <- lapply(ci, function(level) {
    own <- predict.hdlmm(x, data, random = random, interval = interval, level = level)
    data.frame(SE = unname(out$se.fit), CI_low = unname(own[, 2]), CI_high = unname(own[, 3]))
  })
  structure(
    as.numeric(out$fit), class = c("get_predicted", "numeric"), ci = ci,
    ci_data = if (length(limits) > 0) limits[[1]], predict = predict,
    info = list(link = "identity"),
    data = if (is.null(data)) insight::get_data(x, verbose = FALSE) else data
  )
}

#' @rdname hdlmm-easystats
#' @method r2 hdlmm
#' @exportS3Method performance::r2 hdlmm
r2.hdlmm <- function(model, ci = NULL, ...) {
  check_dots(easystats_settings())
  if (has_random(model)) return(performance::r2_nakagawa(model, ci = ci))
  # of least squares, as summary.lm() has it
  y <- stats::model.response(model$frame)
  n <- model$dims$n
  w <- value_or(model$weights, rep(1, n))
  intercept <- attr(stats::terms(model), "intercept")
  total <- sum(w * (y - intercept * stats::weighted.mean(y, w))^2)
  r2 <- 1 - sum(w * model$residuals^2) / total
  adjusted <- 1 - (1 - r2) * (n - intercept) / (n - model$dims$n_fixed)
  structure(
    list(R2 = c(R2 = r2), R2_adjusted = c(`adjusted R2` = adjusted)),
    class = c("r2_generic", "list")
  )
}

#' @rdname hdlmm-easystats
#' @method model_performance hdlmm
#' @exportS3Method performance::model_performance hdlmm
model_performance.hdlmm <- function(model, metrics = "all", verbose = TRUE, ...) {
  check_dots(easystats_settings())
  known <- c("AIC", "AICc", "BIC", "R2", "ICC", "RMSE", "SIGMA")
  asked <- if (identical(metrics, "all")) known else
    if (identical(metrics, "common")) setdiff(known, c("AICc", "SIGMA")) else metrics
  has <- function(name) toupper(name) %in% toupper(asked)
  out <- list()
  if (at_maximum(model)) {
    log_lik <- logLik.hdlmm(model)
    k <- attr(log_lik, "df")
    if (has("AIC")) out$AIC <- stats::AIC(log_lik)
    if (has("AICc")) out$AICc <- stats::AIC(log_lik) + 2 * k * (k + 1) / (model$dims$n - k - 1)
    if (has("BIC")) out$BIC <- stats::BIC(log_lik)
  }
  if (has("R2")) out <- c(out, lapply(r2.hdlmm(model), unname))
  if (has("ICC") && has_random(model)) {
    parts <- variance_parts(model)
    out$ICC <- parts$var.random / (parts$var.random + parts$var.residual)
  }
  if (has("RMSE")) out$RMSE <- sqrt(mean(model$residuals^2))
  if (has("SIGMA")) out$Sigma <- sigma.hdlmm(model)
  structure(
    as.data.frame(out), class = c("performance_model", "data.frame"), row.names = 1L
  )
}

#' @rdname hdlmm-easystats
#' @method p_value hdlmm
#' @exportS3Method parameters::p_value hdlmm
p_value.hdlmm <- function(model, method = NULL, ...) {
  check_dots(easystats_settings())
  require_likelihood(model, "p_value()")
  method <- easystats_method(method, test_settings, "method")
  table <- fixed_table(model, easystats_tests(model, method))
  data.frame(Parameter = rownames(table), p = unname(table[, "Pr(>|t|)"]))
}

# What their settings ask for: tests by Satterthwaite or by Kenward and Roger, limits by these or by
# another method of confint(); "own" is what the fit stands for.
test_settings <- c(
  satterthwaite = "wald", kenward = "kenward", `kenward-roger` = "kenward", kr = "kenward"
)

limit_settings <- c(test_settings, wald = "wald", profile = "profile", boot = "boot")

easystats_method <- function(method, settings, name) {
  if (is.null(method)) return("own")
  method <- if (is.character(method)) tolower(method) else method
  settings[[check_choice(method, names(settings), name)]]
}

easystats_tests <- function(fit, method) {
  fixed_tests(fit, if (method == "kenward") "Kenward-Roger" else "Satterthwaite")
}

easystats_limits <- function(fit, names, level, method) {
  switch(method,
    own = limits_by_default(fit, names, level, "wald"),
    kenward = {
      table <- fixed_table(fit, easystats_tests(fit, method))[names, , drop = FALSE]
      half <- stats::qt((1 + level) / 2, table[, "df"]) * table[, "Std. Error"]
      cbind(table[, "Estimate"] - half, table[, "Estimate"] + half)
    },
    confint.hdlmm(fit, names, level, method)
  )
}

#' @rdname hdlmm-easystats
#' @method ci hdlmm
#' @exportS3Method bayestestR::ci hdlmm
ci.hdlmm <- function(x, ci = 0.95, method = NULL, ...) {
  check_dots(easystats_settings())
  method <- easystats_method(method, limit_settings, "method")
  names <- names(x$fixed$estimate)[x$fixed$kept]
  rows <- lapply(ci, function(level) {
    limits <- matrix(0, 0, 2)
    if (length(names) > 0) limits <- easystats_limits(x, names, level, method)
    data.frame(
      Parameter = names, CI = rep(level, length(names)), CI_low = unname(limits[, 1]),
      CI_high = unname(limits[, 2])
    )
  })
  do.call(rbind, rows)
}

#' @rdname hdlmm-easystats
#' @method model_parameters hdlmm
#' @exportS3Method parameters::model_parameters hdlmm
model_parameters.hdlmm <- function(model, ci = 0.95, effects = c("all", "fixed", "random"),
                                   ci_method = NULL, ...) {
  check_dots(easystats_settings())
  method <- easystats_method(ci_method, limit_settings, "ci_method")
  effects <- check_choice(effects, c("all", "fixed", "random"), "effects")
  level <- value_or(ci, 0.95)
  check_number(level, "ci", 0, 1)
  rows <- rbind(
    if (effects != "random") fixed_parameters(model, level, ci_method, method),
    if (effects != "fixed" && has_random(model)) random_parameters_of(model, level)
  )
  if (is.null(ci)) rows <- rows[!startsWith(names(rows), "CI")]
  structure(
    rows, class = c("parameters_model", "see_parameters_model", "data.frame"), ci = ci,
    ci_method = value_or(ci_method, "Satterthwaite"), model_class = "hdlmm",
    coefficient_name = "Coefficient",
    pretty_names = stats::setNames(rows$Parameter, rows$Parameter), digits = 2, ci_digits = 2,
    p_digits = 3, ignore_group = TRUE, ran_pars = TRUE, verbose = TRUE, is_ggeffects = FALSE,
    test_statistic = "t-statistic", title = ""
  )
}

fixed_parameters <- function(fit, level, ci_method, method) {
  table <- fixed_table(fit, easystats_tests(fit, method))[fit$fixed$kept, , drop = FALSE]
  limits <- ci.hdlmm(fit, level, ci_method)
  data.frame(
    Parameter = rownames(table), Coefficient = unname(table[, 1]), SE = unname(table[, 2]),
    CI = limits$CI, CI_low = limits$CI_low, CI_high = limits$CI_high, t = unname(table[, 4]),
    df_error = unname(table[, 3]), p = unname(table[, 5]), Effects = rep("fixed", nrow(table)),
    Group = rep("", nrow(table))
  )
}

# Standard deviations and correlations, named as parameters names those of lme4.
random_parameters_of <- function(fit, level) {
  table <- as.data.frame(VarCorr.hdlmm(fit))
  is_cor <- !is.na(table$var2)
  is_residual <- table$grp == "Residual"
  plain <- function(names) gsub("^[(]|[)]$", "", names)
  first <- plain(table$var1)
  inside <- ifelse(is_cor, paste(first, plain(table$var2), sep = "~"), first)
  name <- paste0(ifelse(is_cor, "Cor (", "SD ("), ifelse(is_residual, "Observations", inside), ")")
  missing <- rep(NA_real_, nrow(table))
  data.frame(
    Parameter = name, Coefficient = table$sdcor, SE = missing, CI = level, CI_low = missing,
    CI_high = missing, t = missing, df_error = missing, p = missing, Effects = "random",
    Group = table$grp
  )
}
