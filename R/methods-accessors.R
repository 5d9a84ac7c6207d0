# What a fit answers about itself: coefficients, dimensions, model parts.

#' Accessors of a fit
#'
#' The extractors that R users expect, on fits of [lmm()]. `coef()` is `fixef()`: with p in the
#' thousands the fixed effects are the coefficients, and [ranef()] gives the random ones.
#'
#' @param object,x,formula a fit of [lmm()].
#' @param complete `TRUE` keeps aliased coefficients as `NA`, in `vcov()` rows and columns of `NA`.
#' @param type for `residuals()`: `"response"`, `"pearson"` (times the root weights) or
#'   `"scaled"` (Pearson divided by sigma); `"deviance"` and `"working"`, as for [stats::lm()], are
#'   the same as Pearson and response residuals; for `model.matrix()`: `"fixed"` (n x c) or
#'   `"random"` (the fitted rows of the random design as it entered the model; with several terms a
#'   list of them).
#' @param groups `TRUE` gives the coefficients of every level as lme4's `coef()` does: fixed effects
#'   plus predicted ones, a list with a data frame for each grouping factor.
#' @param full `TRUE` appends the variances to the fixed effects in `vcov()`.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return `fixef()`, `coef()`: named numeric, length c, in the units of the response per unit of
#'   the column. `sigma()`: the residual standard deviation. `vcov()`: covariance matrix of the
#'   fixed effects (those not aliased). `fitted()` and `residuals()`: numeric n-vectors,
#'   conditional on the predicted random effects, padded under `na.exclude`. `nobs()`: rows
#'   fitted. `df.residual()`: n - c for OLS, n - c - number of variances and covariances else.
#'   `family()`: gaussian with identity link.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' fixef(fit)
#' sigma(fit)
#' vcov(fit)
#' head(residuals(fit, type = "scaled"))
#' @name hdlmm-accessors
NULL

#' @rdname hdlmm-accessors
#' @export
fixef.hdlmm <- function(object, complete = TRUE, ...) {
  check_dots()
  estimate <- object$fixed$estimate
  if (check_flag(complete, "complete")) estimate else estimate[object$fixed$kept]
}

#' @rdname hdlmm-accessors
#' @export
coef.hdlmm <- function(object, complete = TRUE, groups = FALSE, ...) {
  check_dots()
  estimate <- fixef.hdlmm(object, complete = complete)
  if (check_flag(groups, "groups")) group_coefficients(object, estimate) else estimate
}

# By grouping factor, the fixed effects plus the predicted ones of every level.
group_coefficients <- function(fit, estimate) {
  require_random(fit, "coef(groups = TRUE)")
  designs <- Filter(function(design) !is.null(unit_index(design)), fit$designs)
  groups <- vapply(designs, group_name, "")
  lapply(split(designs, factor(groups, unique(groups))), function(own) {
    levels <- level_names(own[[1]])
    names <- unique(c(names(estimate), unlist(lapply(own, block_names))))
    base <- stats::setNames(numeric(length(names)), names)
    base[names(estimate)] <- estimate
    out <- matrix(base, length(levels), length(base), TRUE, list(levels, names))
    for (design in own) {
      effects <- as.matrix(shaped_effects(design, fit$effects[[design$label]]))
      out[, block_names(design)] <- out[, block_names(design)] + effects
    }
    as.data.frame(out, optional = TRUE)
  })
}

# Terms with one grouping factor share their levels.
group_name <- function(design) {
  if (is.null(design$group)) design$label else short_text(design$group)
}

#' @rdname hdlmm-accessors
#' @export
sigma.hdlmm <- function(object, ...) {
  check_dots(list(use.fallback = NULL))
  sqrt(unname(object$variances[["Residual"]]))
}

