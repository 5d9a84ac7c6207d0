# A formula is split into its fixed part and its random terms, re(...) and (1 | g).

#' Random-effect terms of a formula
#'
#' `re()` is written on the right-hand side of the formula of [lmm()] and is never called by
#' itself. `re(X)` gives every column of `X` a coefficient with prior `N(0, sigma_b^2)`;
#' `re(kernel = K)` adds an effect of every row with prior covariance `sigma_b^2 K`; a grouping
#' factor is written `(1 | g)`.
#'
#' `X` is used exactly as passed, so `sigma_b^2` is the variance of a coefficient of the columns
#' that the user sees. It is never copied by [stats::model.frame()], and never made dense when
#' it is sparse. Rows that `subset` or missing values drop are left out of `X` too.
#'
#' @param x numeric n x p matrix (double, integer, logical or raw), a data frame of numbers, or
#'   a matrix of the package Matrix; a column of `data` or an object of the formula's
#'   environment. n is the number of rows of the data before `subset`.
#' @param kernel numeric symmetric positive semi-definite q x q matrix: covariance of the
#'   effects up to `sigma_b^2`. Without `id`, q must be n.
#' @param id vector of length n that says which row of `kernel` each observation belongs to:
#'   values are matched to `rownames(kernel)` (or are row numbers when it has none).
#'   Individuals of `kernel` without observations are predicted too.
#' @param center,scale `TRUE` subtracts the column means and divides by the column standard
#'   deviations of the fitted rows; a constant column is left unscaled. New data are transformed
#'   with the same numbers.
#' @param na what missing cells of `x` do: `"fail"` stops and names the columns, `"mean"`
#'   replaces them by the mean of their column and says so.
#' @return An error of class `hdlmm_bad_input` when called outside a formula.
#' @examples
#' set.seed(1)
#' d <- data.frame(y = rnorm(30))
#' d$X <- matrix(rnorm(30 * 50), 30)
#' lmm(y ~ re(X, center = TRUE), data = d)
#' lmm(y ~ re(kernel = tcrossprod(X)), data = d)
#' @export
re <- function(x, kernel = NULL, id = NULL, center = FALSE, scale = FALSE, na = "fail") {
  bad_input("re() is a term of the formula of lmm() and cannot be called by itself.")
}

# formula -> list(response, fixed (right-hand side or NULL), random (list of random_term))
split_formula <- function(formula) {
  if (!inherits(formula, "formula")) {
    bad_input("`formula` must be a formula such as y ~ age + re(X); found ", describe(formula), ".")
  }
  if (length(formula) != 3) bad_input("`formula` has no response: write y ~ ... .")
  parts <- split_side(formula[[3]])
  if (contains_random(formula[[2]])) bad_input("the response of `formula` holds a random term.")
  list(response = formula[[2]], fixed = parts$fixed, random = parts$random)
}

split_side <- function(expr) {
  if (is_random_call(expr)) return(list(fixed = NULL, random = list(read_random(expr))))
  if (is.call(expr) && identical(expr[[1]], as.name("(")) && contains_random(expr)) {
    return(split_side(expr[[2]]))
  }
  operator <- if (is.call(expr)) as.character(expr[[1]])[1] else ""
  if (operator == "+" && contains_random(expr)) {
    sides <- lapply(as.list(expr)[-1], split_side)
    fixed <- Filter(Negate(is.null), lapply(sides, `[[`, "fixed"))
    random <- do.call(c, lapply(sides, `[[`, "random"))
    return(list(fixed = Reduce(function(a, b) call("+", a, b), fixed), random = random))
  }
  if (operator == "-" && length(expr) == 3 && contains_random(expr[[2]])) {
    left <- split_side(expr[[2]])
    minus <- if (is.null(left$fixed)) quote(1) else left$fixed
    return(list(fixed = call("-", minus, expr[[3]]), random = left$random))
  }
  if (contains_random(expr)) {
    bad_input(
      "a random term must be added by `+` in `formula`; found ", backtick(short_text(expr)), "."
    )
  }
  list(fixed = expr, random = list())
}

