# Accessors of fits of several responses that have a row a row of the data.

#' @rdname hdlmm_multi
#' @export
fitted.hdlmm_multi <- function(object, ...) {
  check_dots()
  spread_rows(object, fitted_of_each(object))
}

fitted_of_each <- function(object) {
  given <- projected_answers(object, projected_rows, is_residual = FALSE)
  each_fitted(object, fitted.hdlmm, given = given)
}

#' @rdname hdlmm_multi
#' @export
residuals.hdlmm_multi <- function(object, type = "response", ...) {
  is_plain <- identical(type, "response") && ...length() == 0
  given <- if (is_plain) projected_answers(object, projected_rows, is_residual = TRUE)
  rows_of_each(object, residuals.hdlmm, type = type, ..., given = given)
}

#' @rdname hdlmm_multi
#' @export
hatvalues.hdlmm_multi <- function(model, ...) {
  given <- if (...length() == 0) projected_answers(
    model, projected_diagonal_rows, function(own) stats::setNames(own$leverage, own$names)
  )
  rows_of_each(model, hatvalues.hdlmm, ..., given = given)
}

#' @rdname hdlmm_multi
#' @export
predict.hdlmm_multi <- function(object, newdata, ...) {
  if (!missing(newdata) && !is.null(newdata)) {
    given <- if (...length() == 0) points_of_each(object, newdata)
    values <- each_response(object, predict.hdlmm, newdata, ..., given = given)
    return(bind_predictions(values, bind_responses))
  }
  values <- if (...length() == 0) fitted_of_each(object) else
    each_fitted(object, predict.hdlmm, ...)
  bind_predictions(values, function(parts) spread_rows(object, parts))
}

# Predictions at new rows, which one fit reads for all that were searched together.
points_of_each <- function(object, newdata) {
  if (length(object$blocks) == 0) return(NULL)
  block <- object$blocks[[1]]
  is_whole <- colSums(is.na(block$y)) == 0
  whole <- block$at[intersect(searched_in_block(object, block), which(is_whole))]
  if (length(whole) < 2) return(NULL)
  fit <- object[[whole[1]]]
  rows <- new_rows(fit, newdata, term_labels(fit), FALSE)
  projected_answers(object, projected_points, fit = fit, rows = rows)
}

# Of predict(se.fit = TRUE) part by part; what is one number a response is a vector.
bind_predictions <- function(values, bind) {
  known <- Filter(Negate(is.null), values)
  if (!is.list(known[[1]])) return(bind(values))
  lapply(stats::setNames(nm = names(known[[1]])), function(part) {
    own <- lapply(values, function(value) {
      if (!is.null(value)) structure(value[[part]], rows = attr(value, "rows"))
    })
    if (part %in% c("fit", "se.fit")) bind(own) else
      vapply(own, function(one) as.numeric(value_or(one, NA))[1], 0)
  })
}

#' @rdname hdlmm_multi
#' @export
simulate.hdlmm_multi <- function(object, nsim = 1, seed = NULL, ...) {
  state <- simulation_seed(seed)
  out <- with_seed(seed, rows_of_each(object, simulated_rows, nsim, ..., in_turn = TRUE))
  attr(out, "seed") <- state
  out
}

simulated_rows <- function(fit, nsim, ...) {
  draws <- as.matrix(simulate.hdlmm(fit, nsim, ...))
  if (nsim == 1) draws[, 1] else draws
}

#' @rdname hdlmm_multi
#' @export
#' @rawNamespace if (getRversion() >= "3.6.0") S3method(loo::loo, hdlmm_multi)
loo.hdlmm_multi <- function(x, ...) {
  given <- if (...length() == 0) projected_answers(x, projected_diagonal_rows, projected_loo)
  found <- each_fitted(x, loo.hdlmm, ..., given = given)
  parts <- c("prediction", "variance", "residual", "log_density")
  out <- lapply(stats::setNames(nm = parts), function(part) {
    spread_rows(x, lapply(found, function(one) {
      if (!is.null(one)) structure(one$table[[part]], rows = attr(one, "rows"))
    }))
  })
  totals <- lapply(stats::setNames(nm = c("elpd", "se_elpd", "rmse", "r2")), function(total) {
    unname(vapply(found, function(one) value_or(one[[total]], NA_real_), 0))
  })
  out$table <- frame_of(c(list(response = x$responses), totals))
  structure(out, class = "hdlmm_multi_loo")
}

# Where rows have a density.
projected_loo <- function(own) {
  table <- tryCatch(
    projection_loo_table(own, own$y, own$names), hdlmm_exact_fit = function(e) NULL
  )
  if (is.null(table)) return(NULL)
  new_loo(list(table = table, is_integrated = FALSE, effective = effective_rows(own, table)))
}
