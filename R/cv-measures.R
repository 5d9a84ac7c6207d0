# How well predictions meet observations: measures of one repeat, and their spread over repeats.

# rows: the held rows of one model and repeat, with `baseline`, the mean of the rows that the fold
# was fitted to. Rows without a prediction count for nothing.
repeat_measures <- function(rows) {
  rows <- rows[!is.na(rows$prediction), ]
  if (nrow(rows) == 0) return(no_measures)
  y <- rows$observed
  fitted <- rows$prediction
  line <- regression(y, fitted)
  c(
    correlation = mean_over_folds(rows, "pearson"), pooled = safe_correlation(y, fitted),
    spearman = mean_over_folds(rows, "spearman"), slope = line[["slope"]],
    intercept = line[["intercept"]], rmse = sqrt(mean((y - fitted)^2)),
    r2 = 1 - sum((y - fitted)^2) / sum((y - rows$baseline)^2),
    log_score = mean(rows$log_density), coverage = mean(y >= rows$lower & y <= rows$upper),
    width = mean(rows$upper - rows$lower)
  )
}

no_measures <- stats::setNames(rep(NA_real_, 10), c(
  "correlation", "pooled", "spearman", "slope", "intercept", "rmse", "r2", "log_score", "coverage",
  "width"
))

measure_words <- c(
  correlation = "correlation of observed and predicted, mean over folds",
  pooled = "the same over all folds together",
  spearman = "rank correlation, mean over folds",
  accuracy = "correlation / sqrt(h2)",
  slope = "slope of observed on predicted", intercept = "intercept of the same line",
  rmse = "root mean squared error", r2 = "1 - squared error / that of the training mean",
  log_score = "mean log predictive density", coverage = "of the predictive intervals",
  width = "mean width of the predictive intervals"
)

# Fold means differ, so that a correlation over all folds counts what no fold predicts. Two rows
# say nothing.
mean_over_folds <- function(rows, method) {
  each <- vapply(split(rows, rows$fold), function(one) {
    if (nrow(one) < 3) NA_real_ else safe_correlation(one$observed, one$prediction, method)
  }, 0)
  if (all(is.na(each))) NA_real_ else mean(each, na.rm = TRUE)
}

# NA where one of both does not vary.
safe_correlation <- function(x, y, method = "pearson") {
  varies <- length(x) > 1 && max(x) > min(x) && max(y) > min(y)
  if (varies) stats::cor(x, y, method = method) else NA_real_
}

regression <- function(y, x) {
  spread <- sum((x - mean(x))^2)
  slope <- if (isTRUE(spread > 0)) sum((x - mean(x)) * (y - mean(y))) / spread else NA_real_
  c(slope = slope, intercept = mean(y) - slope * mean(x))
}

# data frame(response, model, measure, estimate, sd), without the first where there is one response:
# means over repeats and their standard deviation, NA with one repeat. Folds are no replicates:
# their training rows overlap. h2: NULL, or one number a response.
measure_table <- function(rows, h2 = NULL) {
  out <- lapply(split(rows, cv_units(rows)), function(own) {
    each <- vapply(split(own, own[["repeat"]]), repeat_measures, no_measures)
    if (!is.null(h2)) {
      share <- if (length(h2) == 1) h2 else h2[[own$response[1]]]
      each <- rbind(each, accuracy = each["correlation", ] / sqrt(share))
    }
    id <- own[1, intersect(c("response", "model"), names(own)), drop = FALSE]
    c(lapply(id, rep, nrow(each)), list(
      measure = rownames(each), estimate = unname(rowMeans(each)),
      sd = if (ncol(each) > 1) unname(apply(each, 1, stats::sd)) else rep(NA_real_, nrow(each))
    ))
  })
  bind_rows(unname(out))
}
