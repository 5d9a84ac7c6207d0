# Pictures of convergence().

#' @rdname convergence
#' @param x,object what `convergence()` gives.
#' @param parm names of columns to show: `"objective"` and variances; the default is all of them.
#' @export
plot.hdlmm_convergence <- function(x, parm = NULL, ...) {
  check_dots(graphical_settings)
  draw_panels(course_panels(x, parm), list(...))
  invisible(x)
}

#' @rdname convergence
#' @method autoplot hdlmm_convergence
#' @exportS3Method ggplot2::autoplot hdlmm_convergence
autoplot.hdlmm_convergence <- function(object, parm = NULL, ...) {
  check_dots()
  gg_panels(course_panels(object, parm))
}

# A panel a column; chains, or responses, are groups.
course_panels <- function(x, parm) {
  by <- intersect(c("response", "chain"), names(x))
  columns <- setdiff(names(x), c("iteration", by))
  known <- columns[vapply(columns, function(name) any(is.finite(x[[name]])), NA)]
  if (is.null(parm)) parm <- known
  unknown <- setdiff(parm, columns)
  if (length(unknown) > 0) {
    bad_input(
      "`parm` has ", enumerate(dQuote(unknown, FALSE)), "; there are ",
      enumerate(dQuote(columns, FALSE), 10), "."
    )
  }
  if (length(parm) == 0) return(list(note_panel("Course of the fit", "Nothing was iterated.")))
  group <- if (length(by) > 0) do.call(paste, c(
    lapply(by, function(name) paste(if (name == "chain") "chain", x[[name]])), list(sep = ", ")
  ))
  group <- if (!is.null(group)) trimws(group)
  lapply(parm, function(name) course_panel(x, name, group))
}

course_panel <- function(x, name, group) {
  is_shown <- is.finite(x[[name]])
  value <- x[[name]][is_shown]
  iteration <- x$iteration[is_shown]
  own <- group[is_shown]
  # draws hide each other, steps do not
  is_drawn <- "chain" %in% names(x)
  title <- paste("Course of", if (name == "objective") "the objective" else shorten(name, 30))
  new_panel(title, "iteration", "value", list(
    line_layer(iteration, value, own, ink = "point", width = if (is_drawn) 0.7 else 1.5),
    if (!is_drawn && length(value) <= 200) {
      point_layer(iteration, value, own, ink = "point", is_solid = TRUE)
    }
  ), colours = if (!is.null(own)) group_colours(own), caption = verdict_of(x))
}

verdict_of <- function(x) {
  converged <- attr(x, "converged")
  if (is.null(converged)) return(NULL)
  paste0(if (converged) "converged" else "not converged", ": ", attr(x, "reason"))
}
