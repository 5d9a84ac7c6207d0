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
  if (all(random)) the_design(fit, "a plot of random effects")
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

panel_effect_qq <- function(fit, options, dots) {
  for (design in fit$designs) {
    main <- "Normal QQ of random effects"
    if (is_null_term(fit, design)) {
      draw_note(main, null_term_note(design), dots)
    } else {
      draw_qq(
        fit$effects[[design$label]], NULL, main = main,
        ylab = paste("random effect of", design$label), dots = dots
      )
    }
  }
}

is_null_term <- function(fit, design) fit$variances[[design$label]] %in% 0

null_term_note <- function(design) {
  paste0(
    "All effects of ", design$label, " are 0: its variance is estimated as 0, on the ",
    "boundary."
  )
}

# Profile --------------------------------------------------------------------------------

panel_profile <- function(fit, options, dots) {
  words <- fit_words(fit)
  main <- words$panel
  if (fit$boundary == "exact") {
    return(draw_note(
      main, "The response is explained exactly: its likelihood has no profile.", dots
    ))
  }
  if (is_null_design(fit)) return(draw_note(main, "Every column is zero: no profile.", dots))
  interval <- pve.hdlmm(fit, options$level)[1, ]
  panel <- share_panel(fit, interval)
  if (!is.null(panel$note)) return(draw_note(main, panel$note, dots))
  curve <- panel$curve
  if (panel$is_density) return(draw_posterior(curve, interval, main, fit, options, dots))
  if (nrow(curve) < 2) return(draw_note(main, "It is finite nowhere: no profile.", dots))
  cut <- -stats::qchisq(options$level, 1) / 2
  draw_frame(curve$pve, curve$relative, utils::modifyList(list(
    type = "n", main = main, xlab = "proportion of variance explained",
    ylab = paste("relative", words$objective),
    ylim = c(min(1.2 * cut, max(min(curve$relative), 3 * cut)), 0),
    xlim = range(curve$pve)
  ), dots))
  shade_interval(curve, interval)
  graphics::abline(h = cut, lty = 2, col = plot_ink("reference"))
  graphics::lines(curve$pve, curve$relative, lwd = 2)
  modes <- pmin(fit$modes$logLik - curve$top[1], 0)
  graphics::points(fit$modes$pve, modes, pch = 16, col = plot_ink("line"), xpd = NA)
  graphics::box()
  draw_caption(profile_caption(fit, interval, options$level))
}

draw_posterior <- function(curve, interval, main, fit, options, dots) {
  draw_frame(curve$pve, curve$relative, utils::modifyList(list(
    type = "n", main = main, xlab = "proportion of variance explained",
    ylab = "posterior density", ylim = c(0, max(curve$relative[is.finite(curve$relative)]))
  ), dots))
  shade_interval(curve, interval)
  graphics::lines(curve$pve, curve$relative, lwd = 2)
  graphics::abline(v = interval$estimate, lty = 3, col = plot_ink("reference"))
  graphics::box()
  draw_caption(profile_caption(fit, interval, options$level))
}

# The profile on the window that matters: all of [0, 1] when the interval is wide, unknown
# or the modes are several; else the interval and as much again on both sides.
profile_curve <- function(fit, interval) {
  window <- c(interval$lower, interval$upper)
  width <- diff(window)
  if (anyNA(window) || width > 0.2 || nrow(fit$modes) > 1) {
    window <- c(0, 1)
  } else {
    window <- pmin(1, pmax(0, window + c(-1, 1) * width))
  }
  # the ends are left out where a limit is infinite, not rounded to
  h <- unique(sort(c(seq(window[1], window[2], length.out = 301), fit$modes$pve)))
  curve <- data.frame(pve = h, value = profile_at(fit, h))
  curve <- curve[is.finite(curve$value), ]
  best <- fit$modes$logLik[1]
  curve$top <- rep(if (is.finite(best)) best else max(curve$value, -Inf), nrow(curve))
  curve$relative <- curve$value - curve$top
  curve
}

