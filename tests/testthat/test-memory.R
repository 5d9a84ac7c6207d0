# What does not fit into memory is said before it is asked for.

# Another function in the place of one of the package until the test ends.
local_binding <- function(name, value, frame = parent.frame()) {
  place <- asNamespace("hdlmm")
  old <- get(name, place)
  set <- function(value) {
    unlockBinding(name, place)
    assign(name, value, place)
    lockBinding(name, place)
  }
  set(value)
  do.call(on.exit, list(as.call(list(set, old)), add = TRUE), envir = frame)
}

test_that("a decomposition beyond the free memory is a classed error that says both sizes", {
  local_binding("free_memory", function() 4 * 2^30)
  n <- 35000
  x <- Matrix::sparseMatrix(seq_len(n), seq_len(n), x = seq_len(n) / n, dims = c(n, n))
  d <- list(y = sin(1:n), x = x)
  error <- expect_error(lmm(y ~ re(x), data = d), class = "hdlmm_out_of_memory")
  expect_s3_class(error, "hdlmm_error")
  expect_match(conditionMessage(error), "18.3 GB")  # 2 * 8 * 35000^2 / 2^30
  expect_match(conditionMessage(error), "4 GB are free")
  # grouping factors need no such matrix
  g <- factor(rep(1:17500, 2))
  expect_no_error(lmm(y ~ (1 | g), data = list(y = sin(1:n), g = g)))
})

test_that("draws that do not fit are a classed error", {
  local_binding("free_memory", function() 2^30)
  d <- bad_input_data()
  fit <- lmm(y ~ x + re(X), d, method = "Bayes")
  expect_error(posterior_predict(fit, draws = 1e7), class = "hdlmm_out_of_memory")
  expect_error(posterior_sample(fit, draws = 1e7, beta = TRUE), class = "hdlmm_out_of_memory")
  expect_error(simulate(fit, nsim = 1e7), class = "hdlmm_out_of_memory")
  prior <- lmm_prior(
    random = prior_half_t(3, 1), residual = prior_half_t(3, 1), fixed = prior_normal(0, 1)
  )
  expect_error(
    prior_predict(y ~ x + re(X), d, prior, draws = 1e7), class = "hdlmm_out_of_memory"
  )
})

test_that("free memory is a number, or Inf where the system does not say", {
  free <- free_memory()
  expect_true(is.numeric(free) && length(free) == 1 && free > 0)
  local_binding("read_lines", function(path) character())
  expect_identical(free_memory(), Inf)
})

test_that("the tightest limit of a control group counts, less what can be given back", {
  files <- list(
    "/proc/meminfo" = c("MemTotal: 100 kB", "MemAvailable:   8000000 kB", "SwapFree: 0 kB"),
    "/proc/self/cgroup" = "0::/a/b",
    "/sys/fs/cgroup/a/b/memory.max" = "max", "/sys/fs/cgroup/a/b/memory.current" = "5",
    "/sys/fs/cgroup/a/memory.max" = "3000", "/sys/fs/cgroup/a/memory.current" = "2500",
    "/sys/fs/cgroup/a/memory.stat" = c("anon 5", "inactive_file 400", "active_file 7")
  )
  local_binding("read_lines", function(path) c(files[[path]], character()))
  expect_identical(free_memory(), 900)
  files[["/sys/fs/cgroup/a/memory.max"]] <- "max"
  expect_identical(free_memory(), 8000000 * 1024)
})
