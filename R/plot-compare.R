# Pictures of compare_methods().

#' @rdname compare_methods
#' @export
plot.hdlmm_comparison <- function(x, which = NULL, ...) {
  check_dots(graphical_settings)
  draw_panels(comparison_panels(x, which), list(...))
  invisible(x)
}

#' @rdname compare_methods
#' @method autoplot hdlmm_comparison
#' @exportS3Method ggplot2::autoplot hdlmm_comparison
autoplot.hdlmm_comparison <- function(object, which = NULL, ...) {
  check_dots()
  gg_panels(comparison_panels(object, which))
}

comparison_panels <- function(x, which) {
  fits <- attr(x, "fits")
  names(fits) <- shown_method(x$method, x$algorithm)
  fits <- Filter(function(fit) !is.null(fit) && has_random(fit), fits)
  if (length(fits) == 0) bad_input("there is no method with random effects to plot.")
  has_traces <- any(vapply(fits, has_objective_trace, NA))
  names <- c("pve", attr(x, "variances"), "Residual")
  traces <- length(names) + 1
  if (is.null(which)) which <- c(seq_along(names), if (has_traces) traces)
  check_which(which, traces)
  is_exact <- vapply(fits, is_reference, NA)
  colours <- group_colours(names(fits), names(fits)[is_exact])
  titles <- c(
    "Proportion of variance explained", comparison_titles(x), "Residual variance"
  )
  lapply(which, function(panel) {
    if (panel == traces) return(trace_panel(fits, colours))
    comparison_panel(fits, colours, names[panel], titles[panel])
  })
}

# Of blocks also covariances have a panel.
comparison_titles <- function(x) {
  names <- attr(x, "variances")
  kinds <- variance_kinds(Filter(Negate(is.null), attr(x, "fits"))[[1]])[names]
  what <- ifelse(kinds %in% "covariance", "Covariance", "Variance")
  paste(what, "of", vapply(names, shorten, "", 20))
}

# Densities where a method has one, and sticks beside them for the methods that have an estimate
# only; where none has a density, estimates with their limits.
comparison_panel <- function(fits, colours, name, title) {
  curves <- lapply(fits, density_curve, name = name)
  has_curve <- !vapply(curves, is.null, NA)
  points <- vapply(fits[!has_curve], compared_estimate, 0, name)
  # a posterior may have a density and no mean
  points <- points[is.finite(points)]
  if (!any(has_curve)) return(limits_panel(fits[names(points)], points, colours, name, title))
  curves_panel(curves[has_curve], points, colours, title)
}

compared_estimate <- function(fit, name) {
  if (name == "pve") unname(utils::tail(shares(fit), 1)) else fit$variances[[name]]
}

# Curves relative to their own maximum, so that sharp and flat ones both show; sticks each of its
# own height, so that those that agree all show.
curves_panel <- function(curves, points, colours, title) {
  lines <- do.call(rbind, unname(Map(function(curve, method) {
    data.frame(x = curve$x, y = curve$y / max(curve$y), group = rep(method, length(curve$x)))
  }, curves, names(curves))))
  height <- seq(0.95, 0.35, length.out = max(2, length(points)))[seq_along(points)]
  new_panel(title, "value", "density / its maximum", list(
    line_layer(lines$x, lines$y, lines$group), stick_layer(points, height, names(points))
  ), ylim = c(0, 1), colours = colours)
}

# A row a method, from above to below; the names stand beside the rows.
limits_panel <- function(fits, points, colours, name, title) {
  limits <- vapply(fits, compared_limits, c(0, 0), name)
  methods <- names(points)
  at <- rev(seq_along(points))
  known <- colSums(is.na(limits)) == 0
  new_panel(title, "value", "", list(
    span_layer(limits[1, known], limits[2, known], at[known], group = methods[known]),
    point_layer(points, at, methods, is_solid = TRUE)
  ), ticks = data.frame(at = at, label = methods), colours = colours, is_told = FALSE,
  caption = if (any(known)) "95% Wald intervals")
}

compared_limits <- function(fit, name) {
  if (name != "pve") return(as.vector(limits_by_default(fit, name, 0.95, "wald")))
  limits <- wald_pve_limits(fit, 0.95)
  limits[nrow(limits), ]
}

# Objectives that the log evidence bounds: likelihoods and variational bounds.
has_objective_trace <- function(fit) {
  is_below_evidence(fit) && nrow(fit$convergence) > 1 && !anyNA(fit$convergence$objective)
}

# Objectives by iteration; the broken line is the log evidence that bounds stay below.
trace_panel <- function(fits, colours) {
  fits <- fits[vapply(fits, has_objective_trace, NA)]
  if (length(fits) == 0) return(note_panel("Traces", "No method here iterates."))
  traces <- do.call(rbind, unname(Map(function(fit, method) {
    trace <- fit$convergence
    data.frame(x = trace$iteration - min(trace$iteration) + 1, y = trace$objective, group = method)
  }, fits, names(fits))))
  evidence <- vapply(Filter(has_bound, fits), function(fit) or_missing(bounded_evidence(fit)), 0)
  evidence <- unique(signif(evidence[!is.na(evidence)], 8))
  ends <- traces[!duplicated(traces$group, fromLast = TRUE), ]
  lowest <- min(ends$y, evidence) - diff(range(ends$y, evidence)) - 5
  traces <- traces[traces$y >= lowest, ]
  new_panel("Objective by iteration", "iteration", "objective", list(
    level_rule(evidence, "log evidence"), line_layer(traces$x, traces$y, traces$group),
    point_layer(ends$x, ends$y, ends$group, is_solid = TRUE)
  ), ylim = range(ends$y, evidence), log = "x", colours = colours)
}
