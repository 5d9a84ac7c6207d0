#' Control of a fit
#'
#' @param tol number from 0 to 1: a mode of the likelihood is accepted when Newton's step in
#'   `log(sigma_b^2 / sigma_e^2)` falls below `tol` times one plus that logarithm.
#' @param max_iter positive whole number: Newton steps for one mode.
#' @param draws positive whole number: simulated data sets of the parametric bootstrap and of
#'   the exact null distributions.
#' @param seed `NULL` or one whole number that makes every stochastic answer reproducible
#'   (the state of R's generator is put back afterwards). `NULL` draws from R's generator.
#' @param threads `NULL` or a positive whole number of threads. `NULL` means at most two, fewer
#'   when the environment variable `OMP_THREAD_LIMIT` says so. Results do not depend on it.
#' @param progress `NULL`, `TRUE` or `FALSE`: whether long work shows a progress bar (needs the
#'   package cli). `NULL` means in interactive sessions, after two seconds.
#' @param grid_step positive number, at most 2: step of the search grid in
#'   `log(sigma_b^2 / sigma_e^2)` where the spectrum of `XX'` is active.
#' @return A list of class `"lmm_control"` with the arguments as components.
#' @section Errors: a value of the wrong type or out of range stops with class
#'   `hdlmm_bad_input`.
#' @examples
#' lmm_control(seed = 1, draws = 500)
#' @export
lmm_control <- function(tol = 1e-10, max_iter = 100, draws = 1000, seed = NULL, threads = NULL,
                        progress = NULL, grid_step = 0.5) {
  control <- list(
    tol = check_number(tol, "tol", lower = 0, upper = 1),
    max_iter = check_number(max_iter, "max_iter", lower = 1, upper = 1e6, whole = TRUE),
    draws = check_number(draws, "draws", lower = 1, upper = 1e8, whole = TRUE),
    seed = if (!is.null(seed)) check_seed(seed),
    threads = if (!is.null(threads)) check_number(threads, "threads", 1, 1024, whole = TRUE),
    progress = if (!is.null(progress)) check_flag(progress, "progress"),
    grid_step = check_number(grid_step, "grid_step", lower = 0.01, upper = 2)
  )
  structure(control, class = "lmm_control")
}

#' @export
print.lmm_control <- function(x, ...) {
  value <- vapply(x, function(v) if (is.null(v)) "NULL" else format(v), "")
  cat("Control of an lmm() fit\n")
  cat(paste0("  ", format(names(x)), "  ", value, "\n"), sep = "")
  invisible(x)
}

check_control <- function(control) {
  if (!inherits(control, "lmm_control")) {
    bad_input("`control` must come from lmm_control(); found ", describe(control), ".")
  }
  control
}

n_threads <- function(control) {
  limit <- suppressWarnings(as.integer(Sys.getenv("OMP_THREAD_LIMIT")))
  threads <- if (is.null(control$threads)) 2L else as.integer(control$threads)
  if (!is.na(limit) && limit >= 1) threads <- min(threads, limit)
  threads
}

search_options <- function(control) {
  list(
    tol = as.double(control$tol), max_iter = as.integer(control$max_iter),
    step = as.double(control$grid_step)
  )
}

# What the core asks of its host; see src/r_context.h.
make_host <- function(control) {
  list(threads = n_threads(control), progress = progress_reporter(control))
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
    } else {
      cli::cli_progress_update(set = 100 * fraction, id = state$bar, .envir = state)
    }
    invisible()
  }
}

# Evaluate with the seed, then put R's generator back as it was.
with_seed <- function(seed, expr) {
  if (is.null(seed)) return(expr)
  global <- globalenv()
  had <- exists(".Random.seed", envir = global, inherits = FALSE)
  old <- if (had) get(".Random.seed", envir = global)
  on.exit(
    if (had) {
      assign(".Random.seed", old, envir = global)
    } else {
      suppressWarnings(rm(".Random.seed", envir = global))
    }
  )
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  expr
}
