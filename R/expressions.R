# Expressions of the user: walked along, told by their heads, written as text.

is_named_call <- function(expr, names) {
  is.call(expr) && is.name(expr[[1]]) && as.character(expr[[1]]) %in% names
}

# f() of every call along the first arguments of an expression, innermost first and without
# recursion, which would overflow the stack in a sum of some hundred terms; `leaf` of what is
# innermost.
on_spine <- function(expr, f, leaf = identity) {
  calls <- list()
  while (is.call(expr) && length(expr) > 1 && is.call(expr[[2]])) {
    calls <- c(calls, list(expr))
    expr <- expr[[2]]
  }
  out <- if (is.call(expr)) f(expr) else leaf(expr)
  for (call in rev(calls)) {
    call[2] <- list(out)
    out <- f(call)
  }
  out
}

# Whole subexpressions replaced.
swap_terms <- function(expr, from, to) {
  replaced <- function(expr) {
    for (i in seq_along(from)) if (identical(expr, from[[i]])) return(to[[i]])
    expr
  }
  at_node <- function(call) {
    found <- replaced(call)
    if (!identical(found, call)) return(found)
    for (i in seq_along(call)[-1]) {
      one <- call[[i]]
      if (!missing(one) && !is.pairlist(one) && !(i == 2 && is.call(one))) {
        call[i] <- list(swap_terms(one, from, to))
      }
    }
    call
  }
  on_spine(expr, at_node, replaced)
}

# An expression with every large constant inside it replaced by dots.
short_expr <- function(expr) {
  on_spine(expr, function(call) {
    for (i in seq_along(call)[-1]) {
      argument <- call[[i]]
      # the arguments of a function that is written out are no expressions
      is_kept <- missing(argument) || is.null(argument) || is.pairlist(argument)
      if (!is_kept && !(i == 2 && is.call(argument))) call[[i]] <- short_expr(argument)
    }
    call
  }, short_constant)
}

short_constant <- function(x) {
  if (!is.language(x) && (length(x) > 10 || is.list(x))) as.name("...") else x
}

# An expression as one line of text.
short_text <- function(expr) if (is.name(expr)) as.character(expr) else deparse1(short_expr(expr))
