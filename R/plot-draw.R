# How the panels of plot.R are drawn: colours, points, titles and notes.

plot_ink <- function(what) {
  switch(what,
    line = "#B5382A", point = "#1F3A5F", shade = "#E4E9F2", reference = "grey45",
    soft = "grey50"
  )
}

# Points that stay legible from 3 to 1e6 of them: smaller and more transparent as they
# multiply.
point_style <- function(n) {
  cex <- if (n <= 100) 0.9 else if (n <= 1000) 0.7 else if (n <= 10000) 0.5 else 0.4
  alpha <- if (n <= 100) 0.8 else if (n <= 1000) 0.6 else if (n <= 10000) 0.35 else 0.2
  # a device without transparency would leave the points out altogether
  if (!isTRUE(grDevices::dev.capabilities("semiTransparency")[[1]])) alpha <- 1
  list(pch = 16, cex = cex, col = grDevices::adjustcolor(plot_ink("point"), alpha))
}

draw_points <- function(x, y, ..., dots) {
  draw_frame(x, y, utils::modifyList(c(point_style(length(x)), list(...)), dots))
}

# plot() with a title as small as the figure needs; symbols, not values, go into the call,
# for plot.default() deparses its data.
draw_frame <- function(x, y, settings) {
  main <- settings$main
  settings$main <- ""
  # upright tick labels where they leave room for the title of the axis
  las <- if (max(nchar(format(pretty(value_or(settings$ylim, range(y)))))) > 4) 0 else 1
  settings <- utils::modifyList(list(las = las), settings)
  do.call(graphics::plot, c(list(quote(x), quote(y)), settings))
  draw_title(main)
}

draw_title <- function(main) {
  cex <- graphics::par("cex.main")
  graphics::title(main = main, cex.main = cex * fitting(main, cex, font = 2))
}

# Factor by which a line of text must shrink to fit the width of the figure.
fitting <- function(text, cex, font = 1) {
  width <- graphics::strwidth(text, units = "inches", cex = cex, font = font)
  min(1, 0.94 * graphics::par("fin")[1] / width)
}

# Which of n order statistics are drawn: where a million points would lie on each other,
# the tails and a net over the rest.
qq_ranks <- function(n, tail = 2000, net = 6000) {
  if (n <= 10 * tail) return(seq_len(n))
  rest <- round(seq(tail + 1, n - tail, length.out = net))
  c(seq_len(tail), rest, n - tail + seq_len(tail))
}

# Order statistics against normal quantiles, with the line through the quartiles.
draw_qq <- function(value, names, ..., dots) {
  n <- length(value)
  order <- order(value)
  rank <- qq_ranks(n)
  x <- stats::qnorm(stats::ppoints(n))[rank]
  y <- value[order][rank]
  draw_points(x, y, xlab = "normal quantile", ..., dots = dots)
  quartiles <- stats::quantile(value, c(0.25, 0.75), names = FALSE)
  slope <- diff(quartiles) / diff(stats::qnorm(c(0.25, 0.75)))
  graphics::abline(mean(quartiles), slope, col = plot_ink("line"), lwd = 2)
  if (!is.null(names)) label_extremes(x, y, names[order][rank])
}

# Names of at most three points beyond three, on the side where there is room.
label_extremes <- function(x, y, names) {
  shown <- utils::head(order(-abs(y)), 3)
  shown <- shown[abs(y[shown]) > 3]
  if (length(shown) == 0 || is.null(names)) return(invisible())
  middle <- mean(graphics::par("usr")[1:2])
  graphics::text(
    x[shown], y[shown], shorten(names[shown], 12), pos = ifelse(x[shown] > middle, 2, 4),
    cex = 0.7, offset = 0.3
  )
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

# One line between the title and the frame.
draw_caption <- function(text) {
  # strwidth() multiplies by par("cex") itself, mtext() does not
  cex <- 0.85 * fitting(text, 0.85)
  graphics::mtext(text, 3, 0.3, cex = cex * graphics::par("cex"), col = "grey30")
}

# Both ends are kept: names often differ in the last characters.
shorten <- function(text, longest) {
  long <- nchar(text) > longest
  half <- max(1, (longest - 2) / 2)
  text[long] <- paste0(
    substr(text[long], 1, ceiling(half)), "..",
    substring(text[long], nchar(text[long]) - floor(half) + 1)
  )
  text
}
