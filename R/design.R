# Random-effect designs. Each kind has a file of its own and the same four verbs in the table:
#   build(term, model, env_data)  -> random design, plain data
#   newdata(design, value, ...)   -> rows of new data for prediction
# A design is list(kind, label, core = what src/r_design.cpp reads, n_cols, names, kappa,
# exponent, mean_columns, notes, ...). All numbers inside `core` are scaled by 2^exponent.

design_table <- function() {
  list(
    dense = list(newdata = newdata_columns), sparse = list(newdata = newdata_columns),
    grouped = list(newdata = newdata_grouped), kernel = list(newdata = newdata_kernel)
  )
}

build_design <- function(term, model, data, env, centre_weights, host) {
  if (term$type == "group") return(build_grouped(term, model))
  arguments <- lapply(term$arguments, function(argument) {
    on_error(
      eval(argument, data, env),
      function(e) bad_input("in ", backtick(term_text(term)), ": ", sentence(e))
    )
  })
  if (term$type == "kernel") {
    design <- build_kernel(term, arguments, model, data, env)
    return(with_rule(design, term$arguments$id, arguments$id, model))
  }
  x <- as_design_matrix(arguments$x, term)
  if (nrow(x) != model$n_total) {
    bad_input(
      backtick(term$label), " has ", counted(nrow(x), "row"), "; ",
      backtick(deparse1(model$terms[[2]])), " has ", model$n_total, "."
    )
  }
  options <- list(
    center = check_flag(value_or(arguments$center, FALSE), "center"),
    scale = check_flag(value_or(arguments$scale, FALSE), "scale"),
    na = check_choice(value_or(arguments$na, "fail"), c("fail", "mean"), "na")
  )
  if (ncol(x) == 0) return(empty_design(term))
  own <- if (!is.null(rownames(x))) data_row_names(model, data, env)
  at <- match_rows(rownames(x), own, term$label, is_of_columns(term$main, data))
  if (!is.null(at)) x <- x[at, , drop = FALSE]
  design <- if (isS4(x) && methods::is(x, "dgCMatrix")) {
    build_sparse(term, x, options, model)
  } else {
    build_dense(term, x, options, model, centre_weights, host)
  }
  if (!is.null(at)) design$notes <- c(matched_note(term$label), design$notes)
  with_rule(design, term$main, arguments$x, model)
}

# How an expression of the user that is more than a name is evaluated at new rows.
with_rule <- function(design, expr, value, model) {
  if (needs_rule(expr)) design$rule <- row_rule(expr, value, NULL, model$place)
  design
}

value_or <- function(x, default) if (is.null(x)) default else x

empty_design <- function(term) {
  list(kind = "none", label = term$label, n_cols = 0L, names = character())
}

# Rows of the design that are fitted: NULL when they are all of them, in order.
fitted_rows <- function(model) {
  if (identical(as.integer(model$rows), seq_len(model$n_total))) NULL else as.integer(model$rows)
}

# What the user passed to re() as a matrix that the core can read, without a copy if it is one.
as_design_matrix <- function(x, term) {
  delayedAssign("name", backtick(term$label))
  if (is.factor(x)) bad_input(name, " is a factor: write (1 | ", term$label, ").")
  if (is.data.frame(x)) x <- as_matrix_of_numbers(x, name)
  is_of_matrix <- isS4(x) && (methods::is(x, "Matrix") || methods::is(x, "sparseVector"))
  if (is_of_matrix) return(as_readable_matrix(check_valid(x, name)))
  if (is.null(dim(x)) && (is.numeric(x) || is.logical(x))) x <- matrix(x, ncol = 1)
  if (!is.matrix(x) || !typeof(x) %in% c("double", "integer", "logical", "raw")) {
    bad_input(name, " must be a numeric matrix; found ", describe(x), ".")
  }
  x
}

# A damaged sparse matrix ends R where anything reads it, functions of Matrix included.
check_valid <- function(x, name) {
  found <- tryCatch(methods::validObject(x, test = TRUE), error = conditionMessage)
  if (isTRUE(found)) return(x)
  bad_input(
    name, " is not a valid object of class ", dQuote(class(x)[1], FALSE), ": ",
    paste(found, collapse = "; "), "."
  )
}

as_matrix_of_numbers <- function(x, name) {
  is_number <- vapply(x, function(column) is.numeric(column) || is.logical(column), NA)
  if (!all(is_number)) {
    bad_input(
      name, " must hold numbers only; column ", enumerate(backtick(names(x)[!is_number])),
      if (sum(!is_number) == 1) " does not." else " do not."
    )
  }
  as.matrix(x)
}

# dgCMatrix for any sparse Matrix, a base matrix for a dense one.
as_readable_matrix <- function(x) {
  if (methods::is(x, "sparseVector")) x <- methods::as(x, "sparseMatrix")
  if (methods::is(x, "dgCMatrix")) return(x)
  if (methods::is(x, "denseMatrix")) return(as.matrix(x))
  methods::as(methods::as(methods::as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")
}

stop_missing_cells <- function(n_missing, names, label) {
  bad <- which(n_missing > 0)
  if (length(bad) == 0) return(invisible())
  shown <- paste0(backtick(column_label(names, bad)), " (", n_missing[bad], ")")
  bad_input(
    backtick(label), " has missing values in ", counted(length(bad), "column"), ": ",
    enumerate(shown), "; use re(", label, ", na = \"mean\") to impute column means."
  )
}

# No mean can stand in for a column without any value, as scale() makes it of a constant one.
stop_empty_columns <- function(n_missing, n, names, label) {
  bad <- which(n_missing == n)
  if (n == 0 || length(bad) == 0) return(invisible())
  bad_input(
    backtick(label), " has ", counted(length(bad), "column"), " without any value in the fitted ",
    "rows: ", enumerate(backtick(column_label(names, bad))), "; leave ",
    if (length(bad) == 1) "it" else "them", " out. (scale() makes NaN of a constant column; ",
    "re( , scale = TRUE) leaves it as it is.)"
  )
}

stop_infinite_cells <- function(n_infinite, names, label) {
  bad <- which(n_infinite > 0)
  if (length(bad) == 0) return(invisible())
  bad_input(
    backtick(label), " has infinite values in ", counted(length(bad), "column"), ": ",
    enumerate(backtick(column_label(names, bad))), "."
  )
}

column_label <- function(names, index) {
  label <- if (is.null(names)) rep("", length(index)) else names[index]
  ifelse(is.na(label) | label == "", as.character(index), label)
}

imputed_note <- function(n_missing, label) {
  count <- sum(n_missing > 0)
  if (count == 0) return(NULL)
  paste0(
    counted(sum(n_missing), "missing value"), " in ", counted(count, "column"), " of ",
    backtick(label), " replaced by column means"
  )
}

zero_column_note <- function(is_zero, label) {
  if (!any(is_zero)) return(NULL)
  paste0(
    counted(sum(is_zero), "column"), " of ", backtick(label),
    if (sum(is_zero) == 1) " is" else " are", " zero"
  )
}
