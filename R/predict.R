#' Predictions
#'
#' The mean `z'omega + x'beta` at new rows, with standard errors and intervals that account for
#' the estimation of omega and the prediction of beta (variances taken as known).
#'
#' Variables of new data are matched by name, as are the columns of `X` when both matrices have
#' column names. Every variable of the formula must be in `newdata`: nothing is taken silently
#' from the workspace. A matrix `X` goes into a data frame as `newdata$X <- X`, or use a list.
#' A level of a grouping factor that the fit has not seen is an error that lists it, unless
#' `allow.new.levels = TRUE`: then its effect is predicted from the prior, 0 with variance
#' sigma_b^2. Rows with missing values give `NA`. Offsets in the formula or in the argument are
#' evaluated in `newdata`.
#'
#' Expressions such as `log(x)`, `re(scale(X))`, `re(poly(x, 6))`, `(1 | cut(x, breaks))` give a new
#' row what they would have given it in the fit: means, knots and the like of [base::scale()],
#' [stats::poly()], splines and whatever else has a method of [stats::makepredictcall()] are those
#' of the fit, at any depth of the expression; factors have the levels of the fit. An expression
#' that uses other rows in another way, such as `sweep(X, 2, colMeans(X))`, `rank(x)` or
#' `cut(x, 3)`, is an error: the fit keeps the variables of a few of its rows, and before the first
#' prediction every expression must give these rows, in changing company, their fitted values.
#'
#' Limits are Student t with the degrees of freedom n - c for OLS and normal otherwise.
#'
#' @param object a fit of [lmm()].
#' @param newdata a data frame or list; the fitted rows when missing.
#' @param random `FALSE` predicts the fixed part only, z'omega.
#' @param se.fit `TRUE` returns standard errors of the mean too.
#' @param interval `"none"`, `"confidence"` (for the mean) or `"prediction"` (for a new response
#'   of weight one). With `random = FALSE` a prediction interval is for a row with random effects
#'   drawn anew: x'beta adds its variance `x'x sigma_b^2` at the row (of a grouping factor
#'   `sigma_b^2`, of a kernel `K_ii sigma_b^2`), so that `newdata` needs the columns of `X` or the
#'   `id` of the kernel.
#' @param level level of the interval, in (0, 1).
#' @param weights numeric, one or one per new row: the variance of a new response is
#'   `sigma_e^2 / weights`. `NULL`: the weights of the fit for its own rows, one else.
#' @param allow.new.levels `TRUE` predicts unseen levels of a grouping factor from the prior.
#' @param re.form as in lme4: `NA` or `~0` is `random = FALSE`, `NULL` is `random = TRUE`.
#' @param na.action for missing values in `newdata`; only [stats::na.pass()] (the default).
#' @param type `"response"` or `"link"`, which are the same: the link is the identity.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A named numeric m-vector; with `interval` a m x 3 matrix with columns `fit`, `lwr`,
#'   `upr`; with `se.fit = TRUE` a list with `fit`, `se.fit`, `df`, `residual.scale`.
#' @section Errors: `hdlmm_bad_input` (a variable is missing, of another type, or of another
#'   shape), `hdlmm_new_levels`, `hdlmm_not_row_wise` (an expression of the formula cannot be
#'   evaluated at new rows).
#' @examples
#' data(wheat)
#' fit <- lmm(yield1 ~ re(markers), data = wheat, subset = 1:150)
#' predict(fit, wheat[151:155, ], interval = "prediction")
#' @export
predict.hdlmm <- function(object, newdata, random = TRUE, se.fit = FALSE,
                          interval = c("none", "confidence", "prediction"), level = 0.95,
                          weights = NULL, allow.new.levels = FALSE, re.form = NULL,
                          na.action = stats::na.pass, type = c("response", "link"), ...) {
  check_dots()
  check_predict_type(type)
  check_na_pass(na.action)
  interval <- check_choice(interval, c("none", "confidence", "prediction"), "interval")
  check_level(level)
  check_flag(random, "random")
  check_flag(se.fit, "se.fit")
  check_flag(allow.new.levels, "allow.new.levels")
  if (!is.null(re.form)) random <- random && is_random_form(re.form)
  random <- random && has_random(object)
  is_new <- !missing(newdata) && !is.null(newdata)
  needs_x <- random || (interval == "prediction" && !all(unlist(each_term(object, has_even_rows))))
  rows <- if (is_new) new_rows(object, newdata, needs_x, allow.new.levels) else
    fitted_points(object)
  if (is.null(weights)) weights <- if (is_new) 1 else value_or(object$weights, 1)
  mean <- if (is_new) point_mean(object, rows, random) else training_mean(object, rows, random)
  names(mean) <- rows$names
  if (!se.fit && interval == "none") return(pad_rows(mean, object, is_new))
  variance <- mean_variance(object, rows, random)
  asked <- list(random = random, interval = interval, level = level, weights = weights)
  prediction_output(object, rows, mean, variance, asked, se.fit, is_new)
}

