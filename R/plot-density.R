# Pictures of posterior_density() and of priors.

#' @rdname posterior_summary
#' @export
plot.hdlmm_density <- function(x, level = 0.95, ...) {
  check_dots(graphical_settings)
  draw_panels(density_panels(x, level), list(...))
  invisible(x)
}

#' @rdname posterior_summary
#' @method autoplot hdlmm_density
#' @exportS3Method ggplot2::autoplot hdlmm_density
autoplot.hdlmm_density <- function(object, level = 0.95, ...) {
  check_dots()
  gg_panels(density_panels(object, level))
}

density_panels <- function(x, level) {
  check_level(level)
  shown <- unique(x$parameter)
  has_prior <- any(is.finite(x$prior))
  lapply(shown, function(name) density_panel(x[x$parameter == name, ], name, level, has_prior))
}

density_panel <- function(one, name, level, has_prior) {
  one <- one[is.finite(one$density), ]
  limits <- central_part(one$x, one$density, level)
  lines <- data.frame(x = one$x, y = one$density, group = "posterior")
  is_known <- is.finite(one$prior)
  prior <- data.frame(x = one$x, y = one$prior, group = rep("prior", nrow(one)))[is_known, ]
  # a prior with a pole must not squeeze the posterior
  highest <- 1.5 * max(one$density)
  prior$y <- pmin(prior$y, highest)
  lines <- rbind(lines, prior)
  new_panel(shorten(name, 30), "value", "density", list(
    shaded(lines[lines$group == "posterior", ], limits[1], limits[2]),
    line_layer(lines$x, lines$y, if (has_prior) lines$group)
  ), ylim = c(0, 0), colours = if (has_prior) c(posterior = "black", prior = plot_ink("line")),
  caption = paste0(
    percent(level), " between ", format(limits[1], digits = 3), " and ",
    format(limits[2], digits = 3)
  ))
}

# Limits of the central part of a density on a grid, by trapezia.
central_part <- function(x, y, level) {
  area <- cumsum(c(0, diff(x) * (y[-1] + y[-length(y)]) / 2))
  stats::approx(area / area[length(area)], x, tail_levels(level), ties = "ordered")$y
}

# The density of the prior of this parameter at x, NA where lmm_prior() has none of it.
prior_density_of <- function(fit, name, kind, x) {
  own <- parameter_prior(fit, name, kind)
  if (is.null(own)) return(rep(NA_real_, length(x)))
  prior_density_at(own$density, x, own$index)
}

# list(density, index) of one parameter, or NULL.
parameter_prior <- function(fit, name, kind) {
  prior <- fit$prior
  if (is.null(prior)) return(NULL)
  density <- switch(kind,
    fixed = prior$fixed,
    pve = share_prior(prior$pve, term_labels(fit), if (name != "pve") sub("^pve[.]", "", name)),
    variance = variance_prior(fit, name)
  )
  if (is.null(density)) return(NULL)
  index <- if (kind == "fixed") match(name, names(fit$fixed$estimate)) else 1
  list(density = density, index = index)
}

variance_prior <- function(fit, name) {
  if (name == "Residual") return(fit$prior$residual)
  design <- fit$designs[[name]]
  # of a block's matrix no single density is known
  if (is.null(fit$prior$random) || is.null(design) || coefficient_width(design) > 1) return(NULL)
  random_density(fit$prior, name)
}

#' @rdname lmm_prior
#' @param level the part of the prior that pictures show: up to this quantile of a variance (of a
#'   standard deviation for a half t), the central part of a coefficient.
#' @export
plot.lmm_density <- function(x, level = 0.98, ...) {
  check_dots(graphical_settings)
  draw_panels(list(prior_panel(x, capitalise(describe_density(x)), level)), list(...))
  invisible(x)
}

#' @rdname lmm_prior
#' @method autoplot lmm_density
#' @exportS3Method ggplot2::autoplot lmm_density
autoplot.lmm_density <- function(object, level = 0.98, ...) {
  check_dots()
  gg_panels(list(prior_panel(object, capitalise(describe_density(object)), level)))
}

#' @rdname lmm_prior
#' @export
plot.lmm_prior <- function(x, level = 0.98, ...) {
  check_dots(graphical_settings)
  draw_panels(prior_panels(x, level), list(...))
  invisible(x)
}

#' @rdname lmm_prior
#' @method autoplot lmm_prior
#' @exportS3Method ggplot2::autoplot lmm_prior
autoplot.lmm_prior <- function(object, level = 0.98, ...) {
  check_dots()
  gg_panels(prior_panels(object, level))
}

prior_panels <- function(prior, level) {
  parts <- lapply(stats::setNames(nm = names(prior)), function(name) {
    part <- prior[[name]]
    if (inherits(part, "lmm_density")) list(part) else part
  })
  panels <- lapply(names(parts), function(name) {
    labels <- names(parts[[name]])
    unname(Map(function(density, label) {
      title <- capitalise(paste0(prior_words[[name]], if (label != "") paste(" of", label)))
      prior_panel(density, title, level)
    }, parts[[name]], value_or(labels, rep("", length(parts[[name]])))))
  })
  do.call(c, panels)
}

prior_panel <- function(density, title, level) {
  check_level(level)
  if (density$kind == "flat") return(note_panel(title, "Flat: density 1 everywhere, improper."))
  if (density$kind == "jeffreys") {
    return(note_panel(title, "Jeffreys: density 1 / variance, improper."))
  }
  if (density$kind == "dirichlet") return(dirichlet_panel(density, title))
  range <- prior_range(density, level)
  # ends are left out, where densities may have poles
  x <- seq(range[1], range[2], length.out = 403)[2:402]
  # a half t is told by the standard deviation, whose density is level at 0
  is_of_sd <- density$kind == "half_t"
  y <- if (is_of_sd) 2 * x * prior_density_at(density, x^2) else prior_density_at(density, x)
  axis <- switch(density$kind,
    beta = share_axis, inverse_gamma = "variance", half_t = "standard deviation",
    normal = "coefficient"
  )
  new_panel(
    title, axis, "density", list(area_layer(x, y, 0), line_layer(x, y)), ylim = c(0, 0),
    caption = if (capitalise(describe_density(density)) != title) describe_density(density)
  )
}

prior_range <- function(density, level) {
  switch(density$kind,
    beta = c(0, 1),
    inverse_gamma = c(0, density$b[1] / stats::qgamma(1 - level, density$a)),
    half_t = c(0, density$b[1] * stats::qt((1 + level) / 2, density$a)),
    normal = density$mean[1] + density$sd[1] * stats::qnorm(tail_levels(level))
  )
}

# Every share has a beta density.
dirichlet_panel <- function(density, title) {
  alpha <- density$alpha
  names <- value_or(names(alpha), c(paste("term", seq_along(alpha[-1])), "Residual"))
  x <- seq(0, 1, length.out = 403)[2:402]
  y <- unlist(lapply(alpha, function(a) stats::dbeta(x, a, sum(alpha) - a)))
  new_panel(title, share_axis, "density", list(
    line_layer(rep(x, length(alpha)), y, rep(names, each = length(x)))
  ), ylim = c(0, 0), colours = group_colours(names))
}
