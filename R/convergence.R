#' Course of a fit
#'
#' @param fit a fit of [lmm()].
#' @param ... for `plot()`: graphical parameters; nothing else.
#' @return A data frame of class `"hdlmm_convergence"` with one row per iteration: `iteration`,
#'   `objective` (the log-likelihood that is maximised), then one column per variance. For the
#'   direct search these are the Newton steps at the mode that was returned. Attributes `converged`
#'   and `reason`. `plot()` and `autoplot()` draw a panel a column, a colour a chain or response.
#' @examples
#' course <- convergence(lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, algorithm = "em"))
#' tail(course)
#' plot(course)
#' @export
convergence <- function(fit, ...) UseMethod("convergence")

#' @export
convergence.default <- function(fit, ...) check_fit(fit, "fit")

#' @export
convergence.hdlmm <- function(fit, ...) {
  check_dots()
  structure(
    fit$convergence, converged = fit$is_converged, reason = fit$reason,
    class = c("hdlmm_convergence", "data.frame")
  )
}
