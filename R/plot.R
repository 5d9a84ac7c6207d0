# Pictures of a fit: a table of what makes the panels, of which plot() and autoplot() draw the same.

#' Plots of a fit
#'
#' Six kinds of panel: 1 residuals against fitted values with a lowess line; 2 observed against
#' fitted values with the identity line; 3 the profile of the proportion of variance explained with
#' its interval; 4 the largest random effects with intervals; 5 a normal QQ plot of the residuals; 6
#' a normal QQ plot of the random effects. There is a panel of 4 and 6 for every random term.
#' `plot()` draws in base graphics, `autoplot()` makes a plot of ggplot2, of the same numbers.
#' Several panels share a page where the device has one figure on it, twelve at most; a layout of
#' `par()` or `layout()` is used as it is.
#'
#' Residuals are scaled: times the root weights, divided by sigma. Rows beyond three are
#' labelled, at most three of them. A fit without a random term has panel 5 in the place
#' of panel 3, and neither 4 nor 6. What cannot be drawn, such as the profile of an exact
#' fit, is said in the panel itself, so that a layout keeps its shape. Intervals of random
#' effects use their prediction error standard deviations, computed for those shown only.
#'
#' @param x,object a fit of [lmm()].
#' @param which whole numbers from 1 to 6: the panels.
#' @param ask `TRUE` asks before each new page; the default does when the panels do not
#'   fit the page of an interactive device. Layout parameters are set back.
#' @param level level of the intervals of panels 3 and 4, in (0, 1).
#' @param n positive whole number: how many random effects panel 4 shows.
#' @param ... for `plot()`: graphical parameters for [graphics::plot.default()] (`main`, `xlab`,
#'   `col`, ...); nothing else.
#' @return `plot()`: the fit, invisibly. `autoplot()` (of ggplot2): a ggplot, with a facet a panel
#'   when these are several.
#' @section Errors: `hdlmm_bad_input`; `hdlmm_no_random_term` when only panels of random
#'   effects are asked of a fit that has none.
#' @seealso Pictures of [profile()][profile.hdlmm], [ranef()][ranef.hdlmm], [loo()],
#'   [convergence()], [posterior_density()], [posterior_sample()], [lmm_prior()], [test_random()],
#'   [compare_methods()], [cv_lmm()] and of fits of several responses ([hdlmm_multi]).
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' plot(fit)
#' plot(fit, which = 3)
#' @export
plot.hdlmm <- function(x, which = 1:4, ask = NULL, level = 0.95, n = 20, ...) {
  check_dots(graphical_settings)
  panels <- fit_panels(x, which, level, n)
  ask <- if (is.null(ask)) must_ask(panels) else check_flag(ask, "ask")
  draw_panels(panels, list(...), ask)
  invisible(x)
}

#' @rdname plot.hdlmm
#' @method autoplot hdlmm
#' @exportS3Method ggplot2::autoplot hdlmm
autoplot.hdlmm <- function(object, which = 1:4, level = 0.95, n = 20, ...) {
  check_dots()
  gg_panels(fit_panels(object, which, level, n))
}

must_ask <- function(panels) {
  if (!grDevices::dev.interactive()) return(FALSE)
  own <- prod(graphics::par("mfcol"))
  length(panels) > if (own == 1) most_panels else own
}

fit_panels <- function(fit, which = 1:4, level = 0.95, n = 20) {
  check_level(level)
  check_number(n, "n", 1, 1e6, whole = TRUE)
  kinds <- fit_panel_kinds()[choose_panels(fit, which)]
  panels <- lapply(kinds, function(make) make(fit, list(level = level, n = n)))
  do.call(c, panels)
}

# Each gives a list of panels.
fit_panel_kinds <- function() {
  list(
    residual_panel, observed_panel, share_panels, effect_panels, residual_qq_panel,
    effect_qq_panels
  )
}

choose_panels <- function(fit, which) {
  check_which(which, length(fit_panel_kinds()))
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

residual_panel <- function(fit, options) {
  residual <- shown_residuals(fit)
  x <- shown_fitted(fit)
  y <- unname(residual$value)
  can_smooth <- length(x) > 4 && diff(range(x)) > 0
  smooth <- if (can_smooth) stats::lowess(x, y)
  far <- extreme_points(x, y, rownames(fit$frame))
  list(new_panel("Residuals against fitted", "fitted value", residual$label, list(
    level_rule(0), point_layer(x, y),
    if (can_smooth) line_layer(smooth$x, smooth$y, ink = "line"),
    name_layer(far$x, far$y, far$label)
  )))
}

observed_panel <- function(fit, options) {
  list(new_panel(
    "Observed against fitted", "fitted value", deparse1(fit$formula[[2]]), list(
      point_layer(shown_fitted(fit), unname(fit$fitted + fit$residuals)),
      slope_rule(0, 1, ink = "line")
    )
  ))
}

residual_qq_panel <- function(fit, options) {
  residual <- shown_residuals(fit)
  list(qq_panel(
    unname(residual$value), rownames(fit$frame), "Normal QQ of residuals", residual$label
  ))
}

# Fitted values, without differences that are rounding only.
shown_fitted <- function(fit) {
  x <- unname(fit$fitted)
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
