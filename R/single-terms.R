# Models with one term of the fixed part fewer or more, compared by maximum likelihood on what the
# fit holds. step() and MASS::stepAIC() call these too.

#' Take single terms out of a fit, or add them
#'
#' Every model with one term fewer (`drop1()`) or one more (`add1()`) is fitted by maximum
#' likelihood, whatever the method of the fit, to the rows that the fit holds: neither its `data`
#' nor their name need be there any more. Only variables of added terms that the fit does not hold
#' are looked up in `data`, which must still be those of the fit. The random terms stay in every
#' model, so that [stats::step()] and `MASS::stepAIC()` select fixed effects, unless
#' `drop1(random = TRUE)` asks for a row of each: its p value is that of a variance or covariance
#' matrix on its boundary, see [test_random()].
#'
#' @param object a fit of [lmm()] by REML, ML or least squares.
#' @param scope labels of terms, or a formula; for `add1()` one that holds the terms to be added.
#'   For `drop1()` the default is every term that is in no higher one. Random terms of a formula
#'   are passed over.
#' @param scale must be 0; an argument of the generic.
#' @param random whether random terms are taken out too, one at a time.
#' @param test `"Chisq"` (likelihood-ratio tests) or `"none"`.
#' @param k weight of a parameter in the criterion, 2 for AIC, `log(nobs(object))` for BIC.
#' @param trace,sorted `TRUE` says which model is fitted, and orders the table by the criterion.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A data frame of class `"anova"`: one row for the model of the fit and one for each
#'   other, with columns `Df`, `AIC`, `LRT` and `Pr(>Chi)`.
#' @section Errors: `hdlmm_bad_input`: `scope` names no term. `hdlmm_not_comparable`: an added
#'   variable is not found, is missing in fitted rows, or `data` are other data today.
#' @examples
#' fit <- lmm(height ~ age + I(age^2) + (1 | Subject), data = nlme::Oxboys)
#' drop1(fit, random = TRUE)
#' add1(fit, ~ . + I(age^3))
#' @name single-terms
NULL

#' @rdname single-terms
#' @importFrom stats drop1
#' @export
drop1.hdlmm <- function(object, scope, scale = 0, test = c("Chisq", "none"), k = 2, trace = FALSE,
                        sorted = FALSE, random = FALSE, ...) {
  check_dots()
  require_likelihood(object, "drop1()")
  check_flag(random, "random")
  labels <- attr(object$terms, "term.labels")
  scope <- if (missing(scope)) {
    stats::drop.scope(fixed_part(object))
  } else if (is.character(scope)) {
    scope
  } else {
    attr(stats::terms(wanted_part(object, scope)), "term.labels")
  }
  unknown <- !term_keys(scope) %in% term_keys(labels)
  if (any(unknown)) bad_input("`scope` names no term: ", enumerate(backtick(scope[unknown])), ".")
  table <- single_terms(
    object, scope, "-", scale, check_choice(test, c("Chisq", "none"), "test"), k, trace, sorted
  )
  if (random) with_random_terms(table, object, k, sorted) else table
}

#' @rdname single-terms
#' @importFrom stats add1
#' @export
add1.hdlmm <- function(object, scope, scale = 0, test = c("Chisq", "none"), k = 2, trace = FALSE,
                       sorted = FALSE, ...) {
  check_dots()
  require_likelihood(object, "add1()")
  if (missing(scope) || is.null(scope)) {
    bad_input("`scope` is missing: name the terms to be added, as in add1(fit, ~ . + z).")
  }
  if (!is.character(scope)) {
    scope <- stats::add.scope(fixed_part(object), wanted_part(object, scope))
  }
  single_terms(object, scope, "+", scale, check_choice(test, c("Chisq", "none"), "test"), k, trace,
    sorted)
}

#' @rdname single-terms
#' @method dropterm hdlmm
#' @exportS3Method MASS::dropterm hdlmm
dropterm.hdlmm <- function(object, scope, ...) drop1.hdlmm(object, scope, ...)

#' @rdname single-terms
#' @method addterm hdlmm
#' @exportS3Method MASS::addterm hdlmm
addterm.hdlmm <- function(object, scope, ...) add1.hdlmm(object, scope, ...)

