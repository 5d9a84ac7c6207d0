# A formula is split into its fixed part and its random terms, re(...) and (left | group).

#' Random-effect terms of a formula
#'
#' `re()` is written on the right-hand side of the formula of [lmm()] and is never called by
#' itself. `re(X)` gives every column of `X` a coefficient with prior `N(0, sigma_b^2)`;
#' `re(kernel = K)` adds an effect of every row with prior covariance `sigma_b^2 K`; a grouping
#' factor is written `(1 | g)`. [lmm()] lists all forms.
#'
#' `X` is used exactly as passed, so `sigma_b^2` is the variance of a coefficient of the columns
#' that the user sees. It is never copied by [stats::model.frame()], and never made dense when
#' it is sparse. Rows that `subset` or missing values drop are left out of `X` too.
#'
#' Row names count wherever both sides have them. Where `X`, or `K` without `id`, has those of the
#' data in another order, its rows are matched to them by name, which a message says; where the
#' names are others, it is an error. Row numbers, as R gives them to a data frame, are no names; a
#' matrix that is a column of the data has its rows where that puts them.
#'
#' `re(.)` stands for `re(cbind(a, b, ...))` of all columns of the data that no other part of the
#' formula names, which must hold numbers.
#'
#' @param x numeric n x p matrix (double, integer, logical or raw), a data frame of numbers, or
#'   a matrix of the package Matrix; a column of `data` or an object of the formula's
#'   environment, or an expression in them: see [predict.hdlmm()] for its value at new rows. n is
#'   the number of rows of the data before `subset`.
#' @param kernel numeric symmetric positive semi-definite q x q matrix: covariance of the
#'   effects up to `sigma_b^2`. Without `id`, q must be n.
#' @param id vector of length n that says which row of `kernel` each observation belongs to:
#'   values are matched to `rownames(kernel)` as text (or are row numbers when it has none).
#'   Individuals of `kernel` without observations are predicted too.
#' @param center,scale `TRUE` subtracts the column means and divides by the column standard
#'   deviations of the fitted rows; a constant column is left unscaled. New data are transformed
#'   with the same numbers.
#' @param na what missing cells of `x` do: `"fail"` stops and names the columns, `"mean"`
#'   replaces them by the mean of their column and says so.
#' @param tol number from 0 to 0.5: eigenvalues of `kernel`, positive or negative, of size up to
#'   `tol` times the largest count as exactly zero, and so does an asymmetry; an eigenvalue
#'   that is more negative is an error. `NULL` judges by the numbers themselves. Those of a double
#'   have the tolerance of the decomposition, `32 max(64, n)` times `2.2e-16`; cells that are all
#'   of single precision, or all have the same number (4 to 12) of decimals or digits, have that of
#'   their rounding, unless six or more eigenvalues are as small and none of them negative. One
#'   that is negative, down to `-1e-6` times the largest, always sets the tolerance to its size,
#'   and so does one as small whose vector lies within the fixed effects.
#' @param name a string by which the term goes in every result, as `"snps"`; without it the term
#'   is called as `x` or `kernel` is written.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return An error of class `hdlmm_bad_input` when called outside a formula.
#' @concept ridge regression
#' @concept GBLUP
#' @concept genomic relationship matrix
#' @concept kinship
#' @concept kernel
#' @examples
#' set.seed(1)
#' d <- data.frame(y = rnorm(30))
#' d$X <- matrix(rnorm(30 * 50), 30)
#' lmm(y ~ re(X, center = TRUE), data = d)
#' lmm(y ~ re(kernel = tcrossprod(X)), data = d)
#' lmm(mpg ~ wt + re(., scale = TRUE), data = mtcars)
#' @export
re <- function(x, kernel = NULL, id = NULL, center = FALSE, scale = FALSE, na = "fail",
               tol = NULL, name = NULL, ...) {
  bad_input("re() is a term of the formula of lmm() and cannot be called by itself.")
}

# formula -> list(response, fixed (right-hand side or NULL), random (list of random_term)), with
# re(.) written out where there are data.
split_formula <- function(formula, data = NULL) {
  if (!inherits(formula, "formula")) {
    bad_input(
      "`formula` must be a formula such as y ~ age + re(X); found ", describe(formula),
      if (is.data.frame(formula)) ": `data` is the second argument", "."
    )
  }
  if (length(formula) != 3) bad_input("`formula` has no response: write y ~ ... .")
  if (is.null(formula[[2]])) bad_input("the response of `formula` is NULL.")
  parts <- split_side(formula[[3]])
  if (contains_random(formula[[2]])) bad_input("the response of `formula` holds a random term.")
  for (term in parts$random) check_own_response(term, formula[[2]])
  parts$response <- formula[[2]]
  if (is.null(data)) parts else write_out_dot(parts, data)
}

# The sides of a sum, walked along a list: a formula of a thousand terms is a thousand calls deep.
split_side <- function(expr) {
  if (!may_be_random(expr)) return(list(fixed = expr, random = list()))
  sides <- list()
  waiting <- list(list(expr = expr, minus = FALSE))
  while (length(waiting) > 0) {
    side <- waiting[[length(waiting)]]
    waiting[[length(waiting)]] <- NULL
    parts <- if (side$minus) NULL else summands(side$expr)
    if (is.null(parts)) sides <- c(sides, list(side)) else waiting <- c(waiting, rev(parts))
  }
  is_random <- vapply(sides, function(side) !side$minus && is_random_call(side$expr), NA)
  for (side in sides[!is_random]) check_no_random(side)
  list(
    fixed = sum_of(sides[!is_random]),
    random = as.list(unlist(lapply(sides[is_random], function(side) {
      read_random(side$expr)
    }), recursive = FALSE))
  )
}

