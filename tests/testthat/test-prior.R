# Priors: densities, draws, what the core sees of them, and what they print.

densities <- list(
  prior_beta(2, 3), prior_beta(0.5, 0.5), prior_inverse_gamma(2.5, 1.5),
  prior_half_t(3, 2), prior_half_t(1, 0.1), prior_normal(1, 2)
)

# Distribution functions by R's own.
prior_cdf <- function(density) {
  a <- density$a
  b <- density$b
  switch(density$kind,
    beta = function(x) stats::pbeta(x, a, b),
    inverse_gamma = function(x) stats::pgamma(1 / x, a, rate = b, lower.tail = FALSE),
    half_t = function(x) 2 * stats::pt(sqrt(x) / b, a) - 1,
    normal = function(x) stats::pnorm(x, density$mean, density$sd)
  )
}

test_that("draws have the density that is written", {
  for (density in densities) {
    draws <- simulate(density, 4000, seed = 1)
    # a fixed seed; a true density fails once in a thousand
    expect_gt(stats::ks.test(draws, prior_cdf(density))$p.value, 1e-3)
    expect_identical(draws, simulate(density, 4000, seed = 1))
  }
  expect_length(simulate(densities[[1]], 0), 0)
})

test_that("draws of a prior are in the variances and in pve, whichever it is put on", {
  on_shares <- lmm_prior(pve = prior_beta(2, 3), total = prior_half_t(3, 2))
  on_variances <- lmm_prior(
    random = list(g = prior_half_t(3, 0.5)), residual = prior_inverse_gamma(2, 1)
  )
  kappa <- 7
  first <- simulate(on_shares, 4000, seed = 2, kappa = kappa)
  expect_gt(stats::ks.test(first$pve, prior_cdf(prior_beta(2, 3)))$p.value, 1e-3)
  total <- kappa * first$random + first$residual
  expect_gt(stats::ks.test(total, prior_cdf(prior_half_t(3, 2)))$p.value, 1e-3)
  second <- simulate(on_variances, 4000, seed = 2, kappa = kappa)
  expect_gt(stats::ks.test(second$random, prior_cdf(prior_half_t(3, 0.5)))$p.value, 1e-3)
  expect_gt(
    stats::ks.test(second$residual, prior_cdf(prior_inverse_gamma(2, 1)))$p.value, 1e-3
  )
  for (draws in list(first, second)) {
    # one quotient of the same numbers
    expect_equal(
      draws$pve, kappa * draws$random / (kappa * draws$random + draws$residual),
      tolerance = 1e-12
    )
  }
})

test_that("drawing leaves R's generator where it was when a seed is given, and moves it else", {
  set.seed(9)
  state <- .Random.seed
  simulate(prior_half_t(3, 1), 5, seed = 1)
  expect_identical(.Random.seed, state)
  simulate(prior_half_t(3, 1), 5)
  expect_false(identical(.Random.seed, state))
})

test_that("a prior knows whether it is proper, and says which part is not", {
  expect_true(all(vapply(densities, is_proper, NA)))
  expect_false(is_proper(prior_flat()))
  expect_false(is_proper(prior_jeffreys()))
  expect_false(is_proper(lmm_prior()))
  # flat on [0, 1] has an integral
  expect_true(is_proper(lmm_prior(
    pve = prior_flat(), total = prior_half_t(1, 1), fixed = prior_normal(0, 1)
  )))
  half <- lmm_prior(random = prior_half_t(1, 1), fixed = prior_normal(0, 1))
  expect_false(is_proper(half))
  expect_output(print(half), "improper: residual variance")
  expect_error(simulate(half, 1), "`residual` is improper", class = "hdlmm_improper_prior")
  expect_error(simulate(prior_jeffreys(), 1), class = "hdlmm_improper_prior")
  mixed <- lmm_prior(random = list(g = prior_flat()), residual = prior_half_t(1, 1))
  expect_error(simulate(mixed, 1), "`random`", class = "hdlmm_improper_prior")
})

# What the core sees ---------------------------------------------------------------------

