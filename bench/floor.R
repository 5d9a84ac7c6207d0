# What of a small fit (n = 200, p = 1000) nobody can do without, beside rrBLUP::mixed.solve().
#
#   Rscript bench/floor.R [rounds]
#
# In one process, in turns: base R's formula, smallest fit and summary; the spectrum by R's BLAS and
# LAPACK (no vectors), or by our kernels with the data turned along; one pass over X for the
# effects; our whole call; mixed.solve(). Milliseconds, medians of the rounds, and shares of
# mixed.solve(). rrBLUP is looked for as in bench/speed.R.

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])
for (name in c("peers.R", "speed-jobs.R")) source(file.path(dirname(script), name))
rounds <- c(as.integer(commandArgs(TRUE)), 300)[1]
.libPaths(peer_paths())
library(hdlmm)

data <- do.call(plain_data, small_problem)
frame <- data.frame(y = data$y)
frame$x <- data$x
printed <- function(fit) utils::capture.output(print(summary(fit)))

# Ours without R: what the decomposition takes from a model that is built.
own <- asNamespace("hdlmm")
host <- own$make_host(lmm_control(threads = threads))
problem <- own$build_problem(
  y ~ re(x), frame, quote(lmm(y ~ re(x), frame)), globalenv(), NULL, NULL, host
)

parts <- list(
  "base R: formula and smallest fit, lm(y ~ 1)" = function() stats::lm(y ~ 1, frame),
  "base R: summary of it" = function() summary(smallest),
  "base R: printed summary of it" = function() printed(smallest),
  "R's BLAS and LAPACK: tcrossprod(), eigenvalues" = function() {
    eigen(tcrossprod(data$x), symmetric = TRUE, only.values = TRUE)
  },
  "our kernels: spectrum, y and means turned along" = function() {
    own$build_system(problem$designs[[1]], problem$fixed, host, "criterion")
  },
  "R's BLAS: crossprod(x, y), for the effects" = function() crossprod(data$x, data$y),
  "hdlmm, whole: lmm()" = function() lmm(y ~ re(x), frame),
  "hdlmm, whole: summary too" = function() summary(lmm(y ~ re(x), frame)),
  "hdlmm, whole: printed summary too" = function() printed(lmm(y ~ re(x), frame)),
  "rrBLUP::mixed.solve()" = function() rrBLUP::mixed.solve(data$y, Z = data$x)
)
smallest <- parts[[1]]()

milliseconds <- function(run) {
  start <- Sys.time()
  run()
  1e3 * as.numeric(Sys.time() - start, units = "secs")
}

for (run in rep(parts, 5)) run()
times <- vapply(seq_len(rounds), function(i) vapply(parts, milliseconds, 0), numeric(length(parts)))
median_time <- apply(times, 1, stats::median)
cat(basename(extSoftVersion()[["BLAS"]]), "and", basename(La_library()), "-", rounds, "rounds\n\n")
table <- data.frame(
  ms = round(median_time, 2), share = round(median_time / median_time[[length(parts)]], 2)
)
print(table)
floor <- sum(median_time[1:2]) + min(median_time[4:5]) + median_time[[6]]
cat(sprintf(
  "\nFormula, summary, the cheaper spectrum and one pass over X: %.2f ms, share %.2f\n",
  floor, floor / median_time[[length(parts)]]
))
