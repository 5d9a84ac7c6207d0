# What a cross-validation costs in fits: 10 folds, 5 times, beside one fit of lmm() and 50 of rrBLUP
# (one is timed). CPU seconds of one process with one thread; the ratios are what counts.
#   OMP_NUM_THREADS=1 Rscript bench/cv.R [n] [p]        (2000 and 10000 by default; two minutes)
suppressMessages(library(hdlmm))

sizes <- as.integer(commandArgs(TRUE))
n <- if (length(sizes) > 0) sizes[1] else 2000L
p <- if (length(sizes) > 1) sizes[2] else 10000L
set.seed(1)
X <- matrix(rnorm(n * p), n)
d <- data.frame(y = drop(X %*% rnorm(p)) / sqrt(p) + rnorm(n))
one_thread <- lmm_control(threads = 1)

cpu <- function(expr) {
  gc(reset = TRUE)
  time <- system.time(expr)
  c(seconds = sum(time[c("user.self", "sys.self")]), gb = sum(gc()[, 6]) / 1024)
}

fit <- cpu(lmm(y ~ re(X), d, control = one_thread))
cv <- cpu(cv_lmm(y ~ re(X), d, folds = 10, repeats = 5, seed = 1, control = one_thread))
held <- cpu(cv_lmm(
  y ~ re(X), d, folds = 10, repeats = 5, seed = 1, reestimate = FALSE, control = one_thread
))
cat(sprintf("n = %d, p = %d, one thread\n", n, p))
show <- function(what, cost) {
  cat(sprintf(
    "%-32s %8.2f s  %6.1f fits  %5.2f GB at most\n", what, cost[["seconds"]],
    cost[["seconds"]] / fit[["seconds"]], cost[["gb"]]
  ))
}
show("one fit of lmm()", fit)
show("10 folds, 5 times", cv)
show("the same, reestimate = FALSE", held)
if (requireNamespace("rrBLUP", quietly = TRUE)) {
  theirs <- cpu(rrBLUP::mixed.solve(d$y, Z = X))
  show("one fit of rrBLUP", theirs)
  cat(sprintf("of 50 fits of rrBLUP: %.4f\n", cv[["seconds"]] / theirs[["seconds"]] / 50))
}
