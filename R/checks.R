# Arguments that must be numbers, flags or choices.

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

check_positive <- function(x, name) {
  value <- check_number(x, name, lower = 0, upper = 1e300)
  if (!(value > 0)) bad_input(backtick(name), " must be positive; found ", describe(x), ".")
  as.double(value)
}

check_finite <- function(x, rows, name) {
  bad <- which(is.infinite(x))
  if (length(bad) > 0) {
    bad_input(
      name, " has ", counted(length(bad), "infinite value"), " (",
      if (length(bad) == 1) "row " else "rows ", enumerate(rows[bad]), ")."
    )
  }
}
