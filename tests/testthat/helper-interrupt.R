# What an interrupt does to long calls: they run in another R process, which sends itself
# SIGINT.

# Code of the child: attempt(name, expr, delay) prints "<name> <outcome> <seconds>", where
# the outcome is "back" (seconds from the signal until control returned) or "finished" (the
# call was over before the signal came).
interrupt_code <- c(
  "now <- function() as.numeric(Sys.time())",
  "attempt <- function(name, expr, delay = 0.3) {",
  "  sent <- tempfile()",
  "  system(sprintf(",
  "    'sh -c \"sleep %g; date +%%s.%%N > %s; kill -INT %d\" > /dev/null 2>&1 &',",
  "    delay, sent, Sys.getpid()",
  "  ))",
  "  outcome <- 'back'",
  "  back <- NA",
  "  tryCatch({",
  "    force(expr)",
  "    outcome <- 'finished'",
  "    repeat Sys.sleep(0.01)",
  "  }, interrupt = function(e) back <<- now())",
  "  cat(name, outcome, back - as.numeric(readLines(sent)), '\\n')",
  "}"
)

# A data frame of the lines that the child printed, of one word for each column.
child_table <- function(code, columns) {
  lines <- run_in_child(code)
  lines <- lines[nzchar(trimws(lines))]  # R ends a line when it is interrupted
  words <- strsplit(trimws(lines), " ")
  is_row <- grepl("^[a-z_]+ ", lines) & lengths(words) == length(columns)
  if (!all(is_row) || length(words) == 0) {
    testthat::fail(paste(c("the child process said:", lines), collapse = "\n"))
  }
  out <- as.data.frame(do.call(rbind, words[is_row]))
  stats::setNames(out, columns)
}
