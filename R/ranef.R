#' Predicted random effects
#'
#' Best linear unbiased predictions `sigma_b^2 X'V^-1 (y - Z omega)`: the posterior means of the
#' coefficients given the estimated variances. For Bayes fits means and standard deviations are
#' those of the posterior, variances integrated out; for VB fits those of q.
#'
#' @param object a fit of [lmm()].
#' @param se `TRUE` adds standard errors: square roots of the prediction error variances, omega
#'   integrated out under a flat prior. O(n^2 p) when n < p.
#' @param condVar the same, under the name that lme4 uses.
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
#'   has an attribute `"se"`, a list of the same shape.
#' @references Henderson (1975). Best linear unbiased estimation and prediction under a selection
#'   model. *Biometrics* 31, 423-447. \doi{10.2307/2529430}
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' ranef(fit, se = TRUE)
#' @export
ranef.hdlmm <- function(object, se = FALSE, condVar = se, ...) {
  check_dots()
  effects <- lapply(object$designs, function(design) {
    shaped_effects(design, object$effects[[design$label]])
  })
  if (check_flag(condVar, if (missing(condVar)) "se" else "condVar") && has_random(object)) {
    attr(effects, "is_posterior") <- has_effect_posterior(object)
    attr(effects, "se") <- lapply(object$designs, function(design) {
      shaped_effects(design, effect_se(object, design))
    })
  }
  structure(effects, class = "ranef.hdlmm")
}

#' @rdname ranef.hdlmm
#' @return `as.data.frame()`: one row an effect, columns `grpvar` (the term), `term`, `grp`
#'   (column or level), `condval` and `condsd` (`NA` without `se = TRUE`), as lme4 names them.
#' @export
as.data.frame.ranef.hdlmm <- function(x, ...) {
  check_dots(list(row.names = list(NULL), optional = NULL, stringsAsFactors = NULL))
  se <- attr(x, "se")
  parts <- lapply(names(x), function(term) {
    effects <- as.matrix(x[[term]])
    coefficients <- value_or(colnames(effects), "(Intercept)")
    frame_of(list(
      grpvar = rep(term, length(effects)), term = rep(coefficients, each = nrow(effects)),
      grp = rep(value_or(rownames(effects), character()), ncol(effects)),
      condval = as.vector(effects),
      condsd = if (is.null(se)) rep(NA_real_, length(effects)) else as.vector(se[[term]])
    ))
  })
  do.call(rbind, parts)
}

#' @rdname ranef.hdlmm
#' @export
print.ranef.hdlmm <- function(x, n = 10, digits = getOption("digits"), ...) {
  check_dots(print_settings)
  se <- attr(x, "se")
  if (length(x) == 0) cat("No random effects.\n")
  for (term in names(x)) {
    error <- if (isTRUE(attr(x, "is_posterior"))) "post.sd" else "se"
    own_se <- if (!is.null(se)) as.matrix(se[[term]])
    print_effects(term, as.matrix(x[[term]]), own_se, n, error, digits)
  }
  invisible(x)
}

# Rows of the largest effects of a term [levels x coefficients].
print_effects <- function(term, effects, se, n, error, digits) {
  size <- apply(abs(effects) / rep(pmax(apply(abs(effects), 2, max, 0), .Machine$double.xmin),
    each = nrow(effects)), 1, max)
  shown <- utils::head(order(-size), n)
  cat(counted(length(effects), "random effect"), " of ", term, sep = "")
  cat(if (nrow(effects) > n) paste0(", the ", n, " largest:\n") else ":\n")
  names <- value_or(colnames(effects), "effect")
  columns <- lapply(seq_along(names), function(j) {
    own <- list(effects[shown, j])
    if (length(se) > 0) c(own, list(se[shown, j])) else own
  })
  labels <- if (length(se) == 0) names else if (length(names) == 1) c(names, error) else
    as.vector(rbind(names, paste0(error, "(", names, ")")))
  table <- data.frame(
    do.call(cbind, unlist(columns, recursive = FALSE)),
    row.names = make.unique(rownames(effects)[shown])
  )
  names(table) <- labels
  print(table, digits = digits)
}