# The link is the identity.
check_predict_type <- function(type) {
  if (identical(type, "terms")) {
    abort("unsupported", "predictions of single terms, type = \"terms\", are not available.")
  }
  check_choice(type, c("response", "link"), "type")
}

check_na_pass <- function(na.action) {
  if (is.character(na.action)) na.action <- get0(na.action, mode = "function")
  if (!identical(na.action, stats::na.pass)) {
    bad_input("`na.action` can only be na.pass here: rows with missing values give NA.")
  }
}

is_random_form <- function(form) {
  if (length(form) == 1 && is.atomic(form) && is.na(form)) return(FALSE)
  !(inherits(form, "formula") && identical(form[[length(form)]], 0))
}

pad_rows <- function(x, object, is_new) {
  if (is_new) x else stats::napredict(object$na_action, x)
}

prediction_output <- function(object, rows, mean, variance, asked, se.fit, is_new) {
  se <- sqrt(variance)
  fit <- pad_rows(mean, object, is_new)
  if (asked$interval != "none") {
    limits <- row_limits(object, rows, mean, variance, asked)
    fit <- cbind(fit = mean, lwr = limits[, 1], upr = limits[, 2])
    rownames(fit) <- rows$names
    fit <- pad_rows(fit, object, is_new)
  }
  if (!se.fit) return(fit)
  list(
    fit = fit, se.fit = pad_rows(stats::setNames(se, rows$names), object, is_new),
    df = row_df(object), residual.scale = sigma.hdlmm(object)
  )
}

symmetric_limits <- function(object, rows, mean, variance, asked) {
  if (asked$interval == "prediction") {
    variance <- variance + response_variance(object, asked$weights, asked$random, rows)
  }
  half <- stats::qt((1 + asked$level) / 2, row_df(object)) * sqrt(variance)
  cbind(mean - half, mean + half)
}

check_new_weights <- function(weights, m) {
  if (!is.numeric(weights) || !length(weights) %in% c(1, m) || any(!(weights > 0))) {
    bad_input(
      "`weights` must be one positive number or ", m, " of them; found ", describe(weights), "."
    )
  }
}

response_variance <- function(object, weights, random, rows) {
  check_new_weights(weights, rows$m)
  out <- value_or_infinite(object$variances[["Residual"]]) / weights
  if (!random && has_random(object)) {
    variances <- lapply(object$variances[term_labels(object)], value_or_infinite)
    out <- out + fresh_variances(object, rows, variances)
  }
  out
}

# The fitted rows as points: the designs themselves.
fitted_points <- function(object) {
  list(
    m = object$dims$n, z = model.matrix.hdlmm(object), offset = object$offset, x = NULL,
    names = rownames(object$frame), is_fitted = TRUE
  )
}

training_mean <- function(object, rows, random) {
  if (random) return(object$fitted)
  fixed_mean(object, rows)
}

