# Diagnostic plots in base graphics: a table of panels, each drawn from a fit, the options
# and the user's graphical parameters.

#' Plots of a fit
#'
#' Six panels, in base graphics: 1 residuals against fitted values with a lowess line; 2
#' observed against fitted values with the identity line; 3 the profile of the proportion
#' of variance explained with its interval; 4 the largest random effects with intervals; 5
#' a normal QQ plot of the residuals; 6 a normal QQ plot of the random effects.
#'
#' Residuals are scaled: times the root weights, divided by sigma. Rows beyond three are
#' labelled, at most three of them. A fit without a random term has panel 5 in the place
#' of panel 3, and neither 4 nor 6. What cannot be drawn, such as the profile of an exact
#' fit, is said in the panel itself, so that a layout keeps its shape. Intervals of random
#' effects use their prediction error standard deviations, computed for those shown only.
#'
#' @param x a fit of [lmm()].
#' @param which whole numbers from 1 to 6: the panels.
#' @param ask `TRUE` asks before each new page; the default does when the panels do not
#'   fit the page of an interactive device. Layout parameters are left alone.
#' @param level level of the intervals of panels 3 and 4, in (0, 1).
#' @param n positive whole number: how many random effects panel 4 shows.
#' @param ... graphical parameters for [graphics::plot.default()] (`main`, `xlab`, `col`,
#'   ...).
#' @return The fit, invisibly.
#' @section Errors: `hdlmm_bad_input`; `hdlmm_no_random_term` when only panels of random
#'   effects are asked of a fit that has none.
#' @seealso [profile.hdlmm()], [ranef.hdlmm()]
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' old <- par(mfrow = c(2, 2))
#' plot(fit)
#' par(old)
#' @export
plot.hdlmm <- function(x, which = 1:4, ask = must_ask(which), level = 0.95, n = 20, ...) {
  check_dots(graphical_settings)
  check_level(level)
  check_number(n, "n", 1, 1e6, whole = TRUE)
  panels <- choose_panels(x, which)
  if (check_flag(ask, "ask")) {
    old <- grDevices::devAskNewPage(TRUE)
    on.exit(grDevices::devAskNewPage(old))
  }
  for (panel in plot_panels()[panels]) panel(x, list(level = level, n = n), list(...))
  invisible(x)
}

plot_panels <- function() {
  list(
    panel_residuals, panel_observed, panel_profile, panel_effects, panel_residual_qq,
    panel_effect_qq
  )
}

must_ask <- function(which) {
  grDevices::dev.interactive() && prod(graphics::par("mfcol")) < length(which)
}

choose_panels <- function(fit, which) {
  count <- length(plot_panels())
  if (!is.numeric(which) || length(which) == 0 || !all(which %in% seq_len(count))) {
    bad_input(
      "`which` must hold numbers from 1 to ", count, "; found ", describe(which), "."
    )
  }
  if (has_random(fit)) return(which)
  which <- unique(replace(which, which == 3, 5))
  random <- which %in% c(4, 6)
  if (all(random)) require_random(fit, "a plot of random effects")
  if (any(random)) {
    message(
      "plot: panel", if (sum(random) > 1) "s", " ", enumerate(which[random]),
      " left out: the fit has no random term."
    )
  }
  which[!random]
}

panel_residuals <- function(fit, options, dots) {
  residual <- shown_residuals(fit)
  fitted <- shown_fitted(fit)
  draw_points(
    fitted, residual$value, main = "Residuals against fitted", xlab = "fitted value",
    ylab = residual$label, dots = dots
  )
  graphics::abline(h = 0, lty = 3, col = plot_ink("reference"))
  if (length(fitted) > 4 && diff(range(fitted)) > 0) {
    smooth <- stats::lowess(fitted, residual$value)
    graphics::lines(smooth, col = plot_ink("line"), lwd = 2)
  }
  label_extremes(fitted, residual$value, rownames(fit$frame))
}

panel_observed <- function(fit, options, dots) {
  draw_points(
    shown_fitted(fit), fit$fitted + fit$residuals, main = "Observed against fitted",
    xlab = "fitted value", ylab = deparse1(fit$formula[[2]]), dots = dots
  )
  graphics::abline(0, 1, col = plot_ink("line"), lwd = 2)
}

panel_residual_qq <- function(fit, options, dots) {
  residual <- shown_residuals(fit)
  draw_qq(
    residual$value, rownames(fit$frame), main = "Normal QQ of residuals",
    ylab = residual$label, dots = dots
  )
}

# Fitted values, without differences that are rounding only.
shown_fitted <- function(fit) {
  x <- fit$fitted
  if (diff(range(x)) > 1e-8 * max(abs(x))) x else rep(mean(x), length(x))
}

# Scaled residuals, or plain ones when sigma is 0.
shown_residuals <- function(fit) {
  value <- fit$residuals
  sigma <- sigma.hdlmm(fit)
  if (is.na(sigma)) return(list(value = value, label = "residual (sigma has no mean)"))
  if (!(sigma > 0)) return(list(value = value, label = "residual (sigma is 0)"))
  list(value = value * sqrt(value_or(fit$weights, 1)) / sigma, label = "scaled residual")
}
