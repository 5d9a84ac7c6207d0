# One side of one job of bench/speed.R or bench/terms.R alone in this process: seconds, peak memory.
#
#   Rscript bench/speed-worker.R <directory of the scripts> <job> <side> short|long <result.rds>
#
# The call is made three times on a tiny case first, so that loading a namespace and R's compilation
# of its functions (at their second call) are not counted. Memory is that of the first call on the
# data; what is short is repeated and the median taken.

args <- commandArgs(TRUE)
for (script in c("peers.R", "speed-jobs.R", "terms-jobs.R")) source(file.path(args[1], script))

# A line of /proc/self/status in MB, NA elsewhere.
memory_mb <- function(field) {
  lines <- tryCatch(
    readLines("/proc/self/status"), error = function(e) NULL, warning = function(w) NULL
  )
  line <- grep(paste0("^", field, ":"), lines, value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) / 1024 else NA_real_
}

# From here on the peak counts from what is held now. Where the kernel refuses, it counts from the
# highest so far, and the memory reported may be too low.
reset_peak <- function() {
  try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
}

seconds <- function(run) {
  start <- proc.time()[["elapsed"]]
  precise <- Sys.time()
  run()
  elapsed <- proc.time()[["elapsed"]] - start
  if (elapsed > 1) elapsed else as.numeric(Sys.time() - precise, units = "secs")
}

# What fails here fails again on the data, and is reported then.
warm_up <- function(run) {
  for (i in 1:3) {
    try(utils::capture.output(suppressMessages(suppressWarnings(run()))), silent = TRUE)
  }
}

measure <- function(job, side) {
  call_on <- function(size) {
    data <- side$prepare(do.call(job$data, size))
    function() side$run(data)
  }
  if (is.null(side$program)) warm_up(call_on(job$tiny))
  run <- call_on(job$size)
  invisible(gc(full = TRUE))
  reset_peak()
  before <- memory_mb("VmRSS")
  value <- NULL
  first <- seconds(function() value <<- run())
  peak <- attr(value, "peak_mb")
  if (is.null(peak)) peak <- memory_mb("VmHWM") - before
  count <- if (first < 0.2) min(30, ceiling(0.4 / max(first, 1e-4))) else 1
  times <- if (count > 1) vapply(seq_len(count), function(i) seconds(run), 0) else first
  list(
    seconds = stats::median(times), peak_mb = peak, value = as.numeric(value), calls = count,
    blas = extSoftVersion()[["BLAS"]], lapack = La_library()
  )
}

is_short <- args[4] == "short"
job <- c(all_jobs(is_short), terms_jobs(is_short))[[args[2]]]
side <- job$sides[[args[3]]]
if (!is.null(side$package)) .libPaths(peer_paths())
saveRDS(measure(job, side), args[5])
