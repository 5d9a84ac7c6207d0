# Panels over the proportion of variance explained.

share_panels <- function(fit, options) list(share_panel_of(fit, options$level))

share_panel_of <- function(fit, level) {
  words <- fit_words(fit)
  title <- words$panel
  if (is_exact_fit(fit)) {
    return(note_panel(title, "The response is explained exactly: its likelihood has no profile."))
  }
  if (is_null_design(fit)) return(note_panel(title, "Every column is zero: no profile."))
  # of several terms the last row is their total
  interval <- utils::tail(share_table(fit, level, words$limits), 1)
  panel <- share_panel(fit, interval)
  if (is.null(panel)) return(shares_panel(fit, title, level))
  if (!is.null(panel$note)) return(note_panel(title, panel$note))
  curve <- panel$curve
  curve <- data.frame(x = curve$pve, y = curve$relative, top = value_or(curve$top, NA_real_))
  caption <- profile_caption(fit, interval, level)
  if (panel$is_density) {
    curve <- curve[is.finite(curve$y), ]
    return(new_panel(title, share_axis, "posterior density", list(
      shaded(curve, interval$lower, interval$upper), line_layer(curve$x, curve$y),
      upright_rule(interval$estimate, "mean")
    ), ylim = c(0, 0), caption = caption))
  }
  if (nrow(curve) < 2) return(note_panel(title, "It is finite nowhere: no profile."))
  modes <- data.frame(
    x = fit$modes$pve, y = pmin(fit$modes$logLik - curve$top[1], 0)
  )
  profile_panel(
    curve, modes, interval, title, share_axis, paste("relative", words$objective), level, caption
  )
}

share_axis <- "proportion of variance explained"

# Every term's share and their total, with limits: what there is without a curve over one share.
shares_panel <- function(fit, title, level) {
  words <- fit_words(fit)
  table <- share_table(fit, level, words$limits)
  interval_panel(
    table$estimate, table$lower, table$upper, table$term, title, share_axis,
    paste0(percent(level), " ", words$interval, " intervals")
  )
}

# Estimates from above to below, with limits where these are known.
interval_panel <- function(value, lower, upper, names, title, x, caption) {
  at <- rev(seq_along(value))
  known <- !is.na(lower) & !is.na(upper)
  new_panel(title, x, "", list(
    zero_rule(), span_layer(lower[known], upper[known], at[known], ink = "point"),
    point_layer(value, at, ink = "point", is_solid = TRUE)
  ), xlim = c(0, 0), ticks = data.frame(at = at, label = names), caption = if (any(known)) caption)
}

# A log density less its maximum, shaded inside the interval, as far down as three times the fall
# that ends it. curve, modes: data frames(x, y).
profile_panel <- function(curve, modes, interval, title, x, y, level, caption = NULL) {
  cut <- -stats::qchisq(level, 1) / 2
  shown <- above(curve$x, curve$y, 3 * cut)
  modes <- modes[is.finite(modes$y) & modes$y >= 3 * cut, ]
  new_panel(title, x, y, list(
    shaded(shown, interval$lower, interval$upper),
    level_rule(cut, percent(level), x = middle_of_interval(interval, shown$x)),
    line_layer(shown$x, shown$y), point_layer(modes$x, modes$y, ink = "line", is_solid = TRUE)
  ), ylim = c(1.2 * cut, 0), caption = caption)
}

# Where a word between the limits is clear of the curve.
middle_of_interval <- function(interval, x) {
  lower <- max(min(x), interval$lower, na.rm = TRUE)
  upper <- min(max(x), interval$upper, na.rm = TRUE)
  (lower + upper) / 2
}

# What lies under a curve between limits, from interpolated end to end.
shaded <- function(curve, lower, upper) {
  if (anyNA(c(lower, upper)) || nrow(curve) < 2) return(NULL)
  ends <- pmin(max(curve$x), pmax(min(curve$x), c(lower, upper)))
  inside <- curve$x > ends[1] & curve$x < ends[2]
  y <- stats::approx(curve$x, curve$y, ends, ties = "ordered")$y
  area_layer(
    c(ends[1], curve$x[inside], ends[2]), c(y[1], curve$y[inside], y[2])
  )
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
