# Limits of means and of new responses.

symmetric_limits <- function(object, rows, mean, variance, asked) {
  if (asked$interval == "prediction") {
    variance <- variance + response_variance(object, asked$weights, asked$random, rows)
  }
  half <- stats::qt((1 + asked$level) / 2, asked$df) * sqrt(variance)
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
  anew <- fresh_labels(object, random)
  if (length(anew) > 0) out <- out + fresh_variances(with_terms(object, anew), rows)
  out
}
