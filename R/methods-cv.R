# What a cross-validation answers.

#' @rdname cv_lmm
#' @export
print.hdlmm_cv <- function(x, digits = 3, ...) {
  check_dots(print_settings)
  cat_lines(cv_heading(x))
  table <- measure_table(x$rows)
  shown <- c("correlation", "spearman", "rmse", "r2", "slope", "log_score", "coverage")
  print_measures(table[table$measure %in% shown, ], x, digits)
  invisible(x)
}

# Lines on what was done.
cv_heading <- function(cv) {
  repeats <- unique(cv$folds[["repeat"]])
  folds <- tapply(cv$folds$fold, cv$folds[["repeat"]], function(x) length(unique(x)))
  models <- cv$models
  one <- nrow(models) == 1
  failed <- sum(is.na(cv$folds$pve))
  noted <- sum(nzchar(cv$folds$note)) - failed
  unknown <- unpredicted_rows(cv)
  c(
    paste0(
      "Cross-validation of ", counted(cv$n, "row"), ": ",
      paste(unique(range(folds)), collapse = " to "), " folds",
      if (length(repeats) > 1) paste0(", ", length(repeats), " times"),
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
  fold <- function(x) paste(x$model, x[["repeat"]], x$fold, sep = "\r")
  has_fit <- fold(cv$rows) %in% fold(cv$folds[!is.na(cv$folds$pve), ])
  length(unique(cv$rows$row[has_fit & is.na(cv$rows$prediction)]))
}

# Measures in rows and models in columns, or the other way round where there are several models.
print_measures <- function(table, cv, digits) {
  has_sd <- any(!is.na(table$sd))
  shown <- function(x, ...) {
    is_tiny <- !is.na(x) & x != 0 & abs(x) < 1e-4
    text <- ifelse(is_tiny, formatC(x, format = "g", ...), formatC(x, format = "fg", ...))
    ifelse(is.na(x), "-", text)
  }
  text <- shown(table$estimate, digits = digits, flag = "#")
  if (has_sd) text <- paste0(text, " (", shown(table$sd, digits = 2), ")")
  cells <- matrix(text, ncol = nrow(cv$models))
  measures <- unique(table$measure)
  cat("\n")
  if (ncol(cells) == 1) {
    words <- measure_words[measures]
    cat(paste0(
      format(measures), "  ", formatC(cells[, 1], width = max(nchar(cells))), "  ", words, "\n"
    ), sep = "")
  } else {
    dimnames(cells) <- list(measures, cv$models$model)
    print(t(cells), quote = FALSE, right = TRUE)
  }
  if (has_sd) cat("\n(in parentheses: standard deviation over repeats)\n")
}

#' @rdname cv_lmm
#' @export
summary.hdlmm_cv <- function(object, h2 = NULL, ...) {
  check_dots()
  if (!is.null(h2)) check_share(h2)
  structure(
    list(measures = measure_table(object$rows, h2), folds = object$folds, cv = object),
    class = "summary.hdlmm_cv"
  )
}

check_share <- function(h2) {
  check_number(h2, "h2", 0, 1)
  if (h2 == 0) bad_input("`h2` must be positive.")
}

#' @rdname cv_lmm
#' @export
print.summary.hdlmm_cv <- function(x, digits = 3, ...) {
  check_dots(print_settings)
  cat_lines(cv_heading(x$cv))
  print_measures(x$measures, x$cv, digits)
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
  wide <- matrix(table$estimate, nrow = nrow(x$models), byrow = TRUE)
  colnames(wide) <- measures
  as_tibble_if_there(data.frame(
    x$models, nobs = x$n, folds = sum(x$folds$model == x$models$model[1]), wide
  ))
}
