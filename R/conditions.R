# Every condition of the package: class hdlmm_error or hdlmm_warning plus one that names what.

condition_text <- function(...) paste0(..., collapse = "")

# The call that the user typed: the outermost frame that is a public entry of this package.
user_call <- function() {
  calls <- sys.calls()
  own <- asNamespace("hdlmm")
  for (i in seq_along(calls)) {
    frame_function <- sys.function(i)
    if (identical(environment(frame_function), own)) return(calls[[i]])
  }
  NULL
}

abort <- function(class, ..., data = list()) {
  condition <- structure(
    class = c(paste0("hdlmm_", class), "hdlmm_error", "error", "condition"),
    c(list(message = condition_text(...), call = short_call(user_call())), data)
  )
  stop(condition)
}

warn <- function(class, ..., data = list()) {
  condition <- structure(
    class = c(paste0("hdlmm_", class), "hdlmm_warning", "warning", "condition"),
    c(list(message = condition_text(...), call = short_call(user_call())), data)
  )
  warning(condition)
}

# A call holds whatever do.call() put in: functions go by their name, data are not printed.
short_call <- function(call) {
  if (is.null(call)) return(NULL)
  if (is.function(call[[1]])) call[[1]] <- as.name(own_name(call[[1]]))
  # a method is what the user called by its generic's name
  if (is.name(call[[1]])) call[[1]] <- as.name(generic_name(as.character(call[[1]])))
  short_expr(call)
}

generic_name <- function(name) {
  sub("[.](summary[.]|ranef[.]|VarCorr[.])?(hdlmm(_\\w+)?|lmm_\\w+)$", "", name)
}

own_name <- function(f) {
  own <- asNamespace("hdlmm")
  found <- Filter(function(name) identical(get(name, envir = own), f), ls(own))
  c(found, "FUN")[1]
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

# A message of another function as the end of a sentence of ours.
sentence <- function(condition) paste0(sub("[.[:space:]]+$", "", conditionMessage(condition)), ".")

bad_input <- function(...) abort("bad_input", ...)

# Evaluate; an error (but that of an overflowing stack) goes to `handler`, which stops with one of
# ours: a third of the price of tryCatch(), and traceback() still shows where it came from.
on_error <- function(expr, handler) withCallingHandlers(expr, error = handler)

# Every call of the core goes through here: an exception of C++ becomes an error of ours.
.Call <- function(...) withCallingHandlers(base::.Call(...), `C++Error` = stop_native)

stop_native <- function(e) {
  kind <- class(e)[1]
  if (kind == "hdlmm::InvalidInput") {
    bad_input(
      "the data or the fit contradict themselves, as if damaged or edited (", conditionMessage(e),
      ")."
    )
  }
  if (kind == "std::bad_alloc") abort("out_of_memory", "not enough memory.")
  if (kind == "std::length_error") abort("unsupported", sentence(e))
  abort("internal", "the core stopped (", kind, "): ", sentence(e))
}

# "a, b and c", at most `limit` of them.
enumerate <- function(x, limit = 5, word = "and") {
  x <- as.character(x)
  more <- length(x) - limit
  if (more > 0) x <- c(x[seq_len(limit)], paste(more, "more"))
  if (length(x) < 2) return(paste(x))
  paste(paste(x[-length(x)], collapse = ", "), word, x[length(x)])
}

backtick <- function(x) paste0("`", x, "`")

counted <- function(n, noun, plural = paste0(noun, "s")) {
  paste(n, if (n == 1) noun else plural)
}

check_number <- function(x, name, lower = -Inf, upper = Inf, whole = FALSE) {
  is_number <- is.numeric(x) && length(x) == 1 && !is.na(x)
  if (!is_number || x < lower || x > upper || (whole && is.finite(x) && x != round(x))) {
    bad_input(
      backtick(name), " must be one ", if (whole) "whole ", "number", range_text(lower, upper),
      "; found ", describe(x), "."
    )
  }
  x
}

range_text <- function(lower, upper) {
  if (is.infinite(lower) && is.infinite(upper)) return("")
  if (is.infinite(upper)) return(paste0(", ", lower, " or more"))
  paste0(" from ", lower, " to ", upper)
}

check_seed <- function(seed) check_number(seed, "seed", -2^31 + 1, 2^31 - 1, whole = TRUE)

check_flag <- function(x, name) {
  if (!is.logical(x) || length(x) != 1 || is.na(x)) {
    bad_input(backtick(name), " must be TRUE or FALSE; found ", describe(x), ".")
  }
  x
}

check_choice <- function(x, choices, name) {
  at <- if (is.character(x) && length(x) > 0) pmatch(x[1], choices) else NA
  if (is.na(at)) {
    bad_input(
      backtick(name), " must be ", enumerate(dQuote(choices, FALSE), Inf, "or"), "; found ",
      describe(x), meant(x, choices), "."
    )
  }
  choices[at]
}

check_level <- function(level) {
  check_number(level, "level")
  if (level <= 0 || level >= 1) {
    bad_input(
      "`level` must lie strictly between 0 and 1; found ", format(level),
      if (level > 1 && level < 100) paste0(": for ", format(level), " % write ", level / 100), "."
    )
  }
  level
}

# One line on a value of any kind, for messages.
describe <- function(x) {
  if (is.null(x)) return("NULL")
  if (is.function(x)) return("a function")
  if (length(x) == 1 && (is.numeric(x) || is.logical(x))) return(format(x))
  if (length(x) == 1 && is.character(x)) return(dQuote(x, FALSE))
  if (is.matrix(x) && is.atomic(x)) {
    return(paste0("a ", typeof(x), " matrix (", paste(dim(x), collapse = " x "), ")"))
  }
  if (is.factor(x)) return(paste("a factor of length", length(x)))
  shape <- if (is.null(dim(x))) length(x) else paste(dim(x), collapse = " x ")
  paste0("an object of class ", dQuote(class(x)[1], FALSE), " (", shape, ")")
}
