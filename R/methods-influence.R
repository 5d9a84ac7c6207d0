#' Influence of single rows
#'
#' Closed forms with the variances held at their estimates, O(n) from what a fit knows, where
#' lme4's `influence()` refits the model once a row.
#'
#' With `P = V^-1 - V^-1 Z (Z'V^-1 Z)^-1 Z'V^-1` the residual of row i without it, y_i less its
#' prediction from the other rows, is `(P y)_i / P_ii` with variance `1 / P_ii`.
#'
#' * `dfbeta()`: the fixed effects less those without the row, as of [stats::lm()] (lme4 has the
#'   opposite sign); `dfbetas()`: in standard errors of the fit.
#' * `rstandard()`: `(P y)_i / sqrt(P_ii)`, residuals over their standard deviations. `rstudent()`:
#'   the same of fits with random terms, as in lme4; of least squares with the scale estimated
#'   without the row, as of [stats::lm()].
#' * `cooks.distance()`: from leverages and residuals given the random effects, as in lme4 and of
#'   [stats::lm()]: `r^2 h / ((1 - h)^2 sigma_e^2 c)`.
#' * `influence()`: a list of all that they are made of.
#'
#' @param model a fit of [lmm()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return Named n-vectors, or n x c matrices with a row for each fitted row and a column for
#'   each fixed effect that is not aliased; rows that `na.exclude` left out are `NA`. `influence()`:
#'   `hat` and `wt.res` (n-vectors), `coefficients` (n x c), those of `dfbeta()`.
#' @section Errors: `hdlmm_unsupported`: fits that are not at a maximum of the likelihood, Cook's
#'   distances of fits without fixed effects; `hdlmm_exact_fit`: where rows have no noise, there is
#'   no prediction from the others to compare with.
#' @references Cook (1977). Detection of influential observation in linear regression.
#'   *Technometrics* 19, 15-18. \doi{10.2307/1268249}; Christensen, Pearson and Johnson (1992).
#'   Case-deletion diagnostics for mixed models. *Technometrics* 34, 38-45. \doi{10.2307/1269550}
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' head(dfbetas(fit))
#' which.max(cooks.distance(fit))
#' @name influence.hdlmm
NULL

#' @rdname influence.hdlmm
#' @importFrom stats influence
#' @export
influence.hdlmm <- function(model, ...) {
  check_dots()
  list(
    hat = hatvalues.hdlmm(model), coefficients = dfbeta.hdlmm(model),
    wt.res = residuals.hdlmm(model, type = "pearson")
  )
}

#' @rdname influence.hdlmm
#' @importFrom stats dfbeta
#' @export
dfbeta.hdlmm <- function(model, ...) {
  check_dots()
  p <- deletion_parts(model)
  stats::naresid(model$na_action, fixed_weights(model) * (p$py / p$diagonal))
}

#' @rdname influence.hdlmm
#' @importFrom stats dfbetas
#' @export
dfbetas.hdlmm <- function(model, ...) {
  check_dots()
  out <- dfbeta.hdlmm(model)
  out / rep(sqrt(diagonal(model$fixed$vcov)), each = nrow(out))
}

#' @rdname influence.hdlmm
#' @importFrom stats cooks.distance
#' @export
cooks.distance.hdlmm <- function(model, ...) {
  check_dots()
  require_noise(model)
  if (model$dims$n_fixed == 0) {
    abort("unsupported", "cooks.distance() is of fixed effects; this fit has none.")
  }
  hat <- hatvalues.hdlmm(model)
  r <- residuals.hdlmm(model, type = "pearson") / (1 - hat)
  out <- r^2 * hat / (model$variances[["Residual"]] * model$dims$n_fixed)
  out[is.infinite(out)] <- NaN
  out
}

#' @rdname influence.hdlmm
#' @importFrom stats rstandard
#' @export
rstandard.hdlmm <- function(model, ...) {
  check_dots()
  p <- deletion_parts(model)
  out <- stats::setNames(p$py / sqrt(p$diagonal), rownames(model$frame))
  stats::naresid(model$na_action, out)
}

#' @rdname influence.hdlmm
#' @importFrom stats rstudent
#' @export
rstudent.hdlmm <- function(model, ...) {
  check_dots()
  r <- rstandard.hdlmm(model)
  if (has_random(model)) return(r)
  df <- variance_df(model)
  r * sqrt((df - 1) / (df - r^2))
}

require_noise <- function(fit) {
  require_likelihood(fit, "influence()")
  if (is_exact_fit(fit)) {
    abort("exact_fit", "the response is explained exactly: no row differs from what others say.")
  }
}

# list(py, diagonal) of a fit whose rows can be predicted from each other.
deletion_parts <- function(fit) {
  require_noise(fit)
  p <- row_projection(fit)
  # a row that alone tells an effect has P_ii = 0
  p$diagonal[p$diagonal <= 0] <- NA
  p
}
