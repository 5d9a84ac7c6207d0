# Plots of a cross-validation.

#' Plots of a cross-validation
#'
#' Panel 1, one a response and model: observed against predicted values of the first repeat, one
#' colour a fold, with the identity (dotted) and the line of observed on predicted. Panel 2:
#' calibration, the share of observations inside central predictive intervals against the level of
#' these, by the normal distribution with the predictive mean and standard deviation; the diagonal
#' is perfect.
#'
#' @param x,object an object of [cv_lmm()].
#' @param which panels: 1, 2 or both.
#' @param model names of the models shown, all by default.
#' @param response names of the responses shown, of several; the first six by default.
#' @param ... for `plot()`, graphical parameters as for [graphics::plot.default()].
#' @return `plot()`: the object, invisibly. `autoplot()` (of ggplot2): a ggplot.
#' @examples
#' cv <- cv_lmm(height ~ age + (1 | Subject), nlme::Oxboys, folds = 5, seed = 1)
#' plot(cv)
#' @export
plot.hdlmm_cv <- function(x, which = 1:2, model = NULL, response = NULL, ...) {
  check_dots(graphical_settings)
  draw_panels(cv_panels(x, which, model, response), list(...))
  invisible(x)
}

#' @rdname plot.hdlmm_cv
#' @method autoplot hdlmm_cv
#' @exportS3Method ggplot2::autoplot hdlmm_cv
autoplot.hdlmm_cv <- function(object, which = 1, model = NULL, response = NULL, ...) {
  check_dots()
  gg_panels(cv_panels(object, which, model, response))
}

cv_panels <- function(cv, which, model, response) {
  check_which(which, 2)
  rows <- shown_rows(cv, model, response)
  units <- split(rows, rows$unit, drop = TRUE)
  c(
    if (1 %in% which) lapply(units, prediction_panel, cv = cv),
    if (2 %in% which) list(cv_calibration_panel(units))
  )
}

# Rows with a prediction, of the models and responses that are asked for, with the unit of each.
shown_rows <- function(cv, model, response) {
  rows <- cv$rows
  rows$unit <- cv_units(rows)
  is_shown <- !is.na(rows$prediction) &
    rows$model %in% known_names(model, cv$models$model, "model")
  if (is.null(rows$response)) {
    if (!is.null(response)) known_names(response, cv$response, "response")
  } else {
    shown <- known_names(response, cv$response, "response", utils::head(cv$response, 6))
    is_shown <- is_shown & rows$response %in% shown
  }
  if (!any(is_shown)) bad_input("there is no prediction to plot.")
  rows[is_shown, ]
}

# What a user asked for by name.
known_names <- function(asked, names, argument, default = names) {
  if (is.null(asked)) return(default)
  unknown <- setdiff(asked, names)
  if (length(unknown) > 0) {
    bad_input(
      backtick(argument), " has ", enumerate(dQuote(unknown, FALSE)), "; there are ",
      enumerate(dQuote(names, FALSE), 10), "."
    )
  }
  asked
}

prediction_panel <- function(rows, cv) {
  unit <- rows$unit[1]
  rows <- rows[rows[["repeat"]] == rows[["repeat"]][1], ]
  fold <- factor(rows$fold, unique(rows$fold))
  title <- if (nlevels(unit) == 1) "Observed against predicted" else shorten(as.character(unit), 40)
  line <- regression(rows$observed, rows$prediction)
  # colours show how folds mix
  new_panel(title, "predicted", value_or(rows$response, cv$response)[1], list(
    slope_rule(0, 1),
    point_layer(rows$prediction, rows$observed, group = paste("fold", fold)),
    if (!is.na(line[["slope"]])) slope_rule(line[["intercept"]], line[["slope"]], ink = "line")
  ), colours = group_colours(paste("fold", levels(fold))), is_told = FALSE)
}

# How many observations of all repeats central intervals hold, unit by unit.
cv_calibration_panel <- function(units) {
  level <- shown_levels()
  share <- lapply(units, function(rows) {
    share_inside((rows$observed - rows$prediction) / rows$se, level)
  })
  calibration_panel(
    rep(level, length(units)), unlist(share, use.names = FALSE),
    group = rep(names(units), each = length(level))
  )
}
