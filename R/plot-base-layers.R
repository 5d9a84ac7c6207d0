# Layers of panels in base graphics. What the user sets by plot(.., col = , pch = , lwd = ) is of
# points and lines that have no group.

draw_layer <- function(layer, panel, settings) {
  colour <- layer_colours(layer, panel)
  asked <- if (is.null(layer$data$group)) settings else list()
  switch(layer$kind,
    points = draw_points(layer, colour, asked),
    names = draw_names(layer$data),
    line = draw_lines(layer, colour, asked),
    area = draw_area(layer$data, colour[1]),
    spans = graphics::segments(
      layer$data$x, layer$data$y, layer$data$xend, layer$data$y,
      col = value_or(asked$col, colour), lwd = value_or(asked$lwd, 2)
    ),
    sticks = draw_sticks(layer$data, colour),
    bars = graphics::rect(
      layer$data$x, 0, layer$data$xend, layer$data$y,
      col = grDevices::adjustcolor(plot_ink("point"), 0.55), border = "white", lwd = 0.4
    ),
    level = draw_level(layer$data, colour),
    upright = draw_upright(layer$data, colour),
    slope = graphics::abline(
      layer$data$at, layer$data$slope, col = colour,
      lty = if (layer$ink == "reference") 3 else 1, lwd = if (layer$ink == "reference") 1 else 2
    )
  )
}

draw_points <- function(layer, colour, asked) {
  data <- layer$data
  alpha <- if (isTRUE(layer$is_solid)) 1 else point_alpha(nrow(data))
  # a device without transparency would leave the points out altogether
  if (!isTRUE(grDevices::dev.capabilities("semiTransparency")[[1]])) alpha <- 1
  size <- if (isTRUE(layer$is_solid)) 0.9 else point_size(nrow(data))
  graphics::points(
    data$x, data$y, pch = value_or(asked$pch, 16), cex = value_or(asked$cex, size),
    col = value_or(asked$col, grDevices::adjustcolor(colour, alpha)), bg = asked$bg, xpd = NA
  )
}

# On the side where there is room.
draw_names <- function(data) {
  middle <- mean(graphics::par("usr")[1:2])
  graphics::text(
    data$x, data$y, data$label, pos = ifelse(data$x > middle, 2, 4), cex = 0.7, offset = 0.3
  )
}

draw_lines <- function(layer, colour, asked) {
  data <- layer$data
  group <- if (is.null(data$group)) rep(1, nrow(data)) else as.character(data$group)
  for (one in unique(group)) {
    own <- group == one
    graphics::lines(
      data$x[own], data$y[own], col = value_or(asked$col, colour[own][1]),
      lwd = value_or(asked$lwd, layer$width), lty = value_or(asked$lty, 1)
    )
  }
}

draw_area <- function(data, colour) {
  lower <- pmax(data$lower, graphics::par("usr")[3])
  graphics::polygon(c(data$x, rev(data$x)), c(data$y, rev(lower)), col = colour, border = NA)
}

draw_sticks <- function(data, colour) {
  graphics::segments(data$x, 0, data$x, data$y, col = colour, lwd = 2)
  graphics::points(data$x, data$y, col = colour, pch = 16, xpd = NA)
}

draw_level <- function(data, colour) {
  graphics::abline(h = data$at, lty = 2, col = colour)
  right <- graphics::grconvertX(0.99, "npc", "user")
  is_high <- data$at > graphics::grconvertY(0.85, "npc", "user")
  for (i in seq_along(data$at)) {
    at <- if (is.na(data$x[i])) right else data$x[i]
    adj <- c(if (is.na(data$x[i])) 1 else 0.5, if (is_high[i]) 1.4 else -0.4)
    graphics::text(at, data$at[i], data$label[i], adj = adj, cex = 0.75, col = colour[i])
  }
}

draw_upright <- function(data, colour) {
  graphics::abline(v = data$at, lty = 3, col = colour)
  top <- graphics::grconvertY(0.96, "npc", "user")
  is_left <- data$at > mean(graphics::par("usr")[1:2])
  for (i in seq_along(data$at)) {
    graphics::text(
      data$at[i], top, data$label[i], adj = c(if (is_left[i]) 1.08 else -0.08, 0.5), cex = 0.75,
      col = colour[i]
    )
  }
}