# The parts of a sum, or of parentheses that hold a random term; NULL for anything else.
summands <- function(expr) {
  if (is_random_call(expr) || !is_named_call(expr, c("+", "-", "("))) return(NULL)
  if (is_named_call(expr, "(") && !contains_random(expr)) return(NULL)
  sides <- lapply(as.list(expr)[-1], function(side) list(expr = side, minus = FALSE))
  if (is_named_call(expr, "-")) {
    if (length(sides) == 1) return(NULL)
    sides[[2]]$minus <- TRUE
  }
  sides
}

check_no_random <- function(side) {
  if (!contains_random(side$expr)) return(invisible())
  stop_structured(side$expr)
  found <- if (side$minus) call("-", side$expr) else side$expr
  bad_input(
    "a random term must be added by `+` in `formula`; found ", backtick(short_text(found)), "."
  )
}

sum_of <- function(sides) {
  out <- NULL
  for (i in seq_along(sides)) {
    side <- sides[[i]]
    if (side$minus && is.null(out)) out <- quote(1)
    out <- if (i == 1 && !side$minus) side$expr else
      call(if (side$minus) "-" else "+", out, side$expr)
  }
  out
}

# The terms that one of the formula stands for.
read_random <- function(expr) {
  if (is_named_call(expr, "(")) return(read_bar(expr[[2]]))
  if (is_bar(expr)) {
    bad_input("write the grouping factor in parentheses: (", deparse1(expr), ").")
  }
  list(read_re(expr))
}

read_re <- function(expr) {
  full <- on_error(
    match.call(re, expr),
    function(e) bad_input("in ", backtick(deparse1(expr)), ": ", sentence(e))
  )
  arguments <- as.list(full)[-1]
  known <- setdiff(names(formals(re)), "...")
  stray <- !names(arguments) %in% known
  if (any(stray)) stop_stray(arguments[stray], list(name = "re", arguments = known))
  has_x <- !is.null(arguments$x)
  if (has_x == !is.null(arguments$kernel)) {
    bad_input("re() needs either a matrix or `kernel =`; found ", backtick(short_text(expr)), ".")
  }
  stray <- intersect(names(arguments), c("id", "tol"))
  if (has_x && length(stray) > 0) {
    bad_input(enumerate(backtick(stray)), " goes with `kernel =` in re().")
  }
  main <- if (has_x) arguments$x else arguments$kernel
  name <- if ("name" %in% names(arguments)) check_term_name(arguments$name, expr)
  arguments$name <- NULL
  new_term(
    if (has_x) "matrix" else "kernel", if (has_x) main else arguments$id, expr, main = main,
    arguments = arguments, label = value_or(name, shortened(short_text(main))),
    is_named = !is.null(name)
  )
}

shortened <- function(text, width = 40) {
  if (nchar(text) > width) paste0(substr(text, 1, width - 3), "...") else text
}

# A string, not a variable that holds one: labels are those of the formula, wherever it is read.
check_term_name <- function(name, expr) {
  is_text <- is.character(name) && length(name) == 1 && !is.na(name) && nzchar(trimws(name))
  if (is_text) return(name)
  found <- if (is.language(name)) backtick(short_text(name)) else describe(name)
  bad_input(
    "`name` in ", backtick(short_text(expr)), " must be a string such as \"snps\"; found ", found,
    "."
  )
}

# `. - X` where X is no column that `.` stands for: terms() would be confused by the name.
without_terms <- function(expr, taken) {
  if (!any(taken %in% all.vars(expr))) return(expr)
  on_spine(expr, function(call) {
    is_taken <- is_named_call(call, "-") && length(call) == 3 && is.name(call[[3]]) &&
      as.character(call[[3]]) %in% taken
    if (is_taken) return(call[[2]])
    at <- seq_along(call)[-(1:2)]
    if (is_named_call(call, c("+", "-"))) call[at] <- lapply(call[at], without_terms, taken)
    call
  })
}

# The formula of the fixed part, `.` standing for the columns of data that no other part names.
fixed_formula <- function(parts, data, env) {
  rhs <- if (is.null(parts$fixed)) quote(1) else parts$fixed
  formula <- call("~", parts$response, rhs)
  class(formula) <- "formula"
  environment(formula) <- env
  if (!"." %in% all.vars(rhs)) return(formula)
  if (!is.data.frame(data)) bad_input("`.` in `formula` needs a data frame as `data`.")
  taken <- grouping_variables(parts$random)
  rest <- data[0, setdiff(names(data), taken), drop = FALSE]
  formula[[3]] <- without_terms(rhs, taken)
  # terms() leaves the dot as it is where it stands for nothing
  if (all(names(rest) %in% all.vars(parts$response))) {
    formula[3] <- list(swap_terms(formula[[3]], list(quote(.)), list(NULL)))
  }
  expanded <- on_error(
    stats::terms(formula, data = rest, keep.order = FALSE),
    function(e) bad_input("cannot read ", backtick("formula"), ": ", sentence(e))
  )
  stats::formula(expanded)
}