# New rows: fixed-effect matrix, offset, and rows of the random design.
new_rows <- function(object, newdata, random, allow_new_levels) {
  if (is.environment(newdata)) newdata <- as.list(newdata)
  if (!is.list(newdata)) {
    bad_input("`newdata` must be a data frame or a list; found ", describe(newdata), ".")
  }
  check_variables(object, newdata, random)
  check_types(object$variable_classes, newdata)
  values <- aligned_values(newdata, object)
  frame <- new_frame(object, newdata, values)
  m <- nrow(frame)
  z <- fixed_matrix(stats::delete.response(object$terms), frame, object$contrasts)
  list(
    m = m, z = z, offset = new_offset(object, frame, values, m), names = rownames(frame),
    x = if (random) new_design_rows(object, values, m, allow_new_levels, newdata),
    is_fitted = FALSE
  )
}

check_variables <- function(object, newdata, random) {
  needed <- all.vars(stats::delete.response(object$terms))
  if (random) needed <- c(needed, random_variables(object$random_terms))
  needed <- intersect(unique(needed), object$row_variables)
  lacking <- setdiff(needed, names(newdata))
  if (random && length(lacking) > 0) {
    lacking <- setdiff(lacking, fitted_variables(object$random_terms))
  }
  if (length(lacking) > 0) {
    bad_input("`newdata` lacks ", enumerate(backtick(lacking)), ".")
  }
}

new_frame <- function(object, newdata, values) {
  terms <- stats::delete.response(object$terms)
  variables <- all.vars(terms)
  if (length(variables) == 0) return(empty_frame(object, newdata))
  data <- values[intersect(variables, names(values))]
  names <- if (is.data.frame(newdata)) attr(newdata, "row.names")
  m <- if (is.data.frame(newdata)) nrow(newdata) else if (length(data)) NROW(data[[1]])
  own <- variable_names(terms)
  rules <- object$rules[intersect(own, names(object$rules))]
  for (rule in rules) check_rule(rule, object)
  evaluate <- function(data) {
    stats::model.frame(terms, data, na.action = stats::na.pass, xlev = object$xlevels)
  }
  if (identical(m, 0L)) return(frame_rows(own_frame(object, own), integer(), NULL))
  if (length(rules) == 0) {
    attr(data, "row.names") <- names
    return(on_error(evaluate(data), function(e) stop_new_frame(e, object)))
  }
  frame <- tryCatch(
    evaluate(if (m == 1) lapply(data, take_rows, c(1, 1)) else data), error = identity
  )
  if (!inherits(frame, "error")) return(frame_rows(frame, seq_len(m), names))
  # poly() and others refuse missing values
  is_bad <- has_missing(data, m)
  if (!any(is_bad)) stop_new_frame(frame, object)
  if (all(is_bad)) return(frame_rows(own_frame(object, own), rep(NA_integer_, m), names))
  at <- which(!is_bad)
  frame <- on_error(
    evaluate(lapply(data, take_rows, if (length(at) == 1) c(at, at) else at)),
    function(e) stop_new_frame(e, object)
  )
  frame_rows(frame, match(seq_len(m), at), names)
}

# The fit's own columns; text has the fit's levels where no row is left to tell them.
own_frame <- function(object, names) {
  frame <- object$frame[names]
  for (name in intersect(names(object$xlevels), names)) {
    if (!is.factor(frame[[name]])) {
      frame[[name]] <- factor(frame[[name]], object$xlevels[[name]])
    }
  }
  frame
}

# Rows of a model frame, itself one.
frame_rows <- function(frame, rows, names) {
  terms <- value_or(attr(frame, "terms"), structure(list(), class = "terms"))
  out <- lapply(frame, take_rows, rows)
  structure(
    out, class = "data.frame", terms = terms, row.names = value_or(names, seq_along(rows))
  )
}

