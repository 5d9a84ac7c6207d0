# Accessors of fits of several responses: every column is that of the response's own fit.

#' Fits of several responses
#'
#' `lmm(cbind(y1, y2) ~ age + re(X), d)`, or a matrix as response, fits the model to every column
#' by itself: there is no correlation between responses in it. Column k of every answer is that of
#' [lmm()] with this response alone, in the rows in which it is not missing.
#'
#' Rows with a missing value in the fixed effects, the weights or a grouping factor are dropped for
#' all responses; a missing cell of the response drops this row for this response only, and no cell
#' is ever imputed. Means and scales of `re(center = , scale = , na = "mean")` are those of a
#' response's own rows.
#'
#' With one random term and REML or ML by the direct search, responses that miss nothing share one
#' decomposition and the points of one search. A response that misses up to 12 % of the rows is
#' fitted without these on the same decomposition, exactly, where neither the columns of `re()`
#' (`center`, `scale`, `na = "mean"`) nor the fixed effects (`poly()`) depend on which rows there
#' are, and where no coefficient is lost with them; responses that miss the same rows share a
#' decomposition of their own; all others are fitted one by one. Fits themselves are made when
#' something asks for them: `fixef()`, `varcomp()`, `vcov()`, `logLik()`, `AIC()`, `BIC()`,
#' `deviance()`, `as.data.frame()`, `print()` and `summary()` of thousands of responses are read off
#' at once; `ranef()` with and without standard errors, `hatvalues()`, `loo()`, `fitted()`,
#' `residuals()` and `predict()` without standard errors or limits follow for all responses together
#' by products of matrices, with eigenvectors that are made once a session; the profile limits of
#' `pve()` come from one more search of all. Standard errors of predictions, `confint()` and what
#' else is not listed here make the fit of every response; fits and such answers run under the
#' user's plan of futures, see [hdlmm-future].
#'
#' A response without a fit (constant, all missing) does not take the others away: it is `NA`
#' everywhere, a warning says so, and `fit[["y"]]` stops with its error. Nor does one that has a fit
#' and no answer, as `loo()` of a response that is explained exactly: a warning of class
#' `hdlmm_no_answer` names it. The warnings of all fits are gathered, one a class. `fit[["y1"]]` is
#' the plain fit of one response, for whatever is not listed here.
#'
#' @param object,x,fit,model a fit of [lmm()] with a matrix as response.
#' @param type for `residuals()`: as for [one response][hdlmm-accessors].
#' @param complete `TRUE` keeps coefficients that no response has an estimate of.
#' @param se `TRUE` adds standard errors, in an attribute `"se"` of the same shape.
#' @param newdata new rows as for [predict.hdlmm()]; the fitted rows when missing.
#' @param nsim,seed data sets to simulate, and their seed: it is set once, and the responses are
#'   drawn one after the other.
#' @param parm,level,method parameters, level and method, as for [confint.hdlmm()], [pve()] and
#'   [test_random()].
#' @param row.names,optional as required by the generic: `NULL` and `FALSE`.
#' @param digits significant digits.
#' @param ... arguments of the method for one response.
#' @return `fixef()`, `coef()`, `varcomp()`: matrices, terms x responses. `ranef()`: a list with a
#'   matrix a term, coefficients x responses (levels x coefficients x responses where they are
#'   correlated). `fitted()`, `residuals()`, `hatvalues()`: rows x responses, `NA` where a response
#'   is missing. `predict()`: the same, or new rows x responses; with `interval` an array, rows x
#'   limits x responses; with `se.fit` a list as for one response, of matrices. `simulate()`: rows x
#'   responses, with `nsim` above 1 an array, rows x data sets x responses. `loo()`: a list of class
#'   `"hdlmm_multi_loo"` with matrices `prediction`, `variance`, `residual` and `log_density`,
#'   rows x responses, and `table`, one row a response. `logLik()`, `nobs()`, `sigma()`, `AIC()`,
#'   `BIC()`, `deviance()`, `df.residual()`, `elbo()`, `kl_gap()`, `log_evidence()`: named
#'   vectors. `vcov()`: a list of matrices. `pve()`, `confint()`, `test_random()`, `VarCorr()`,
#'   `convergence()`: data frames whose first column is `response`. `as.data.frame()`: one row a
#'   response with `response`, `nobs`, the fixed effects, the variances (`var_` before their name),
#'   `pve` and `pve_se`,
#'   `logLik`, `p_value` of the mixture of [test_random()] (`NA` where there is none in closed
#'   form), `boundary` and `converged`.
#' @section Errors: `hdlmm_unsupported` from methods that are for one response.
#' @examples
#' data(wheat)
#' fit <- lmm(cbind(yield1, yield2, yield3) ~ re(markers), data = wheat, subset = 1:150)
#' fit
#' as.data.frame(fit)
#' pve(fit, method = "wald")
#' @name hdlmm_multi
NULL

