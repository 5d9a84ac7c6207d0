# Plots of a cross-validation.

#' Plots of a cross-validation
#'
#' Panel 1: observed against predicted values of the first repeat, one colour a fold, with the
#' identity (dotted) and the line of observed on predicted. Panel 2: calibration, the share of
#' observations inside central predictive intervals against the level of these, by the normal
#' distribution with the predictive mean and standard deviation; the diagonal is perfect.
#'
#' @param x,object an object of [cv_lmm()].
#' @param which panels: 1, 2 or both.
#' @param model names of the models shown in panel 1, all by default; panel 2 has a line for each.
#' @param ... for `plot()`, graphical parameters as for [graphics::plot.default()].
#' @return `plot()`: the object, invisibly. `autoplot()` (of ggplot2): a ggplot of the panel that
#'   `which`, 1 or 2, says.
#' @examples
#' cv <- cv_lmm(height ~ age + (1 | Subject), nlme::Oxboys, folds = 5, seed = 1)
#' plot(cv)
#' @export
plot.hdlmm_cv <- function(x, which = 1:2, model = NULL, ...) {
  check_dots(graphical_settings)
  which <- check_cv_panels(which)
  shown <- cv_models_shown(x, model)
  panels <- (if (1 %in% which) length(shown) else 0) + 2 %in% which
  if (panels > 1) {
    old <- graphics::par(mfrow = grDevices::n2mfrow(panels))
    on.exit(graphics::par(old))
  }
  if (1 %in% which) for (one in shown) draw_predictions(x, one, list(...))
  if (2 %in% which) draw_calibration(x, shown, list(...))
  invisible(x)
}

check_cv_panels <- function(which) {
  if (!is.numeric(which) || length(which) == 0 || !all(which %in% 1:2)) {
    bad_input("`which` must hold numbers from 1 to 2; found ", describe(which), ".")
  }
  which
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

fold_colours <- function(fold) {
  grDevices::hcl.colors(nlevels(fold), "Dark 3")[as.integer(fold)]
}

draw_predictions <- function(cv, model, dots) {
  rows <- shown_predictions(cv, model)
  title <- if (nrow(cv$models) == 1) "Observed against predicted" else shorten(model, 40)
  draw_points(
    rows$prediction, rows$observed, main = title, xlab = "predicted", ylab = cv$response[1],
    col = fold_colours(rows$fold), dots = dots
  )
  graphics::abline(0, 1, lty = 3, col = plot_ink("reference"))
  line <- regression(rows$observed, rows$prediction)
  if (!is.na(line[["slope"]])) {
    graphics::abline(line[["intercept"]], line[["slope"]], col = plot_ink("line"), lwd = 2)
  }
}

# data frame(model, level, share): how many observations of all repeats central intervals hold.
calibration_table <- function(cv, models) {
  level <- seq(0.05, 0.95, 0.05)
  out <- lapply(models, function(model) {
    rows <- cv$rows[cv$rows$model == model & !is.na(cv$rows$prediction), ]
    inner <- abs(2 * stats::pnorm((rows$observed - rows$prediction) / rows$se) - 1)
    share <- vapply(level, function(p) mean(inner <= p), 0)
    data.frame(model = factor(model, models), level = level, share = share)
  })
  do.call(rbind, out)
}

draw_calibration <- function(cv, models, dots) {
  table <- calibration_table(cv, models)
  settings <- utils::modifyList(list(
    type = "n", main = "Calibration", xlab = "level of the interval",
    ylab = "share of observations inside", xlim = c(0, 1), ylim = c(0, 1)
  ), dots)
  draw_frame(table$level, table$share, settings)
  graphics::abline(0, 1, lty = 3, col = plot_ink("reference"))
  colours <- if (length(models) == 1) plot_ink("line") else
    grDevices::hcl.colors(length(models), "Dark 3")
  for (k in seq_along(models)) {
    own <- table[table$model == models[k], ]
    graphics::lines(own$level, own$share, type = "b", pch = 16, cex = 0.6, col = colours[k])
  }
  if (length(models) > 1) {
    graphics::legend("topleft", models, col = colours, lty = 1, pch = 16, bty = "n", cex = 0.8)
  }
}

#' @rdname plot.hdlmm_cv
#' @method autoplot hdlmm_cv
#' @exportS3Method ggplot2::autoplot hdlmm_cv
autoplot.hdlmm_cv <- function(object, which = 1, model = NULL, ...) {
  check_dots()
  which <- check_cv_panels(which)
  if (length(which) > 1) bad_input("`which` must be 1 or 2: a ggplot has one panel.")
  shown <- cv_models_shown(object, model)
  if (which == 1) gg_predictions(object, shown) else gg_calibration(object, shown)
}

gg_predictions <- function(cv, models) {
  rows <- shown_predictions(cv, models)
  columns <- rows[c("prediction", "observed", "fold")]
  out <- ggplot2::ggplot(cbind(columns, model = rows$model)) +
    ggplot2::aes(.data$prediction, .data$observed, colour = .data$fold) +
    ggplot2::geom_abline(linetype = 3, colour = plot_ink("reference")) +
    ggplot2::geom_point(alpha = 0.7) +
    ggplot2::labs(x = "predicted", y = cv$response[1])
  if (length(models) > 1) out <- out + ggplot2::facet_wrap("model")
  out
}

gg_calibration <- function(cv, models) {
  out <- ggplot2::ggplot(calibration_table(cv, models)) +
    ggplot2::aes(.data$level, .data$share, colour = .data$model) +
    ggplot2::geom_abline(linetype = 3, colour = plot_ink("reference")) +
    ggplot2::geom_line() + ggplot2::geom_point() +
    ggplot2::coord_equal(xlim = c(0, 1), ylim = c(0, 1)) +
    ggplot2::labs(x = "level of the interval", y = "share of observations inside", colour = NULL)
  if (length(models) == 1) out + ggplot2::theme(legend.position = "none") else out
}
