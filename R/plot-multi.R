# Pictures of fits of several responses.

#' @rdname hdlmm_multi
#' @param n how many responses a picture shows, those of the largest proportions.
#' @export
plot.hdlmm_multi <- function(x, level = 0.95, n = 30, ...) {
  check_dots(graphical_settings)
  draw_panels(multi_panels(x, level, n), list(...))
  invisible(x)
}

#' @rdname hdlmm_multi
#' @method autoplot hdlmm_multi
#' @exportS3Method ggplot2::autoplot hdlmm_multi
autoplot.hdlmm_multi <- function(object, level = 0.95, n = 30, ...) {
  check_dots()
  gg_panels(multi_panels(object, level, n))
}

multi_panels <- function(x, level, n) {
  check_level(level)
  check_number(n, "n", 1, 1e6, whole = TRUE)
  table <- pve.hdlmm_multi(x, level, "wald")
  if (NROW(table) == 0) {
    return(list(note_panel(share_title, "The responses have no random term.")))
  }
  terms <- unique(table$term)
  lapply(terms, function(term) {
    own <- table[table$term == term, ]
    title <- if (length(terms) == 1) share_title else paste0("Share of ", shorten(term, 30))
    shown <- utils::head(order(-own$estimate), n)
    if (nrow(own) > n) title <- paste0(title, " (the ", n, " largest of ", nrow(own), ")")
    own <- own[shown, ]
    interval_panel(
      own$estimate, own$lower, own$upper, own$response, title, share_axis,
      paste(percent(level), "Wald intervals")
    )
  })
}

share_title <- "Proportion of variance explained"
