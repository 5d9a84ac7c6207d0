# A panel is data, of which plot() and autoplot() make the same picture: list(title, x, y, layers),
# x and y the titles of its axes, and where they are needed
#   caption   one line below the title
#   note      what is said in words in the place of a picture
#   xlim,ylim what the axes show at least
#   ticks     data frame(at, label): names of positions on the vertical axis
#   colours   of groups, by name; several of them have a legend
#   log       axes on a logarithmic scale: "", "x", "y" or "xy"
#   is_square both axes have the same unit
#   is_told   FALSE: no legend for its colours
# A layer is list(kind, data, ink), with data in the units of the axes; a column `group` of its data
# stands in the place of the ink.

new_panel <- function(title, x = "", y = "", layers = list(), ...) {
  panel <- list(title = title, x = x, y = y, layers = Filter(has_rows, layers), ...)
  structure(panel, class = "hdlmm_panel")
}

note_panel <- function(title, note) new_panel(title, note = note)

has_rows <- function(layer) !is.null(layer) && nrow(layer$data) > 0

new_layer <- function(kind, columns, ink, ...) {
  list(kind = kind, data = frame_of(Filter(Negate(is.null), columns)), ink = ink, ...)
}

point_layer <- function(x, y, group = NULL, ink = "point", ...) {
  new_layer("points", list(x = as.double(x), y = as.double(y), group = group), ink, ...)
}

# Names beside points.
name_layer <- function(x, y, label) {
  new_layer("names", list(x = as.double(x), y = as.double(y), label = label), "black")
}

line_layer <- function(x, y, group = NULL, ink = "black", width = 2) {
  new_layer(
    "line", list(x = as.double(x), y = as.double(y), group = group), ink, width = width
  )
}

# What lies between a curve and the horizontal axis, or a lower curve.
area_layer <- function(x, y, lower = NULL) {
  lower <- if (is.null(lower)) rep(-Inf, length(x)) else rep_len(lower, length(x))
  new_layer("area", list(x = as.double(x), y = as.double(y), lower = lower), "shade")
}

# From x to xend at height y.
span_layer <- function(x, xend, y, ink = "soft", group = NULL) {
  new_layer("spans", list(
    x = as.double(x), xend = as.double(xend), y = as.double(y), group = group
  ), ink)
}

# Upright lines from 0, with a dot on top.
stick_layer <- function(x, y, group = NULL, ink = "line") {
  new_layer("sticks", list(x = as.double(x), y = as.double(y), group = group), ink)
}

bar_layer <- function(left, right, height) {
  new_layer("bars", list(x = left, xend = right, y = height), "point")
}

# Straight lines across the panel: value on an axis, or intercept and slope; with a word, at `x` or
# at the right, for those that do not speak for themselves. A rule widens no axis.
level_rule <- function(at, label = "", x = NA_real_) {
  keep <- is.finite(at)
  new_layer("level", list(
    at = at[keep], label = rep_len(label, length(at))[keep], x = rep(x, sum(keep))
  ), "reference")
}

upright_rule <- function(at, label = "") {
  at <- at[is.finite(at)]
  new_layer("upright", list(at = at, label = rep_len(label, length(at))), "reference")
}

zero_rule <- function() upright_rule(0)

slope_rule <- function(intercept, slope, ink = "reference") {
  new_layer("slope", list(at = intercept, slope = slope), ink)
}

# c(low, high) of what a panel shows on an axis.
panel_range <- function(panel, axis) {
  columns <- if (axis == "x") c("x", "xend") else c("y", "lower")
  values <- unlist(lapply(panel$layers, function(layer) layer$data[columns_in(layer, columns)]))
  has_base <- vapply(panel$layers, function(layer) layer$kind %in% c("bars", "sticks"), NA)
  values <- c(values, panel[[paste0(axis, "lim")]], if (axis == "y" && any(has_base)) 0)
  values <- as.double(values[is.finite(values)])
  if (length(values) == 0) c(0, 1) else range(values)
}

columns_in <- function(layer, columns) {
  if (layer$kind %in% c("level", "upright", "slope")) return(character())
  intersect(columns, names(layer$data))
}

is_logarithmic <- function(panel, axis) grepl(axis, value_or(panel$log, ""), fixed = TRUE)

# Colours of the rows of a layer.
layer_colours <- function(layer, panel) {
  if (is.null(layer$data$group)) return(rep(plot_ink(layer$ink), nrow(layer$data)))
  unname(panel$colours[as.character(layer$data$group)])
}

has_legend <- function(panel) length(panel$colours) > 1 && !isFALSE(panel$is_told)

legend_of <- function(panels) {
  colours <- unlist(unname(lapply(Filter(has_legend, panels), `[[`, "colours")))
  colours[!duplicated(names(colours))]
}

# Several panels must be told apart by what they say.
check_which <- function(which, count) {
  if (!is.numeric(which) || length(which) == 0 || !all(which %in% seq_len(count))) {
    bad_input("`which` must hold numbers from 1 to ", count, "; found ", describe(which), ".")
  }
  which
}

# Rows of a curve between limits of y, the rows next to these kept so that it leaves the panel.
above <- function(x, y, lowest) {
  keep <- is.finite(y) & y >= lowest
  keep <- keep | c(keep[-1], FALSE) | c(FALSE, keep[-length(keep)])
  data.frame(x = x, y = pmax(y, lowest))[keep & is.finite(y), ]
}
