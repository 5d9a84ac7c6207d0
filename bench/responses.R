# What fits of many responses cost in fits of one: lmm() of a matrix of responses, complete and with
# 1 % of its cells missing at random, beside one response, the loop over responses (from 3 of them)
# and rrBLUP (one of its fits). CPU seconds of one process; the ratios are what counts.
#   OMP_NUM_THREADS=1 Rscript bench/responses.R [n] [p] [responses] [threads]
#                                        (2000, 10000, 1000 and 2 by default; two minutes)
suppressMessages(library(hdlmm))

sizes <- as.integer(commandArgs(TRUE))
size_of <- function(i, default) if (length(sizes) >= i) sizes[i] else default
n <- size_of(1, 2000L)
p <- size_of(2, 10000L)
m <- size_of(3, 1000L)
threads <- lmm_control(threads = size_of(4, 2L))
set.seed(1)
X <- matrix(rnorm(n * p), n)
# shares of variance from 0 to 0.8
share <- seq(0, 0.8, length.out = m)
signal <- X %*% matrix(rnorm(p * m), p) / sqrt(p)
Y <- signal * rep(sqrt(share), each = n) + matrix(rnorm(n * m), n) * rep(sqrt(1 - share), each = n)
colnames(Y) <- paste0("trait", seq_len(m))
rm(signal)
missing <- Y
missing[sample(length(Y), length(Y) %/% 100)] <- NA
d <- data.frame(age = rnorm(n))

# The most memory of the process since it was last asked (Linux), in GB.
peak <- function(is_reset = FALSE) {
  if (is_reset) return(try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE))
  line <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 2^20
}

cost <- function(expr) {
  gc()
  peak(is_reset = TRUE)
  time <- system.time(expr)
  c(
    cpu = sum(time[c("user.self", "sys.self")]), elapsed = time[["elapsed"]], gb = peak()
  )
}

one <- cost(lmm(Y[, m] ~ age + re(X), d, control = threads))
whole <- cost(fit <- lmm(Y ~ age + re(X), d, control = threads))
lacking <- cost(part <- lmm(missing ~ age + re(X), d, control = threads))
loop <- cost(for (k in 1:3) lmm(Y[, k] ~ age + re(X), d, control = threads)) / 3
shown <- cost(utils::capture.output(print(fit), print(summary(fit))))

cat(sprintf("n = %d, p = %d, %d responses\n", n, p, m))
show <- function(what, cost) {
  cat(sprintf(
    "%-34s %8.2f s CPU  %7.2f fits  %8.2f s elapsed  %5.2f GB at most\n", what, cost[["cpu"]],
    cost[["cpu"]] / one[["cpu"]], cost[["elapsed"]], cost[["gb"]]
  ))
}
show("one response", one)
show("all responses", whole)
show("all, 1 % of the cells missing", lacking)
show("print and summary of all", shown)
cat(sprintf(
  "of the loop over responses: %.4f complete, %.4f with missing cells\n",
  whole[["cpu"]] / (m * loop[["cpu"]]), lacking[["cpu"]] / (m * loop[["cpu"]])
))
alone <- lmm(missing[, m] ~ age + re(X), d, control = threads)
cat(sprintf(
  "largest relative difference of the variances of the last: %.1e\n",
  max(abs(varcomp(part)[, m] / varcomp(alone) - 1))
))
cat(sprintf(
  "fitted by themselves: %d and %d\n", sum(lengths(fit$own) > 0), sum(lengths(part$own) > 0)
))
if (requireNamespace("rrBLUP", quietly = TRUE)) {
  theirs <- cost(rrBLUP::mixed.solve(Y[, m], Z = X, X = cbind(1, d$age)))
  show("one response by rrBLUP", theirs)
  cat(sprintf("of rrBLUP, response by response: %.5f\n", whole[["cpu"]] / theirs[["cpu"]] / m))
}
