# What a cross-validation costs in fits: 10 folds, 5 times, beside one fit of lmm() and 50 of rrBLUP
# (one is timed); and one of many responses, 10 folds, complete and with 1 % of the cells missing at
# random, beside the loop over responses (two of them are timed, and compared). CPU seconds of one
# process with one thread; the ratios are what counts.
#   OMP_NUM_THREADS=1 Rscript bench/cv.R [n] [p] [responses]
#                                        (2000, 10000 and 10 by default; four minutes)
suppressMessages(library(hdlmm))

sizes <- as.integer(commandArgs(TRUE))
n <- if (length(sizes) > 0) sizes[1] else 2000L
p <- if (length(sizes) > 1) sizes[2] else 10000L
m <- if (length(sizes) > 2) sizes[3] else 10L
set.seed(1)
X <- matrix(rnorm(n * p), n)
d <- data.frame(y = drop(X %*% rnorm(p)) / sqrt(p) + rnorm(n))
one_thread <- lmm_control(threads = 1)

# The most memory of the process since it was last asked (Linux), in GB.
peak <- function(is_reset = FALSE) {
  if (is_reset) return(try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE))
  line <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 2^20
}

cpu <- function(expr) {
  gc()
  peak(is_reset = TRUE)
  time <- system.time(expr)
  c(seconds = sum(time[c("user.self", "sys.self")]), gb = peak())
}

fit <- cpu(lmm(y ~ re(X), d, control = one_thread))
cv <- cpu(cv_lmm(y ~ re(X), d, folds = 10, repeats = 5, seed = 1, control = one_thread))
held <- cpu(cv_lmm(
  y ~ re(X), d, folds = 10, repeats = 5, seed = 1, reestimate = FALSE, control = one_thread
))
cat(sprintf("n = %d, p = %d, one thread\n", n, p))
show <- function(what, cost) {
  cat(sprintf(
    "%-40s %8.2f s  %6.1f fits  %5.2f GB at most\n", what, cost[["seconds"]],
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

# Shares of variance from 0.1 to 0.8.
share <- seq(0.1, 0.8, length.out = m)
d$Y <- X %*% matrix(rnorm(p * m), p) / sqrt(p) * rep(sqrt(share), each = n)
d$Y <- d$Y + matrix(rnorm(n * m), n) * rep(sqrt(1 - share), each = n)
colnames(d$Y) <- paste0("trait", seq_len(m))
cells <- sample(n * m, n * m %/% 100)

# Against two responses by themselves; the largest difference of their predictions, in their SD.
compare <- function(what) {
  whole <- cpu(cv <- cv_lmm(Y ~ re(X), d, folds = 10, seed = 1, control = one_thread))
  show(paste0(m, " responses, ", what), whole)
  rows <- as.data.frame(cv)
  loop <- difference <- 0
  for (k in c(1, m)) {
    d$y <- d$Y[, k]
    one <- cpu(alone <- cv_lmm(y ~ re(X), d, folds = 10, seed = 1, control = one_thread))
    loop <- loop + one / 2
    own <- rows$prediction[rows$response == colnames(d$Y)[k]]
    wanted <- as.data.frame(alone)$prediction
    difference <- max(difference, abs(own - wanted) / stats::sd(wanted))
  }
  show("one of them by itself", loop)
  cat(sprintf(
    "of the loop over responses: %.4f; largest difference %.1e\n",
    whole[["seconds"]] / (m * loop[["seconds"]]), difference
  ))
}
compare("10 folds")
d$Y[cells] <- NA
compare("1 % of the cells missing")
