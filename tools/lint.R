# lintr over the package, its tests and the scripts; any finding is a failure.
if (!requireNamespace("lintr", quietly = TRUE)) {
  stop("lintr is missing: run tools/deps.sh dev", call. = FALSE)
}
found <- lintr::lint_package()
for (dir in Filter(dir.exists, c("tools", "bench"))) {
  below <- lapply(lintr::lint_dir(dir), function(lint) {
    lint$filename <- file.path(dir, lint$filename)
    lint
  })
  found <- c(found, below)
}
for (lint in found) print(lint)
cat(sprintf("lintr: %d findings\n", length(found)))
quit(status = as.integer(length(found) > 0))
