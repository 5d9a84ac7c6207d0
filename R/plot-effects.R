# Panels of random effects.

panel_effect_qq <- function(fit, options, dots) {
  for (design in fit$designs) {
    main <- "Normal QQ of random effects"
    if (is_null_term(fit, design)) {
      draw_note(main, null_term_note(design), dots)
    } else {
      draw_qq(
        fit$effects[[design$label]], NULL, main = main,
        ylab = paste("random effect of", design$label), dots = dots
      )
    }
  }
}

is_null_term <- function(fit, design) all(covariance_of(fit, design$label) %in% 0)

null_term_note <- function(design) {
  paste0(
    "All effects of ", design$label, " are 0: its variance is estimated as 0, on the ",
    "boundary."
  )
}

panel_effects <- function(fit, options, dots) {
  for (design in fit$designs) {
    if (is_null_term(fit, design)) {
      draw_note("Random effects", null_term_note(design), dots)
    } else {
      draw_caterpillar(fit, design, options, dots)
    }
  }
}

# The largest effects in order of size, the labels in a margin as wide as they need.
draw_caterpillar <- function(fit, design, options, dots) {
  effects <- fit$effects[[design$label]]
  shown <- utils::head(order(-abs(effects)), options$n)
  shown <- shown[order(effects[shown])]
  half <- stats::qnorm((1 + options$level) / 2) * effect_se(fit, design, shown)
  table <- data.frame(
    value = effects[shown], lower = effects[shown] - half, upper = effects[shown] + half,
    name = effect_names(design)[shown]
  )
  settings <- utils::modifyList(list(
    main = if (length(effects) > nrow(table)) {
      paste0("The ", nrow(table), " largest of ", length(effects), " random effects")
    } else {
      "Random effects"
    },
    xlab = paste0("effect of ", shorten(design$label, 30)), ylab = "", pch = 16,
    cex = 0.9, xlim = range(0, table$lower, table$upper)
  ), dots)
  graphics::plot.new()
  margin <- label_margin(table$name)
  old <- graphics::par(mar = margin$mar)
  on.exit(graphics::par(old))
  draw_intervals(table, settings, margin)
  draw_caption(paste0(format(100 * options$level), "% intervals"))
}

draw_intervals <- function(table, settings, margin) {
  at <- seq_len(nrow(table))
  graphics::plot.window(settings$xlim, c(0.5, nrow(table) + 0.5))
  # the device still clips to the margins that plot.new() saw
  do.call(graphics::clip, as.list(graphics::par("usr")))
  graphics::abline(v = 0, lty = 3, col = plot_ink("reference"))
  clear <- table$lower > 0 | table$upper < 0
  colour <- value_or(settings$col, ifelse(clear, plot_ink("line"), plot_ink("soft")))
  graphics::segments(table$lower, at, table$upper, at, col = colour, lwd = 2)
  graphics::points(table$value, at, pch = settings$pch, cex = settings$cex, col = colour)
  graphics::axis(1)
  graphics::axis(
    2, at, margin$labels, las = 1, cex.axis = margin$cex, tick = FALSE, line = -0.6
  )
  graphics::box()
  graphics::title(xlab = settings$xlab, ylab = settings$ylab)
  draw_title(settings$main)
}

# Margins and text size for labels at the left: at most two fifths of the figure, cut if
# longer.
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
