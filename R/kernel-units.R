# Which row of a kernel each row of the data belongs to.

# list(unit = the row of the kernel for each fitted row of the data, names = those by which new data
# ask for rows, note).
kernel_units <- function(kernel, id, model, term, data, env) {
  if (is.null(id)) return(units_by_row(kernel, model, term, data, env))
  if (length(id) != model$n_total) {
    bad_input(
      "`id` has ", counted(length(id), "value"), "; the data have ", model$n_total, " rows."
    )
  }
  id <- id[model$rows]
  if (anyNA(id)) bad_input("`id` has ", counted(sum(is.na(id)), "missing value"), ".")
  names <- names_for(id, kernel)
  list(unit = match_units(id, names, nrow(kernel), backtick(term$label)), names = names)
}

# Those of the columns stand in for those of the rows if they are what `id` holds.
names_for <- function(id, kernel) {
  if (!is.null(rownames(kernel))) return(rownames(kernel))
  if (!anyNA(match_names(id, colnames(kernel)))) colnames(kernel)
}

units_by_row <- function(kernel, model, term, data, env) {
  names <- value_or(rownames(kernel), colnames(kernel))
  if (nrow(kernel) != model$n_total) {
    held <- column_of_names(names, data)
    bad_input(
      backtick(term$label), " is ", nrow(kernel), " x ", ncol(kernel), "; the data have ",
      model$n_total, " rows: say with `id` which row of it each observation belongs to",
      if (!is.null(held)) paste0(", as id = ", held), "."
    )
  }
  own <- if (!is.null(names)) data_row_names(model, data, env)
  at <- match_rows(names, own, term$label)
  if (!is.null(at)) {
    return(list(unit = at[model$rows], names = names, note = matched_note(term$label)))
  }
  held <- if (is.null(own) || is_automatic(own)) column_of_names(names, data)
  note <- if (!is.null(held) && setequal(variable_of(held, data), names)) {
    same <- identical(as.character(variable_of(held, data)), names)
    paste0(
      "rows of ", backtick(term$label), " are matched to those of the data by position; `", held,
      "` holds their names", if (!same) " in another order", ": write id = ", held,
      if (same) " to say so" else " to match by them"
    )
  }
  list(unit = as.integer(model$rows), names = rownames(kernel), note = note)
}

# The column of the data that holds names of the kernel and nothing else, if there is one.
column_of_names <- function(names, data) {
  if (is.null(names) || is.null(data) || is_automatic(names)) return(NULL)
  Find(function(column) {
    x <- variable_of(column, data)
    (is.character(x) || is.factor(x)) && length(x) > 0 && !anyNA(x) && all(x %in% names)
  }, names(data))
}

match_units <- function(id, names, n_units, name) {
  at <- match_names(id, value_or(names, as.character(seq_len(n_units))))
  unknown <- is.na(at) & !is.na(id)
  if (any(unknown)) {
    bad_input(
      if (is.null(names)) {
        paste0(name, " has no row names, so `id` must hold row numbers from 1 to ", n_units)
      } else {
        paste0("`id` has values that are not rows of ", name)
      },
      ": ", enumerate(dQuote(unique(as.character(id)[unknown]), FALSE)), "."
    )
  }
  doubled <- intersect(names[at], names[duplicated(names)])
  if (length(doubled) > 0) {
    bad_input(name, " has several rows that are called ", enumerate(dQuote(doubled, FALSE)), ".")
  }
  at
}

# Where values of `id` stand among names, as text; numbers also as 100000 or 1e+05.
match_names <- function(id, names) {
  at <- match(as.character(id), names)
  if (!is.numeric(id) || is.object(id) || !anyNA(at)) return(at)
  for (text in list(as.character(as.double(id)), format(id, scientific = FALSE, trim = TRUE))) {
    at[is.na(at)] <- match(text[is.na(at)], names)
  }
  at
}
