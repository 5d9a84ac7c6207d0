# What the core asks of its host: threads, kernels, progress; see src/r_context.h.

# What the core asks of its host; see src/r_context.h.
make_host <- function(control) {
  list(
    threads = n_threads(control), progress = progress_reporter(control), kernels = kernel_option(),
    own_eigenvectors = has_reference_blas()
  )
}

n_threads <- function(control) {
  threads <- if (is.null(control$threads)) 2L else as.integer(control$threads)
  limit <- Sys.getenv("OMP_THREAD_LIMIT")
  if (!nzchar(limit)) return(threads)
  limit <- suppressWarnings(as.integer(limit))
  if (!is.na(limit) && limit >= 1) min(threads, limit) else threads
}

# A cli bar that appears when a stage has lasted two seconds, or NULL.
progress_reporter <- function(control) {
  wanted <- if (is.null(control$progress)) interactive() else control$progress
  if (!wanted || !requireNamespace("cli", quietly = TRUE)) return(NULL)
  state <- new.env(parent = baseenv())  # cli evaluates its format there
  state$stage <- ""
  state$started <- proc.time()[["elapsed"]]
  patience <- if (is.null(control$progress)) 2 else 0
  function(stage, fraction) {
    now <- proc.time()[["elapsed"]]
    if (now - state$started < patience) return(invisible())
    if (stage != state$stage) {
      state$stage <- stage
      state$bar <- cli::cli_progress_bar(
        stage, total = 100, clear = TRUE, .auto_close = FALSE, .envir = state
      )
    }
    if (fraction >= 1) {
      cli::cli_progress_done(id = state$bar, .envir = state)
      state$stage <- ""
    } else {
      cli::cli_progress_update(set = 100 * fraction, id = state$bar, .envir = state)
    }
    invisible()
  }
}

# The option as the core reads it: "" for the best.
kernel_option <- function() {
  option <- getOption("hdlmm.kernels", "")
  if (identical(option, "")) return("")
  check_choice(option, c("portable", "avx2", "avx512"), "options(hdlmm.kernels =)")
}

# Whether R runs on the reference BLAS, as a plain install from CRAN does: our eigenvectors are
# then faster than its LAPACK's.
has_reference_blas <- local({
  known <- NULL  # looking it up costs as much as a small fit
  function() {
    if (is.null(known)) known <<- is_reference_blas(extSoftVersion()[["BLAS"]])
    known
  }
})

is_reference_blas <- function(path) {
  path <- normalizePath(path, mustWork = FALSE)
  others <- "openblas|mkl|atlas|blis|goto|flexi|veclib|accelerate"
  grepl("^libR?blas[.]", basename(path)) && !grepl(others, path, ignore.case = TRUE)
}
