# What the fits of several responses say, gathered.

# list(fit, error, warnings): what a fit says goes with the others' at the end, and one that has no
# fit does not take theirs away.
recorded <- function(expr) {
  found <- collect_warnings(tryCatch(expr, hdlmm_error = function(e) {
    stop_unless_recorded(e)
    e
  }))
  is_error <- inherits(found$value, "error")
  list(
    fit = if (!is_error) found$value, error = if (is_error) found$value, warnings = found$warnings
  )
}

# Only what the response itself is the reason of, or a process that was lost, is kept.
stop_unless_recorded <- function(error) {
  is_kept <- is.null(error) || inherits(error, "hdlmm_error") &&
    !inherits(error, c("hdlmm_internal", "hdlmm_out_of_memory"))
  if (!is_kept) stop(error)
}

# One warning a class of them, by the names of the responses.
report <- function(heard, names) {
  errors <- lapply(heard, `[[`, "error")
  is_lost <- lengths(errors) > 0
  if (all(is_lost)) stop(errors[[1]])
  if (any(is_lost)) {
    warn(
      "no_fit", counted(sum(is_lost), "response"), " of ", length(names), " without a fit, ",
      enumerate(backtick(names[is_lost])), ": ", conditionMessage(errors[is_lost][[1]])
    )
  }
  all <- unlist(lapply(heard, `[[`, "warnings"), recursive = FALSE)
  of <- rep(names, lengths(lapply(heard, `[[`, "warnings")))
  class <- vapply(all, function(w) class(w)[1], "")
  for (one in unique(class)) {
    at <- class == one
    warn(
      sub("^hdlmm_", "", one), enumerate(backtick(unique(of[at]))), ": ",
      conditionMessage(all[at][[1]])
    )
  }
}
