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
#' Limits are Student t with the degrees of freedom n - c for OLS and normal otherwise. With
#' variances taken as known they are too narrow in small samples: `correction` adds what the
#' estimation of the variances contributes, and takes limits from Student's t with Satterthwaite's
#' degrees of freedom of the prediction error.
#'
#' @param object a fit of [lmm()].
#' @param newdata a data frame or list; the fitted rows when missing.
#' @param random `FALSE` predicts the fixed part only, z'omega; labels of terms, as `ranef()` names
#'   them, add the effects of these terms alone.
#' @param se.fit `TRUE` returns standard errors of the mean too.
#' @param interval `"none"`, `"confidence"` (for the mean) or `"prediction"` (for a new response
#'   of weight one). With `random = FALSE` a prediction interval is for a row with random effects
#'   drawn anew: x'beta adds its variance `x'x sigma_b^2` at the row (of a grouping factor
#'   `sigma_b^2`, of a kernel `K_ii sigma_b^2`), so that `newdata` needs the columns of `X` or the
#'   `id` of the kernel.
#' @param level level of the interval, in (0, 1).
#' @param weights numeric, one or one per new row: the variance of a new response is
#'   `sigma_e^2 / weights`. `NULL`: the weights of the fit for its own rows, one else.
#' @param correction of standard errors and limits of a REML fit: `"none"`; `"kackar-harville"` adds
#'   the variance that the estimates of the variances bring into the predictor; `"prasad-rao"` adds
#'   it twice, as the error given the variances is also estimated too small by about as much. O(n^3)
#'   work and O(n^2) memory a variance; OLS needs none.
#' @param allow.new.levels `TRUE` predicts unseen levels of a grouping factor from the prior.
#' @param re.form as in lme4: `NA` or `~0` is `random = FALSE`, `NULL` is `random = TRUE`, and a
#'   formula names random terms of the fit, as in `~ (1 | g)`.
#' @param na.action for missing values in `newdata`; only [stats::na.pass()] (the default).
#' @param type `"response"` or `"link"`, which are the same: the link is the identity.
#' @param ... nothing: an argument that is not listed here is an error.
#' @references Kackar and Harville (1984). *J. Am. Stat. Assoc.* 79, 853-862.
#'   \doi{10.1080/01621459.1984.10477102}; Prasad and Rao (1990). *J. Am. Stat. Assoc.* 85, 163-171.
#'   \doi{10.1080/01621459.1990.10475320}
#' @return A named numeric m-vector; with `interval` a m x 3 matrix with columns `fit`, `lwr`,
#'   `upr`; with `se.fit = TRUE` a list with `fit`, `se.fit`, `df`, `residual.scale`.
#' @section Errors: `hdlmm_bad_input` (a variable is missing, of another type, or of another
#'   shape), `hdlmm_new_levels`, `hdlmm_not_row_wise` (an expression of the formula cannot be
#'   evaluated at new rows).
#' @concept BLUP
#' @concept GBLUP
#' @concept prediction interval
#' @examples
#' data(wheat)
#' fit <- lmm(yield1 ~ re(markers), data = wheat, subset = 1:150)
#' predict(fit, wheat[151:155, ], interval = "prediction")
#' @export
predict.hdlmm <- function(object, newdata, random = TRUE, se.fit = FALSE,
                          interval = c("none", "confidence", "prediction"), level = 0.95,
                          weights = NULL, allow.new.levels = FALSE, re.form = NULL,
                          na.action = stats::na.pass, type = c("response", "link"),
                          correction = c("none", "kackar-harville", "prasad-rao"), ...) {
  check_dots()
  correction <- check_choice(correction, correction_names, "correction")
  check_predict_type(type)
  check_na_pass(na.action)
  interval <- check_choice(interval, c("none", "confidence", "prediction"), "interval")
  check_level(level)
  check_flag(se.fit, "se.fit")
  check_flag(allow.new.levels, "allow.new.levels")
  random <- chosen_terms(object, random, re.form)
  is_new <- !missing(newdata) && !is.null(newdata)
  needed <- used_labels(object, random)
  if (interval == "prediction") needed <- c(needed, uneven_labels(object))
  rows <- if (is_new) new_rows(object, newdata, needed, allow.new.levels, random) else
    fitted_points(object)
  if (is.null(weights)) weights <- if (is_new) 1 else value_or(object$weights, 1)
  mean <- if (is_new) point_mean(object, rows, random) else training_mean(object, rows, random)
  names(mean) <- rows$names
  if (!se.fit && interval == "none") return(pad_rows(mean, object, is_new))
  asked <- list(
    random = random, interval = interval, level = level, weights = weights, correction = correction
  )
  errors <- counted_errors(object, rows, mean_variance(object, rows, random), asked)
  asked$df <- errors$df
  prediction_output(object, rows, mean, errors$variance, asked, se.fit, is_new)
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

# Which terms predict: TRUE for all, FALSE for none, or their labels.
chosen_terms <- function(fit, random, form) {
  labels <- term_labels(fit)
  if (is.character(random)) {
    unknown <- setdiff(random, labels)
    if (length(unknown) > 0) {
      bad_input(
        "`random` names no random term: ", enumerate(dQuote(unknown, FALSE)), "; there are ",
        enumerate(dQuote(labels, FALSE), 10), "."
      )
    }
  } else {
    random <- if (check_flag(random, "random")) labels else character()
  }
  if (!is.null(form)) random <- intersect(random, form_labels(fit, form))
  if (all(labels %in% random)) return(length(labels) > 0)
  if (length(random) == 0) FALSE else random
}

# Labels of the random terms that a `re.form` names.
form_labels <- function(fit, form) {
  if (!is_random_form(form)) return(character())
  if (!inherits(form, "formula")) return(term_labels(fit))
  own <- fit$random_terms
  labels <- lapply(split_side(form[[length(form)]])$random, function(asked) {
    is_own <- vapply(own, function(term) {
      identical(term$expr, asked$expr) || identical(term$written, asked$written)
    }, NA)
    vapply(own[is_own], `[[`, "", "label")
  })
  if (length(labels) == 0 || any(lengths(labels) == 0)) {
    bad_input(
      "`re.form` must name random terms of the fit, which are ",
      enumerate(backtick(vapply(own, term_text, "")), 10), "; found ", backtick(short_text(form)),
      "."
    )
  }
  unlist(labels, use.names = FALSE)
}

# Terms whose variance differs from row to row.
uneven_labels <- function(fit) names(Filter(Negate(has_even_rows), fit$designs))

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
    df = asked$df, residual.scale = sigma.hdlmm(object)
  )
}
