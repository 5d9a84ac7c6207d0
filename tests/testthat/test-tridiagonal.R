# Fits of likelihoods evaluate a tridiagonal matrix where K is regular; eigenvalues are made when
# something asks. Nothing that a user sees may depend on it.

set.seed(31)
n <- 80
wide <- data.frame(y = rnorm(n), age = rnorm(n), w = runif(n, 0.5, 2))
wide$x <- matrix(rnorm(n * 200, 2), n)
wide$y <- wide$y + drop(wide$x[, 1:20] %*% rnorm(20)) / 3
new <- wide[1:5, ]
new$x <- new$x + 0.1

# Models far from a boundary, at pve = 0 and at pve = 1.
noise <- list(inner = wide, zero = wide, one = wide)
noise$zero$y <- sin(50 * seq_len(n))
noise$one$y <- drop(wide$x %*% rnorm(200))

# The fit that a call makes, and the same fit made from eigenvalues.
fit_both <- function(call) {
  fit <- eval(call, parent.frame())
  model <- hdlmm:::model_of(fit)
  problem <- hdlmm:::new_problem(model, hdlmm:::fit_fixed(model), fit$designs)
  engine <- hdlmm:::find_engine(fit$method, NULL)
  engine$needs <- "values"
  result <- hdlmm:::run_engine(engine, problem, fit$control)
  list(
    tridiagonal = fit,
    spectral = hdlmm:::new_fit(fit$call, fit$formula, problem, engine, result, fit$control)
  )
}

control <- lmm_control(seed = 1, draws = 50)

is_tridiagonal <- function(fit) length(fit$internal$system$parts$beside) > 0

answers <- list(
  summary = function(fit) unclass(summary(fit))[c("coefficients", "varcor", "residuals", "AIC")],
  pve = pve, varcomp = varcomp, log_lik = function(fit) c(logLik(fit)),
  other_log_lik = function(fit) c(logLik(fit, REML = fit$method != "REML")),
  ranef = function(fit) ranef(fit, se = TRUE), fitted = fitted,
  predict = function(fit) predict(fit, new, interval = "prediction"),
  predict_fixed = function(fit) predict(fit, new, random = FALSE, interval = "confidence"),
  confint = function(fit) confint(fit, method = "profile"),
  boot = function(fit) confint(fit, method = "boot", draws = 50, seed = 1),
  exact = function(fit) pve(fit, method = "exact", draws = 200, seed = 3),
  simulate = function(fit) simulate(fit, 2, seed = 5),
  profile = function(fit) profile(fit, n = 9)$curve,
  loo = function(fit) loo(fit)$pointwise, vcov = vcov,
  update = function(fit) varcomp(update(fit, method = "ML")),
  draws = function(fit) unclass(posterior_predict(fit, new, draws = 3, seed = 7))
)

test_that("every answer of a fit without eigenvalues is that of one with them", {
  for (name in names(noise)) {
    for (method in c("REML", "ML")) {
      call <- bquote(
        lmm(y ~ age + re(x), noise[[.(name)]], method = .(method), control = control)
      )
      fits <- suppressWarnings(fit_both(call))
      expect_true(is_tridiagonal(fits$tridiagonal))
      expect_false(is_tridiagonal(fits$spectral))
      expect_equal(fits$tridiagonal$boundary, fits$spectral$boundary)
      for (what in names(answers)) {
        value <- lapply(fits, function(fit) {
          tryCatch(suppressWarnings(answers[[what]](fit)), hdlmm_error = function(e) class(e))
        })
        # both routes are backward stable, and the condition of K is about 10; ends of profile
        # intervals are found to 1e-6 in the logarithm
        tolerance <- if (what == "confint") 1e-6 else 1e-8
        label <- paste(name, method, what)
        expect_equal(value$tridiagonal, value$spectral, tolerance = tolerance, label = label)
      }
    }
  }
})

test_that("it holds with weights, without an intercept, for kernels and behind a band", {
  set.seed(32)
  large <- data.frame(y = rnorm(530), age = rnorm(530))
  large$x <- matrix(rnorm(530 * 900), 530)
  large$y <- large$y + drop(large$x[, 1:30] %*% rnorm(30)) / 4
  kernel <- tcrossprod(wide$x) / 200
  pairs <- list(
    fit_both(quote(lmm(y ~ age + re(x), wide, weights = w))),
    fit_both(quote(lmm(y ~ 0 + age + re(x), wide))),
    fit_both(quote(lmm(y ~ re(kernel = kernel), wide))),
    fit_both(quote(lmm(y ~ age + re(x), large))),
    fit_both(quote(lmm(y ~ re(x, center = TRUE, scale = TRUE), wide)))
  )
  for (fits in pairs) {
    for (what in c("summary", "pve", "ranef", "fitted", "vcov", "other_log_lik")) {
      value <- lapply(fits, answers[[what]])
      expect_equal(value$tridiagonal, value$spectral, tolerance = 1e-8, label = what)
    }
  }
  is_used <- vapply(pairs, function(fits) is_tridiagonal(fits$tridiagonal), NA)
  # centred by the user, K is singular along the constant: left to the spectrum
  expect_equal(is_used, c(TRUE, TRUE, TRUE, TRUE, FALSE))
})

test_that("a singular K is left to the spectrum, and a fit that was saved keeps its answers", {
  twice <- rbind(wide, wide)
  twice$y <- twice$y + rnorm(2 * n)
  expect_false(is_tridiagonal(lmm(y ~ re(x), twice)))
  fit <- lmm(y ~ re(x), wide)
  file <- tempfile()
  on.exit(unlink(file))
  saveRDS(fit, file)
  expect_equal(ranef(readRDS(file), se = TRUE), ranef(fit, se = TRUE))
  expect_equal(predict(readRDS(file), new, se = TRUE), predict(fit, new, se = TRUE))
})
