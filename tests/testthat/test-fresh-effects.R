# Effects drawn anew are shared by the rows of one draw: posterior_predict(random = FALSE),
# simulate() and prior_predict() against the covariance of the model, z'Cov(omega)z +
# sigma_b^2 X S X' + sigma_e^2 / w, S = I or a kernel.

n_draws <- 4000

# Columns are correlated as in `covariance` and have its variances. 4.5 standard errors: of a
# correlation 1 / sqrt(draws) = 0.016 at most, of a variance sqrt(2 / draws) = 0.022 of itself;
# `slack` is for the tails of a t and for variances that are drawn too.
expect_covariance <- function(draws, covariance, label, slack = 1) {
  got <- stats::cov(draws)
  correlation <- max(abs(stats::cov2cor(got) - stats::cov2cor(covariance)))
  expect_lt(correlation, 4.5 * 0.016 * slack, label = paste(label, "correlation"))
  ratio <- max(abs(diag(got) / diag(covariance) - 1))
  expect_lt(ratio, 4.5 * 0.022 * slack, label = paste(label, "variance"))
}

shared <- local({
  set.seed(3)
  n <- 24
  d <- data.frame(x = rnorm(n), w = runif(n, 0.5, 2), g = gl(6, 4, labels = letters[1:6]))
  d$X <- matrix(rbinom(n * 40, 2, 0.4), n)
  d$five <- d$X[, 1:5]
  d$id <- rep(paste0("i", 1:8), 3)
  d$y <- d$x + drop(d$X %*% rnorm(40, sd = 0.3)) + 3 * rnorm(6)[d$g] + rnorm(n)
  d
})
relations <- local({
  set.seed(4)
  k <- tcrossprod(matrix(rnorm(100), 10)) / 10
  dimnames(k) <- rep(list(paste0("i", 1:10)), 2)
  k
})

# One row a kind of design: the term, and X S X' of given rows as the model has it.
designs <- list(
  wide = list(y ~ x + re(X), function(d) tcrossprod(d$X)),
  tall = list(y ~ x + re(five), function(d) tcrossprod(d$five)),
  sparse = list(
    y ~ x + re(Matrix::Matrix(X, sparse = TRUE)), function(d) tcrossprod(as.matrix(d$X))
  ),
  scaled = list(y ~ x + re(five, scale = TRUE), function(d) {
    tcrossprod(scale(d$five, FALSE, apply(shared$five, 2, sd)))
  }),
  grouped = list(y ~ x + (1 | g), function(d) outer(d$g, d$g, `==`) * 1),
  kernel = list(y ~ x + re(kernel = relations, id = id), function(d) relations[d$id, d$id])
)

law <- function(fit, d, gram, weights) {
  z <- cbind(1, d$x)
  z %*% vcov(fit) %*% t(z) + varcomp(fit)[[1]] * gram(d) +
    diag(varcomp(fit)[["Residual"]] / weights, nrow(d))
}

fit_shared <- function(formula, method = "REML", ...) {
  suppressWarnings(suppressMessages(
    lmm(formula, shared, method = method, weights = w, ...)
  ))
}

test_that("draws with new effects have the covariance of the model, at fitted and at new rows", {
  for (kind in names(designs)) {
    one <- designs[[kind]]
    fit <- fit_shared(one[[1]], "ML")
    own <- posterior_predict(fit, draws = n_draws, seed = 1, random = FALSE)
    expect_covariance(own, law(fit, shared, one[[2]], shared$w), paste(kind, "fitted"))
    new <- shared[c(1, 2, 9, 1), ]
    there <- posterior_predict(fit, new, n_draws, seed = 2, random = FALSE, weights = 1:4)
    expect_covariance(there, law(fit, new, one[[2]], 1:4), paste(kind, "new"))
    # simulate() holds the fixed effects
    held <- law(fit, shared, one[[2]], shared$w) -
      cbind(1, shared$x) %*% vcov(fit) %*% rbind(1, shared$x)
    simulated <- t(as.matrix(simulate(fit, n_draws, seed = 3)))
    expect_covariance(simulated, held, paste(kind, "simulated"))
  }
})

test_that("a prediction interval without random effects is that of the draws", {
  for (kind in names(designs)) {
    fit <- fit_shared(designs[[kind]][[1]])
    new <- shared[c(1, 2, 9), ]
    wanted <- unname(sqrt(diag(law(fit, new, designs[[kind]][[2]], 1:3))))
    limits <- predict(fit, new, random = FALSE, interval = "prediction", weights = 1:3)
    # products of a few numbers: rounding only
    expect_equal(
      unname(limits[, "upr"] - limits[, "fit"]), stats::qnorm(0.975) * wanted, tolerance = 1e-10
    )
  }
})

