#' @rdname compare_methods
#' @export
plot.hdlmm_comparison <- function(x, which = NULL, ...) {
  check_dots(graphical_settings)
  fits <- attr(x, "fits")
  names(fits) <- shown_method(x$method, x$algorithm)
  fits <- Filter(function(fit) !is.null(fit) && has_random(fit), fits)
  if (length(fits) == 0) bad_input("there is no method with random effects to plot.")
  has_traces <- any(vapply(fits, has_objective_trace, NA))
  names <- c("pve", attr(x, "variances"), "Residual")
  traces <- length(names) + 1
  all <- c(seq_along(names), if (has_traces) traces)
  if (is.null(which)) which <- all
  if (!is.numeric(which) || !all(which %in% seq_len(traces))) {
    bad_input("`which` must hold numbers from 1 to ", traces, "; found ", describe(which), ".")
  }
  if (length(which) > 1) {
    old <- graphics::par(mfrow = grDevices::n2mfrow(length(which)))
    on.exit(graphics::par(old))
  }
  colours <- comparison_colours(fits)
  titles <- c(
    "Proportion of variance explained",
    panel_titles(x), "Residual variance"
  )
  for (panel in which) {
    if (panel == traces) {
      draw_traces(fits, colours, list(...))
    } else {
      draw_comparison(fits, colours, names[panel], titles[panel], list(...))
    }
  }
  invisible(x)
}

# Of blocks also covariances have a panel.
panel_titles <- function(x) {
  names <- attr(x, "variances")
  kinds <- variance_kinds(Filter(Negate(is.null), attr(x, "fits"))[[1]])[names]
  what <- ifelse(kinds %in% "covariance", "Covariance", "Variance")
  paste(what, "of", vapply(names, shorten, "", 20))
}

# One colour a method; the exact one, by which the others are judged, is black.
comparison_colours <- function(fits) {
  out <- rep_len(
    unname(grDevices::palette.colors(9, "Okabe-Ito"))[c(6, 7, 4, 8, 2, 3, 9)], length(fits)
  )
  replace(out, vapply(fits, is_reference, NA), "black")
}

# Densities where a method has one, each relative to its own maximum so that sharp and flat ones
# both show; a vertical line where a method has an estimate only.
draw_comparison <- function(fits, colours, name, title, dots) {
  curves <- lapply(fits, density_curve, name = name)
  points <- vapply(fits, function(fit) {
    if (name == "pve") unname(utils::tail(shares(fit), 1)) else fit$variances[[name]]
  }, 0)
  has_curve <- !vapply(curves, is.null, NA)
  # a posterior may have a density and no mean
  range <- range(points[!has_curve], unlist(lapply(curves[has_curve], `[[`, "x")), finite = TRUE)
  draw_frame(range, c(0, 1), utils::modifyList(list(
    type = "n", main = title, xlab = "",
    ylab = if (any(has_curve)) "density / its maximum" else "", xlim = range, ylim = c(0, 1.05)
  ), dots))
  # thin lines over thick ones, so that methods that agree all show
  width <- seq(4.5, 1.5, length.out = max(2, length(fits)))[seq_along(fits)]
  for (i in seq_along(fits)) {
    if (has_curve[i]) {
      graphics::lines(curves[[i]]$x, curves[[i]]$y / max(curves[[i]]$y), col = colours[i], lwd = 2)
    } else {
      graphics::segments(points[i], 0, points[i], 0.85, col = colours[i], lwd = width[i])
    }
  }
  graphics::box()
  if (name == "pve") draw_legend(names(fits), colours)
}

# Below the numbers of the axis, where it hides nothing, however high the panel is.
draw_legend <- function(names, colours) {
  line <- graphics::par("mai")[1] / max(graphics::par("mar")[1], 0.1)  # inches
  axis <- graphics::grconvertY(0, "npc", "inches")
  graphics::legend(
    graphics::grconvertX(0.5, "npc"), graphics::grconvertY(axis - 1.9 * line, "inches"), names,
    xjust = 0.5, yjust = 1, col = colours, lwd = 2, bty = "n", cex = 0.75, xpd = NA,
    ncol = min(4, length(names)), x.intersp = 0.5, seg.len = 1.2
  )
}

# Objectives that the log evidence bounds: likelihoods and variational bounds.
has_objective_trace <- function(fit) {
  is_below_evidence(fit) && nrow(fit$convergence) > 1 && !anyNA(fit$convergence$objective)
}

# Objectives by iteration; the broken line is the log evidence that bounds stay below.
draw_traces <- function(fits, colours, dots) {
  has_trace <- vapply(fits, has_objective_trace, NA)
  fits <- fits[has_trace]
  colours <- colours[has_trace]
  if (length(fits) == 0) return(draw_note("Traces", "No method here iterates.", dots))
  traces <- lapply(fits, function(fit) fit$convergence[c("iteration", "objective")])
  bounds <- Filter(has_bound, fits)
  evidence <- vapply(bounds, function(fit) or_missing(bounded_evidence(fit)), 0)
  evidence <- evidence[!is.na(evidence)]
  last <- max(vapply(traces, function(trace) max(trace$iteration), 0))
  ends <- vapply(traces, function(trace) trace$objective[nrow(trace)], 0)
  range <- range(ends, evidence)
  range[1] <- max(min(unlist(lapply(traces, `[[`, "objective"))), range[1] - diff(range) - 5)
  draw_frame(c(1, last), range, utils::modifyList(list(
    type = "n", main = "Objective by iteration", xlab = "", ylab = "objective",
    xlim = c(1, last), ylim = range, log = "x"
  ), dots))
  for (i in seq_along(traces)) {
    graphics::lines(traces[[i]]$iteration, traces[[i]]$objective, col = colours[i], lwd = 2)
    graphics::points(
      nrow(traces[[i]]), ends[i], col = colours[i], pch = 16, xpd = NA
    )
  }
  for (value in evidence) graphics::abline(h = value, lty = 2, col = plot_ink("reference"))
  graphics::box()
  draw_legend(names(fits), colours)
}
