# Panels of random effects: of fits, and of what ranef() gives.

effect_qq_panels <- function(fit, options) {
  title <- function(design) of_term("Normal QQ of random effects", fit, design)
  each_coefficient(fit, title, function(design, at, coefficient) {
    qq_panel(
      unname(fit$effects[[design$label]][at]), NULL, title(design),
      paste("random effect of", shorten(coefficient_label(design, coefficient), 30))
    )
  })
}

# make() of every coefficient of every random term, which have units of their own: `at` are its
# places among the effects, one a level.
each_coefficient <- function(fit, title, make) {
  panels <- lapply(fit$designs, function(design) {
    if (is_null_term(fit, design)) {
      return(list(note_panel(title(design), null_term_note(design))))
    }
    # [levels x coefficients]
    at <- as.matrix(shaped_effects(design, seq_along(fit$effects[[design$label]])))
    lapply(seq_len(ncol(at)), function(j) make(design, at[, j], colnames(at)[j]))
  })
  do.call(c, unname(panels))
}

coefficient_label <- function(design, coefficient) {
  paste0(design$label, if (!is.null(coefficient)) paste0(": ", coefficient))
}

# Several panels of one kind are told apart by their term.
of_term <- function(title, fit, design) {
  if (length(fit$designs) == 1) title else paste0(title, ": ", shorten(design$label, 20))
}

is_null_term <- function(fit, design) all(covariance_of(fit, design$label) %in% 0)

null_term_note <- function(design) {
  paste0(
    "All effects of ", design$label, " are 0: its variance is estimated as 0, on the ",
    "boundary."
  )
}

effect_panels <- function(fit, options) {
  each_coefficient(fit, function(design) of_term("Random effects", fit, design), function(...) {
    coefficient_panel(fit, options, ...)
  })
}

coefficient_panel <- function(fit, options, design, at, coefficient) {
  effects <- fit$effects[[design$label]][at]
  shown <- largest(effects, options$n)
  half <- stats::qnorm((1 + options$level) / 2) * effect_se(fit, design, at[shown])
  name <- value_or(names(at), effect_names(design)[at])[shown]
  title <- of_term("Random effects", fit, design)
  effect_panel(
    data.frame(value = unname(effects[shown]), half = half, name = name), length(effects),
    coefficient_label(design, coefficient), title, paste(percent(options$level), "intervals")
  )
}

# The n largest of some effects, in order of their values.
largest <- function(effects, n) {
  shown <- utils::head(order(-abs(effects)), n)
  shown[order(effects[shown])]
}

# table: data frame(value, half, name), from below; half widths may be NA. Effects whose interval
# leaves 0 out are in the ink of lines.
effect_panel <- function(table, count, label, title, caption) {
  at <- seq_len(nrow(table))
  lower <- table$value - table$half
  upper <- table$value + table$half
  is_known <- !is.na(table$half)
  is_clear <- is_known & (lower > 0 | upper < 0)
  part <- function(is_own, ink) {
    with_span <- is_own & is_known
    list(
      span_layer(lower[with_span], upper[with_span], at[with_span], ink = ink),
      point_layer(table$value[is_own], at[is_own], ink = ink, is_solid = TRUE)
    )
  }
  new_panel(
    if (count > nrow(table)) most_of(title, nrow(table), count) else title,
    paste0("effect of ", shorten(label, 30)), "",
    c(list(zero_rule()), part(!is_clear, "soft"), part(is_clear, "line")),
    xlim = c(0, 0), ticks = data.frame(at = at, label = as.character(table$name)),
    caption = if (any(is_known)) caption
  )
}

most_of <- function(title, shown, count) {
  sub("Random effects", paste0("The ", shown, " largest of ", count, " random effects"), title)
}

#' @rdname ranef.hdlmm
#' @param level level of the intervals of the pictures, which are drawn where the effects have
#'   standard errors (`se = TRUE`).
#' @export
plot.ranef.hdlmm <- function(x, n = 20, level = 0.95, ...) {
  check_dots(graphical_settings)
  draw_panels(ranef_panels(x, n, level), list(...))
  invisible(x)
}

#' @rdname ranef.hdlmm
#' @method autoplot ranef.hdlmm
#' @exportS3Method ggplot2::autoplot ranef.hdlmm
autoplot.ranef.hdlmm <- function(object, n = 20, level = 0.95, ...) {
  check_dots()
  gg_panels(ranef_panels(object, n, level))
}

# A panel for every coefficient of every term.
ranef_panels <- function(x, n, level) {
  check_number(n, "n", 1, 1e6, whole = TRUE)
  check_level(level)
  if (length(x) == 0) return(list(note_panel("Random effects", "The fit has no random term.")))
  table <- as.data.frame.ranef.hdlmm(x)
  key <- paste(table$grpvar, table$term, sep = "\r")
  parts <- split(table, factor(key, unique(key)))
  unname(lapply(parts, function(part) {
    shown <- largest(part$condval, n)
    column <- part$term[1]
    label <- paste0(part$grpvar[1], if (column != "(Intercept)") paste0(": ", column))
    title <- if (length(parts) == 1) "Random effects" else
      paste0("Random effects: ", shorten(label, 24))
    half <- stats::qnorm((1 + level) / 2) * value_or(part$se, part$condsd)[shown]
    effect_panel(
      data.frame(value = part$condval[shown], half = half, name = part$grp[shown]), nrow(part),
      label, title, paste(percent(level), "intervals")
    )
  }))
}
