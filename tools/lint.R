# lintr over the package, its tests and the scripts; any finding is a failure.
if (!requireNamespace("lintr", quietly = TRUE)) {
  stop("lintr is missing: run tools/deps.sh dev", call. = FALSE)
}

lint_scripts <- function(dir) {
  lapply(lintr::lint_dir(dir), function(lint) {
    lint$filename <- file.path(dir, lint$filename)
    lint
  })
}

# The files of the package in parts, each linted by what leaves out the others.
files <- list.files(c("R", "tests"), "[.]R$", recursive = TRUE, full.names = TRUE)
part <- rank(file.size(files), ties.method = "first") %% 4
jobs <- c(
  lapply(split(files, part), function(own) {
    function() lintr::lint_package(exclusions = as.list(setdiff(files, own)))
  }),
  lapply(Filter(dir.exists, c("tools", "bench")), function(dir) function() lint_scripts(dir))
)
cores <- if (.Platform$OS.type == "windows") 1 else 2
found <- parallel::mclapply(jobs, function(run) run(), mc.cores = cores, mc.preschedule = FALSE)
for (one in Filter(function(one) inherits(one, "try-error"), found)) stop(one, call. = FALSE)
# what no part names is in every one
found <- unique(do.call(c, lapply(found, unclass)))
for (lint in found) print(lint)
cat(sprintf("lintr: %d findings\n", length(found)))
quit(status = as.integer(length(found) > 0))
