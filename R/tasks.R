# Independent work, under the user's plan of futures where there is one.

#' Work in parallel
#'
#' What consists of independent fits runs under the plan that the user has set by the package
#' future, with the same bytes as without one: the folds of [cv_lmm()], the refits of bootstrap
#' limits ([confint()][confint.hdlmm] with `method = "boot"`), the methods of
#' [compare_methods()], and [many responses][hdlmm_multi]: those that [lmm()] fits one by one on
#' the data of all, and answers that are computed response by response. Samplers need
#' `lmm_control(seed = )` for that. Responses for which `lmm()` has to read the data again, as they
#' miss cells and means, scales, `poly()` or a grouping factor depend on the rows, are fitted in the
#' calling process, as are answers that draw from R's generator (`simulate()`, limits by `"boot"`
#' and `"exact"`, `test_random()`).
#'
#' `future::plan(multisession)` starts R processes on this machine, `plan(multicore)` forks (not on
#' Windows), `plan(cluster, workers = )` takes other machines and
#' `plan(future.batchtools::batchtools_slurm, template = )` jobs of Slurm, which need a template for
#' `sbatch` and the packages in the library of every node. Nothing else changes: no
#' task draws from R's generator but by a seed of its own. Tasks go to the workers in as many parts
#' as there are workers; the data go to each worker once, so that
#' `options(future.globals.maxSize = )` must allow for the design. A worker computes with one
#' thread unless [`lmm_control(threads = )`][lmm_control()] says more.
#'
#' A task whose worker is lost (killed, out of memory) is given to a new process of this machine;
#' where that is lost too, its answer is an error of class `hdlmm_lost_worker`, which
#' [cv_lmm()] keeps beside the folds that have an answer, and `lmm()` beside the responses that have
#' a fit.
#'
#' Progress is reported to the handlers of the package progressr, as in
#' `progressr::with_progress(cv_lmm(...))`, where that package is loaded.
#' @examplesIf requireNamespace("future", quietly = TRUE)
#' old <- future::plan(future::multisession, workers = 2)
#' cv_lmm(height ~ age + (1 | Subject), nlme::Oxboys, folds = 4, seed = 1)
#' future::plan(old)
#' @name hdlmm-future
NULL

# run(shared, i) of i = 1 .. count: list(value) or list(error) each, in order, the same whatever the
# plan, as no task draws from R's generator but by a seed of its own. `shared` goes to a worker
# once. A task whose worker was lost is given to a fresh process, and has an error of class
# hdlmm_lost_worker where that is lost too.
run_tasks <- function(count, run, shared) {
  step <- progress_step(count)
  workers <- n_workers()
  if (workers < 2 || count < 2) {
    return(lapply(seq_len(count), function(i) {
      on.exit(step())
      try_task(run, shared, i)
    }))
  }
  chunks <- parallel_chunks(count, workers)
  futures <- lapply(chunks, start_chunk, run = run, shared = shared, step = step)
  out <- vector("list", count)
  for (k in seq_along(chunks)) {
    found <- chunk_value(futures[[k]])
    out[chunks[[k]]] <- if (inherits(found, "error")) list(NULL) else found
  }
  lost <- which(lengths(out) == 0)
  out[lost] <- lapply(lost, retried_task, run = run, shared = shared)
  out
}

# Of tasks that all must have an answer.
task_values <- function(results) {
  errors <- Filter(Negate(is.null), lapply(results, `[[`, "error"))
  if (length(errors) > 0) stop(errors[[1]])
  lapply(results, `[[`, "value")
}

try_task <- function(run, shared, i) answer_of(run(shared, i))

# list(value) or list(error).
answer_of <- function(expr) tryCatch(list(value = expr), error = function(e) list(error = e))

# Of the plan of futures; 1 where there is none, or where a task would start futures of its own.
n_workers <- function() {
  if (!isNamespaceLoaded("future")) return(1)
  if (inherits(future::plan("next"), "sequential")) return(1)
  future::nbrOfWorkers()
}

# Workers that share the machine take a thread each, unless the user says how many.
worker_control <- function(control) {
  if (n_workers() > 1 && is.null(control$threads)) control$threads <- 1L
  control
}

# Tasks in turn, so that costly ones that follow each other have different workers.
parallel_chunks <- function(count, workers) {
  chunks <- min(count, workers)
  unname(split(seq_len(count), rep_len(seq_len(chunks), count)))
}

start_chunk <- function(chunk, run, shared, step) {
  force(list(run, shared, step))  # a promise would be evaluated there
  job <- function() {
    lapply(chunk, function(i) {
      on.exit(step())
      try_task(run, shared, i)
    })
  }
  tryCatch(
    future::future(job(), globals = list(job = job), packages = "hdlmm", seed = NULL),
    FutureError = identity
  )
}

chunk_value <- function(future) {
  if (inherits(future, "error")) return(future)
  tryCatch(future::value(future), FutureError = identity)
}

# A process of its own, as the plan may still hold the worker that was lost and the task may be what
# ended it.
retried_task <- function(i, run, shared) {
  lost <- function(e) {
    error <- tryCatch(
      abort("lost_worker", "its worker was lost twice (", sentence(e), ")"), error = identity
    )
    list(error = error)
  }
  tryCatch({
    cluster <- parallel::makePSOCKcluster(1)
    on.exit(parallel::stopCluster(cluster))
    parallel::clusterCall(cluster, .libPaths, .libPaths())
    parallel::clusterCall(cluster, try_task, run, shared, i)[[1]]
  }, error = lost)
}

# A function to call when a task is done; progressr shows it where the user has handlers.
progress_step <- function(count) {
  if (count == 0 || !isNamespaceLoaded("progressr")) return(function() NULL)
  report <- progressr::progressor(steps = count, on_exit = FALSE)
  function() report()
}
