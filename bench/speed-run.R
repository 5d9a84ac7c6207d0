# Options and runs of bench/speed.R and bench/terms.R, which read this file, the jobs and the table;
# `here` is the directory of the scripts.

# name: of the script and of its results.
read_options <- function(args, name = "speed") {
  value <- function(name, default) {
    at <- match(name, args)
    if (is.na(at)) default else args[at + 1]
  }
  is_short <- "--short" %in% args
  blas <- match.arg(value("--blas", "both"), c("both", "reference", "default"))
  file <- if (is_short) paste0("../build-bench/", name, "-short.csv") else
    paste0("results/", name, ".csv")
  list(
    is_short = is_short, install = "--install" %in% args, only = value("--only", "."),
    runs = as.integer(value("--runs", if (is_short) 3 else 5)),
    blas = if (blas == "both") c("reference", "default") else blas,
    csv = value("--csv", file.path(here, file)), markdown = "--markdown" %in% args,
    started = proc.time()[["elapsed"]]
  )
}

# BLAS settings ----------------------------------------------------------------------------

# Beside the directory of the BLAS in use, as Debian's alternatives have it.
reference_libraries <- function() {
  set <- Sys.getenv("HDLMM_REFERENCE_BLAS")
  if (nzchar(set)) return(strsplit(set, ":")[[1]])
  beside <- dirname(dirname(c(La_library(), extSoftVersion()[["BLAS"]])))
  for (dir in unique(beside)) {
    files <- file.path(dir, c("blas", "lapack"), c("libblas.so.3", "liblapack.so.3"))
    if (all(file.exists(files))) return(files)
  }
  NULL
}

# Variables of the processes under a setting.
environment_of <- function(setting) {
  counts <- c(
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RCPP_PARALLEL_NUM_THREADS"
  )
  preload <- if (setting == "reference") paste(reference_libraries(), collapse = ":")
  c(paste0(counts, "=", threads), if (!is.null(preload)) paste0("LD_PRELOAD=", shQuote(preload)))
}

# With thresholds set malloc gives back what is freed, so that memory in use is seen as it is.
returning_memory <- c("MALLOC_MMAP_THRESHOLD_=131072", "MALLOC_TRIM_THRESHOLD_=131072")

run_script <- function(args, setting, log, timeout = 0, env = NULL) {
  suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), shQuote(args), stdout = log, stderr = log,
    env = c(environment_of(setting), env), timeout = timeout
  ))
}

# What a process under the setting has loaded: c(blas, lapack, core), or NULL with a word.
probe_setting <- function(setting) {
  libraries <- reference_libraries()
  if (setting == "reference" && is.null(libraries)) {
    cat("reference BLAS: not found (see HDLMM_REFERENCE_BLAS); left out\n")
    return(NULL)
  }
  log <- tempfile()
  expr <- 'cat("blas", extSoftVersion()[["BLAS"]], "\nlapack", La_library(), "\n")'
  run_script(c("-e", expr), setting, log, env = "OPENBLAS_VERBOSE=2")
  said <- readLines(log)
  found <- vapply(c(blas = "^blas ", lapack = "^lapack ", core = "^Core: "), function(key) {
    trimws(sub(key, "", c(grep(key, said, value = TRUE), "")[1]))
  }, "")
  if (setting == "reference") {
    wanted <- normalizePath(libraries[1], mustWork = FALSE)
    if (normalizePath(found[["blas"]], mustWork = FALSE) != wanted) {
      cat("reference BLAS:", libraries[1], "could not be loaded first; left out\n")
      return(NULL)
    }
    found[["core"]] <- ""
  }
  found
}

# Runs -------------------------------------------------------------------------------------

# Why a side cannot run, or NULL.
obstacle <- function(side) {
  if (!is.null(side$package) && !has_peer(side$package)) return("not installed")
  if (!is.null(side$program) && !has_peer(side$program)) return("not installed")
  NULL
}