#' @rdname hdlmm-accessors
#' @export
vcov.hdlmm <- function(object, full = FALSE, complete = FALSE, ...) {
  check_dots()
  fixed <- object$fixed$vcov
  if (check_flag(complete, "complete")) fixed <- padded_vcov(fixed, names(object$fixed$estimate))
  if (!check_flag(full, "full")) return(fixed)
  variances <- variance_covariance(object)
  out <- matrix(0, nrow(fixed) + nrow(variances), nrow(fixed) + nrow(variances))
  at <- seq_len(nrow(fixed))
  rest <- nrow(fixed) + seq_len(nrow(variances))
  out[at, at] <- fixed
  out[rest, rest] <- variances
  names <- c(rownames(fixed), variance_labels(rownames(variances), covariance_names(object)))
  dimnames(out) <- list(names, names)
  out
}

# Rows and columns of NA for coefficients that are aliased, as lm() has them.
padded_vcov <- function(vcov, names) {
  out <- matrix(NA_real_, length(names), length(names), dimnames = list(names, names))
  kept <- names %in% rownames(vcov)
  out[kept, kept] <- vcov
  out
}

#' @rdname hdlmm-accessors
#' @export
fitted.hdlmm <- function(object, ...) {
  check_dots()
  stats::napredict(object$na_action, row_named(object$fitted, object))
}

#' @rdname hdlmm-accessors
#' @export
residuals.hdlmm <- function(object,
                            type = c("response", "pearson", "scaled", "deviance", "working"),
                            ...) {
  check_dots()
  type <- check_choice(type, eval(formals(residuals.hdlmm)$type), "type")
  stats::naresid(object$na_action, row_named(fitted_residuals(object, type), object))
}

# Of the fitted rows, without names.
fitted_residuals <- function(fit, type) {
  out <- fit$residuals
  if (type %in% c("response", "working")) return(out)
  if (!is.null(fit$weights)) out <- out * sqrt(fit$weights)
  if (type == "scaled" && !identical(sigma.hdlmm(fit), 0)) out / sigma.hdlmm(fit) else out
}

row_named <- function(x, fit) stats::setNames(x, rownames(fit$frame))

#' @rdname hdlmm-accessors
#' @export
nobs.hdlmm <- function(object, ...) {
  check_dots(list(use.fallback = NULL))
  object$dims$n
}

#' @rdname hdlmm-accessors
#' @export
df.residual.hdlmm <- function(object, ...) {
  check_dots()
  random <- if (has_random(object)) length(object$variances) else 0
  object$dims$n - object$dims$n_fixed - random
}

#' @rdname hdlmm-accessors
#' @export
formula.hdlmm <- function(x, ...) {
  check_dots(list(fixed.only = FALSE, env = NULL))
  as_written(x$formula, x)
}

#' @rdname hdlmm-accessors
#' @export
terms.hdlmm <- function(x, ...) {
  check_dots(list(fixed.only = TRUE))
  as_written(x$terms, x)
}

#' @rdname hdlmm-accessors
#' @export
model.frame.hdlmm <- function(formula, ...) {
  check_dots()
  frame <- formula$frame
  attr(frame, "terms") <- as_written(formula$terms, formula)
  attr(frame, "na.action") <- formula$na_action
  frame
}

#' @rdname hdlmm-accessors
#' @export
model.matrix.hdlmm <- function(object, type = c("fixed", "random"), ...) {
  check_dots()
  type <- check_choice(type, c("fixed", "random"), "type")
  if (type == "random") {
    require_random(object, "model.matrix(type = \"random\")")
    parts <- each_term(object, design_matrix, object$dims$n)
    return(if (length(parts) == 1) parts[[1]] else parts)
  }
  fixed_matrix(object$terms, object$frame, object$contrasts)
}

#' @rdname hdlmm-accessors
#' @export
family.hdlmm <- function(object, ...) {
  check_dots()
  stats::gaussian()
}

#' @rdname hdlmm-accessors
#' @export
weights.hdlmm <- function(object, ...) {
  check_dots(list(type = "prior"))
  if (is.null(object$weights)) return(NULL)
  stats::naresid(object$na_action, row_named(object$weights, object))
}

#' @rdname hdlmm-accessors
#' @export
na.action.hdlmm <- function(object, ...) {
  check_dots()
  object$na_action
}
