# Runs the C++ contract tests and the R tests against the installed package:
#   Rscript tools/test.R [filter]      (a filter runs the R test files whose name matches)
# The last line is "N passed, N failed, N skipped"; a test is one test_that() or TEST().

package <- read.dcf("DESCRIPTION", "Package")[[1]]
library_dir <- normalizePath(".lib", mustWork = FALSE)
.libPaths(c(library_dir, .libPaths()))
Sys.setenv(
  R_LIBS = paste(c(library_dir, Sys.getenv("R_LIBS")), collapse = .Platform$path.sep),
  NOT_CRAN = "true" # otherwise the snapshots of messages are skipped
)

counts <- function(passed = 0, failed = 0, skipped = 0) {
  c(passed = passed, failed = failed, skipped = skipped)
}

cpp_counts <- function() {
  if (!nzchar(Sys.which("cmake")) || !nzchar(Sys.which("g++"))) {
    message("C++ contract tests skipped: cmake or g++ is missing.")
    return(counts(skipped = 1))
  }
  cat("Building and running the C++ contract tests ...\n")
  out <- suppressWarnings(system2("tools/cpp-tests.sh", stdout = TRUE))
  writeLines(out)
  found <- grep("^cpp: .*passed", out, value = TRUE)
  if (length(found) == 0) return(counts(failed = 1))
  number <- function(what) {
    hit <- regmatches(found, regexpr(paste0("[0-9]+(?= ", what, ")"), found, perl = TRUE))
    if (length(hit) == 0) 0 else as.numeric(hit[[1]])
  }
  counts(number("passed"), number("failed"), number("skipped"))
}

block_counts <- function(results) {
  # A file whose code outside of test_that() fails appears as a block with an error.
  table <- as.data.frame(results)
  if (nrow(table) == 0) return(counts())
  failed <- table$failed > 0 | table$error
  skipped <- table$skipped & !failed
  counts(sum(!failed & !skipped), sum(failed), sum(skipped))
}

r_counts <- function(filter) {
  if (!requireNamespace("testthat", quietly = TRUE)) {
    message("R tests cannot run: the package testthat is missing.")
    return(counts(failed = 1))
  }
  if (length(list.files("tests/testthat", "^test.*[.][rR]$")) == 0) return(counts())
  # In a log the spinner would leave a line for every tenth of a second. The files run in as many
  # processes as DESCRIPTION and TESTTHAT_CPUS say (two), those that it names first.
  reporter <- testthat::ProgressReporter$new(
    max_failures = Inf, show_praise = FALSE,
    update_interval = if (isatty(stdout())) 0.1 else Inf
  )
  tryCatch(
    block_counts(testthat::test_dir(
      "tests/testthat", filter = filter, reporter = reporter, package = package,
      load_package = "installed", stop_on_failure = FALSE
    )),
    error = function(e) {
      message("The R tests stopped: ", conditionMessage(e))
      counts(failed = 1)
    }
  )
}

filter <- commandArgs(trailingOnly = TRUE)
filter <- if (length(filter) > 0 && nzchar(filter[1])) filter[1] else NULL
total <- r_counts(filter)
if (is.null(filter)) total <- total + cpp_counts()
cat(sprintf("%d passed, %d failed, %d skipped\n",
            total[["passed"]], total[["failed"]], total[["skipped"]]))
quit(status = as.integer(total[["failed"]] > 0))
