# Random terms in an expression: what is one, and what is kept of it.

is_bar <- function(expr) is_named_call(expr, c("|", "||"))

is_random_call <- function(expr) {
  is_re <- is_named_call(expr, "re") ||
    (is.call(expr) && identical(expr[[1]], quote(hdlmm::re)))
  is_re || is_bar(expr) || (is_named_call(expr, "(") && is_bar(expr[[2]]))
}

# Whether a name says that an expression may hold a random term.
may_be_random <- function(expr) any(c("re", "|", "||") %in% all.names(expr))

# Whether an expression holds a random term outside of I() and offset().
contains_random <- function(expr) length(random_calls(expr, limit = 1)) > 0

# The random terms of an expression, wherever they stand in it, at most `limit` of them.
random_calls <- function(expr, limit = Inf) {
  if (!is.call(expr) || !may_be_random(expr)) return(list())
  out <- list()
  waiting <- list(expr)
  while (length(waiting) > 0 && length(out) < limit) {
    one <- waiting[[length(waiting)]]
    waiting[[length(waiting)]] <- NULL
    if (is_random_call(one)) {
      out <- c(out, list(one))
    } else if (!is_named_call(one, c("I", "offset", "function"))) {
      waiting <- c(waiting, rev(Filter(is.call, as.list(one)[-1])))
    }
  }
  out
}

# A random term as it is read: its class says which kind it is, to settle_term() and
# build_design(); `expr` it alone, `written` what of the formula it comes from, with other terms or
# alone, `at_new_rows` what of it new rows evaluate, `in_frame` what joins the model frame.
new_term <- function(kind, at_new_rows, expr, ..., written = expr) {
  structure(
    list(at_new_rows = at_new_rows, expr = expr, written = written, ...),
    class = c(paste0(kind, "_term"), "random_term")
  )
}

# What the user wrote, each once: (1 | a/b) is written once and read as two terms.
written_terms <- function(random) unique(lapply(unname(random), `[[`, "written"))

# A random term as the user could have written it.
term_text <- function(term) short_text(term$expr)

random_variables <- function(random) {
  unique(unlist(lapply(random, function(term) {
    unlist(lapply(c(list(term$in_frame), term$arguments), all.vars))
  })))
}

# Those that `.` in the fixed part does not stand for: what varies by level has an average.
grouping_variables <- function(random) {
  unique(unlist(lapply(random, function(term) {
    unlist(lapply(c(list(term$group), term$arguments), all.vars))
  })))
}

left_variables <- function(random) {
  unique(unlist(lapply(random, function(term) all.vars(term$left))))
}

# Those that new rows do not evaluate, as the kernel itself, whose rows are named by `id`.
fitted_variables <- function(random) {
  unlist(lapply(random, function(term) setdiff(all.vars(term$main), all.vars(term$at_new_rows))))
}
