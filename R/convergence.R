#' Course of a fit
#'
#' @param fit a fit of [lmm()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A data frame with one row per iteration: `iteration`, `objective` (the log-likelihood
#'   that is maximised), then one column per variance. For the direct search these are the Newton
#'   steps at the mode that was returned. Attributes `converged` and `reason`.
#' @examples
#' convergence(lmm(height ~ age + (1 | Subject), data = nlme::Oxboys))
#' @export
convergence <- function(fit, ...) UseMethod("convergence")

#' @export
convergence.default <- function(fit, ...) check_fit(fit, "fit")

#' @export
convergence.hdlmm <- function(fit, ...) {
  check_dots()
  structure(fit$convergence, converged = fit$is_converged, reason = fit$reason)
}
