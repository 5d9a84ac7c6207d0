# Diagnostic plots in base graphics: a table of panels, each drawn from a fit, the options and the
# user's graphical parameters; drawing helpers at the end.

#' Plots of a fit
#'
#' Six panels, in base graphics: 1 residuals against fitted values with a lowess line;
#' 2 observed against fitted values with the identity line; 3 the profile of the proportion of
#' variance explained with its interval; 4 the largest random effects with intervals; 5 a normal
#' QQ plot of the residuals; 6 a normal QQ plot of the random effects.
#'
#' Residuals are scaled: times the root weights, divided by sigma. Rows beyond three are labelled,
#' at most three of them. A fit without a random term has panel 5 in the place of panel 3, and
#' neither 4 nor 6. What cannot be drawn, such as the profile of an exact fit, is said in the panel
#' itself, so that a layout keeps its shape. Intervals of random effects use their prediction error
#' standard deviations, computed for those shown only.
#'
#' @param x a fit of [lmm()].
#' @param which whole numbers from 1 to 6: the panels.
#' @param ask `TRUE` asks before each new page; the default does when the panels do not fit the
#'   page of an interactive device. Layout parameters are left alone.
#' @param level level of the intervals of panels 3 and 4, in (0, 1).
#' @param n positive whole number: how many random effects panel 4 shows.
#' @param ... graphical parameters for [graphics::plot.default()] (`main`, `xlab`, `col`, ...).
#' @return The fit, invisibly.
#' @section Errors: `hdlmm_bad_input`; `hdlmm_no_random_term` when only panels of random effects
#'   are asked of a fit that has none.
#' @seealso [profile.hdlmm()], [ranef.hdlmm()]
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' old <- par(mfrow = c(2, 2))
#' plot(fit)
#' par(old)
#' @export
plot.hdlmm <- function(x, which = 1:4, ask = must_ask(which), level = 0.95, n = 20, ...) {
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
    bad_input("`which` must hold numbers from 1 to ", count, "; found ", describe(which), ".")
  }
  if (has_random(fit)) return(which)
  which <- unique(replace(which, which == 3, 5))
  random <- which %in% c(4, 6)
  if (all(random)) the_design(fit, "a plot of random effects")
  if (any(random)) {
    message(
      "plot: panel", if (sum(random) > 1) "s", " ", enumerate(which[random]), " left out: ",
      "the fit has no random term."
    )
  }
  which[!random]
}

panel_residuals <- function(fit, options, dots) {
  residual <- shown_residuals(fit)
  draw_points(
    fit$fitted, residual$value, main = "Residuals against fitted", xlab = "fitted value",
    ylab = residual$label, dots = dots
  )
  graphics::abline(h = 0, lty = 3, col = plot_ink("reference"))
  if (length(fit$fitted) > 4 && diff(range(fit$fitted)) > 1e-8 * max(abs(fit$fitted))) {
    graphics::lines(stats::lowess(fit$fitted, residual$value), col = plot_ink("line"), lwd = 2)
  }
  label_extremes(fit$fitted, residual$value, rownames(fit$frame))
}

