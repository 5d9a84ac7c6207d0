# Panels over the proportion of variance explained.

panel_profile <- function(fit, options, dots) {
  words <- fit_words(fit)
  main <- words$panel
  if (is_exact_fit(fit)) {
    return(draw_note(
      main, "The response is explained exactly: its likelihood has no profile.", dots
    ))
  }
  if (is_null_design(fit)) return(draw_note(main, "Every column is zero: no profile.", dots))
  # of several terms the last row is their total
  interval <- utils::tail(pve.hdlmm(fit, options$level, words$limits), 1)
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
    if (any(fit$boundary %in% c("random", "residual"))) " (boundary)",
    if (NROW(fit$modes) > 1) paste0(", best of ", nrow(fit$modes), " modes"),
    if (known) paste0(
      ", ", format(100 * level), "% interval ", number(interval$lower), " to ",
      number(interval$upper)
    ),
    if (fit$is_unbounded) ", unbounded at 1"
  )
}
