#' Predicted random effects
#'
#' Best linear unbiased predictions `sigma_b^2 X'V^-1 (y - Z omega)`: the posterior means of the
#' coefficients given the estimated variances. For Bayes fits means and standard deviations are
#' those of the posterior, variances integrated out; for VB fits those of q.
#'
#' Two standard deviations of an effect have their own names. The *prediction error* `se` is that of
#' `beta - beta hat`, which counts that omega is estimated: `Var(beta - beta hat)`, the square root
#' of a diagonal of Henderson's inverse. The *conditional* standard deviation `condsd`, which lme4
#' gives, is that of beta given y, omega and the variances, as if omega were known: it is smaller,
#' most where levels are few.
#'
#' @param object a fit of [lmm()].
#' @param se `TRUE` adds standard errors of prediction: square roots of the prediction error
#'   variances, omega integrated out under a flat prior. O(n^2 p) when n < p.
#' @param condVar `TRUE` adds the conditional covariances given omega and the variances, as lme4's
#'   argument of this name. The same work.
#' @param x an object of class `"ranef.hdlmm"`.
#' @param n how many of the largest effects `print()` shows.
#' @param digits significant digits.
#' @param data,main of `lattice::dotplot()` and `lattice::qqmath()`: not used, and the title
#'   (`TRUE`: the label of the term).
#' @param ... of the pictures: settings of lattice; else nothing: an argument that is not listed
#'   here is an error.
#' @return A named list with one named numeric vector per random term (names: columns of `X`,
#'   levels of g, rows of K), in units of the response per unit of the column as it entered the
#'   model; of a term with correlated slopes a matrix, levels x coefficients. With `se = TRUE` it
#'   has an attribute `"se"`, a list of the same shape. With `condVar = TRUE` each of its elements
#'   has, as lme4's, an attribute `"postVar"`: an array, coefficients x coefficients x levels (1 x 1
#'   x p for the columns of `X`).
#' @section Errors: `hdlmm_unsupported`: `condVar = TRUE` where the variances have a distribution
#'   (Bayes, fully variational fits), as there are no estimates to condition on; `hdlmm_exact_fit`:
#'   where the residual variance is 0.
#' @references Henderson (1975). Best linear unbiased estimation and prediction under a selection
#'   model. *Biometrics* 31, 423-447. \doi{10.2307/2529430}
#' @concept BLUP
#' @concept best linear unbiased prediction
#' @concept breeding values
#' @concept shrinkage
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' ranef(fit, se = TRUE)
#' head(as.data.frame(ranef(fit, se = TRUE, condVar = TRUE)))
#' @export
ranef.hdlmm <- function(object, se = FALSE, condVar = FALSE, ...) {
  check_dots()
  effects <- lapply(object$designs, function(design) {
    shaped_effects(design, object$effects[[design$label]])
  })
  if (check_flag(condVar, "condVar") && has_random(object)) {
    require_estimates(object)
    effects <- Map(function(x, covariance) structure(x, postVar = covariance),
      effects, conditional_covariances(object))
  }
  if (check_flag(se, "se") && has_random(object)) {
    attr(effects, "is_posterior") <- has_effect_posterior(object)
    attr(effects, "se") <- lapply(object$designs, function(design) {
      shaped_effects(design, effect_se(object, design))
    })
  }
  structure(effects, coefficients = lapply(object$designs, varying_names), class = "ranef.hdlmm")
}

# What varies from level to level, or column to column, is an intercept unless it has a name.
varying_names <- function(design) {
  if (is.na(level_coefficient(design)[1])) "(Intercept)" else block_names(design)
}

# What is conditional on the variances needs estimates of them.
require_estimates <- function(fit) {
  if (has_posterior(fit)) {
    abort(
      "unsupported", "`condVar` is given estimated variances, and those of this fit have a ",
      "distribution; ranef(fit, se = TRUE) has the standard deviations of its random effects."
    )
  }
  if (!(fit$variances[["Residual"]] > 0)) {
    abort(
      "exact_fit", "the residual variance is 0: random effects have no conditional distribution."
    )
  }
}

# Conditional standard deviations in the shape of the effects [levels x coefficients], or NULL.
conditional_sd <- function(effects) {
  covariance <- attr(effects, "postVar")
  if (is.null(covariance)) return(NULL)
  r <- dim(covariance)[1]
  variance <- matrix(covariance, r^2)[seq.int(1, r^2, r + 1), , drop = FALSE]
  t(sqrt(pmax(variance, 0)))
}

#' @rdname ranef.hdlmm
#' @return `as.data.frame()`: one row an effect, columns `grpvar` (the term), `term`, `grp`
#'   (column or level), `condval` and `condsd` (`NA` without `condVar = TRUE`), as lme4 names them,
#'   and with `se = TRUE` the prediction error `se`.
#' @export
as.data.frame.ranef.hdlmm <- function(x, ...) {
  check_dots(list(row.names = list(NULL), optional = NULL, stringsAsFactors = NULL))
  se <- attr(x, "se")
  parts <- lapply(names(x), function(term) {
    effects <- as.matrix(x[[term]])
    coefficients <- value_or(attr(x, "coefficients")[[term]], "(Intercept)")
    columns <- list(
      grpvar = rep(term, length(effects)), term = rep(coefficients, each = nrow(effects)),
      grp = rep(value_or(rownames(effects), character()), ncol(effects)),
      condval = as.vector(effects),
      condsd = as.vector(value_or(conditional_sd(x[[term]]), rep(NA_real_, length(effects))))
    )
    if (!is.null(se)) columns$se <- as.vector(se[[term]])
    frame_of(columns)
  })
  do.call(rbind, parts)
}

#' @rdname ranef.hdlmm
#' @export
print.ranef.hdlmm <- function(x, n = 10, digits = getOption("digits"), ...) {
  check_dots(print_settings)
  if (length(x) == 0) cat("No random effects.\n")
  for (term in names(x)) {
    errors <- list(attr(x, "se")[[term]], conditional_sd(x[[term]]))
    names(errors) <- c(if (isTRUE(attr(x, "is_posterior"))) "post.sd" else "se", "condsd")
    errors <- lapply(Filter(Negate(is.null), errors), as.matrix)
    print_effects(term, as.matrix(x[[term]]), errors, n, digits)
  }
  invisible(x)
}

# Rows of the largest effects of a term [levels x coefficients], with their errors, a named list of
# such matrices.
print_effects <- function(term, effects, errors, n, digits) {
  size <- apply(abs(effects) / rep(pmax(apply(abs(effects), 2, max, 0), .Machine$double.xmin),
    each = nrow(effects)), 1, max)
  shown <- utils::head(order(-size), n)
  cat(counted(length(effects), "random effect"), " of ", term, sep = "")
  cat(if (nrow(effects) > n) paste0(", the ", n, " largest:\n") else ":\n")
  names <- value_or(colnames(effects), "effect")
  columns <- lapply(seq_along(names), function(j) {
    lapply(c(list(effects), errors), function(one) one[shown, j])
  })
  of <- function(name) {
    c(name, if (length(names) == 1) names(errors) else
      paste0(names(errors), "(", name, ")", recycle0 = TRUE))
  }
  table <- data.frame(
    do.call(cbind, unlist(columns, recursive = FALSE)),
    row.names = make.unique(rownames(effects)[shown])
  )
  names(table) <- unlist(lapply(names, of))
  print(table, digits = digits)
}