#' @rdname hdlmm_multi
#' @export
fixef.hdlmm_multi <- function(object, complete = TRUE, ...) {
  check_dots()
  estimates <- facts_of(object, "fixed")
  if (!check_flag(complete, "complete")) {
    estimates <- lapply(estimates, function(one) one[!is.na(one)])
  }
  bind_responses(estimates)
}

#' @rdname hdlmm_multi
#' @export
coef.hdlmm_multi <- function(object, complete = TRUE, ...) {
  check_dots()
  fixef.hdlmm_multi(object, complete)
}

#' @rdname hdlmm_multi
#' @export
ranef.hdlmm_multi <- function(object, se = FALSE, ...) {
  check_dots()
  project <- if (check_flag(se, "se")) projected_effects_and_errors else projected_effects
  effects <- each_response(
    object, ranef.hdlmm, se = se, given = projected_answers(object, project)
  )
  out <- bind_terms(effects)
  if (se) attr(out, "se") <- bind_terms(lapply(effects, attr, "se"))
  out
}

# Lists of terms as a list of what bind_responses() gives.
bind_terms <- function(effects) {
  terms <- unique(unlist(lapply(effects, names)))
  lapply(stats::setNames(nm = terms), function(term) {
    bind_responses(lapply(effects, `[[`, term))
  })
}

#' @rdname hdlmm_multi
#' @export
varcomp.hdlmm_multi <- function(x, ...) {
  check_dots()
  bind_responses(facts_of(x, "variances"))
}

#' @rdname hdlmm_multi
#' @export
vcov.hdlmm_multi <- function(object, ...) {
  if (...length() == 0) facts_of(object, "vcov") else each_response(object, vcov.hdlmm, ...)
}

#' @rdname hdlmm_multi
#' @export
logLik.hdlmm_multi <- function(object, ...) {
  if (...length() > 0) return(number_of_each(object, logLik.hdlmm, ...))
  number_of_facts(object, "loglik")
}

#' @rdname hdlmm_multi
#' @export
nobs.hdlmm_multi <- function(object, ...) {
  check_dots(list(use.fallback = NULL))
  number_of_facts(object, "n")
}

#' @rdname hdlmm_multi
#' @export
sigma.hdlmm_multi <- function(object, ...) {
  check_dots(list(use.fallback = NULL))
  vapply(facts_of(object, "variances"), function(v) {
    if (is.null(v)) NA_real_ else sqrt(v[["Residual"]])
  }, 0)
}

#' @export
AIC.hdlmm_multi <- function(object, ..., k = 2) {
  check_number(k, "k")
  given <- if (...length() == 0) of_facts(object, function(fact) {
    -2 * fact$loglik + k * fact_parameters(fact)
  })
  number_of_each(object, stats::AIC, ..., k = k, given = given)
}

#' @export
BIC.hdlmm_multi <- function(object, ...) {
  given <- if (...length() == 0) of_facts(object, function(fact) {
    -2 * fact$loglik + log(fact$n) * fact_parameters(fact)
  })
  number_of_each(object, stats::BIC, ..., given = given)
}

