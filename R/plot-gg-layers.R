# Layers of panels as layers of a ggplot.

# the data of a layer in ggplot2's aes()
utils::globalVariables(".data")

gg_layer <- function(layer, panel, name) {
  data <- cbind(layer$data, panel = name)
  colour <- if (is.null(data$group)) list(colour = plot_ink(layer$ink))
  switch(layer$kind,
    points = gg_geom(ggplot2::geom_point, data, c("x", "y"), c(colour, list(
      size = 1.7 * (if (isTRUE(layer$is_solid)) 0.9 else point_size(nrow(data))),
      alpha = if (isTRUE(layer$is_solid)) 1 else point_alpha(nrow(data))
    ))),
    names = gg_names(data, panel),
    line = gg_geom(ggplot2::geom_line, data, c("x", "y"), c(colour, list(
      orientation = "x"
    ), gg_width(layer$width / 2.5))),
    area = gg_area(data),
    spans = gg_geom(ggplot2::geom_segment, transform_spans(data), c("x", "y", "xend", "yend"), c(
      colour, gg_width(0.9)
    )),
    sticks = gg_sticks(data, colour),
    bars = gg_geom(ggplot2::geom_rect, gg_bars(data), c("xmin", "xmax", "ymin", "ymax"), list(
      fill = plot_ink("point"), alpha = 0.55
    )),
    level = gg_level(data, colour),
    upright = gg_upright(data, panel, colour),
    slope = do.call(ggplot2::geom_abline, c(
      list(ggplot2::aes(intercept = .data$at, slope = .data$slope), data), colour,
      if (layer$ink == "reference") list(linetype = 3) else gg_width(0.8)
    )),
    note = gg_geom(ggplot2::geom_text, data, c("x", "y", "label"), list(size = 3.5))
  )
}

# Columns of the data by the aesthetics that they are called after; a group is a colour.
gg_geom <- function(geom, data, aesthetics, settings) {
  names(aesthetics) <- aesthetics
  if (!is.null(data$group)) aesthetics <- c(aesthetics, colour = "group", group = "group")
  mapping <- do.call(ggplot2::aes, lapply(aesthetics, as.name))
  do.call(geom, c(list(mapping, data), settings))
}

transform_spans <- function(data) cbind(data, yend = data$y)

gg_area <- function(data) {
  ggplot2::geom_ribbon(
    ggplot2::aes(x = .data$x, ymin = .data$lower, ymax = .data$y), data,
    fill = plot_ink("shade")
  )
}

gg_sticks <- function(data, colour) {
  feet <- cbind(data, xend = data$x, yend = 0)
  list(
    gg_geom(ggplot2::geom_segment, feet, c("x", "y", "xend", "yend"), c(colour, gg_width(0.9))),
    gg_geom(ggplot2::geom_point, data, c("x", "y"), c(colour, list(size = 2)))
  )
}

gg_bars <- function(data) {
  data.frame(xmin = data$x, xmax = data$xend, ymin = 0, ymax = data$y, panel = data$panel)
}

# The width of lines was called `size` before ggplot2 3.4.0.
gg_width <- function(width) {
  name <- if (utils::packageVersion("ggplot2") >= "3.4.0") "linewidth" else "size"
  stats::setNames(list(width), name)
}

gg_level <- function(data, colour) {
  words <- data[data$label != "", ]
  words$hjust <- ifelse(is.na(words$x), 1.05, 0.5)
  words$x[is.na(words$x)] <- Inf
  lines <- c(list(ggplot2::aes(yintercept = .data$at), data, linetype = 2), colour)
  texts <- c(list(
    ggplot2::aes(.data$x, .data$at, label = .data$label, hjust = .data$hjust), words, vjust = -0.5,
    size = 3
  ), colour)
  list(
    do.call(ggplot2::geom_hline, lines), if (nrow(words) > 0) do.call(ggplot2::geom_text, texts)
  )
}

gg_upright <- function(data, panel, colour) {
  words <- data[data$label != "", ]
  words$hjust <- ifelse(words$at > mean(panel_range(panel, "x")), 1.08, -0.08)
  lines <- c(list(ggplot2::aes(xintercept = .data$at), data, linetype = 3), colour)
  texts <- c(list(
    ggplot2::aes(.data$at, Inf, label = .data$label, hjust = .data$hjust), words, vjust = 1.5,
    size = 3
  ), colour)
  list(
    do.call(ggplot2::geom_vline, lines), if (nrow(words) > 0) do.call(ggplot2::geom_text, texts)
  )
}

# On the side of the point where there is room.
gg_names <- function(data, panel) {
  data$hjust <- ifelse(data$x > mean(panel_range(panel, "x")), 1.3, -0.3)
  gg_geom(ggplot2::geom_text, data, c("x", "y", "label", "hjust"), list(size = 3))
}