panel_observed <- function(fit, options, dots) {
  draw_points(
    fit$fitted, fit$fitted + fit$residuals, main = "Observed against fitted",
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

# Scaled residuals, or plain ones when sigma is 0.
shown_residuals <- function(fit) {
  value <- fit$residuals
  sigma <- sigma.hdlmm(fit)
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

is_null_term <- function(fit, design) !(fit$variances[[design$label]] > 0)

null_term_note <- function(design) {
  paste0(
    "All effects of ", design$label, " are 0: its variance is estimated as 0, on the boundary."
  )
}

# Profile -----------------------------------------------------------------------------------

panel_profile <- function(fit, options, dots) {
  main <- paste0("Profile of pve (", fit$method, ")")
  if (fit$boundary == "exact") {
    return(draw_note(
      main, "The response is explained exactly: its likelihood has no profile.", dots
    ))
  }
  interval <- pve.hdlmm(fit, options$level)[1, ]
  curve <- profile_curve(fit, interval)
  cut <- -stats::qchisq(options$level, 1) / 2
  draw_frame(curve$pve, curve$relative, utils::modifyList(list(
    type = "n", main = main, xlab = "proportion of variance explained",
    ylab = "relative log-likelihood",
    ylim = c(min(0, max(min(curve$relative), 3 * cut)), 0), xlim = range(curve$pve)
  ), dots))
  shade_interval(curve, interval)
  graphics::abline(h = cut, lty = 2, col = plot_ink("reference"))
  graphics::lines(curve$pve, curve$relative, lwd = 2)
  at_modes <- fit$modes$logLik - curve$top[1]
  graphics::points(fit$modes$pve, pmin(at_modes, 0), pch = 16, col = plot_ink("line"), xpd = NA)
  graphics::box()
  draw_caption(profile_caption(fit, interval, options$level))
}

# The profile on the window that matters: all of [0, 1] when the interval is wide, unknown or the
# modes are several; else the interval and as much again on both sides.
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
  curve$top <- if (is.finite(fit$loglik)) fit$loglik else max(curve$value)
  curve$relative <- curve$value - curve$top
  curve
}

shade_interval <- function(curve, interval) {
  inside <- curve[curve$pve >= interval$lower & curve$pve <= interval$upper, ]
  if (anyNA(interval[c("lower", "upper")]) || nrow(inside) < 2) return(invisible())
  bottom <- graphics::par("usr")[3]
  graphics::polygon(
    c(inside$pve[1], inside$pve, inside$pve[nrow(inside)]), c(bottom, inside$relative, bottom),
    col = plot_ink("shade"), border = NA
  )
}

profile_caption <- function(fit, interval, level) {
  number <- function(x) format(x, digits = 3)
  known <- !anyNA(interval[c("lower", "upper")])
  paste0(
    switch(fit$boundary,
      random = "maximum at the boundary pve = 0", residual = "maximum at the boundary pve = 1",
      paste("maximum at", number(interval$estimate))
    ),
    if (nrow(fit$modes) > 1) paste0(" (of ", nrow(fit$modes), " modes)"),
    if (known) paste0(
      ", ", format(100 * level), "% interval ", number(interval$lower), " to ",
      number(interval$upper)
    ),
    if (fit$is_unbounded) "; unbounded as pve tends to 1"
  )
}

# Random effects ----------------------------------------------------------------------------

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
  half <- stats::qnorm((1 + options$level) / 2) * effect_se_at(fit, design, shown)
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
    xlab = paste0("effect of ", shorten(design$label, 30)), ylab = "", pch = 16, cex = 0.9,
    xlim = range(0, table$lower, table$upper)
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
  graphics::axis(2, at, margin$labels, las = 1, cex.axis = margin$cex, tick = FALSE, line = -0.6)
  graphics::box()
  graphics::title(xlab = settings$xlab, ylab = settings$ylab)
  draw_title(settings$main)
}

# Margins and text size for labels at the left: at most two fifths of the figure, cut if longer.
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

shorten <- function(text, longest) {
  long <- nchar(text) > longest
  text[long] <- paste0(substr(text[long], 1, max(1, longest - 3)), "...")
  text
}

# Prediction error standard deviations of some coefficients: as ranef(se = TRUE), O(n r) each.
effect_se_at <- function(fit, design, at) {
  internal <- fit$internal
  covariance <- cpp_covariance_columns(design$core, internal$fixed$root, at)
  prior <- rep(1, length(at))
  if (design$kind == "kernel") {
    prior <- design$core$x[cbind(at, at)] * design$core$scale
  }
  variance <- cpp_latent_variances(
    design$core, internal$fixed$root, internal$system, internal$share$h, internal$share$nu,
    covariance, prior, matrix(0, length(at), internal$fixed$rank)
  )
  times_two_to(
    sqrt(pmax(0, variance) * internal$tau2), design$effect_exponent - internal$fixed$ky
  )
}

# Drawing -----------------------------------------------------------------------------------

plot_ink <- function(what) {
  switch(what,
    line = "#B5382A", reference = "grey45", soft = "grey50", shade = "#E4E9F2", point = "#1F3A5F"
  )
}

# Points that stay legible from 3 to 1e6 of them: smaller and more transparent as they multiply.
point_style <- function(n) {
  cex <- if (n <= 100) 0.9 else if (n <= 1000) 0.7 else if (n <= 10000) 0.5 else 0.3
  alpha <- if (n <= 100) 0.8 else if (n <= 1000) 0.6 else if (n <= 10000) 0.3 else 0.15
  can <- grDevices::dev.capabilities("semiTransparency")$semiTransparency
  col <- if (isTRUE(can)) grDevices::adjustcolor(plot_ink("point"), alpha) else plot_ink("point")
  list(pch = 16, cex = cex, col = col)
}

draw_points <- function(x, y, ..., dots) {
  draw_frame(x, y, utils::modifyList(c(point_style(length(x)), list(...)), dots))
}

# plot() with a title as small as the figure needs; symbols, not values, go into the call, for
# plot.default() deparses its data.
draw_frame <- function(x, y, settings) {
  main <- settings$main
  settings$main <- ""
  do.call(graphics::plot, c(list(quote(x), quote(y)), utils::modifyList(list(las = 1), settings)))
  draw_title(main)
}

draw_title <- function(main) {
  cex <- graphics::par("cex.main")
  graphics::title(main = main, cex.main = cex * fitting(main, cex, font = 2))
}

# Factor by which a line of text must shrink to fit the width of the figure.
fitting <- function(text, cex, font = 1) {
  width <- graphics::strwidth(text, units = "inches", cex = cex, font = font)
  min(1, 0.94 * graphics::par("fin")[1] / width)
}

# Order statistics against normal quantiles; where a million points would lie on each other, the
# tails and a net over the rest.
draw_qq <- function(value, names, ..., dots) {
  n <- length(value)
  order <- order(value)
  rank <- if (n <= 20000) seq_len(n) else unique(round(c(
    seq_len(2000), seq(2000, n - 1999, length.out = 6000), n - 1999 + seq_len(1999)
  )))
  x <- stats::qnorm(stats::ppoints(n))[rank]
  y <- value[order][rank]
  draw_points(x, y, xlab = "normal quantile", ..., dots = dots)
  quartiles <- stats::quantile(value, c(0.25, 0.75), names = FALSE)
  slope <- diff(quartiles) / diff(stats::qnorm(c(0.25, 0.75)))
  graphics::abline(mean(quartiles), slope, col = plot_ink("line"), lwd = 2)
  if (!is.null(names)) label_extremes(x, y, names[order][rank])
}

# Names of at most three points beyond three, on the side where there is room.
label_extremes <- function(x, y, names) {
  shown <- utils::head(order(-abs(y)), 3)
  shown <- shown[abs(y[shown]) > 3]
  if (length(shown) == 0 || is.null(names)) return(invisible())
  middle <- mean(graphics::par("usr")[1:2])
  graphics::text(
    x[shown], y[shown], shorten(names[shown], 12), pos = ifelse(x[shown] > middle, 2, 4),
    cex = 0.7, offset = 0.3
  )
}

# A panel that says in words why it is empty.
draw_note <- function(main, text, dots) {
  graphics::plot.new()
  graphics::plot.window(c(0, 1), c(0, 1))
  graphics::box(col = plot_ink("reference"))
  draw_title(value_or(dots$main, main))
  width <- 0.9 * graphics::par("pin")[1] / graphics::strwidth("n", units = "inches")
  graphics::text(0.5, 0.5, paste(strwrap(text, max(10, width)), collapse = "\n"))
}

# One line between the title and the frame.
draw_caption <- function(text) {
  # strwidth() multiplies by par("cex") itself, mtext() does not
  cex <- 0.85 * fitting(text, 0.85)
  graphics::mtext(text, 3, 0.3, cex = cex * graphics::par("cex"), col = "grey30")
}
