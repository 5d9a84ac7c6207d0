# re(kernel = K): effects with known covariance, one an individual, observed any number of times.

build_kernel <- function(term, arguments, model) {
  kernel <- check_kernel(arguments$kernel, term)
  unit <- kernel_units(kernel, arguments$id, model, term)
  exponent <- scale_exponent(diag(kernel))
  # cells scale by 4^k so that the effects themselves scale by 2^k
  exponent <- 2 * floor(exponent / 2)
  n <- length(unit)
  list(
    kind = "kernel", label = term$label, n_cols = nrow(kernel),
    names = rownames(kernel), id = term$arguments$id,
    core = list(
      kind = "kernel", x = kernel, scale = times_two_to(1, exponent), unit = unit
    ),
    exponent = exponent / 2, effect_exponent = 0, mean_columns = NULL,
    kappa_scaled = kernel_kappa(kernel, unit, times_two_to(1, exponent), n),
    has_constant = FALSE, notes = NULL, log10_spread = 0
  )
}

check_kernel <- function(kernel, term) {
  name <- backtick(term$label)
  if (methods::is(kernel, "Matrix")) kernel <- as.matrix(check_valid(kernel, name))
  if (is.data.frame(kernel)) kernel <- as_matrix_of_numbers(kernel, name)
  if (!is.matrix(kernel) || !is.numeric(kernel)) {
    bad_input(name, " must be a numeric matrix; found ", describe(kernel), ".")
  }
  if (nrow(kernel) != ncol(kernel)) {
    bad_input(name, " must be square; found ", nrow(kernel), " x ", ncol(kernel), ".")
  }
  if (!is.double(kernel)) storage.mode(kernel) <- "double"
  if (any(!is.finite(kernel))) {
    bad_input(name, " has ", counted(sum(!is.finite(kernel)), "missing or infinite cell"), ".")
  }
  asymmetry <- max(abs(kernel - t(kernel)))
  if (asymmetry > 1e-8 * max(abs(kernel), .Machine$double.xmin)) {
    bad_input(name, " is not symmetric: cells differ by up to ", format(asymmetry, digits = 3), ".")
  }
  kernel
}

# The row of the kernel for each fitted row of the data.
kernel_units <- function(kernel, id, model, term) {
  name <- backtick(term$label)
  if (is.null(id)) {
    if (nrow(kernel) != model$n_total) {
      bad_input(
        name, " is ", nrow(kernel), " x ", ncol(kernel), "; the data have ", model$n_total,
        " rows: say with `id` which row of it each observation belongs to."
      )
    }
    return(as.integer(model$rows))
  }
  if (length(id) != model$n_total) {
    bad_input(
      "`id` has ", counted(length(id), "value"), "; the data have ", model$n_total, " rows."
    )
  }
  id <- id[model$rows]
  if (anyNA(id)) bad_input("`id` has ", counted(sum(is.na(id)), "missing value"), ".")
  match_units(id, rownames(kernel), nrow(kernel), name)
}

match_units <- function(id, names, n_units, name) {
  at <- if (is.null(names)) suppressWarnings(as.integer(as.character(id))) else
    match(as.character(id), names)
  at[!is.na(at) & (at < 1 | at > n_units)] <- NA
  unknown <- is.na(at) & !is.na(id)
  if (any(unknown)) {
    bad_input(
      "`id` has values that are not rows of ", name, ": ",
      enumerate(dQuote(unique(as.character(id)[unknown]), FALSE)), "."
    )
  }
  at
}

kernel_kappa <- function(kernel, unit, factor, n) {
  total <- 0
  for (block in split(seq_len(n), ceiling(seq_len(n) / 512))) {
    total <- total + sum(kernel[unit[block], unit] * factor)
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
