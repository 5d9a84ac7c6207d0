# re(kernel = K): effects with known covariance, one an individual, observed any number of times.

build_kernel <- function(term, arguments, model, data, env) {
  kernel <- as_kernel(arguments$kernel, term)
  tol <- arguments$tol
  if (!is.null(tol)) check_number(tol, "tol", 0, 0.5)
  rounding <- stored_rounding(kernel)
  kernel <- symmetric_kernel(kernel, rounding, tol, backtick(term$label))
  found <- kernel_units(kernel, arguments$id, model, term, data, env)
  unit <- found$unit
  exponent <- scale_exponent(diag(kernel))
  # cells scale by 4^k so that the effects themselves scale by 2^k
  exponent <- 2 * floor(exponent / 2)
  n <- length(unit)
  list(
    kind = "kernel", label = term$label, n_cols = nrow(kernel),
    names = found$names, id = term$arguments$id,
    core = list(
      kind = "kernel", x = kernel, scale = times_two_to(1, exponent), unit = unit,
      rounding = c(rounding$absolute, value_or(tol, -1))
    ),
    exponent = exponent / 2, effect_exponent = 0, mean_columns = NULL,
    kappa_scaled = kernel_kappa(kernel, unit, times_two_to(1, exponent), n),
    has_constant = FALSE, notes = found$note, log10_spread = 0, stored = rounding$text
  )
}

as_kernel <- function(kernel, term) {
  name <- backtick(term$label)
  if (methods::is(kernel, "Matrix")) kernel <- as.matrix(check_valid(kernel, name))
  if (is.data.frame(kernel)) kernel <- as_matrix_of_numbers(kernel, name)
  if (!is.matrix(kernel) || !is.numeric(kernel)) {
    bad_input(name, " must be a numeric matrix; found ", describe(kernel), ".")
  }
  if (nrow(kernel) != ncol(kernel)) {
    bad_input(name, " must be square; found ", nrow(kernel), " x ", ncol(kernel), ".")
  }
  if (nrow(kernel) == 0) bad_input(name, " is 0 x 0.")
  stop_contradiction(rownames(kernel), colnames(kernel), name)
  if (!is.double(kernel)) storage.mode(kernel) <- "double"
  n_bad <- sum_over_columns(kernel, function(at) sum(!is.finite(kernel[, at])))
  if (n_bad > 0) bad_input(name, " has ", counted(n_bad, "missing or infinite cell"), ".")
  kernel
}

# Names of columns that a data frame has made, of those of the rows or by itself, contradict none.
stop_contradiction <- function(rows, columns, name) {
  if (is.null(rows) || is.null(columns) || identical(rows, columns)) return(invisible())
  if (is_automatic(columns) && !setequal(rows, columns)) return(invisible())
  differs <- which(rows != columns & make.names(rows) != columns)
  if (length(differs) == 0) return(invisible())
  bad_input(
    "row and column names of ", name, " contradict each other: number ", differs[1], " is ",
    dQuote(rows[differs[1]], FALSE), " and ", dQuote(columns[differs[1]], FALSE), "."
  )
}

# Exactly symmetric, if it is so but for rounding.
symmetric_kernel <- function(kernel, rounding, tol, name) {
  asymmetry <- 0
  for (at in column_blocks(nrow(kernel), ncol(kernel))) {
    cpp_poll()
    asymmetry <- max(asymmetry, abs(kernel[, at] - t(kernel[at, , drop = FALSE])))
  }
  if (asymmetry == 0) return(kernel)
  largest <- max(abs(kernel))
  # cells that should be equal may be rounded to neighbours
  allowed <- max(1e-8 * largest, if (is.null(tol)) 4 * rounding$cell else tol * largest)
  if (asymmetry > allowed) {
    bad_input(
      name, " is not symmetric: cells differ by up to ", format(asymmetry, digits = 3), ", beyond ",
      format(allowed, digits = 3), "; see `tol` of re() if that is rounding."
    )
  }
  (kernel + t(kernel)) / 2
}

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

kernel_kappa <- function(kernel, unit, factor, n) {
  total <- 0
  for (block in column_blocks(n, n)) {
    cpp_poll()
    total <- total + sum(kernel[unit, unit[block]] * factor)
  }
  (sum(diag(kernel)[unit] * factor) - total / n) / max(1, n - 1)
}

# Rows of new data: rows of the kernel, integer [m].
newdata_kernel <- function(design, value, m, ...) {
  if (is.null(design$id)) {
    bad_input(
      "prediction at new rows of ", backtick(design$label), " needs `id` in re(kernel = , id = ): ",
      "fit with a kernel that has rows for the new individuals too, and `newdata` brings their ids."
    )
  }
  if (length(value) != m) {
    bad_input("`id` has ", counted(length(value), "value"), " in `newdata`; ", m, " are expected.")
  }
  match_units(value, design$names, design$n_cols, backtick(design$label))
}
