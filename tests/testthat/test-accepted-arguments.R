# What standard tools pass as a matter of course is accepted; what changes the answer does so.

set.seed(6)
d <- data.frame(x = rnorm(48), f = gl(3, 16), g = gl(12, 4), h = gl(2, 1, 48))
d$y <- d$x + rnorm(12)[d$g] + rnorm(48)
fit <- lmm(y ~ x + f + (1 | g), d)
ols <- lmm(y ~ x + f, d)

test_that("the link is the identity: type says nothing", {
  expect_identical(predict(fit, d, type = "response"), predict(fit, d))
  expect_identical(predict(fit, d, type = "link"), predict(fit, d))
  expect_identical(predict(ols, d, na.action = "na.pass"), predict(ols, d))
})

test_that("vcov(complete = TRUE) has rows of NA for aliased coefficients, as lm() has", {
  d$x2 <- 2 * d$x
  ours <- suppressMessages(lmm(y ~ x + x2 + f, d))
  theirs <- lm(y ~ x + x2 + f, d)
  for (complete in c(TRUE, FALSE)) {
    # two QR decompositions of a well-conditioned design
    expect_equal(
      vcov(ours, complete = complete), vcov(theirs, complete = complete), tolerance = 1e-10
    )
  }
  expect_identical(vcov(fit, complete = TRUE), vcov(fit))
})

test_that("print() takes what print.default() hands to the elements of a list", {
  all <- list(fit, summary(fit), ranef(fit), VarCorr(fit), lmm_prior(), lmm_control(), loo(fit))
  text <- utils::capture.output(print(all, digits = 3, quote = FALSE))
  expect_gt(length(text), 50)
  shown <- function(digits) sum(nchar(utils::capture.output(print(ranef(fit), digits = digits))))
  expect_gt(shown(10), shown(2))
})

test_that("data.frame() and as.data.frame() take samples and effects", {
  sample <- posterior_sample(fit, 4, seed = 1)
  expect_identical(as.data.frame(sample), data.frame(as.matrix(sample), check.names = FALSE))
  expect_identical(rownames(as.data.frame(sample, row.names = letters[1:4])), letters[1:4])
  expect_identical(data.frame(ranef(fit)), as.data.frame(ranef(fit)))
})

test_that("generics of stats, generics and insight find their own arguments accepted", {
  expect_identical(nobs(fit, use.fallback = TRUE), 48L)
  expect_identical(sigma(fit, use.fallback = FALSE), sigma(fit))
  expect_identical(terms(fit, fixed.only = TRUE), terms(fit))
  expect_identical(extractAIC(fit, scale = 0, k = 2), extractAIC(fit))
  skip_if_not_installed("generics")
  expect_identical(generics::tidy(fit, exponentiate = FALSE), generics::tidy(fit))
  expect_error(generics::tidy(fit, exponentiate = TRUE), class = "hdlmm_bad_input")
  skip_if_not_installed("insight")
  expect_identical(
    as.numeric(insight::get_loglikelihood(fit, estimator = "ML", check_response = TRUE)),
    as.numeric(logLik(fit, REML = FALSE))
  )
  expect_error(insight::get_loglikelihood(fit, estimator = "OLS"), class = "hdlmm_bad_input")
})

test_that("marginal means and information criteria beside fits of other packages still work", {
  theirs <- lm(y ~ x, d)
  expect_identical(nrow(suppressWarnings(AIC(ols, theirs))), 2L)
  expect_identical(rownames(AIC(ols, theirs)), c("ols", "theirs"))
  skip_if_not_installed("emmeans")
  for (arguments in list(
    list(type = "response"), list(weights = "equal"), list(vcov. = vcov), list(vcov. = vcov(fit)),
    list(at = list(x = 0)), list(data = d)
  )) {
    means <- do.call(emmeans::emmeans, c(list(fit, ~f), arguments))
    expect_identical(nrow(as.data.frame(means)), 3L)
  }
})
