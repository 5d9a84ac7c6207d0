# Pictures of leave-one-out prediction, and calibration as also cross-validation has it.

#' @rdname loo
#' @param object an object of class `"hdlmm_loo"`.
#' @param which panels: 1 observed against predicted values; 2 the probability integral transform
#'   `pnorm((observed - prediction) / sqrt(variance))`, whose histogram is level where predictive
#'   distributions are right (the broken lines hold 95 % of the bars of a uniform sample); 3
#'   coverage, the share of observations inside central intervals against their level. The last two
#'   take predictive distributions as normal, also where the posterior is averaged over.
#' @export
plot.hdlmm_loo <- function(x, which = 1:3, ...) {
  check_dots(graphical_settings)
  draw_panels(loo_panels(x, which), list(...))
  invisible(x)
}

#' @rdname loo
#' @method autoplot hdlmm_loo
#' @exportS3Method ggplot2::autoplot hdlmm_loo
autoplot.hdlmm_loo <- function(object, which = 1:3, ...) {
  check_dots()
  gg_panels(loo_panels(object, which))
}

loo_panels <- function(x, which) {
  check_which(which, 3)
  table <- x$table
  z <- table$residual / sqrt(table$variance)
  lapply(which, function(panel) {
    switch(panel,
      held_out_panel(table, x$r2), transform_panel(z),
      calibration_panel(shown_levels(), share_inside(z, shown_levels()))
    )
  })
}

held_out_panel <- function(table, r2) {
  new_panel("Leave-one-out prediction", "predicted from the other rows", "observed", list(
    point_layer(table$prediction, table$observed), slope_rule(0, 1, ink = "line")
  ), caption = paste("predictive R squared", format(r2, digits = 3)))
}

# Relative frequencies over those of a uniform sample.
transform_panel <- function(z) {
  z <- z[is.finite(z)]
  bins <- min(20, max(5, floor(length(z) / 10)))
  breaks <- seq(0, 1, length.out = bins + 1)
  count <- graphics::hist(stats::pnorm(z), breaks, plot = FALSE)$counts
  expected <- length(z) / bins
  limits <- stats::qbinom(c(0.025, 0.975), length(z), 1 / bins) / expected
  new_panel("Probability integral transform", "transform", "frequency / that of uniform", list(
    bar_layer(breaks[-(bins + 1)], breaks[-1], count / expected), level_rule(1),
    level_rule(limits, c("", "95% of uniform bars"))
  ), xlim = c(0, 1), ylim = c(0, 1.15 * limits[2]))
}

shown_levels <- function() seq(0.05, 0.95, 0.05)

# How many standardised errors central normal intervals hold.
share_inside <- function(z, level) {
  inner <- abs(2 * stats::pnorm(z) - 1)
  vapply(level, function(p) mean(inner <= p, na.rm = TRUE), 0)
}

calibration_panel <- function(level, share, group = NULL) {
  new_panel("Calibration", "level of the interval", "share of observations inside", list(
    slope_rule(0, 1), line_layer(level, share, group, ink = "line"),
    point_layer(level, share, group, ink = "line", is_solid = TRUE)
  ), xlim = c(0, 1), ylim = c(0, 1), is_square = TRUE,
  colours = if (!is.null(group)) group_colours(group))
}
