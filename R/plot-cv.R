# Plots of a cross-validation.

#' Plots of a cross-validation
#'
#' Panel 1, one a model: observed against predicted values of the first repeat, one colour a fold,
#' with the identity (dotted) and the line of observed on predicted. Panel 2: calibration, the share
#' of observations inside central predictive intervals against the level of these, by the normal
#' distribution with the predictive mean and standard deviation; the diagonal is perfect.
#'
#' @param x,object an object of [cv_lmm()].
#' @param which panels: 1, 2 or both.
#' @param model names of the models shown in panel 1, all by default; panel 2 has a line for each.
#' @param ... for `plot()`, graphical parameters as for [graphics::plot.default()].
#' @return `plot()`: the object, invisibly. `autoplot()` (of ggplot2): a ggplot.
#' @examples
#' cv <- cv_lmm(height ~ age + (1 | Subject), nlme::Oxboys, folds = 5, seed = 1)
#' plot(cv)
#' @export
plot.hdlmm_cv <- function(x, which = 1:2, model = NULL, ...) {
  check_dots(graphical_settings)
  draw_panels(cv_panels(x, which, model), list(...))
  invisible(x)
}

#' @rdname plot.hdlmm_cv
#' @method autoplot hdlmm_cv
#' @exportS3Method ggplot2::autoplot hdlmm_cv
autoplot.hdlmm_cv <- function(object, which = 1, model = NULL, ...) {
  check_dots()
  gg_panels(cv_panels(object, which, model))
}

cv_panels <- function(cv, which, model) {
  check_which(which, 2)
  shown <- cv_models_shown(cv, model)
  c(
    if (1 %in% which) lapply(shown, prediction_panel, cv = cv),
    if (2 %in% which) list(cv_calibration_panel(cv, shown))
  )
}

cv_models_shown <- function(cv, model) {
  if (is.null(model)) return(cv$models$model)
  unknown <- setdiff(model, cv$models$model)
  if (length(unknown) > 0) {
    bad_input(
      "`model` has ", enumerate(dQuote(unknown, FALSE)), "; there are ",
      enumerate(dQuote(cv$models$model, FALSE), 10), "."
    )
  }
  model
}

# Rows of the first repeat with a prediction.
shown_predictions <- function(cv, models) {
  rows <- cv$rows
  is_shown <- rows$model %in% models & rows[["repeat"]] == rows[["repeat"]][1]
  rows <- rows[is_shown & !is.na(rows$prediction), ]
  if (nrow(rows) == 0) bad_input("there is no prediction to plot.")
  rows$model <- factor(rows$model, models)
  rows$fold <- factor(rows$fold, unique(rows$fold))
  rows
}

prediction_panel <- function(cv, model) {
  rows <- shown_predictions(cv, model)
  title <- if (nrow(cv$models) == 1) "Observed against predicted" else shorten(model, 40)
  line <- regression(rows$observed, rows$prediction)
  # colours show how folds mix
  new_panel(title, "predicted", cv$response[1], list(
    slope_rule(0, 1),
    point_layer(rows$prediction, rows$observed, group = paste("fold", rows$fold)),
    if (!is.na(line[["slope"]])) slope_rule(line[["intercept"]], line[["slope"]], ink = "line")
  ), colours = group_colours(paste("fold", levels(rows$fold))), is_told = FALSE)
}

# data frame(model, level, share): how many observations of all repeats central intervals hold.
calibration_table <- function(cv, models) {
  level <- shown_levels()
  out <- lapply(models, function(model) {
    rows <- cv$rows[cv$rows$model == model & !is.na(cv$rows$prediction), ]
    share <- share_inside((rows$observed - rows$prediction) / rows$se, level)
    data.frame(model = factor(model, models), level = level, share = share)
  })
  do.call(rbind, out)
}

cv_calibration_panel <- function(cv, models) {
  table <- calibration_table(cv, models)
  calibration_panel(table$level, table$share, group = as.character(table$model))
}
