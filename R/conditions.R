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

# A message of another function as the end of a sentence of ours.
sentence <- function(condition) paste0(sub("[.[:space:]]+$", "", conditionMessage(condition)), ".")

bad_input <- function(...) abort("bad_input", ...)

# Evaluate; an error (but that of an overflowing stack) goes to `handler`, which stops with one of
# ours: a third of the price of tryCatch(), and traceback() still shows where it came from.
on_error <- function(expr, handler) withCallingHandlers(expr, error = handler)

# list(value, warnings): what the expression gives, and the warnings of a class that it would have
# made, in order.
collect_warnings <- function(expr, class = "hdlmm_warning") {
  warnings <- list()
  value <- withCallingHandlers(expr, warning = function(w) {
    if (!inherits(w, class)) return()
    warnings <<- c(warnings, list(w))
    invokeRestart("muffleWarning")
  })
  list(value = value, warnings = warnings)
}

messages_of <- function(warnings) vapply(warnings, conditionMessage, "")

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
