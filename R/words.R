# Words and lists of words for messages and printed output.

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

capitalise <- function(x) paste0(toupper(substr(x, 1, 1)), substring(x, 2))

# A share that is exactly 0 or 1 reads so.
shown_share <- function(x) ifelse(x %in% c(0, 1), x, formatC(x, digits = 3, format = "g"))

one_decimal <- function(x) formatC(x, digits = 1, format = "f")

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

# " (did you mean "REML"?)" as a part of a message about a choice, or nothing.
meant <- function(x, choices) {
  near <- if (is.character(x) && length(x) == 1 && !is.na(x)) nearest(x, choices)
  if (!is.null(near)) paste0(" (did you mean ", dQuote(near, FALSE), "?)")
}

# The choice that a name misspells, NULL when none is near: one slip in four letters, or letters in
# another order.
nearest <- function(name, choices, exact = FALSE) {
  name <- plain_name(name)
  plain <- plain_name(choices)
  if (length(choices) == 0 || !nzchar(name)) return(NULL)
  distance <- drop(utils::adist(name, plain))
  letters <- lapply(strsplit(c(name, plain), ""), sort)
  is_swapped <- vapply(letters[-1], identical, NA, letters[[1]]) & distance <= 2 & nchar(name) > 3
  allowed <- if (exact) 0 else pmax(nchar(plain), nchar(name)) / 4
  near <- which(distance <= allowed | (is_swapped & !exact))
  if (length(near) > 0) choices[near[which.min(distance[near])]]
}

# Names differ by less than their letters where case and punctuation count for nothing.
plain_name <- function(x) gsub("[^a-z0-9]", "", tolower(x))

cat_lines <- function(lines) {
  is_long <- nchar(lines, "width") >= 0.9 * getOption("width")
  if (any(is_long)) lines <- strwrap(lines, exdent = 2)
  cat(paste0(lines, "\n"), sep = "")
}
