# Which rows every fit of a cross-validation leaves out: list(table = data frame(`repeat`, fold), a
# row a task; held, train: positions among the fitted rows, a vector a task).

# folds: what the user gave; rows: the fitted ones of n_total in the data; groups [n_total] or NULL.
make_folds <- function(folds, repeats, groups, seed, rows, n_total) {
  if (inherits(folds, "rset")) return(resample_folds(folds, repeats, groups, rows, n_total))
  is_number <- is.numeric(folds) && length(folds) == 1
  if (!is_number) return(given_folds(folds, repeats, groups, rows, n_total))
  check_number(repeats, "repeats", 1, 1e4, whole = TRUE)
  groups <- checked_groups(groups, rows, n_total)
  units <- if (is.null(groups)) length(rows) else nlevels(groups)
  noun <- if (is.null(groups)) "fitted rows" else "levels of `groups`"
  check_number(folds, "folds", 2, 1e8, whole = TRUE)
  if (folds > units) {
    bad_input("`folds` must be at most the number of ", noun, ", ", units, "; found ", folds, ".")
  }
  index <- vapply(seq_len(repeats), function(r) {
    order <- cpp_permutation(seed, r, units)
    if (is.null(groups)) dealt_rows(order, folds) else dealt_groups(groups, order, folds)
  }, integer(length(rows)))
  index_folds(index)
}

# Sizes differ by one at most.
dealt_rows <- function(order, folds) {
  out <- integer(length(order))
  out[order] <- rep_len(seq_len(folds), length(order))
  out
}

# The largest group goes first, each to the fold that has fewest rows; `order` settles ties.
dealt_groups <- function(groups, order, folds) {
  size <- tabulate(groups, nlevels(groups))
  fold <- integer(length(size))
  rows <- numeric(folds)
  for (level in order[order(-size[order])]) {
    fold[level] <- which.min(rows)
    rows[fold[level]] <- rows[fold[level]] + size[level]
  }
  fold[as.integer(groups)]
}

checked_groups <- function(groups, rows, n_total) {
  if (is.null(groups)) return(NULL)
  if (!is.atomic(groups) || length(groups) != n_total) {
    bad_input(
      "`groups` must have one value a row of the data, ", n_total, "; found ", describe(groups),
      "."
    )
  }
  groups <- groups[rows]
  if (anyNA(groups)) {
    bad_input("`groups` has ", counted(sum(is.na(groups)), "missing value"), " in fitted rows.")
  }
  out <- factor(groups)
  if (nlevels(out) < 2) bad_input("`groups` has one level; two or more are needed.")
  out
}

# index: the fold of every row [n x repeats], whole numbers from 1; NA for rows that are never held.
index_folds <- function(index, labels = NULL) {
  index <- as.matrix(index)
  table <- do.call(rbind, lapply(seq_len(ncol(index)), function(r) {
    data.frame(`repeat` = r, fold = sort(unique(index[, r])), check.names = FALSE)
  }))
  held <- Map(function(r, k) which(index[, r] %in% k), table[["repeat"]], table$fold)
  train <- Map(function(r, k) which(!index[, r] %in% k), table[["repeat"]], table$fold)
  if (!is.null(labels)) table$fold <- labels[table$fold]
  list(table = table, held = held, train = train)
}

# A vector of each row's fold, or a matrix with a column a repeat.
given_folds <- function(folds, repeats, groups, rows, n_total) {
  stop_with_own_folds(repeats, groups)
  if (is.factor(folds)) folds <- as.vector(folds)
  is_index <- is.atomic(folds) && !is.null(folds) && NROW(folds) == n_total
  if (!is_index) {
    bad_input(
      "`folds` must be a number of folds, a vector with the fold of each of the ", n_total,
      " rows of the data, a matrix of such columns, or an rset of rsample; found ",
      describe(folds), "."
    )
  }
  own <- as.matrix(folds)[rows, , drop = FALSE]
  labels <- sort(unique(c(own)))
  index <- matrix(match(own, labels), nrow(own))
  n_folds <- apply(index, 2, function(x) length(unique(x[!is.na(x)])) + anyNA(x))
  if (any(n_folds < 2)) {
    bad_input("`folds` must leave rows to fit: every fitted row is in the same fold.")
  }
  index_folds(index, labels)
}

stop_with_own_folds <- function(repeats, groups) {
  if (!identical(as.numeric(repeats), 1)) {
    bad_input("`repeats` goes with a number of folds; `folds` already says which rows are held.")
  }
  if (!is.null(groups)) {
    bad_input("`groups` goes with a number of folds; `folds` already says which rows are held.")
  }
}

# Splits of rsample, of any kind without repeated rows: what a split assesses is held, what it
# analyses is fitted.
resample_folds <- function(folds, repeats, groups, rows, n_total) {
  stop_with_own_folds(repeats, groups)
  if (!requireNamespace("rsample", quietly = TRUE)) {
    abort("unsupported", "folds of class \"rset\" need the package rsample.")
  }
  splits <- folds$splits
  n <- vapply(splits, function(split) nrow(split$data), 0L)
  if (any(n != n_total)) {
    bad_input("`folds` was made of data with ", n[1], " rows; `data` has ", n_total, ".")
  }
  of_split <- function(split, part) match(as.integer(split, data = part), rows)
  train <- lapply(splits, of_split, "analysis")
  if (any(vapply(train, function(at) anyDuplicated(at[!is.na(at)]) > 0, NA))) {
    bad_input("`folds` has splits that draw rows repeatedly, as the bootstrap does.")
  }
  ids <- folds[grep("^id", names(folds))]
  has_repeats <- length(ids) > 1
  table <- data.frame(
    `repeat` = if (has_repeats) match(ids[[1]], unique(ids[[1]])) else rep(1L, length(splits)),
    fold = as.character(ids[[length(ids)]]), check.names = FALSE
  )
  drop_missing <- function(at) lapply(at, function(x) sort(x[!is.na(x)]))
  held <- drop_missing(lapply(splits, of_split, "assessment"))
  train <- drop_missing(train)
  is_used <- lengths(held) > 0 & lengths(train) > 0
  list(table = table[is_used, ], held = held[is_used], train = train[is_used])
}
