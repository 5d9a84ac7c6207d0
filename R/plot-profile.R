# Panels of profile().

#' @rdname profile.hdlmm
#' @export
plot.hdlmm_profile <- function(x, level = 0.95, ...) {
  check_dots(graphical_settings)
  draw_panels(list(pve_profile_panel(x, level)), list(...))
  invisible(x)
}

#' @rdname profile.hdlmm
#' @method autoplot hdlmm_profile
#' @exportS3Method ggplot2::autoplot hdlmm_profile
autoplot.hdlmm_profile <- function(object, level = 0.95, ...) {
  check_dots()
  gg_panels(list(pve_profile_panel(object, level)))
}

pve_profile_panel <- function(x, level) {
  check_level(level)
  curve <- x$curve[is.finite(x$curve$logLik), ]
  if (nrow(curve) < 2) abort("undefined", "the criterion is finite nowhere: there is no curve.")
  # a density without a maximum is drawn from its highest value in the table
  is_bounded <- is.finite(x$modes$logLik[1])
  top <- if (is_bounded) x$modes$logLik[1] else max(curve$logLik)
  curve <- data.frame(x = curve$pve, y = pmin(curve$logLik - top, 0))
  words <- attr(x, "words")
  cut <- -stats::qchisq(level, 1) / 2
  profile_panel(
    curve, data.frame(x = x$modes$pve, y = x$modes$logLik - top), fallen_limits(curve, cut),
    words$panel, share_axis, paste("relative", words$objective), level, pole_caption(x)
  )
}

pole_caption <- function(x) {
  if (x$unbounded) paste0("unbounded as pve tends to ", attr(x, "pole"))
}

# Where a curve (x, y) falls to `cut` outermost: data frame(lower, upper), by lines between points.
fallen_limits <- function(curve, cut) {
  above <- which(curve$y >= cut)
  if (length(above) == 0) return(data.frame(lower = NA_real_, upper = NA_real_))
  end <- function(inside, outside) {
    if (outside < 1 || outside > nrow(curve)) return(curve$x[inside])
    at <- c(outside, inside)
    stats::approx(curve$y[at], curve$x[at], cut)$y
  }
  first <- above[1]
  last <- above[length(above)]
  data.frame(lower = end(first, first - 1), upper = end(last, last + 1))
}

#' @rdname profile.hdlmm
#' @export
plot.hdlmm_profiles <- function(x, level = 0.95, ...) {
  check_dots(graphical_settings)
  draw_panels(parameter_profile_panels(x, level), list(...))
  invisible(x)
}

#' @rdname profile.hdlmm
#' @method autoplot hdlmm_profiles
#' @exportS3Method ggplot2::autoplot hdlmm_profiles
autoplot.hdlmm_profiles <- function(object, level = 0.95, ...) {
  check_dots()
  gg_panels(parameter_profile_panels(object, level))
}

parameter_profile_panels <- function(x, level) {
  check_level(level)
  lapply(unique(x$parameter), function(name) {
    parameter_profile_panel(x[x$parameter == name, ], level)
  })
}

parameter_profile_panel <- function(one, level) {
  name <- one$parameter[1]
  if (nrow(one) < 2) return(note_panel(name, "The profile has no other point."))
  # between points the root is all but straight
  value <- sort(unique(c(seq(min(one$value), max(one$value), length.out = 301), one$value)))
  root <- stats::approx(one$value, one$root, value, ties = "ordered")$y
  quantile <- sqrt(stats::qchisq(level, 1))
  ends <- stats::approx(one$root, one$value, c(-quantile, quantile), rule = 2, ties = "ordered")$y
  profile_panel(
    data.frame(x = value, y = -root^2 / 2), data.frame(x = estimate_of(one), y = 0),
    data.frame(lower = ends[1], upper = ends[2]), name, "value", "relative log-likelihood", level
  )
}
