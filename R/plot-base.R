# Panels in base graphics.

most_panels <- 12  # a page

# Panels on pages. Where the device has one figure a page they are laid out on it, since files show
# one page alone; a layout of the user's is used as it is. What was set is set again.
draw_panels <- function(panels, dots, ask = FALSE) {
  if (ask) {
    old <- grDevices::devAskNewPage(TRUE)
    on.exit(grDevices::devAskNewPage(old))
  }
  if (length(panels) == 1 || !has_whole_page()) {
    for (panel in panels) {
      draw_panel(panel, dots)
      draw_legend(legend_of(list(panel)), "nfc")
    }
    return(invisible())
  }
  pages <- split(panels, (seq_along(panels) - 1) %/% most_panels)
  for (page in pages) draw_page(page, dots)
}

has_whole_page <- function() {
  identical(graphics::par("mfcol"), c(1L, 1L)) && all(graphics::par("fig") == c(0, 1, 0, 1))
}

draw_page <- function(panels, dots) {
  legend <- legend_of(panels)
  old <- graphics::par("mfrow", "mar", "mgp", "oma", "cex")
  on.exit({
    graphics::par(old[c("mfrow", "oma")])
    graphics::par(old[c("mar", "mgp", "cex")])
  })
  shape <- page_shape(length(panels))
  rows <- if (length(legend) > 0) length(legend_rows(legend)) + 0.5 else 0
  graphics::par(mfrow = shape, oma = c(rows, 0, 0, 0))
  # as small as the margins of a panel need to leave half of it to the picture
  room <- (graphics::par("din")[2] - 0.2 * rows) / shape[1]
  graphics::par(
    cex = min(graphics::par("cex"), room / 2.6), mar = c(3.1, 3.3, 2.9, 0.8), mgp = c(2, 0.6, 0)
  )
  for (panel in panels) draw_panel(panel, dots)
  draw_legend(legend, "ndc")
}

# Rows and columns whose panels are a little wider than high, with few empty ones.
page_shape <- function(count) {
  din <- graphics::par("din")
  columns <- seq_len(count)
  rows <- ceiling(count / columns)
  aspect <- din[1] / columns / (din[2] / rows)
  cost <- abs(log(aspect / 1.3)) + 0.25 * (rows * columns - count)
  best <- which.min(cost)
  c(rows[best], columns[best])
}

draw_panel <- function(panel, dots) {
  if (!is.null(panel$note)) return(draw_note(panel$title, panel$note, dots))
  asked <- dots[setdiff(names(dots), c("type", "panel.first", "panel.last"))]
  settings <- utils::modifyList(list(
    main = panel$title, xlab = panel$x, ylab = panel$y, xlim = panel_range(panel, "x"),
    ylim = panel_range(panel, "y"), log = value_or(panel$log, "")
  ), asked)
  if (is.null(panel$ticks)) {
    draw_frame(settings)
  } else {
    old <- draw_named_frame(panel$ticks, settings)
    on.exit(graphics::par(old))
  }
  for (layer in panel$layers) draw_layer(layer, panel, settings)
  if (!isFALSE(settings$axes) && !isFALSE(settings$frame.plot)) graphics::box()
  draw_titles(settings, panel$caption)
}

# The axes, with upright tick labels where they leave room for the title of the axis.
draw_frame <- function(settings) {
  labels <- format(pretty(settings$ylim))
  wide <- max(graphics::strwidth(labels, units = "inches")) / graphics::par("csi")
  room <- graphics::par("mgp")[1] - graphics::par("mgp")[2] - 0.6
  is_upright <- wide <= room && !grepl("y", settings$log)
  settings <- utils::modifyList(list(las = as.integer(is_upright)), settings)
  settings[c("main", "xlab", "ylab", "sub")] <- ""
  x <- settings$xlim
  y <- settings$ylim
  # plot.default() deparses its data: symbols, not values, go into the call
  settings <- settings[setdiff(names(settings), c("col", "pch", "lwd", "lty"))]
  do.call(graphics::plot, c(list(quote(x), quote(y)), settings, list(type = "n")))
}

# Axes with names at the left, in a margin as wide as they need; the parameters that were set.
draw_named_frame <- function(ticks, settings) {
  graphics::plot.new()
  margin <- label_margin(ticks$label)
  old <- graphics::par(mar = margin$mar)
  graphics::plot.window(settings$xlim, settings$ylim + c(-0.5, 0.5))
  # the device still clips to the margins that plot.new() saw
  do.call(graphics::clip, as.list(graphics::par("usr")))
  graphics::axis(1)
  graphics::axis(
    2, ticks$at, margin$labels, las = 1, cex.axis = margin$cex, tick = FALSE, line = -0.6
  )
  old
}