test_that("every method draws new effects with the covariance of its own variances", {
  prior <- lmm_prior(
    random = prior_inverse_gamma(20, 2), residual = prior_inverse_gamma(20, 20)
  )
  gibbs <- lmm_control(seed = 1, draws = 1000, warmup = 200, chains = 2)
  for (kind in c("wide", "grouped")) {
    one <- designs[[kind]]
    fits <- list(
      MAP = fit_shared(one[[1]], "MAP", prior = prior), VB = fit_shared(one[[1]], "VB"),
      full = fit_shared(one[[1]], "VB", prior = prior),
      Bayes = fit_shared(one[[1]], "Bayes", prior = prior),
      Gibbs = fit_shared(one[[1]], "Bayes", algorithm = "gibbs", prior = prior, control = gibbs)
    )
    for (method in names(fits)) {
      y <- posterior_predict(fits[[method]], draws = n_draws, seed = 1, random = FALSE)
      covariance <- law(fits[[method]], shared, one[[2]], shared$w)
      # 2: variances that are drawn, too
      expect_covariance(y, covariance, paste(kind, method), slack = 2)
    }
  }
})

test_that("quantiles of new responses with new effects are the draws', for Bayes fits", {
  for (kind in c("wide", "kernel")) {
    prior <- lmm_prior(random = prior_half_t(4, 0.3), residual = prior_inverse_gamma(4, 4))
    fit <- fit_shared(designs[[kind]][[1]], "Bayes", prior = prior)
    new <- shared[1:4, ]
    y <- posterior_predict(fit, new, 20000, seed = 1, random = FALSE)
    limits <- predict(fit, new, random = FALSE, interval = "prediction", level = 0.8)
    # a probability of 0.1 from 20000 draws: 4.5 standard errors of 0.0021
    expect_lt(max(abs(colMeans(y < rep(limits[, "lwr"], each = 20000)) - 0.1)), 0.0095)
    expect_lt(max(abs(colMeans(y > rep(limits[, "upr"], each = 20000)) - 0.1)), 0.0095)
  }
})

test_that("known and unseen levels alike get a new effect each, one a level", {
  fit <- fit_shared(y ~ x + (1 | g))
  new <- data.frame(x = 0, g = c("a", "new", "a", "new", "other"))
  y <- posterior_predict(fit, new, n_draws, seed = 1, random = FALSE)
  gram <- function(d) outer(d$g, d$g, `==`) * 1
  expect_covariance(y, law(fit, new, gram, 1), "levels")
  # known levels keep their own effects with random = TRUE
  y <- posterior_predict(fit, new, n_draws, seed = 1, allow.new.levels = TRUE)
  expect_lt(stats::var(y[, 1]), stats::var(y[, 2]))
  expect_gt(stats::cor(y[, 2], y[, 4]), 0.1)
  expect_lt(abs(stats::cor(y[, 2], y[, 5])), 0.2)
  # and so do fits by VB, whose draws go through coefficients
  y <- posterior_predict(
    fit_shared(y ~ x + (1 | g), "VB"), new, n_draws, seed = 1, allow.new.levels = TRUE
  )
  expect_gt(stats::cor(y[, 2], y[, 4]), 0.1)
})

test_that("a row without its level or id has no draw, the others do", {
  fit <- fit_shared(y ~ x + (1 | g))
  y <- posterior_predict(fit, data.frame(x = 0, g = c("a", NA)), 5, seed = 1, random = FALSE)
  expect_identical(colSums(is.na(y)), c("1" = 0, "2" = 5))
  fit <- fit_shared(y ~ x + re(kernel = relations, id = id))
  y <- posterior_predict(fit, data.frame(x = 0, id = c("i9", NA)), 5, seed = 1, random = FALSE)
  expect_identical(colSums(is.na(y)), c("1" = 0, "2" = 5))
})

test_that("draws without the columns they need are refused, not given an average variance", {
  fit <- fit_shared(y ~ x + re(X))
  new <- data.frame(x = 1)
  expect_error(
    posterior_predict(fit, new, 3, random = FALSE), "lacks `X`", class = "hdlmm_bad_input"
  )
  expect_error(
    predict(fit, new, random = FALSE, interval = "prediction"), "lacks `X`",
    class = "hdlmm_bad_input"
  )
  expect_length(predict(fit, new, random = FALSE), 1)
})

test_that("prior draws share effects as the model does", {
  prior <- lmm_prior(
    random = prior_inverse_gamma(200, 20), residual = prior_inverse_gamma(200, 200),
    fixed = prior_normal(0, 1e-4)
  )
  for (kind in names(designs)) {
    y <- prior_predict(designs[[kind]][[1]], shared, prior, n_draws, seed = 1, weights = shared$w)
    wanted <- designs[[kind]][[2]](shared) * 20 / 199 + diag(200 / 199 / shared$w)
    expect_covariance(y, wanted, kind, slack = 1.2)
  }
})
