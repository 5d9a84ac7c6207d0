# Pictures of draws: of posterior_sample(), and of the null distributions of test_random().

#' @rdname posterior_sample
#' @param object an object of class `"hdlmm_sample"`.
#' @param parm names of columns of `as.data.frame()`; the default is all but the random effects.
#' @param level the central part of the draws that pictures mark.
#' @export
plot.hdlmm_sample <- function(x, parm = NULL, level = 0.95, ...) {
  check_dots(graphical_settings)
  draw_panels(draw_panels_of(x, parm, level), list(...))
  invisible(x)
}

#' @rdname posterior_sample
#' @method autoplot hdlmm_sample
#' @exportS3Method ggplot2::autoplot hdlmm_sample
autoplot.hdlmm_sample <- function(object, parm = NULL, level = 0.95, ...) {
  check_dots()
  gg_panels(draw_panels_of(object, parm, level))
}

draw_panels_of <- function(x, parm, level) {
  check_level(level)
  draws <- as.matrix.hdlmm_sample(x)
  if (is.null(parm)) {
    parm <- setdiff(colnames(draws), colnames(x$beta))
    parm <- parm[colSums(is.na(draws[, parm, drop = FALSE])) == 0]
  }
  unknown <- setdiff(parm, colnames(draws))
  if (length(unknown) > 0) {
    bad_input("`parm` names no column of the draws: ", enumerate(dQuote(unknown, FALSE)), ".")
  }
  lapply(parm, function(name) histogram_panel(draws[, name], name, level))
}

# Outer draws are left out where they would squeeze the others.
histogram_panel <- function(value, name, level) {
  value <- value[is.finite(value)]
  limits <- stats::quantile(value, tail_levels(level), names = FALSE)
  wide <- stats::quantile(value, c(0.001, 0.999), names = FALSE)
  shown <- value[value >= wide[1] & value <= wide[2]]
  breaks <- if (diff(range(shown)) > 0) min(40, max(10, round(sqrt(length(shown))))) else 1
  bars <- graphics::hist(shown, breaks, plot = FALSE)
  height <- bars$counts / length(value) / diff(bars$breaks)
  count <- length(height)
  foot <- 0.02 * max(height)
  new_panel(shorten(name, 30), "value", "density of draws", list(
    bar_layer(bars$breaks[seq_len(count)], bars$breaks[-1], height),
    span_layer(limits[1], limits[2], -foot, ink = "line"),
    point_layer(mean(value), -foot, ink = "line", is_solid = TRUE)
  ), ylim = c(-2 * foot, 0), caption = paste0(
    "mean ", format(mean(value), digits = 3), ", ", percent(level), " ",
    format(limits[1], digits = 3), " to ", format(limits[2], digits = 3)
  ))
}

#' @rdname test_random
#' @param x,object an object of class `"hdlmm_random_test"`.
#' @export
plot.hdlmm_random_test <- function(x, ...) {
  check_dots(graphical_settings)
  draw_panels(test_panels(x), list(...))
  invisible(x)
}

#' @rdname test_random
#' @method autoplot hdlmm_random_test
#' @exportS3Method ggplot2::autoplot hdlmm_random_test
autoplot.hdlmm_random_test <- function(object, ...) {
  check_dots()
  gg_panels(test_panels(object))
}

test_panels <- function(x) {
  lapply(unique(x$term), function(term) test_panel(x[x$term == term, ], attr(x, "null")))
}

# p-values by statistic under every null distribution, the observed ones as dots. A statistic beyond
# what nulls reach is told in the caption, for it would squeeze them.
test_panel <- function(rows, null) {
  observed <- rows$statistic[1]
  simulated <- null[null$term == rows$term[1], ]
  last <- max(8, 1.1 * simulated$statistic)
  if (observed < 2 * last) last <- max(last, 1.05 * observed)
  nulls <- rows$method
  is_exact_mixture <- isTRUE(rows$se[nulls == "mixture"] == 0)
  at <- if (is_exact_mixture) seq(0, last, length.out = 301)
  p <- c(if (is_exact_mixture) 1, stats::pchisq(at[-1], 1, lower.tail = FALSE) / 2)
  shown <- rows[rows$statistic <= last, ]
  label <- if (nrow(shown) == 0) "off the scale, " else ""
  title <- paste("Test of", shorten(rows$term[1], 30))
  new_panel(title, "likelihood-ratio statistic", "p-value", list(
    level_rule(0.05, "0.05"), upright_rule(shown$statistic[1], "observed"),
    # the wider line under the other, so that both show where they agree
    line_layer(simulated$statistic, simulated$p_value, simulated$method, width = 4),
    line_layer(at, p, rep("mixture", length(at)), width = 1.5),
    point_layer(shown$statistic, pmax(shown$p_value, 1e-300), shown$method, is_solid = TRUE)
  ), log = "y", xlim = c(0, last), ylim = c(0.02, 1), colours = group_colours(nulls),
  caption = paste0(
    "observed ", format(observed, digits = 3), ": ", label,
    paste(paste0(rows$method, " p ", format_p(rows$p_value)), collapse = ", ")
  ))
}

format_p <- function(p) {
  ifelse(p < 1e-16, "< 1e-16", paste("=", vapply(p, format, "", digits = 2)))
}