stop_new_frame <- function(error, object) {
  text <- conditionMessage(error)
  lost <- Filter(function(name) grepl(paste("factor", name, "has new level"), text, fixed = TRUE),
    names(object$dropped$levels))
  hint <- if (length(lost) > 0) {
    gone <- object$dropped$levels[[lost[1]]]
    paste0(
      " (rows of ", enumerate(dQuote(gone, FALSE)), " in the data of the fit were left out of it ",
      "for missing values, by `subset` or with weight zero)"
    )
  }
  bad_input("in `newdata`: ", sub("[.[:space:]]+$", "", text), hint, ".")
}

# Types of the raw variables: a factor may come as text, a number as TRUE and FALSE.
check_types <- function(classes, newdata) {
  factors <- c("factor", "ordered", "character")
  for (name in intersect(names(classes), names(newdata))) {
    value <- newdata[[name]]
    found <- stats::.MFclass(value)
    wanted <- sub("^nmatrix.*", "matrix", classes[[name]])
    is_same <- identical(sub("^nmatrix.*", "matrix", found), wanted) ||
      all(c(found, wanted) %in% factors) || (found == "logical" && wanted == "numeric") ||
      (found == "logical" && all(is.na(value)))
    if (is_same) next
    bad_input(
      backtick(name), " is of type ", dQuote(shown_type(value), FALSE), " in `newdata`; the ",
      "fit has ", dQuote(wanted, FALSE), "."
    )
  }
}

shown_type <- function(x) {
  type <- stats::.MFclass(x)
  if (type == "other") class(x)[1] else type
}

# No variable in the fixed part: the number of rows comes from the data themselves.
empty_frame <- function(object, newdata) {
  if (is.data.frame(newdata)) {
    m <- nrow(newdata)
    names <- attr(newdata, "row.names")
  } else {
    found <- newdata[intersect(object$row_variables, names(newdata))]
    m <- if (length(found)) NROW(found[[1]]) else 0L
    names <- seq_len(m)
  }
  structure(list(), names = character(), class = "data.frame", row.names = names)
}

new_offset <- function(object, frame, values, m) {
  parts <- lapply(attr(stats::delete.response(object$terms), "offset"), function(i) frame[[i]])
  argument <- object$call$offset
  if (!is.null(argument)) {
    lacking <- setdiff(intersect(all.vars(argument), object$row_variables), names(values))
    if (!is.language(argument)) lacking <- "a variable, the fit having been given numbers"
    if (length(lacking) > 0) {
      bad_input("the offset cannot be found in `newdata`: it lacks ", enumerate(lacking), ".")
    }
    rule <- object$offset_rule
    parts <- c(parts, list(
      if (is.null(rule)) values[[as.character(argument)]] else value_at(rule, values, m, object)
    ))
  }
  if (length(parts) == 0) return(NULL)
  total <- Reduce(`+`, lapply(parts, as.double))
  if (length(total) != m) {
    bad_input(
      "the offset has ", counted(length(total), "value"), " in `newdata`; ", m, " are expected."
    )
  }
  total
}

# Rows of every term in new data, by label; see read_rows().
new_design_rows <- function(object, values, m, allow_new_levels, newdata) {
  source <- list(
    evaluate = function(expr, rule) {
      if (!is.null(rule)) return(value_at(rule, values, m, object))
      on_error(
        eval(expr, values, environment(object$terms)),
        function(e) bad_input("in `newdata`: ", sentence(e))
      )
    },
    rules = object$rules, values = values, newdata = newdata, m = m,
    allow_new_levels = allow_new_levels
  )
  Map(
    function(design, term) read_rows(design, term$at_new_rows, source),
    object$designs, object$random_terms
  )
}

fixed_mean <- function(object, rows) {
  kept <- object$fixed$kept
  out <- drop(rows$z[, kept, drop = FALSE] %*% object$fixed$estimate[kept])
  if (!is.null(rows$offset)) out <- out + rows$offset
  out
}

point_mean <- function(object, rows, random) {
  out <- fixed_mean(object, rows)
  if (random) out <- out + random_mean(object, rows)
  out
}