# A table of single terms with a row of each random one, tested on the boundary by ML.
with_random_terms <- function(table, fit, k, sorted) {
  require_random(fit, "drop1(random = TRUE)")
  problem <- problem_with(fit, fixed_part(fit))
  engine <- find_engine("ML", NULL)
  result <- run_engine(engine, problem, fit$control)
  ml <- new_fit(fit$call, formula.hdlmm(fit), problem, engine, result, fit$control)
  tested <- test_random(ml, method = "mixture")
  df <- vapply(fit$designs, coefficient_width, 0L)
  df <- unname(df * (df + 1) / 2)
  rows <- data.frame(Df = df, AIC = k * (attr(logLik.hdlmm(ml), "df") - df) -
      2 * ml$loglik + tested$statistic)
  if (!is.null(table$LRT)) {
    rows$LRT <- tested$statistic
    rows[["Pr(>Chi)"]] <- tested$p_value
  }
  rownames(rows) <- make.unique(c(rownames(table), tested$term))[-seq_len(nrow(table))]
  out <- rbind(as.data.frame(table), rows)
  if (sorted) out <- out[order(out$AIC), ]
  structure(out, class = class(table), heading = attr(table, "heading"))
}

# The fixed part of a formula, its `.` standing for that of the fit.
wanted_part <- function(fit, scope) {
  scope <- on_error(
    stats::as.formula(scope),
    function(e) {
      bad_input("`scope` must be a formula or labels of terms; found ", describe(scope), ".")
    }
  )
  right <- length(scope)
  labels <- attr(stats::terms(scope, allowDotAsName = TRUE), "term.labels")
  is_random <- vapply(labels, function(label) contains_random_term(str2lang(label)), NA)
  if (any(is_random)) scope[[right]] <- value_or(split_side(scope[[right]])$fixed, quote(1))
  stats::update.formula(fixed_part(fit), scope)
}

# As contains_random(), with the bars that terms() has taken out of their parentheses.
contains_random_term <- function(expr) {
  contains_random(expr) || (is.call(expr) && any(vapply(as.list(expr)[-1], is_bar, NA)))
}

# Whether a label is a random term of the fit; another one is no term of the fixed part.
is_own_random <- function(label, fit) {
  expr <- on_error(
    str2lang(label),
    function(e) bad_input("`scope` names no term: ", backtick(label), ".")
  )
  if (!contains_random_term(call("(", expr))) return(FALSE)
  own <- written_terms(fit$random_terms)
  if (any(vapply(own, identical, NA, if (is_bar(expr)) call("(", expr) else expr))) return(TRUE)
  bad_input("`scope` names the random term ", backtick(label), "; it is for fixed effects.")
}

# `b:a` is the term `a:b`.
term_keys <- function(labels) {
  vapply(strsplit(labels, ":", fixed = TRUE), function(x) paste(sort(x), collapse = ":"), "")
}

single_terms <- function(fit, labels, sign, scale, test, k, trace, sorted) {
  if (!identical(as.numeric(scale), 0)) {
    bad_input("`scale` must be 0: both variances are estimated; found ", describe(scale), ".")
  }
  check_number(k, "k")
  fixed <- fixed_part(fit)
  n_variances <- length(fit$variances)
  own <- logLik.hdlmm(by_ml(fit))
  values <- vapply(labels, function(label) {
    # step() names what its scope has beside the fixed part: a term that is there already
    if (is_own_random(label, fit)) return(c(attr(own, "df"), own))
    if (trace > 1) cat("trying ", sign, " ", label, "\n", sep = "")
    formula <- stats::update.formula(fixed, stats::as.formula(paste("~ .", sign, label)))
    problem <- problem_with(fit, formula)
    c(problem$fixed$rank + n_variances, likelihood_maximum(problem, fit$control))
  }, numeric(2))
  df <- c(attr(own, "df"), values[1, ])
  value <- c(as.numeric(own), values[2, ])
  change <- abs(df - df[1])
  statistic <- 2 * (value - value[1]) * (if (sign == "-") -1 else 1)
  table <- data.frame(Df = change, AIC = k * df - 2 * value, row.names = c("<none>", labels))
  table$Df[1] <- NA
  if (test == "Chisq") {
    p <- stats::pchisq(statistic, change, lower.tail = FALSE)
    p[change == 0] <- NA  # the model itself, or an aliased term
    statistic[1] <- NA
    table$LRT <- statistic
    table[["Pr(>Chi)"]] <- p
  }
  if (sorted) table <- table[order(table$AIC), ]
  structure(
    table, class = c("anova", "data.frame"),
    heading = c(
      paste0(
        "Single term ", if (sign == "-") "deletions" else "additions", " (maximum likelihood)\n"
      ),
      paste0("Model: ", short_text(fit$formula), "\n")
    )
  )
}
