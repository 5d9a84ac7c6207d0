# The matrix of the fixed effects.

# what: the matrix in words, for messages.
build_fixed_matrix <- function(terms, frame, contrasts, rows, what = "the fixed-effect design") {
  check_contrasts(contrasts, frame)
  if (is_intercept_only(terms)) {
    one <- matrix(1, nrow(frame), 1, dimnames = list(NULL, "(Intercept)"))
    attr(one, "assign") <- 0L
    return(one)
  }
  z <- on_error(
    stats::model.matrix(terms, frame, contrasts),
    function(e) {
      used <- frame[names(frame) %in% rownames(attr(terms, "factors"))]
      single <- names(Filter(has_one_level, used))
      if (length(single) > 0) {
        bad_input(
          enumerate(backtick(single)), if (length(single) == 1) " has" else " have",
          " only one level in the fitted rows; contrasts need two or more."
        )
      }
      bad_input("cannot build ", what, ": ", sentence(e))
    }
  )
  if (!is.finite(sum(z))) check_fixed_cells(z, rows)
  z
}

# model.matrix() stops at one-level factors of terms that are none, as in y ~ 1 / f.
fixed_matrix <- function(terms, frame, contrasts) {
  if (!is_intercept_only(terms)) return(stats::model.matrix(terms, frame, contrasts))
  structure(
    matrix(1, nrow(frame), 1, dimnames = list(rownames(frame), "(Intercept)")), assign = 0L
  )
}

# The commonest fixed part, which model.matrix() makes row names for.
is_intercept_only <- function(terms) {
  attr(terms, "intercept") == 1 && length(attr(terms, "term.labels")) == 0
}

check_fixed_cells <- function(z, rows) {
  infinite <- which(colSums(is.infinite(z)) > 0)
  if (length(infinite) > 0) {
    column <- colnames(z)[infinite[1]]
    check_finite(z[, infinite[1]], rows, backtick(column))
  }
  if (anyNA(z)) {
    bad <- colnames(z)[colSums(is.na(z)) > 0]
    bad_input("missing values that na.action kept in ", enumerate(backtick(bad)), ".")
  }
}

# stats::model.matrix() would warn of what it does not use, and go on.
check_contrasts <- function(contrasts, frame) {
  if (is.null(contrasts)) return(invisible())
  if (!is.list(contrasts) || is.null(names(contrasts)) || any(names(contrasts) == "")) {
    bad_input("`contrasts` must be a list named by factors; found ", describe(contrasts), ".")
  }
  is_factor <- vapply(frame, function(x) is.factor(x) || is.character(x) || is.logical(x), NA)
  unknown <- setdiff(names(contrasts), names(frame)[is_factor])
  if (length(unknown) > 0) {
    bad_input(
      "`contrasts` names ", enumerate(backtick(unknown)), ", no factor of the fixed effects."
    )
  }
}

has_one_level <- function(x) {
  (is.factor(x) || is.character(x) || is.logical(x)) && length(unique(x)) < 2
}