core_priors <- list(
  lmm_prior(random = prior_half_t(3, 0.5), residual = prior_inverse_gamma(2, 1.5)),
  lmm_prior(random = prior_inverse_gamma(1.5, 3), residual = prior_half_t(1, 4)),
  lmm_prior(random = prior_flat(), residual = prior_jeffreys()),
  lmm_prior(random = prior_jeffreys(), residual = prior_flat()),
  lmm_prior(pve = prior_beta(2, 0.5), total = prior_half_t(4, 3)),
  lmm_prior(pve = prior_beta(1, 1), total = prior_inverse_gamma(2, 5)),
  lmm_prior(pve = prior_flat(), total = prior_flat()),
  lmm_prior()
)

core_problem <- function(prior, y_unit, x_unit) {
  set.seed(3)
  env <- new.env()
  env$X <- matrix(rnorm(60), 12) * x_unit
  env$w <- runif(12)
  env$y <- rnorm(12) * y_unit
  call <- quote(lmm(y ~ re(X), weights = w))
  problem <- hdlmm:::build_problem(
    y ~ re(X), env, call, env, NULL, prior, hdlmm:::make_host(lmm_control())
  )
  problem$system <- hdlmm:::build_system(
    problem$designs[[1]], problem$fixed, hdlmm:::make_host(lmm_control(threads = 1))
  )
  problem
}

test_that("the core's log density is the normalised one of the user's variances, in any units", {
  variances <- expand.grid(b = c(1e-3, 0.4, 30), e = c(0.02, 1, 500))
  for (prior in core_priors) {
    for (units in list(c(1, 1), c(1e4, 1e-3), c(1e-5, 100))) {
      problem <- core_problem(prior, units[1], units[2])
      inside <- hdlmm:::internal_prior(problem)
      exponent <- as.list(problem$units$variance)
      kappa <- problem$system$kappa * 2^(exponent$Residual - exponent$X)
      u <- log(variances$b) + log(units[1]^2 / units[2]^2)
      v <- log(variances$e) + log(units[1]^2)
      core <- hdlmm:::cpp_log_prior(
        inside, u - exponent$X * log(2), v - exponent$Residual * log(2), FALSE
      )[, 1]
      # logarithms of numbers from 1e-13 to 1e13, and lgamma
      expect_equal(
        core + inside$log_constant, dense_log_prior(prior, u, v, kappa), tolerance = 1e-12
      )
    }
  }
})

test_that("derivatives of the core's log prior are those of its values", {
  at <- expand.grid(u = c(-3, 0.2, 4), v = c(-2, 0.5, 3))
  for (prior in core_priors) {
    inside <- hdlmm:::internal_prior(core_problem(prior, 1, 1))
    for (is_stated in c(TRUE, FALSE)) {
      f <- function(du, dv, column = 1) {
        hdlmm:::cpp_log_prior(inside, at$u + du, at$v + dv, is_stated)[, column]
      }
      e <- 1e-3
      # fourth-order differences: errors of order e^4 and of rounding / e
      slope <- function(column, du, dv) {
        g <- function(k) f(k * e * du, k * e * dv, column)
        (8 * (g(1) - g(-1)) - (g(2) - g(-2))) / (12 * e)
      }
      numeric <- cbind(
        slope(1, 1, 0), slope(1, 0, 1), slope(2, 1, 0), slope(2, 0, 1), slope(3, 0, 1)
      )
      exact <- vapply(2:6, function(k) f(0, 0, k), numeric(nrow(at)))
      expect_lt(max(abs(numeric - exact)), 1e-9 * max(1, abs(exact)))
    }
  }
})

test_that("both measures of the core differ by the Jacobian of what is stated", {
  at <- expand.grid(u = c(-3, 0.2, 4), v = c(-2, 0.5, 3))
  for (prior in core_priors) {
    problem <- core_problem(prior, 1, 1)
    inside <- hdlmm:::internal_prior(problem)
    exponent <- as.list(problem$units$variance)
    kappa <- problem$system$kappa * 2^(exponent$Residual - exponent$X)
    core <- hdlmm:::cpp_log_prior(inside, at$u, at$v, TRUE)[, 1]
    dense <- dense_stated_prior(
      prior, at$u + exponent$X * log(2), at$v + exponent$Residual * log(2), kappa
    )
    # equal up to one constant; values of order 10
    expect_lt(diff(range(core - dense)), 1e-11)
  }
})