#' @export
deviance.hdlmm_multi <- function(object, ...) {
  check_dots()
  is_ml <- identical(find_engine(object$method, object$algorithm)$criterion, "ML")
  given <- if (is_ml) of_facts(object, function(fact) -2 * fact$loglik)
  number_of_each(object, deviance.hdlmm, given = given)
}

#' @export
df.residual.hdlmm_multi <- function(object, ...) {
  check_dots()
  given <- of_facts(object, function(fact) fact$n - fact_parameters(fact))
  number_of_each(object, df.residual.hdlmm, given = given)
}

#' @export
elbo.hdlmm_multi <- function(fit, ...) number_of_each(fit, elbo.hdlmm, ...)

#' @export
kl_gap.hdlmm_multi <- function(fit, ...) number_of_each(fit, kl_gap.hdlmm, ...)

#' @export
log_evidence.hdlmm_multi <- function(object, ...) number_of_each(object, log_evidence.hdlmm, ...)

#' @rdname hdlmm_multi
#' @export
pve.hdlmm_multi <- function(fit, level = 0.95, method = c("profile", "exact", "wald"), ...) {
  is_asked <- !missing(method)
  method <- check_choice(method, c("profile", "exact", "wald"), "method")
  check_level(level)
  given <- if (method == "profile" && ...length() == 0) searched_shares(fit, level)
  arguments <- list(fit, pve.hdlmm, level, ..., given = given, in_turn = method == "exact")
  if (is_asked) arguments$method <- method
  do.call(tables_of_each, arguments)
}

searched_shares <- function(fit, level) {
  Map(function(fact, limits) {
    if (is.null(limits)) return(NULL)
    frame_of(list(
      term = names(fact$shares), estimate = unname(fact$shares), se = fact$share_se,
      lower = limits[1], upper = limits[2]
    ))
  }, fit$facts, searched_limits(fit, level))
}

#' @rdname hdlmm_multi
#' @export
confint.hdlmm_multi <- function(object, parm, level = 0.95, method = "profile", ...) {
  draws <- !is.null(method) && any(method %in% c("boot", "exact"))
  given <- list(object, limits_table, level = level, ..., in_turn = draws)
  if (!missing(method)) given$method <- method
  if (!missing(parm)) given$parm <- parm
  do.call(tables_of_each, given)
}

limits_table <- function(fit, ...) {
  limits <- confint.hdlmm(fit, ...)
  out <- frame_of(c(list(parameter = rownames(limits)), columns_of(limits)))
  names(out)[-1] <- colnames(limits)
  out
}

#' @rdname hdlmm_multi
#' @export
test_random.hdlmm_multi <- function(fit, method = c("both", "exact", "bootstrap", "mixture"), ...) {
  method <- check_choice(method, test_methods, "method")
  # whose simulations are independent work themselves
  tables_of_each(fit, test_random.hdlmm, method, ..., in_turn = TRUE)
}

#' @export
VarCorr.hdlmm_multi <- function(x, sigma = 1, ...) tables_of_each(x, VarCorr.hdlmm, sigma, ...)

#' @export
convergence.hdlmm_multi <- function(fit, ...) {
  table <- tables_of_each(fit, convergence.hdlmm, ...)
  structure(table, class = c("hdlmm_convergence", "data.frame"))
}

#' @method tidy hdlmm_multi
#' @exportS3Method generics::tidy hdlmm_multi
tidy.hdlmm_multi <- function(x, ...) as_tibble_if_there(tables_of_each(x, tidy.hdlmm, ...))

#' @method glance hdlmm_multi
#' @exportS3Method generics::glance hdlmm_multi
glance.hdlmm_multi <- function(x, ...) as_tibble_if_there(tables_of_each(x, glance.hdlmm, ...))

#' @export
formula.hdlmm_multi <- formula.hdlmm

#' @export
family.hdlmm_multi <- family.hdlmm

#' @export
na.action.hdlmm_multi <- na.action.hdlmm

#' @export
weights.hdlmm_multi <- function(object, ...) {
  check_dots(list(type = "prior"))
  if (is.null(object$weights)) return(NULL)
  stats::naresid(object$na_action, stats::setNames(object$weights, object$row_names))
}
