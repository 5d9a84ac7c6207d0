# Panels of order statistics, and which points have names.

# Order statistics against normal quantiles, with the line through the quartiles.
qq_panel <- function(value, names, title, label) {
  n <- length(value)
  order <- order(value)
  rank <- qq_ranks(n)
  x <- stats::qnorm(stats::ppoints(n))[rank]
  y <- value[order][rank]
  quartiles <- stats::quantile(value, c(0.25, 0.75), names = FALSE)
  slope <- diff(quartiles) / diff(stats::qnorm(c(0.25, 0.75)))
  far <- extreme_points(x, y, names[order][rank])
  new_panel(title, "normal quantile", label, list(
    point_layer(x, y), slope_rule(mean(quartiles), slope, ink = "line"),
    name_layer(far$x, far$y, far$label)
  ))
}

# Which of n order statistics are drawn: where a million points would lie on each other, the tails
# and a net over the rest.
qq_ranks <- function(n, tail = 2000, net = 6000) {
  if (n <= 10 * tail) return(seq_len(n))
  rest <- round(seq(tail + 1, n - tail, length.out = net))
  c(seq_len(tail), rest, n - tail + seq_len(tail))
}

# At most three points beyond three, and their names.
extreme_points <- function(x, y, names) {
  shown <- utils::head(order(-abs(y)), 3)
  shown <- shown[abs(y[shown]) > 3]
  if (is.null(names)) shown <- integer()
  list(x = x[shown], y = y[shown], label = shorten(as.character(names[shown]), 12))
}