test_that("a normal prior of the fixed effects reaches the core as a precision of its basis", {
  set.seed(4)
  d <- data.frame(x = rnorm(20, 50, 3), f = gl(2, 10), g = gl(5, 4))
  d$y <- rnorm(20)
  prior <- lmm_prior(fixed = prior_normal(c(1, 2, 3), c(2, 0.1, 5)))
  problem <- hdlmm:::build_problem(
    y ~ x + f + (1 | g), d, quote(lmm()), globalenv(), NULL, prior,
    hdlmm:::make_host(lmm_control())
  )
  fixed <- problem$fixed
  z <- model.matrix(~ x + f, d)
  # y less Z m in scaled units, and the quadratic form of any change of omega
  expect_equal(
    fixed$residual / 2^fixed$ky, drop(d$y - z %*% c(1, 2, 3)), tolerance = 1e-12,
    ignore_attr = TRUE
  )
  change <- c(0.3, -0.2, 0.5)
  delta <- qr.solve(fixed$q, drop(z %*% change) * 2^fixed$ky)
  expect_equal(
    drop(delta %*% fixed$prior_precision %*% delta), sum((change / c(2, 0.1, 5))^2),
    tolerance = 1e-10  # the condition of Z, about 1e3, times rounding
  )
})

# Words ----------------------------------------------------------------------------------

test_that("priors print what they are", {
  expect_output(print(prior_flat()), "^flat \\(improper\\)")
  expect_output(print(prior_jeffreys()), "Jeffreys, 1 / variance \\(improper\\)")
  expect_output(print(prior_beta(1, 2)), "beta\\(1, 2\\) \\(proper\\)")
  expect_output(
    print(prior_inverse_gamma(2, 0.5)), "inverse gamma, shape 2, scale 0.5 \\(proper\\)"
  )
  expect_output(
    print(prior_half_t(3, 2)), "half t of the standard deviation, 3 df, scale 2 \\(proper\\)"
  )
  expect_output(print(prior_normal(0, 10)), "normal, mean 0, sd 10 \\(proper\\)")
  expect_output(print(lmm_prior()), "proportion of variance explained +beta\\(1, 1\\)")
  expect_output(print(lmm_prior()), "improper: total variance, fixed effects")
  by_term <- lmm_prior(random = list(g = prior_half_t(3, 1)), residual = prior_jeffreys())
  expect_output(print(by_term), "variance of random effects +g: half t")
  for (prior in c(densities, list(lmm_prior()))) {
    utils::capture.output(shown <- withVisible(print(prior)))
    expect_identical(shown$value, prior)
    expect_false(shown$visible)
  }
})

test_that("a prior named by term is that of the term, and must name the right one", {
  d <- contract_data()$d
  density <- prior_half_t(3, 1)
  residual <- prior_inverse_gamma(2, 1)
  plain <- lmm_prior(random = density, residual = residual)
  named <- lmm_prior(random = list(g = density), residual = residual)
  wrong <- lmm_prior(random = list(h = density), residual = residual)
  fit <- function(prior) lmm(y ~ x + (1 | g), d, method = "MAP", prior = prior)
  expect_identical(varcomp(fit(named)), varcomp(fit(plain)))
  expect_error(
    fit(wrong), "names the random term `h`; the model has `g`", class = "hdlmm_bad_input"
  )
})

