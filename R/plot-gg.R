# Panels as a ggplot: one of them with its titles, several as facets.

gg_panels <- function(panels) {
  several <- length(panels) > 1
  names <- facet_names(panels)
  out <- ggplot2::ggplot()
  for (k in seq_along(panels)) {
    panel <- if (several) shift_names(panels[[k]], 1e12 * k) else panels[[k]]
    panels[[k]] <- panel
    name <- factor(names[k], unique(names))
    layers <- if (is.null(panel$note)) panel$layers else list(note_layer(panel$note))
    for (layer in layers) out <- out + gg_layer(layer, panel, name)
    out <- out + gg_corners(panel, name)
  }
  out <- out + gg_scales(panels) + gg_titles(panels) +
    gg_look(is_dense(panels))
  if (several) out <- out + ggplot2::facet_wrap(
    "panel", scales = "free", ncol = if (length(panels) <= 8) 2 else 3
  )
  if (!several && isTRUE(panels[[1]]$is_square)) out <- out + ggplot2::theme(aspect.ratio = 1)
  is_note <- !vapply(panels, function(panel) is.null(panel$note), NA)
  if (all(is_note)) out <- out + ggplot2::theme(
    axis.text = ggplot2::element_blank(), axis.ticks = ggplot2::element_blank()
  )
  out
}

# Strips say what the titles of the axes, which most panels share, do not; captions that are short.
facet_names <- function(panels) {
  if (length(panels) == 1) return(panels[[1]]$title)
  x <- common_axis(panels, "x")
  y <- common_axis(panels, "y")
  lines <- vapply(panels, function(panel) {
    words <- c(
      panel$title, if (!panel$y %in% c(y, "")) paste("y:", panel$y),
      if (!panel$x %in% c(x, "")) paste("x:", panel$x),
      if (nchar(value_or(panel$caption, "")) <= 28) panel$caption
    )
    if (is_dense(panels)) return(gg_wrap(paste(words, collapse = "; "), 40))
    paste(vapply(words, gg_wrap, "", width = 28), collapse = "\n")
  }, "")
  make.unique(lines, sep = " ")
}

# More than four share a page: smaller letters, and strips that take no room from the pictures.
is_dense <- function(panels) length(panels) > 4

# The title of an axis of more than half of the panels, or "".
common_axis <- function(panels, axis) {
  counts <- table(vapply(panels, function(panel) panel[[axis]], ""))
  if (max(counts) > length(panels) / 2) names(counts)[which.max(counts)] else ""
}

gg_wrap <- function(text, width) paste(strwrap(text, width), collapse = "\n")

# Positions with names are told apart between panels, and from the numbers of others, as the axes
# of facets share one scale.
shift_names <- function(panel, by) {
  if (is.null(panel$ticks)) return(panel)
  panel$ticks$at <- panel$ticks$at + by
  panel$layers <- lapply(panel$layers, function(layer) {
    if (!is.null(layer$data$y)) layer$data$y <- layer$data$y + by
    layer
  })
  panel$ylim <- if (!is.null(panel$ylim)) panel$ylim + by
  panel
}

note_layer <- function(text) {
  new_layer("note", list(x = 0.5, y = 0.5, label = gg_wrap(text, 34)), "black")
}

# What the axes show at least.
gg_corners <- function(panel, name) {
  x <- if (is.null(panel$note)) panel_range(panel, "x") else c(0, 1)
  y <- if (is.null(panel$note)) panel_range(panel, "y") else c(0, 1)
  if (!is.null(panel$ticks)) y <- y + c(-0.5, 0.5)
  ggplot2::geom_blank(
    ggplot2::aes(.data$x, .data$y), data.frame(x = x, y = y, panel = name)
  )
}

gg_scales <- function(panels) {
  every <- unlist(unname(lapply(panels, `[[`, "colours")))
  every <- every[!duplicated(names(every))]
  told <- names(legend_of(panels))
  ticks <- do.call(rbind, lapply(panels, `[[`, "ticks"))
  is_log <- function(axis) all(vapply(panels, is_logarithmic, NA, axis = axis))
  scales <- list(
    if (length(every) > 0) ggplot2::scale_colour_manual(
      values = every, breaks = told, guide = if (length(told) > 0) "legend" else "none"
    ),
    if (!is.null(ticks)) name_scale(ticks),
    if (is_log("x")) ggplot2::scale_x_log10(guide = spare_guide()),
    if (!is_log("x")) ggplot2::scale_x_continuous(guide = spare_guide()),
    if (is_log("y")) ggplot2::scale_y_log10(guide = spare_guide()),
    if (!is_log("y") && is.null(ticks)) ggplot2::scale_y_continuous(guide = spare_guide())
  )
  Filter(Negate(is.null), scales)
}

# No label over another one.
spare_guide <- function() ggplot2::guide_axis(check.overlap = TRUE)

# Names where there are some, numbers on the axes of other facets.
name_scale <- function(ticks) {
  breaks <- function(limits) {
    inside <- ticks$at >= limits[1] & ticks$at <= limits[2]
    if (any(inside)) ticks$at[inside] else pretty(limits, 4)
  }
  label <- function(at) {
    found <- match(at, ticks$at)
    ifelse(is.na(found), format(at, trim = TRUE), shorten(ticks$label, 24)[found])
  }
  ggplot2::scale_y_continuous(breaks = breaks, labels = label, guide = spare_guide())
}

gg_titles <- function(panels) {
  first <- panels[[1]]
  if (length(panels) > 1) {
    return(ggplot2::labs(
      x = common_axis(panels, "x"), y = common_axis(panels, "y"), colour = NULL
    ))
  }
  ggplot2::labs(
    title = gg_wrap(first$title, 42), x = first$x, y = gg_wrap(first$y, 40), colour = NULL,
    subtitle = if (!is.null(first$caption)) gg_wrap(first$caption, 52)
  )
}

gg_look <- function(is_small = FALSE) {
  ggplot2::theme_bw(base_size = if (is_small) 8 else 11) + ggplot2::theme(
    plot.title = ggplot2::element_text(face = "bold", size = ggplot2::rel(1.05)),
    plot.subtitle = ggplot2::element_text(size = ggplot2::rel(0.85), colour = "grey30"),
    panel.grid.minor = ggplot2::element_blank(),
    strip.background = ggplot2::element_rect(fill = plot_ink("shade"), colour = NA),
    strip.text = ggplot2::element_text(
      size = ggplot2::rel(if (is_small) 0.8 else 0.7), margin = ggplot2::margin(2, 2, 2, 2),
      lineheight = 0.95
    ),
    legend.position = "bottom", legend.margin = ggplot2::margin(0, 0, 0, 0),
    legend.box.spacing = ggplot2::unit(4, "pt"),
    legend.key.size = ggplot2::unit(12, "pt"),
    plot.margin = ggplot2::margin(4, 9, 4, 4)
  )
}
