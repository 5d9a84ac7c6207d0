# hdlmm beside its peers: same data, same process, same threads. Prints medians and ratios.
#
#   make bench            or   Rscript bench/run.R [repetitions = 3]
#
# Peers that are not installed are left out and named.

library(hdlmm)

repetitions <- c(as.integer(commandArgs(TRUE)), 3L)[1]

median_seconds <- function(run) {
  stats::median(vapply(seq_len(repetitions), function(i) system.time(run())[["elapsed"]], 0))
}

wide_data <- function(n, p) {
  x <- matrix(rnorm(n * p), n)
  list(x = x, y = drop(x[, 1:20] %*% rnorm(20)) / 4 + rnorm(n))
}

grouped_data <- function(n, levels) {
  g <- factor(sample(levels, n, replace = TRUE))
  x <- rnorm(n)
  data.frame(g, x, y = 1 + x + rnorm(nlevels(g))[g] + rnorm(n))
}

set.seed(1)
wide <- wide_data(1000, 5000)
small <- wide_data(200, 1000)
grouped <- grouped_data(1e5, 5000)

reml_wide <- function(d) function() lmm(y ~ re(x), data = d)
rrblup_wide <- function(d) function() rrBLUP::mixed.solve(d$y, Z = d$x)

jobs <- list(
  list("REML, n = 1000, p = 5000", "rrBLUP", reml_wide(wide), rrblup_wide(wide)),
  list("REML, n = 200, p = 1000", "rrBLUP", reml_wide(small), rrblup_wide(small)),
  list(
    "REML, n = 100000, 5000 groups", "lme4",
    function() lmm(y ~ x + (1 | g), data = grouped),
    function() lme4::lmer(y ~ x + (1 | g), data = grouped)
  )
)

cat(R.version.string, "; BLAS: ", basename(extSoftVersion()[["BLAS"]]), "\n", sep = "")
cat(sprintf("%-32s %-8s %9s %9s %7s\n", "work", "peer", "hdlmm, s", "peer, s", "ratio"))
for (job in jobs) {
  if (!requireNamespace(job[[2]], quietly = TRUE)) {
    cat(sprintf("%-32s %-8s not installed\n", job[[1]], job[[2]]))
    next
  }
  own <- median_seconds(job[[3]])
  peer <- median_seconds(job[[4]])
  cat(sprintf("%-32s %-8s %9.3f %9.3f %7.3f\n", job[[1]], job[[2]], own, peer, own / peer))
}