run_side <- function(job, name, setting, options, env) {
  result <- tempfile(fileext = ".rds")
  log <- tempfile(fileext = ".log")
  args <- c(
    file.path(here, "speed-worker.R"), here, job$id, name,
    if (options$is_short) "short" else "long", result
  )
  status <- run_script(args, setting, log, timeout = 3600, env = env)
  if (file.exists(result)) return(readRDS(result))
  said <- grep("^Error|[Ee]rror", readLines(log), value = TRUE)
  list(error = if (status == 124) "more than an hour" else c(said, "failed without a word")[1])
}

runs_for <- function(seconds, runs) {
  if (seconds > 300) 1 else if (seconds > 60) min(3, runs) else runs
}

# The short form keeps to its three minutes on a busy machine too: late jobs run once.
count_of <- function(job, options) {
  is_late <- options$is_short && proc.time()[["elapsed"]] - options$started > 90
  if (is_late) 1 else if (is.null(job$ladder)) options$runs else max(1, options$runs - 2)
}

# list over sides of list(runs, error): rounds, in each the sides one after the other.
run_rounds <- function(job, names, setting, options) {
  count <- count_of(job, options)
  out <- lapply(stats::setNames(nm = names), function(name) {
    list(runs = list(), allowed = count, error = obstacle(job$sides[[name]]))
  })
  if (!is.null(out$hdlmm$error)) return(out)
  for (round in seq_len(count)) {
    for (name in names) {
      state <- out[[name]]
      if (!is.null(state$error) || round > state$allowed) next
      run <- run_side(job, name, setting, options, if (round == 1) returning_memory)
      if (is.null(run$error)) {
        state$runs[[round]] <- run
        state$allowed <- runs_for(state$runs[[1]]$seconds, count)
      } else {
        state$error <- run$error
      }
      out[[name]] <- state
    }
    if (!is.null(out$hdlmm$error)) break
  }
  out
}

# One line a side: medians.
summarise_side <- function(job, name, setting, state) {
  of <- function(what) vapply(state$runs, `[[`, 0, what)
  has_run <- length(state$runs) > 0
  side <- job$sides[[name]]
  seconds <- if (has_run) of("seconds") * side$factor else NA_real_
  data.frame(
    job = job$id, work = job$work, side = name, blas = setting,
    n = job$size$n, p = c(job$size$p, job$size$levels, NA)[1],
    seconds = stats::median(seconds), fastest = min(seconds), slowest = max(seconds),
    peak_mb = if (has_run) state$runs[[1]]$peak_mb else NA_real_,
    runs = length(state$runs), calls = if (has_run) state$runs[[1]]$calls else NA_real_,
    factor = side$factor, value = if (has_run) state$runs[[1]]$value else NA_real_,
    error = c(state$error, "")[1]
  )
}

measure_job <- function(job, setting, options) {
  names <- names(Filter(function(side) setting %in% side$blas, job$sides))
  if (!"hdlmm" %in% names || length(names) < 2) return(NULL)
  states <- run_rounds(job, names, setting, options)
  do.call(rbind, lapply(names, function(name) summarise_side(job, name, setting, states[[name]])))
}

# The settings of the BLAS that are there, and what the head of the table says.
prepare_run <- function(options) {
  if (!requireNamespace("hdlmm", quietly = TRUE)) stop("hdlmm is not installed: make install")
  if (options$install) install_peers(dirname(here))
  probes <- Filter(Negate(is.null), sapply(options$blas, probe_setting, simplify = FALSE))
  list(probes = probes, facts = describe_run(probes, options))
}

# list(measured, compared): a row a side, and a row a peer. Prints as it goes.
run_jobs <- function(jobs, probes, options) {
  measured <- compared <- NULL
  for (job in jobs) {
    for (setting in names(probes)) {
      sides <- measure_job(job, setting, options)
      if (is.null(sides)) next
      rows <- compare_sides(job, sides, options$is_short)
      if (!options$markdown) print_rows(rows)
      measured <- rbind(measured, sides)
      compared <- rbind(compared, rows)
    }
  }
  if (is.null(measured)) stop("nothing to measure: no such job or setting")
  list(measured = measured, compared = compared)
}
