# Variables of a formula: where they are found, of which type, and what new rows must bring.

# A variable of the data or, where they lack it, of the environment; NULL where there is none.
variable_of <- function(name, data, env = emptyenv()) {
  if (is.environment(data)) {
    value <- get0(name, data, inherits = FALSE)
    return(if (is.null(value)) get0(name, env) else value)
  }
  at <- match(name, names(data))
  if (is.na(at)) get0(name, env) else .subset2(data, at)
}

# Variables as the columns of a model frame are called.
variable_names <- function(terms) {
  vapply(as.list(attr(terms, "variables"))[-1], function(variable) {
    if (is.name(variable)) as.character(variable) else deparse1(variable)
  }, "")
}

# Types of the raw variables of the fixed part and of the left sides of bars, which new data must
# share.
variable_classes <- function(parts, fixed, data, env) {
  names <- union(all.vars(fixed[[3]]), left_variables(parts$random))
  out <- vapply(names, function(name) {
    value <- variable_of(name, data, env)
    if (is.null(value) || is.function(value)) "" else stats::.MFclass(value)
  }, "")
  out[out != ""]
}

# Names that new data must bring: variables of the formula with one value a row.
row_variables <- function(parts, fixed, offset, data, env, n_total) {
  names <- unique(c(all.vars(fixed[[3]]), random_variables(parts$random), all.vars(offset)))
  is_row <- vapply(names, function(name) {
    value <- variable_of(name, data, env)
    !is.function(value) && NROW(value) == n_total
  }, NA)
  names[is_row]
}

# What new rows evaluate: not the response, and of a kernel its id only.
new_row_exprs <- function(parts, fixed, offset) {
  c(list(fixed[[3]], offset), lapply(parts$random, `[[`, "at_new_rows"))
}

# Of every factor of the frame, the levels of which no row is fitted.
lost_levels <- function(frame, place) {
  out <- lapply(stats::setNames(nm = names(frame)), function(name) {
    value <- variable_of(name, place$data, place$env)
    if (is.factor(value) || is.character(value)) {
      setdiff(as.character(value[!is.na(value)]), as.character(frame[[name]]))
    }
  })
  Filter(length, out)
}

take_rows <- function(x, rows) {
  if (length(dim(x)) == 2) x[rows, , drop = FALSE] else if (length(dim(x)) < 2) x[rows] else x
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

# Rows of the design that are fitted: NULL when they are all of them, in order.
fitted_rows <- function(model) {
  if (identical(as.integer(model$rows), seq_len(model$n_total))) NULL else as.integer(model$rows)
}