bad_priors <- list(
  list(quote(prior_beta(0, 1)), "`a` must be positive; found 0"),
  list(quote(prior_beta(1, Inf)), "`b` must be one number .*; found Inf"),
  list(quote(prior_beta(1)), "`b`"),
  list(quote(prior_half_t(-1, 1)), "`df` must be one number .*; found -1"),
  list(quote(prior_half_t(3)), "`scale`"),
  list(quote(prior_half_t(3, NA)), "`scale` must be one number"),
  list(quote(prior_inverse_gamma(c(1, 2), 1)), "`shape` must be one number"),
  list(quote(prior_inverse_gamma(2)), "`scale`"),
  list(quote(prior_normal()), "`sd` is missing"),
  list(quote(prior_normal(0, 0)), "`sd` must be positive numbers; found 0"),
  list(quote(prior_normal("a", 1)), "`mean` must be finite numbers"),
  list(quote(prior_normal(0, Inf)), "`sd` must be positive numbers; found Inf"),
  list(quote(lmm_prior(pve = prior_half_t(1, 1))), "`pve` cannot have a prior_half_t\\(\\)"),
  list(quote(lmm_prior(total = prior_beta(1, 1))), "`total` cannot have a prior_beta"),
  list(quote(lmm_prior(random = prior_normal(0, 1))), "`random` cannot have a prior_normal"),
  list(quote(lmm_prior(residual = prior_half_t(3, 1))), "`random` has none: give both"),
  list(quote(lmm_prior(pve = prior_flat(), random = prior_flat())), "not of both"),
  list(quote(lmm_prior(fixed = prior_half_t(3, 1))), "`fixed` cannot have a prior_half_t"),
  list(quote(lmm_prior(random = 3)), "`random` must be a prior, such as .*; found 3"),
  list(quote(lmm_prior(random = list(prior_flat()))), "named by random term"),
  list(quote(lmm_prior(random = list(g = 3))), "`random\\$g` must be a prior"),
  list(quote(is_proper(3)), "`x` must be a prior; found 3"),
  list(quote(simulate(prior_half_t(3, 1), -1)), "`nsim` must be one whole number"),
  list(quote(simulate(prior_half_t(3, 1), 2, seed = "a")), "`seed` must be one whole number")
)

test_that("a prior that makes no sense is refused, with what was found and what is expected", {
  for (one in bad_priors) {
    seen <- observe(function() eval(one[[1]]))
    expect_false(is.null(seen$error), info = deparse1(one[[1]]))
    if (is.null(seen$error)) next
    expect_condition_laws(seen$error, "bad_input", "error")
    expect_match(conditionMessage(seen$error), one[[2]])
  }
})

test_that("a prior that a method or a model has no use for is said or refused", {
  d <- contract_data()$d
  own <- lmm_prior(fixed = prior_normal(c(1, 2, 3), 1))
  expect_error(
    lmm(y ~ x + (1 | g), d, method = "MAP", prior = own), "3 values of `mean`; .* 2 fixed effects",
    class = "hdlmm_bad_input"
  )
  expect_warning(
    lmm(y ~ x + (1 | g), d, prior = lmm_prior()), "no part in method \"REML\"",
    class = "hdlmm_ignored_prior"
  )
  expect_error(lmm(y ~ x + (1 | g), d, prior = prior_flat()), class = "hdlmm_bad_input")
})

test_that("without random effects least squares are not moved by a prior of other methods", {
  d <- contract_data()$d
  d$nothing <- matrix(0, nrow(d), 2)
  far <- lmm_prior(
    random = prior_half_t(3, 1), residual = prior_half_t(3, 1), fixed = prior_normal(50, 1)
  )
  ols <- lm(y ~ x, d)
  for (method in c("MAP", "VB", "Bayes")) {
    fit <- suppressWarnings(lmm(y ~ x, d, method = method, prior = far))
    expect_identical(fit$method, "OLS")
    expect_equal(fixef(fit), coef(ols), tolerance = 1e-12)  # the same least squares
    expect_equal(fitted(fit), fitted(ols), tolerance = 1e-12)
    expect_equal(sigma(fit), sigma(ols), tolerance = 1e-12)
    # a design of zeros has no random effects either; the divisor is n there
    null <- suppressMessages(suppressWarnings(
      lmm(y ~ x + re(nothing), d, method = method, prior = far)
    ))
    expect_equal(
      varcomp(null)[["Residual"]], mean((d$y - fitted(null))^2), tolerance = 1e-10
    )
  }
})
