# What the folds of one model share: where the numbers are those of its own fits, X X' is formed
# once, and a fold has the rows and columns of it that it fits.

# The model with a kernel in the place of the columns of its random term, where that is less work
# and all the same: wide columns that are used as they are. REML and its predictions do not see what
# is constant along the fixed effects, so that with an intercept the columns are centred once.
share_gram <- function(whole, problem) {
  if (!is_one_variance(problem)) return(whole)
  design <- lone_design(problem)
  term <- whole$model$random[[design$label]]
  core <- gram_core(whole, problem, design, term)
  if (is.null(core)) return(whole)
  host <- make_host(whole$control)
  n <- length(whole$model$y)
  require_memory(16 * as.double(n)^2, paste("products of rows,", n, "x", n))
  gram <- user_products(design, cpp_gram(core, NULL, "row", host))
  if (!all(is.finite(diag(gram)))) return(whole)
  plain <- whole
  unit <- rep(NA_integer_, whole$model$n_total)
  unit[whole$model$rows] <- seq_len(n)
  kernel <- kernel_design(gram, seq_len(n), term, c(0, -1), NULL, notes = NULL, stored = "")
  whole$model$random[[design$label]] <- over_units(term, kernel, unit)
  whole$route <- "gram"
  whole$shared <- list(plain = plain, gram = gram)
  whole
}

# The model without what its folds share, where the fitted rows of one of them have too few digits
# of it: columns are centred at the means of all rows, which one row of far larger cells draws away
# from the others.
keep_digits <- function(whole, folds) {
  gram <- whole$shared$gram
  if (is.null(gram)) return(whole)
  diagonal <- diag(gram)
  sums <- rowSums(gram)
  left <- vapply(folds$train, function(rows) {
    at <- setdiff(seq_along(diagonal), rows)
    kappa_of_rest(diagonal, sums, at, sum(gram[at, at])) / mean(diagonal[rows])
  }, 0)
  if (!all(left >= least_left, na.rm = TRUE)) return(whole$shared$plain)
  whole$shared <- NULL
  whole
}

# The columns as they go into X X', NULL where folds do not share it.
gram_core <- function(whole, problem, design, term) {
  options <- term$options
  n <- length(whole$model$y)
  is_wide <- !is.null(options) && design$n_cols >= n
  if (!is_wide || !has_row_products(design) || options$scale) return(NULL)
  if (whole$engine$needs != "criterion") return(NULL)
  is_shift_free <- whole$engine$criterion == "REML" && problem$fixed$has_constant
  if (is_shift_free) return(design$core)
  if (options$center || is_far_from_zero(design, n)) return(NULL)
  uncentred(design)$core
}