shade_interval <- function(curve, interval) {
  inside <- curve[curve$pve >= interval$lower & curve$pve <= interval$upper, ]
  if (anyNA(interval[c("lower", "upper")]) || nrow(inside) < 2) return(invisible())
  bottom <- graphics::par("usr")[3]
  graphics::polygon(
    c(inside$pve[1], inside$pve, inside$pve[nrow(inside)]),
    c(bottom, inside$relative, bottom), col = plot_ink("shade"), border = NA
  )
}

profile_caption <- function(fit, interval, level) {
  number <- function(x) format(x, digits = 3)
  known <- !anyNA(interval[c("lower", "upper")])
  paste0(
    "pve ", number(interval$estimate),
    if (fit$boundary %in% c("random", "residual")) " (boundary)",
    if (NROW(fit$modes) > 1) paste0(", best of ", nrow(fit$modes), " modes"),
    if (known) paste0(
      ", ", format(100 * level), "% interval ", number(interval$lower), " to ",
      number(interval$upper)
    ),
    if (fit$is_unbounded) ", unbounded at 1"
  )
}

# Random effects -------------------------------------------------------------------------

panel_effects <- function(fit, options, dots) {
  for (design in fit$designs) {
    if (is_null_term(fit, design)) {
      draw_note("Random effects", null_term_note(design), dots)
    } else {
      draw_caterpillar(fit, design, options, dots)
    }
  }
}

# The largest effects in order of size, the labels in a margin as wide as they need.
draw_caterpillar <- function(fit, design, options, dots) {
  effects <- fit$effects[[design$label]]
  shown <- utils::head(order(-abs(effects)), options$n)
  shown <- shown[order(effects[shown])]
  half <- stats::qnorm((1 + options$level) / 2) * effect_se(fit, design, shown)
  table <- data.frame(
    value = effects[shown], lower = effects[shown] - half, upper = effects[shown] + half,
    name = effect_names(design)[shown]
  )
  settings <- utils::modifyList(list(
    main = if (length(effects) > nrow(table)) {
      paste0("The ", nrow(table), " largest of ", length(effects), " random effects")
    } else {
      "Random effects"
    },
    xlab = paste0("effect of ", shorten(design$label, 30)), ylab = "", pch = 16,
    cex = 0.9, xlim = range(0, table$lower, table$upper)
  ), dots)
  graphics::plot.new()
  margin <- label_margin(table$name)
  old <- graphics::par(mar = margin$mar)
  on.exit(graphics::par(old))
  draw_intervals(table, settings, margin)
  draw_caption(paste0(format(100 * options$level), "% intervals"))
}

draw_intervals <- function(table, settings, margin) {
  at <- seq_len(nrow(table))
  graphics::plot.window(settings$xlim, c(0.5, nrow(table) + 0.5))
  # the device still clips to the margins that plot.new() saw
  do.call(graphics::clip, as.list(graphics::par("usr")))
  graphics::abline(v = 0, lty = 3, col = plot_ink("reference"))
  clear <- table$lower > 0 | table$upper < 0
  colour <- value_or(settings$col, ifelse(clear, plot_ink("line"), plot_ink("soft")))
  graphics::segments(table$lower, at, table$upper, at, col = colour, lwd = 2)
  graphics::points(table$value, at, pch = settings$pch, cex = settings$cex, col = colour)
  graphics::axis(1)
  graphics::axis(
    2, at, margin$labels, las = 1, cex.axis = margin$cex, tick = FALSE, line = -0.6
  )
  graphics::box()
  graphics::title(xlab = settings$xlab, ylab = settings$ylab)
  draw_title(settings$main)
}

# Margins and text size for labels at the left: at most two fifths of the figure, cut if
# longer.
label_margin <- function(labels) {
  mar <- graphics::par("mar")
  row <- graphics::par("pin")[2] / max(1, length(labels))
  line <- graphics::par("csi")
  cex <- min(0.9, max(0.5, row / line))
  width <- function(text) max(0, graphics::strwidth(text, units = "inches", cex = cex))
  most <- 0.4 * graphics::par("fin")[1]
  longest <- max(nchar(labels))
  if (width(labels) > most) {
    labels <- shorten(labels, max(3, floor(longest * most / width(labels))))
  }
  mar[2] <- max(mar[2] - 2, width(labels) / line + 1.2)
  list(mar = mar, cex = cex, labels = labels)
}
