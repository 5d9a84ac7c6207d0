test_that("every kernel level below the best can be forced, and fits agree to rounding", {
  set.seed(1)
  d <- data.frame(y = rnorm(300))
  d$X <- matrix(rnorm(300 * 350), 300)
  best <- hdlmm_config()$best
  fit <- function() lmm(y ~ re(X), d)
  reference <- fit()
  for (level in c("portable", "avx2", "avx512")) {
    old <- options(hdlmm.kernels = level)
    config <- hdlmm_config()
    own <- fit()
    options(old)
    expect_identical(config$best, best)
    printed <- paste(capture.output(print(config)), collapse = "\n")
    expect_match(printed, config$kernels, fixed = TRUE)
    # sums run in another order
    expect_equal(varcomp(own), varcomp(reference), tolerance = 1e-9)
    expect_equal(logLik(own), logLik(reference), tolerance = 1e-12)
  }
  options(hdlmm.kernels = "portable")
  expect_identical(hdlmm_config()$kernels, "portable")
  options(hdlmm.kernels = NULL)
  expect_identical(hdlmm_config()$kernels, best)
})

test_that("the reference BLAS is known by its file, wherever it lies", {
  known <- c("/usr/lib/R/lib/libRblas.so", "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0")
  others <- c(
    "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3", "/opt/lib/libopenblas.so.0",
    "/opt/mkl/libmkl_rt.so", "/usr/lib/atlas/libblas.so.3", "", "libRblas.vecLib.dylib"
  )
  for (path in known) expect_true(hdlmm:::is_reference_blas(path))
  for (path in others) expect_false(hdlmm:::is_reference_blas(path))
})

test_that("eigenvectors of our own and LAPACK's give the same fit", {
  set.seed(3)
  d <- data.frame(y = rnorm(80))
  d$X <- matrix(rnorm(80 * 120), 80)
  d$y <- d$y + drop(d$X %*% rnorm(120)) / 10
  problem <- hdlmm:::problem_of(lmm(y ~ re(X), d, method = "Bayes"))
  host <- hdlmm:::make_host(lmm_control())
  system <- function(own) {
    host$own_eigenvectors <- own
    hdlmm:::build_system(problem$designs[[1]], problem$fixed, host)
  }
  a <- system(TRUE)
  b <- system(FALSE)
  expect_equal(a$parts$d, b$parts$d, tolerance = 1e-12)
  expect_equal(abs(crossprod(a$vectors, b$vectors)), diag(length(a$parts$d)), tolerance = 1e-9)
  expect_equal(
    hdlmm:::cpp_evaluate(a, 0.4, 0.6), hdlmm:::cpp_evaluate(b, 0.4, 0.6), tolerance = 1e-10
  )
})

test_that("an unknown kernel level is refused", {
  old <- options(hdlmm.kernels = "sse9")
  on.exit(options(old))
  expect_error(hdlmm_config(), class = "hdlmm_bad_input")
})

test_that("a fit without eigenvectors makes them once, when something asks for them", {
  set.seed(2)
  n <- 300
  d <- data.frame(x = rnorm(n), y = rnorm(n))
  d$X <- matrix(rnorm(n * 400), n)
  d$y <- d$y + drop(d$X %*% rnorm(400)) / 20
  fit <- lmm(y ~ x + re(X), d)
  expect_null(fit$internal$system$vectors)
  expect_null(fit$internal$system$two_stage)
  expect_null(fit$internal$cache$system)
  se <- attr(ranef(fit, se = TRUE), "se")
  expect_false(is.null(fit$internal$cache$system))
  # the same system by the other way: one likelihood, one prediction error variance
  full <- hdlmm:::full_system(fit)
  share <- fit$internal$share
  for (h in c(0.01, 0.5, 0.99)) {
    a <- hdlmm:::cpp_evaluate(fit$internal$system, h, 1 - h)
    b <- hdlmm:::cpp_evaluate(full, h, 1 - h)
    expect_equal(a, b, tolerance = 1e-9)
  }
  v <- diag(n) * fit$variances[["Residual"]] + tcrossprod(d$X) * fit$variances[["X"]]
  z <- cbind(1, d$x)
  vi <- solve(v)
  p <- vi - vi %*% z %*% solve(t(z) %*% vi %*% z, t(z) %*% vi)
  s2 <- fit$variances[["X"]]
  pev <- s2 - s2^2 * colSums(d$X * (p %*% d$X))
  expect_equal(unname(se$X), sqrt(pev), tolerance = 1e-9)
  expect_equal(unname(ranef(fit)$X), s2 * drop(crossprod(d$X, p %*% d$y)), tolerance = 1e-9)
})
