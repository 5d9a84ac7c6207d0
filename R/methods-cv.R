# What a cross-validation answers.

#' @rdname cv_lmm
#' @export
print.hdlmm_cv <- function(x, digits = 3, ...) {
  check_dots(print_settings)
  cat_lines(cv_heading(x))
  table <- measure_table(x$rows)
  shown <- c("correlation", "spearman", "rmse", "r2", "slope", "log_score", "coverage")
  print_measures(table[table$measure %in% shown, ], digits)
  invisible(x)
}

# Lines on what was done.
cv_heading <- function(cv) {
  repeats <- unique(cv$folds[["repeat"]])
  folds <- tapply(cv$folds$fold, cv$folds[["repeat"]], function(x) length(unique(x)))
  models <- cv$models
  one <- nrow(models) == 1
  counts <- range(cv$counts)
  failed <- sum(is.na(cv$folds$pve))
  noted <- sum(nzchar(cv$folds$note)) - failed
  unknown <- unpredicted_rows(cv)
  c(
    paste0(
      "Cross-validation of ", counted(cv$n, "row"), ": ",
      paste(unique(range(folds)), collapse = " to "), " folds",
      if (length(repeats) > 1) paste0(", ", length(repeats), " times"),
      if (length(cv$counts) > 1) paste0(", ", counted(length(cv$counts), "response")),
      if (counts[1] < cv$n) paste0(" of ", paste(unique(counts), collapse = " to "), " rows"),
      if (!cv$reestimate) "; variances held at their estimates from all rows"
    ),
    if (one) paste0(models$formula, ", ", shown_method(models$method, models$algorithm)),
    if (failed > 0) paste0(counted(failed, "fold"), " without predictions: see summary()"),
    if (noted > 0) paste0(counted(noted, "fold"), " with warnings: see summary()"),
    if (unknown > 0) paste0(
      counted(unknown, "row"), " without a prediction: the rest of the data lacks levels of their ",
      "fixed effects"
    )
  )
}

# Rows that a fold with a fit cannot predict.
unpredicted_rows <- function(cv) {
  id <- intersect(c("response", "model", "repeat", "fold"), names(cv$rows))
  fold <- function(x) do.call(paste, c(unname(x[id]), sep = "\r"))
  has_fit <- fold(cv$rows) %in% fold(cv$folds[!is.na(cv$folds$pve), ])
  length(unique(cv$rows$row[has_fit & is.na(cv$rows$prediction)]))
}

most_units <- 20  # with lines of their own

# Measures in rows where there is one response and one model, else in columns; of very many
# responses their quartiles.
print_measures <- function(table, digits) {
  unit <- cv_units(table)
  has_sd <- any(!is.na(table$sd))
  if (nlevels(unit) > most_units) return(print_measure_quartiles(table, digits))
  shown <- function(x, ...) {
    is_tiny <- !is.na(x) & x != 0 & abs(x) < 1e-4
    text <- ifelse(is_tiny, formatC(x, format = "g", ...), formatC(x, format = "fg", ...))
    ifelse(is.na(x), "-", text)
  }
  text <- shown(table$estimate, digits = digits, flag = "#")
  if (has_sd) text <- paste0(text, " (", shown(table$sd, digits = 2), ")")
  cells <- matrix(text, ncol = nlevels(unit))
  measures <- unique(table$measure)
  cat("\n")
  if (ncol(cells) == 1) {
    words <- measure_words[measures]
    cat(paste0(
      format(measures), "  ", formatC(cells[, 1], width = max(nchar(cells))), "  ", words, "\n"
    ), sep = "")
  } else {
    dimnames(cells) <- list(measures, levels(unit))
    print(t(cells), quote = FALSE, right = TRUE)
  }
  if (has_sd) cat("\n(in parentheses: standard deviation over repeats)\n")
}

print_measure_quartiles <- function(table, digits) {
  for (model in unique(table$model)) {
    own <- table[table$model == model, ]
    cat("\nOver responses", if (any(table$model != model)) paste0(", ", model), ":\n", sep = "")
    print_quantiles(split(own$estimate, factor(own$measure, unique(own$measure))), digits)
  }
}

#' @rdname cv_lmm
#' @export
summary.hdlmm_cv <- function(object, h2 = NULL, ...) {
  check_dots()
  if (!is.null(h2)) h2 <- checked_shares(h2, object$response)
  structure(
    list(measures = measure_table(object$rows, h2), folds = object$folds, cv = object),
    class = "summary.hdlmm_cv"
  )
}

# One for all, or one a response: by name, or in order.
checked_shares <- function(h2, responses) {
  if (length(h2) < 2) {
    check_number(h2, "h2", 0, 1)
  } else if (length(h2) != length(responses) || !is.numeric(h2)) {
    bad_input(
      "`h2` must be one number or one for each of the ", length(responses), " responses; found ",
      describe(h2), "."
    )
  } else if (is.null(names(h2))) {
    names(h2) <- responses
  } else if (!setequal(names(h2), responses)) {
    bad_input("`h2` has the names ", enumerate(names(h2)), "; the responses are ",
      enumerate(responses), ".")
  }
  if (!all(h2 > 0 & h2 <= 1)) bad_input("`h2` must be above 0 and at most 1.")
  h2
}

#' @rdname cv_lmm
#' @export
print.summary.hdlmm_cv <- function(x, digits = 3, ...) {
  check_dots(print_settings)
  cat_lines(cv_heading(x$cv))
  print_measures(x$measures, digits)
  cat("\nFits:\n")
  table <- x$folds
  if (length(unique(table$model)) == 1) table$model <- NULL
  if (all(!nzchar(table$note))) table$note <- NULL
  print(utils::head(table, 30), digits = digits, row.names = FALSE)
  if (nrow(table) > 30) cat("  and", nrow(table) - 30, "more\n")
  invisible(x)
}

#' @rdname cv_lmm
#' @param row.names,optional as for [as.data.frame()].
#' @export
as.data.frame.hdlmm_cv <- function(x, row.names = NULL, optional = FALSE, ...) {
  check_dots()
  out <- x$rows
  if (!is.null(row.names)) rownames(out) <- row.names
  out
}

#' @rdname cv_lmm
#' @method tidy hdlmm_cv
#' @exportS3Method generics::tidy hdlmm_cv
tidy.hdlmm_cv <- function(x, h2 = NULL, ...) {
  check_dots()
  as_tibble_if_there(summary.hdlmm_cv(x, h2)$measures)
}

#' @rdname cv_lmm
#' @method glance hdlmm_cv
#' @exportS3Method generics::glance hdlmm_cv
glance.hdlmm_cv <- function(x, ...) {
  check_dots()
  table <- measure_table(x$rows)
  measures <- unique(table$measure)
  wide <- matrix(table$estimate, ncol = length(measures), byrow = TRUE)
  colnames(wide) <- measures
  id <- table[!duplicated(cv_units(table)), setdiff(names(table), c("measure", "estimate", "sd")),
    drop = FALSE]
  n <- stats::setNames(x$counts, x$response)
  of_model <- match(id$model, x$models$model)
  as_tibble_if_there(frame_of(c(
    as.list(id["response"[length(id) > 1]]), lapply(x$models, `[`, of_model),
    list(nobs = unname(if (length(id) > 1) n[id$response] else rep(x$n, nrow(id)))),
    list(folds = c(table(cv_units(x$folds)))), columns_of(wide)
  )))
}
