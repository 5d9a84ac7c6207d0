# Names of rows count where both sides have them: those of the data against those of a kernel or of
# a design. Numbers as names are what R gives rows that have none; they count only where they agree.

# Names of all rows of the data, before `subset`; NULL where they have none.
data_row_names <- function(model, data, env) {
  if (is.data.frame(data)) {
    if (.row_names_info(data) <= 0) return(NULL)
    return(as.character(attr(data, "row.names")))
  }
  response <- eval(model$terms[[2]], data, env)
  names <- if (is.null(dim(response))) names(response) else rownames(response)
  if (length(names) == model$n_total) names
}

# The row of `theirs` for each row of the data: NULL where position says it. is_column: positions
# are those of the data by construction, as for a matrix that is a column of them.
match_rows <- function(theirs, own, label, is_column = FALSE) {
  if (is.null(theirs) || is.null(own) || identical(theirs, own)) return(NULL)
  # model.matrix() and data.frame() count the rows that they were given
  if (is_column && is_automatic(theirs)) return(NULL)
  at <- match(own, theirs)
  if (length(theirs) == length(own) && !anyNA(at) && !anyDuplicated(at)) return(at)
  if (is_column || is_automatic(theirs) || is_automatic(own)) return(NULL)
  differs <- which(theirs != own)[1]
  bad_input(
    "the row names of ", backtick(label), " are not those of the data: the first that differ are ",
    dQuote(theirs[differs], FALSE), " and ", dQuote(own[differs], FALSE), " (row ", differs,
    "). Give them the same names, or remove those of one side to match by position."
  )
}

is_automatic <- function(names) all(grepl("^[VX]?[0-9]+$", names))

matched_note <- function(label) {
  paste0("rows of ", backtick(label), " are matched to those of the data by their names")
}

# Whether an expression is made of columns of the data alone.
is_of_columns <- function(expr, data) {
  is.data.frame(data) && all(all.vars(expr) %in% names(data))
}

# Rows of a design in new data, in the order of those that have the same names there.
match_new_rows <- function(x, newdata, label) {
  if (!is.data.frame(newdata) || length(dim(x)) != 2 || .row_names_info(newdata) <= 0) return(x)
  own <- as.character(attr(newdata, "row.names"))
  theirs <- if (is.data.frame(x) && .row_names_info(x) <= 0) NULL else rownames(x)
  at <- match_rows(theirs, own, label, is_column = TRUE)
  if (is.null(at)) return(x)
  message("lmm: ", matched_note(label), ".")
  x[at, , drop = FALSE]
}
