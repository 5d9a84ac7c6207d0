# What the user passed to re(), read and checked.

# What re() was given, evaluated.
term_arguments <- function(term, data, env) {
  lapply(term$arguments, function(argument) {
    on_error(
      eval(argument, data, env),
      function(e) bad_input("in ", backtick(term_text(term)), ": ", sentence(e))
    )
  })
}

# How an expression of the user that is more than a name is evaluated at new rows.
with_rule <- function(design, expr, value, model) {
  if (needs_rule(expr)) design$rule <- row_rule(expr, value, NULL, model$place)
  design
}

# What the user passed to re() as a matrix that the core can read, without a copy if it is one. A
# class of its own that is kept, as of a matrix in a file, has a method here and in build_columns().
as_design_matrix <- function(x, term) UseMethod("as_design_matrix")

#' @export
as_design_matrix.default <- function(x, term) {
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