# Margins and text size for labels at the left: at most two fifths of the figure, cut if longer.
label_margin <- function(labels) {
  mar <- graphics::par("mar")
  row <- graphics::par("pin")[2] / max(1, length(labels))
  line <- graphics::par("csi")
  cex <- min(0.9, max(0.5, row / line))
  width <- function(text) max(0, graphics::strwidth(text, units = "inches", cex = cex))
  most <- 0.4 * graphics::par("fin")[1]
  longest <- max(nchar(labels))
  if (width(labels) > most) {
    labels <- shorten(labels, max(3, floor(longest * most / width(labels))))
  }
  mar[2] <- max(mar[2] - 2, width(labels) / line + 1.2)
  list(mar = mar, cex = cex, labels = labels)
}

# Titles as small as the figure needs.
draw_titles <- function(settings, caption = NULL) {
  draw_title(settings$main, settings, if (!is.null(caption)) 1.3)
  if (!is.null(caption)) draw_caption(caption)
  cex <- value_or(settings$cex.lab, graphics::par("cex.lab"))
  colour <- value_or(settings$col.lab, graphics::par("col.lab"))
  font <- value_or(settings$font.lab, graphics::par("font.lab"))
  write <- function(text, side) {
    if (!is_text(text)) return(graphics::mtext(text, side, graphics::par("mgp")[1]))
    line <- graphics::par("mgp")[1]
    cex <- cex * fitting(text, cex, font, side) * graphics::par("cex")
    graphics::mtext(text, side, line, cex = cex, col = colour, font = font)
  }
  write(settings$xlab, 1)
  write(settings$ylab, 2)
}

is_text <- function(x) is.character(x) && length(x) == 1

draw_title <- function(main, settings = list(), line = NULL) {
  cex <- value_or(settings$cex.main, min(1.1, graphics::par("cex.main")))
  if (is_text(main)) cex <- cex * fitting(main, cex, font = 2)
  graphics::title(main = main, cex.main = cex, line = value_or(line, NA))
}

# Factor by which a line of text in the middle of an axis must shrink to fit the figure.
fitting <- function(text, cex, font = 1, side = 3) {
  width <- graphics::strwidth(text, units = "inches", cex = cex, font = font)
  is_level <- side %in% c(1, 3)
  ends <- graphics::par("plt")[if (is_level) 1:2 else 3:4]
  half <- min(mean(ends), 1 - mean(ends)) * graphics::par("fin")[if (is_level) 1 else 2]
  min(1, 0.97 * 2 * half / max(width, 1e-6))
}

# One line between the title and the frame.
draw_caption <- function(text) {
  # strwidth() multiplies by par("cex") itself, mtext() does not
  cex <- 0.85 * fitting(text, 0.85)
  graphics::mtext(text, 3, 0.3, cex = cex * graphics::par("cex"), col = "grey30")
}

# A panel that says in words why it is empty.
draw_note <- function(main, text, dots) {
  graphics::plot.new()
  graphics::plot.window(c(0, 1), c(0, 1))
  graphics::box(col = plot_ink("reference"))
  draw_title(value_or(dots$main, main))
  width <- 0.9 * graphics::par("pin")[1] / graphics::strwidth("n", units = "inches")
  graphics::text(0.5, 0.5, paste(strwrap(text, max(10, width)), collapse = "\n"))
}

# Legends stand at the foot of the figure ("nfc") or of the page ("ndc"), where they hide nothing.
draw_legend <- function(colours, unit) {
  if (length(colours) == 0) return(invisible())
  rows <- legend_rows(colours)
  height <- graphics::strheight("M", units = "inches") * 1.5
  bottom <- graphics::grconvertY(0, unit, "inches")
  left <- graphics::grconvertX(0, unit, "inches")
  right <- graphics::grconvertX(1, unit, "inches")
  for (i in seq_along(rows)) {
    own <- colours[rows[[i]]]
    wide <- legend_widths(names(own))
    start <- (left + right - sum(wide)) / 2 + cumsum(c(0, wide[-length(wide)]))
    y <- graphics::grconvertY(bottom + (length(rows) - i + 0.6) * height, "inches", "user")
    at <- function(x) graphics::grconvertX(x, "inches", "user")
    graphics::segments(at(start + 0.05), y, at(start + 0.25), y, col = own, lwd = 3, xpd = NA)
    graphics::text(at(start + 0.3), y, names(own), adj = c(0, 0.4), cex = 0.9, xpd = NA)
  }
}

legend_widths <- function(names) {
  0.45 + graphics::strwidth(names, units = "inches", cex = 0.9)
}

# Which entries stand in the same row.
legend_rows <- function(colours) {
  wide <- legend_widths(names(colours))
  room <- 0.98 * graphics::par("din")[1]
  row <- 1
  used <- 0
  at <- integer(length(wide))
  for (i in seq_along(wide)) {
    used <- used + wide[i]
    if (used > room && i > 1) {
      row <- row + 1
      used <- wide[i]
    }
    at[i] <- row
  }
  unname(split(seq_along(wide), at))
}
