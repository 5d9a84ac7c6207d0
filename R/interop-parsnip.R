# The engine of parsnip's linear_reg().

#' An engine for parsnip: tidymodels
#'
#' `parsnip::linear_reg()` has the engine `"hdlmm"` as soon as both packages are loaded: [lmm()] in
#' workflows, resamples and grids of tidymodels.
#'
#' Random terms stand in the formula of `fit()`; in a workflow, whose formulas and recipes know
#' none, in `workflows::add_model(formula = )`, beside `workflows::add_variables()` or
#' `workflows::add_recipe()`. A matrix of predictors is one column of the data, as `re(X)`, or its
#' columns are many columns of the data: `re(.)` is all that the formula does not name, so that
#' the recipe says by its roles and steps what goes in. Case weights are those of [lmm()], whose
#' arguments `method`, `algorithm`, `prior`, `control`, `contrasts` and `na.action` are arguments of
#' `parsnip::set_engine()`. With `method = tune::tune()` a column `method` of the grid of
#' `tune::tune_grid()` compares inferences.
#'
#' `predict()` has the types `"numeric"`, `"conf_int"`, for the mean, `"pred_int"`, for a new
#' response, both with `std_error = TRUE`, and `"raw"`, whose `opts` are arguments of
#' [predict()][predict.hdlmm]. `parsnip::extract_fit_engine()` gives the fit of [lmm()].
#'
#' `penalty` and `mixture` of `linear_reg()` have no place here: the ratio of the variances is
#' estimated.
#' @examplesIf requireNamespace("parsnip", quietly = TRUE)
#' spec <- parsnip::set_engine(parsnip::linear_reg(), "hdlmm", method = "ML")
#' fit <- parsnip::fit(spec, height ~ age + (1 | Subject), data = nlme::Oxboys)
#' predict(fit, nlme::Oxboys[1:3, ], type = "pred_int")
#' @name hdlmm-parsnip
NULL

register_engine <- function() {
  model <- "linear_reg"
  mode <- "regression"
  name <- "hdlmm"
  parsnip::set_model_engine(model, mode, name)
  parsnip::set_dependency(model, name, "hdlmm", mode)
  parsnip::set_fit(model, mode, name, list(
    interface = "formula", protect = c("formula", "data", "weights"),
    func = c(pkg = "hdlmm", fun = "lmm"), defaults = list()
  ))
  # the formula is lmm()'s: dummies, the intercept and `.` are its business
  parsnip::set_encoding(model, mode, name, list(
    predictor_indicators = "none", compute_intercept = FALSE, remove_intercept = FALSE,
    allow_sparse_x = FALSE
  ))
  for (type in names(engine_predictions)) {
    parsnip::set_pred(model, mode, name, type, engine_predictions[[type]])
  }
}

# A kind of prediction as parsnip wants it: predict() of the fit with further arguments.
engine_prediction <- function(..., post = NULL) {
  list(
    pre = NULL, post = post, func = c(fun = "predict"),
    args = list(object = quote(object$fit), newdata = quote(new_data), ...)
  )
}

# `level` and `std_error` are found where parsnip evaluates the call.
interval_prediction <- function(interval) {
  engine_prediction(
    interval = interval, level = quote(level), se.fit = quote(std_error), post = limit_columns
  )
}

limit_columns <- function(results, object) {
  limits <- if (is.list(results)) results$fit else results
  out <- list(.pred_lower = unname(limits[, "lwr"]), .pred_upper = unname(limits[, "upr"]))
  if (is.list(results)) out$.std_error <- unname(results$se.fit)
  tibble::as_tibble(out)
}

engine_predictions <- list(
  numeric = engine_prediction(), conf_int = interval_prediction("confidence"),
  pred_int = interval_prediction("prediction"), raw = engine_prediction()
)
