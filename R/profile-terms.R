# Profiles of the parameters of several random terms as a table and as panels.

#' @rdname profile.hdlmm
#' @export
print.hdlmm_profiles <- function(x, digits = 6, ...) {
  check_dots(print_settings)
  parameters <- unique(x$parameter)
  cat(
    "Profiles of the ", attr(x, "criterion"), " log-likelihood over ",
    counted(length(parameters), "parameter"), ":\n", sep = ""
  )
  rows <- lapply(parameters, function(name) {
    one <- x[x$parameter == name, ]
    data.frame(
      parameter = name, values = nrow(one), from = min(one$value), estimate = estimate_of(one),
      to = max(one$value)
    )
  })
  print(format(do.call(rbind, rows), digits = digits), row.names = FALSE)
  invisible(x)
}

#' @rdname profile.hdlmm
#' @export
plot.hdlmm_profiles <- function(x, level = 0.95, ...) {
  check_dots(graphical_settings)
  check_level(level)
  parameters <- unique(x$parameter)
  if (length(parameters) > 1) {
    old <- graphics::par(mfrow = grDevices::n2mfrow(length(parameters)))
    on.exit(graphics::par(old))
  }
  for (name in parameters) draw_parameter_profile(x[x$parameter == name, ], level, list(...))
  invisible(x)
}

# The estimate is where nothing is lost.
estimate_of <- function(one) one$value[which.min(abs(one$root))]

draw_parameter_profile <- function(one, level, dots) {
  name <- one$parameter[1]
  if (nrow(one) < 2) return(draw_note(name, "The profile has no other point.", dots))
  cut <- -stats::qchisq(level, 1) / 2
  # between points the root is all but straight
  value <- seq(min(one$value), max(one$value), length.out = 301)
  root <- stats::approx(one$value, one$root, value)$y
  draw_frame(value, -root^2 / 2, utils::modifyList(list(
    type = "l", main = name, xlab = "value", ylab = "relative log-likelihood",
    ylim = c(min(1.2 * cut, max(-max(root^2) / 2, 2 * cut)), 0)
  ), dots))
  graphics::abline(h = cut, lty = 2, col = plot_ink("reference"))
  graphics::points(estimate_of(one), 0, pch = 16, col = plot_ink("line"), xpd = NA)
}