is_named_call <- function(expr, names) {
  is.call(expr) && is.name(expr[[1]]) && as.character(expr[[1]]) %in% names
}

is_bar <- function(expr) is_named_call(expr, c("|", "||"))

is_random_call <- function(expr) {
  is_re <- is_named_call(expr, "re") ||
    (is.call(expr) && identical(expr[[1]], quote(hdlmm::re)))
  is_re || is_bar(expr) || (is_named_call(expr, "(") && is_bar(expr[[2]]))
}

contains_random <- function(expr) {
  if (!is.call(expr)) return(FALSE)
  if (is_random_call(expr)) return(TRUE)
  if (is_named_call(expr, c("I", "offset"))) return(FALSE)
  any(vapply(as.list(expr)[-1], contains_random, NA))
}

read_random <- function(expr) {
  if (is_named_call(expr, "(")) return(read_group(expr[[2]]))
  if (is_bar(expr)) {
    bad_input("write the grouping factor in parentheses: (", deparse1(expr), ").")
  }
  read_re(expr)
}

read_group <- function(bar) {
  text <- paste0("(", short_text(bar), ")")
  if (!identical(bar[[2]], 1) || !identical(bar[[1]], as.name("|"))) {
    abort(
      "unsupported", "only a random intercept, (1 | g), is available; found ", backtick(text), "."
    )
  }
  if (is_named_call(bar[[3]], "/")) {
    abort("unsupported", backtick(text), " stands for several random terms; only one is available.")
  }
  list(
    type = "group", group = bar[[3]], label = short_text(bar[[3]]),
    expr = call("(", bar)
  )
}

read_re <- function(expr) {
  full <- on_error(
    match.call(re, expr),
    function(e) bad_input("in ", backtick(deparse1(expr)), ": ", sentence(e))
  )
  arguments <- as.list(full)[-1]
  has_x <- !is.null(arguments$x)
  if (has_x == !is.null(arguments$kernel)) {
    bad_input("re() needs either a matrix or `kernel =`; found ", backtick(short_text(expr)), ".")
  }
  if (!is.null(arguments$id) && has_x) bad_input("`id` goes with `kernel =` in re().")
  main <- if (has_x) arguments$x else arguments$kernel
  label <- short_text(main)
  if (nchar(label) > 40) label <- paste0(substr(label, 1, 37), "...")
  list(
    type = if (has_x) "design" else "kernel", main = main, arguments = arguments, label = label,
    expr = expr
  )
}

# A random term as the user wrote it.
term_text <- function(term) short_text(term$expr)

random_variables <- function(random) {
  unique(unlist(lapply(random, function(term) {
    if (term$type == "group") all.vars(term$group) else
      unlist(lapply(term$arguments, all.vars))
  })))
}

# `. - X` where X is no column that `.` stands for: terms() would be confused by the name.
without_terms <- function(expr, taken) {
  if (!is.call(expr) || !identical(expr[[1]], quote(`-`)) && !identical(expr[[1]], quote(`+`))) {
    return(expr)
  }
  is_minus <- identical(expr[[1]], quote(`-`)) && length(expr) == 3
  if (is_minus && is.name(expr[[3]]) && as.character(expr[[3]]) %in% taken) {
    return(without_terms(expr[[2]], taken))
  }
  expr[-1] <- lapply(expr[-1], without_terms, taken = taken)
  expr
}

# The formula of the fixed part, `.` standing for the columns of data that no other part names.
fixed_formula <- function(parts, data, env) {
  rhs <- if (is.null(parts$fixed)) quote(1) else parts$fixed
  formula <- call("~", parts$response, rhs)
  class(formula) <- "formula"
  environment(formula) <- env
  if (!"." %in% all.vars(rhs)) return(formula)
  if (!is.data.frame(data)) bad_input("`.` in `formula` needs a data frame as `data`.")
  taken <- random_variables(parts$random)
  rest <- data[0, setdiff(names(data), taken), drop = FALSE]
  formula[[3]] <- without_terms(rhs, taken)
  expanded <- stats::terms(formula, data = rest, keep.order = FALSE)
  stats::formula(expanded)
}
