#' Control of a fit
#'
#' @param tol number from 0 to 1: a mode of the likelihood is accepted when Newton's step in
#'   `log(sigma_b^2 / sigma_e^2)` falls below `tol` times one plus that logarithm.
#' @param max_iter `NULL` or a positive whole number: Newton steps for one mode (100), iterations
#'   of EM (10000), sweeps of coordinate ascent (10000).
#' @param draws positive whole number: simulated data sets of the parametric bootstrap and of
#'   the exact null distributions; kept draws of each chain of the Gibbs sampler.
#' @param warmup whole number: sweeps of each chain that are dropped at its beginning.
#' @param chains positive whole number of chains of the Gibbs sampler.
#' @param thin positive whole number: every how many sweeps one is kept.
#' @param seed `NULL` or one whole number that makes every stochastic answer reproducible
#'   (the state of R's generator is put back afterwards). `NULL` draws from R's generator.
#' @param threads `NULL` or a positive whole number of threads. `NULL` means at most two, fewer
#'   when the environment variable `OMP_THREAD_LIMIT` says so. Results do not depend on it.
#' @param progress `NULL`, `TRUE` or `FALSE`: whether long work shows a progress bar (needs the
#'   package cli). `NULL` means in interactive sessions, after two seconds.
#' @param grid_step positive number, at most 2: step of the search grid in
#'   `log(sigma_b^2 / sigma_e^2)` where the spectrum of `XX'` is active.
#' @param accelerate `"none"` or `"squarem"`: extrapolation of EM (Varadhan and Roland 2008),
#'   accepted only where the objective does not fall.
#' @param blocks between what the variational posterior of method `"VB"` factorises: `NULL` or
#'   `"levels"`, single coefficients, and of blocks `(x | g)` the levels, each with all of its
#'   coefficients; `"coefficients"`, single coefficients throughout; `"terms"`, random terms;
#'   `"all"`, nothing: one block holds all coefficients. Or a factor over the columns of `X` (or
#'   anything that `as.factor()` takes), of which each level is a block. With several random terms
#'   also a list of these, named by term.
#' @param sweep `"cyclic"` or `"random"`: order of the columns in a sweep of coordinate ascent.
#' @param system how the equations of several random terms are solved: `"blocked"` by coefficients,
#'   level by level; `"row"` by a matrix of rows; `"absorbed"` with one wide term reduced to a
#'   tridiagonal matrix; `"auto"`, the cheapest of these for the data.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A list of class `"lmm_control"` with the arguments as components.
#' @section Errors: a value of the wrong type or out of range stops with class
#'   `hdlmm_bad_input`.
#' @examples
#' lmm_control(seed = 1, draws = 500)
#' @export
lmm_control <- function(tol = 1e-10, max_iter = NULL, draws = 1000, warmup = 500, chains = 4,
                        thin = 1, seed = NULL, threads = NULL, progress = NULL, grid_step = 0.5,
                        accelerate = "none", blocks = NULL, sweep = "cyclic", system = "auto",
                        ...) {
  check_dots()
  if (nargs() == 0) return(default_control)
  control <- list(
    tol = check_number(tol, "tol", lower = 0, upper = 1),
    max_iter = if (!is.null(max_iter)) check_number(max_iter, "max_iter", 1, 1e9, whole = TRUE),
    draws = check_number(draws, "draws", lower = 1, upper = 1e8, whole = TRUE),
    warmup = check_number(warmup, "warmup", lower = 0, upper = 1e8, whole = TRUE),
    chains = check_number(chains, "chains", lower = 1, upper = 1000, whole = TRUE),
    thin = check_number(thin, "thin", lower = 1, upper = 1e6, whole = TRUE),
    seed = if (!is.null(seed)) check_seed(seed),
    threads = if (!is.null(threads)) check_number(threads, "threads", 1, 1024, whole = TRUE),
    progress = if (!is.null(progress)) check_flag(progress, "progress"),
    grid_step = check_number(grid_step, "grid_step", lower = 0.01, upper = 2),
    accelerate = check_choice(accelerate, c("none", "squarem"), "accelerate"),
    blocks = if (!is.null(blocks)) check_blocks(blocks),
    sweep = check_choice(sweep, c("cyclic", "random"), "sweep"),
    system = check_choice(system, c("auto", "blocked", "row", "absorbed"), "system")
  )
  structure(control, class = "lmm_control")
}

# What lmm_control() returns without arguments, as it is in most calls of lmm().
default_control <- lmm_control(tol = formals(lmm_control)$tol)

block_words <- c("levels", "coefficients", "terms", "all")

# One of the words, codes of the blocks, one a column of X, each level in use, or a list by term.
check_blocks <- function(blocks) {
  if (is.list(blocks) && !is.data.frame(blocks)) return(check_block_list(blocks))
  if (is.character(blocks) && length(blocks) == 1) {
    return(check_choice(blocks, block_words, "blocks"))
  }
  blocks <- tryCatch(droplevels(as.factor(blocks)), error = function(e) NULL)
  if (is.null(blocks) || length(blocks) == 0 || anyNA(blocks)) {
    bad_input(
      "`blocks` must be ", enumerate(dQuote(block_words, FALSE), Inf, "or"),
      ", or a factor over the columns of the design, without NA."
    )
  }
  blocks
}

check_block_list <- function(blocks) {
  if (length(blocks) == 0 || is.null(names(blocks)) || any(names(blocks) == "")) {
    bad_input("`blocks` must be one choice, or a list of choices named by random term.")
  }
  out <- lapply(blocks, check_blocks)
  if (any(vapply(out, identical, NA, "all"))) {
    bad_input("`blocks` of one term cannot be \"all\", which is of all of them: \"terms\".")
  }
  out
}

#' @export
print.lmm_control <- function(x, ...) {
  check_dots(print_settings)
  value <- vapply(x, function(v) {
    if (is.null(v)) return("NULL")
    if (is.list(v)) return(paste("by term:", enumerate(names(v))))
    if (is.factor(v)) counted(nlevels(v), "block") else format(v)
  }, "")
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

search_options <- function(control) {
  list(
    tol = as.double(control$tol), max_iter = as.integer(value_or(control$max_iter, 100)),
    step = as.double(control$grid_step)
  )
}
