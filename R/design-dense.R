# re(X) with a base matrix of doubles, integers, logicals or raw: read in place, block by block.

#' @export
build_columns.default <- function(x, term, options, model, centre_weights, host) {
  rows <- fitted_rows(model)
  is_weighted <- !is.null(centre_weights) && any(centre_weights != 1)
  summary <- cpp_summarise_columns(x, rows, if (is_weighted) centre_weights, host)
  names <- colnames(x)
  if (!summary$is_finite) stop_infinite_cells(summary$n_infinite, names, term$label)
  if (!summary$is_complete) {
    stop_empty_columns(summary$n_missing, length(model$rows), names, term$label)
  }
  if (!summary$is_complete && options$na == "fail") {
    stop_missing_cells(summary$n_missing, names, term$label)
  }
  n <- length(model$rows)
  centred <- if (!options$center && !is_weighted && !is.null(centre_weights)) {
    rounded_centring(x, summary)
  }
  if (!is.null(centred)) options$center <- TRUE
  scaled <- transform_columns(summary, options, n, term$label)
  centre <- internal_centre(summary, scaled, centre_weights, options)
  fill <- if (!summary$is_complete) summary$mean
  column_design(
    "dense", term, x, column_facts(summary$all, scaled, options, n),
    core = list(rows = rows, shift = centre$shift, scale = scaled$factor, fill = fill),
    center = if (options$center) summary$mean, fill = fill, mean_columns = centre$mean,
    notes = c(
      if (!is.null(centred)) {
        paste0(
          "columns of ", backtick(term$label), ", stored ", centred, ", are centred up to their ",
          "rounding and are taken as exactly centred"
        )
      },
      if (!summary$is_complete) imputed_note(summary$n_missing, term$label),
      if (summary$all$has_zero) zero_column_note(summary$max_abs == 0, term$label)
    )
  )
}

# With a constant in the span of Z the column means can be taken out before the decomposition,
# exactly accounted for in the core (MeanShift): K then keeps its digits however large they are.
internal_centre <- function(summary, scaled, centre_weights, options) {
  if (options$center) return(list(shift = summary$mean, mean = NULL))
  if (is.null(centre_weights)) return(list(shift = NULL, mean = NULL))
  mean <- summary$weighted_mean
  # means that are rounding only: the columns are centred already
  mean[abs(mean) <= 1e-13 * summary$max_abs] <- 0
  list(shift = mean, mean = if (any(mean != 0)) mean * scaled$factor)
}
