# Exact Bayes by quadrature against brute force: see helper-dense-bayes.R.

ig <- prior_inverse_gamma
half_t <- prior_half_t

# Every kind of prior, of design and of shape, once.
bayes_cases <- list(
  list(dense_case(1, 12, 20), lmm_prior(random = ig(2, 0.1), residual = ig(2, 1))),
  list(
    dense_case(2, 12, 20),
    lmm_prior(random = half_t(3, 0.5), residual = half_t(3, 2), fixed = prior_normal(0, 10))
  ),
  list(
    dense_case(3, 12, 5, weights = TRUE, offset = TRUE),
    lmm_prior(
      random = half_t(4, 0.5), residual = ig(2, 1), fixed = prior_normal(c(1, -2), c(1, 3))
    )
  ),
  list(
    dense_case(4, 14, 6, random = "sparse"),
    lmm_prior(pve = prior_beta(0.5, 2), total = ig(3, 2))
  ),
  list(
    dense_case(5, 14, 4, random = "group", offset = TRUE),
    lmm_prior(pve = prior_beta(1, 2), total = half_t(3, 1), fixed = prior_normal(1, 2))
  ),
  list(
    dense_case(6, 12, 9, random = "kernel", weights = TRUE),
    lmm_prior(pve = prior_flat(), total = ig(2, 1))
  ),
  list(
    dense_case(7, 10, 1), lmm_prior(random = ig(3, 1), residual = half_t(3, 1))
  ),
  list(
    dense_case(8, 10, 15, n_fixed = 0), lmm_prior(random = half_t(4, 1), residual = half_t(4, 1))
  ),
  list(dense_case(9, 20, 8, n_fixed = 1, shift = 5), lmm_prior()),
  list(
    dense_case(10, 11, 7, center = TRUE, scale = TRUE),
    lmm_prior(
      random = ig(2, 0.5), residual = prior_jeffreys(), fixed = prior_normal(c(2, 0), c(0.5, 5))
    )
  )
)

bayes_pairs <- lapply(bayes_cases, function(one) {
  prior <- one[[2]]
  list(
    case = one[[1]], prior = prior, fit = fit_case(one[[1]], "Bayes", prior = prior),
    dense = dense_posterior(one[[1]]$dense, prior, step = 0.25)
  )
})

test_that("the log evidence is that of the integral over both log variances", {
  for (pair in bayes_pairs) {
    evidence <- pair$fit$posterior$evidence
    error <- abs(evidence$log - pair$dense$log_evidence)
    # asked for 1e-6, and half t tails are cut where 1e-9 of the mass is left
    expect_below(c(evidence = error), 1e-7, pair$case$label)
    # halving the step sees all errors but those of the range
    expect_below(c(estimate = error), evidence$error + 1e-8, pair$case$label)
    expect_true(pair$fit$is_converged)
    if (is_proper(pair$prior)) expect_identical(log_evidence(pair$fit), evidence$log)
  }
})

test_that("the Bayes factor is the ratio of two integrals", {
  for (pair in bayes_pairs) {
    null <- dense_null_evidence(pair$case$dense, pair$prior)
    expect_equal(
      bayes_factor(pair$fit, log = TRUE), pair$dense$log_evidence - null,
      tolerance = 1e-7, label = pair$case$label  # as the evidence
    )
  }
})

test_that("posterior means and standard deviations of variances and pve are the integrals", {
  for (pair in bayes_pairs) {
    fit <- pair$fit
    random <- dense_moments(pair$dense, function(b, e) b)
    residual <- dense_moments(pair$dense, function(b, e) e)
    share <- dense_moments(pair$dense, dense_share(pair$dense))
    error <- c(
      mean = relative_error(varcomp(fit), c(random[1], residual[1])),
      pve = relative_error(unlist(pve(fit)[c("estimate", "se")]), share)
    )
    # nodes with less than 1e-10 of the largest weight are left out; variances have heavy tails
    expect_below(error, 1e-5, pair$case$label)
    expect_below(
      c(sd = relative_error(VarCorr(fit)$se, c(random[2], residual[2]))), 1e-3, pair$case$label
    )
  }
})

test_that("posterior moments of fixed and random effects are mixtures' moments", {
  for (pair in bayes_pairs) {
    dense <- pair$case$dense
    effects <- pair$case$effects
    c <- ncol(dense$z)
    q <- ncol(dense$a)
    mixture <- dense_mixture(
      pair$dense, rbind(diag(c), matrix(0, length(effects), c)),
      rbind(matrix(0, c, q), diag(q)[effects, , drop = FALSE])
    )
    moments <- dense_mixture_moments(mixture)
    random <- ranef(pair$fit, se = TRUE)
    # the lattice leaves out points below 1e-9 of the largest
    expect_below(c(
      mean = relative_error(c(fixef(pair$fit), random[[1]]), moments$mean),
      sd = relative_error(
        c(sqrt(diag(vcov(pair$fit))), attr(random, "se")[[1]]), moments$sd
      )
    ), 1e-6, pair$case$label)
  }
})

test_that("limits of credible intervals have the probabilities they promise", {
  for (pair in bayes_pairs[c(1, 2, 5, 6)]) {
    c <- ncol(pair$case$dense$z)
    is_closed <- pair$prior$fixed$kind == "flat"
    mixture <- dense_mixture(pair$dense, diag(c), matrix(0, c, ncol(pair$case$dense$a)))
    for (level in c(0.5, 0.95)) {
      limits <- confint(pair$fit, level = level)
      at <- seq_len(c)
      p <- rbind(
        dense_mixture_cdf(mixture, limits[at, 1]), dense_mixture_cdf(mixture, limits[at, 2]),
        deparse.level = 0
      )
      found <- list(
        fixed = p, pve = dense_cdf(pair$dense, "r")(
          stats::qlogis(limits["pve", ]) - log(pair$dense$kappa)
        ),
        random = dense_cdf(pair$dense, "u")(log(limits[c + 1, ])),
        residual = dense_cdf(pair$dense, "t")(log(limits["Residual", ]))
      )
      tails <- c(1 - level, 1 + level) / 2
      error <- vapply(found, function(x) max(abs(as.vector(x) - rep(tails, length(x) / 2))), 0)
      # Newton's steps end at 1e-11; pve goes by linear interpolation on a fine grid; where tau^2
      # has no closed form an inverse gamma with its first two moments stands in
      expect_below(error["fixed"], 1e-7, pair$case$label)
      expect_below(error["pve"], 5e-5, pair$case$label)
      expect_below(error[c("random", "residual")], if (is_closed) 5e-5 else 3e-3, pair$case$label)
      expect_equal(
        unlist(pve(pair$fit, level)[c("lower", "upper")]), limits["pve", ], ignore_attr = TRUE,
        tolerance = 0  # the same numbers
      )
    }
  }
})

test_that("quantiles and densities of single effects are those of the mixture", {
  for (pair in bayes_pairs[c(1, 2, 5, 6)]) {
    effects <- ranef(pair$fit)[[1]]
    names <- names(effects)[c(1, 3)]
    q <- ncol(pair$case$dense$a)
    c <- ncol(pair$case$dense$z)
    mixture <- dense_mixture(
      pair$dense, matrix(0, 2, c), diag(q)[pair$case$effects[c(1, 3)], , drop = FALSE]
    )
    moments <- dense_mixture_moments(mixture)
    table <- posterior_summary(pair$fit, names, probs = c(0.1, 0.5, 0.975))
    p <- apply(table[, 3:5], 2, function(x) dense_mixture_cdf(mixture, x))
    error <- c(
      mean = relative_error(table[, "mean"], moments$mean),
      sd = relative_error(table[, "sd"], moments$sd),
      p = max(abs(p - rep(c(0.1, 0.5, 0.975), each = 2)))
    )
    expect_below(error, 1e-6, pair$case$label)  # the lattice leaves out 1e-9 of the largest
    curve <- posterior_density(pair$fit, names[1], n = 50)
    density <- vapply(curve$x, function(x) {
      sum(mixture$weight * stats::dnorm(x, mixture$mean[1, ], mixture$sd[1, ]))
    }, 0)
    expect_below(c(density = relative_error(curve$density, density)), 1e-6, pair$case$label)
  }
})

test_that("densities of variances and of pve are those of the lattice", {
  for (pair in bayes_pairs[c(1, 2, 4, 8)]) {
    is_closed <- all(is.finite(pair$fit$posterior$points$df))
    names <- c(names(varcomp(pair$fit)), "pve")
    curve <- posterior_density(pair$fit, names, n = 60)
    error <- vapply(1:3, function(k) {
      one <- curve[curve$parameter == names[k], ]
      one <- one[seq(5, 55, by = 5), ]
      # by the measure of the logarithm or the logit
      truth <- if (k < 3) {
        dense_density(pair$dense, c("u", "t")[k], log(one$x)) / one$x
      } else {
        dense_density(pair$dense, "r", stats::qlogis(one$x) - log(pair$dense$kappa)) /
          (one$x * (1 - one$x))
      }
      relative_error(one$density, truth)
    }, 0)
    names(error) <- c("random", "residual", "pve")
    # splines of log densities; an inverse gamma with two right moments where none is exact
    expect_below(error["pve"], 1e-4, pair$case$label)
    expect_below(error[1:2], if (is_closed) 2e-4 else 0.05, pair$case$label)
  }
})

test_that("predictions at new rows are the mixture's, with its exact quantiles", {
  for (pair in bayes_pairs[c(1, 3, 5, 6, 8, 10)]) {
    case <- pair$case
    w <- c(1, 2, 3, 4)
    label <- case$label
    ask <- function(...) predict(pair$fit, case$new, allow.new.levels = TRUE, level = 0.9, ...)
    mixture <- dense_mixture(pair$dense, case$new_z, case$new_a)
    moments <- dense_mixture_moments(mixture)
    mean <- ask(interval = "confidence", se.fit = TRUE)
    expect_below(c(
      fit = relative_error(mean$fit[, 1] - case$new_offset, moments$mean),
      se = relative_error(mean$se.fit, moments$sd)
    ), 1e-6, label)  # as the effects
    latent <- mean$fit[, 2:3] - case$new_offset
    response <- ask(interval = "prediction", weights = w)[, 2:3] - case$new_offset
    noisy <- dense_mixture(pair$dense, case$new_z, case$new_a, 1 / w)
    p <- c(
      dense_mixture_cdf(mixture, latent[, 1]), dense_mixture_cdf(mixture, latent[, 2]),
      dense_mixture_cdf(noisy, response[, 1]), dense_mixture_cdf(noisy, response[, 2])
    )
    # Newton's steps end at 1e-11; the lattice leaves out points below 1e-9 of the largest
    expect_below(c(quantiles = max(abs(p - rep(c(0.05, 0.95), 2, each = 4)))), 1e-7, label)
  }
})

test_that("fitted rows are predicted as new rows with the same values are", {
  for (pair in bayes_pairs[c(1, 3, 6)]) {
    X <- environment(pair$case$formula)$X
    same <- c(pair$case$data, list(X = X))
    ask <- list(interval = "prediction", se.fit = TRUE, weights = pair$fit$weights)
    if (is.null(ask$weights)) ask$weights <- 1
    one <- do.call(predict, c(list(pair$fit), ask))
    two <- do.call(predict, c(list(pair$fit, same), ask))
    # the same mixture from columns of X X' and from rows of X
    expect_equal(one$fit, two$fit, tolerance = 1e-8, ignore_attr = TRUE)
    expect_equal(one$se.fit, two$se.fit, tolerance = 1e-8, ignore_attr = TRUE)
  }
})

test_that("a fit that was saved and read again gives the same answers", {
  pair <- bayes_pairs[[2]]
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(pair$fit, file)
  again <- readRDS(file)
  ask <- function(fit) {
    list(
      predict(fit, pair$case$new, interval = "prediction"), confint(fit), pve(fit), loo(fit),
      log_evidence(fit), posterior_sample(fit, 10, seed = 1), bayes_factor(fit),
      posterior_predict(fit, pair$case$new, draws = 5, seed = 2)
    )
  }
  expect_identical(ask(again), ask(pair$fit))
})

# Leave one out --------------------------------------------------------------------------

test_that("a row's density given the others is a ratio of evidences, its mean the refit's", {
  set.seed(41)
  n <- 14
  d <- data.frame(x = rnorm(n), w = runif(n, 0.5, 2))
  X <- matrix(rnorm(n * 20), n)
  d$y <- 1 + d$x + drop(X %*% rnorm(20, sd = 0.3)) + rnorm(n)
  priors <- list(
    lmm_prior(random = ig(2, 0.1), residual = ig(2, 1)),
    lmm_prior(
      random = half_t(3, 0.5), residual = half_t(3, 1), fixed = prior_normal(c(1, 0), c(1, 4))
    )
  )
  for (prior in priors) {
    full <- lmm(y ~ x + re(X), d, method = "Bayes", prior = prior, weights = w)
    table <- loo(full)$table
    for (i in c(1, 6, 14)) {
      d$part <- replace(d$w, i, 0)
      without <- suppressMessages(
        lmm(y ~ x + re(X), d, method = "Bayes", prior = prior, weights = part)
      )
      ratio <- full$posterior$evidence$log - without$posterior$evidence$log
      # nodes below 1e-10 of the largest weight are left out, and reciprocals of the density of an
      # outlying row weigh them up
      expect_equal(table$log_density[i], ratio, tolerance = 1e-5)
      at <- list(x = d$x[i], X = X[i, , drop = FALSE])
      predicted <- predict(without, at, se.fit = TRUE)
      expect_equal(table$prediction[i], predicted$fit[[1]], tolerance = 1e-5)
      variance <- predicted$se.fit[[1]]^2 + varcomp(without)[["Residual"]] / d$w[i]
      expect_equal(table$variance[i], variance, tolerance = 1e-4)  # heavier tails, likewise
    }
  }
})

test_that("under a prior of the shares a row's density is that ratio with kappa held", {
  pair <- bayes_pairs[[4]]
  table <- loo(pair$fit)$table
  for (i in c(2, 9)) {
    rest <- dense_posterior(
      dense_without(pair$case$dense, i), pair$prior, pair$dense$kappa, step = 0.25
    )
    # as above
    expect_equal(
      table$log_density[i], pair$dense$log_evidence - rest$log_evidence, tolerance = 1e-6
    )
  }
})

# Gibbs against quadrature ---------------------------------------------------------------

test_that("the sampler and the quadrature agree within Monte Carlo error", {
  skip_if_not_installed("posterior")
  set.seed(51)
  n <- 30
  d <- data.frame(x = rnorm(n), w = runif(n, 0.5, 2), g = gl(10, 3))
  X <- matrix(rnorm(n * 40), n)
  d$y <- 2 + d$x + drop(X %*% rnorm(40, sd = 0.25)) + rnorm(n)
  runs <- list(
    list(y ~ x + re(X), lmm_prior()),
    list(y ~ x + re(X), lmm_prior(
      random = half_t(3, 0.5), residual = half_t(3, 1), fixed = prior_normal(1, 2)
    )),
    list(y ~ x + (1 | g), lmm_prior(random = ig(2, 0.5), residual = ig(2, 1)))
  )
  for (run in runs) {
    prior <- run[[2]]
    fit <- function(...) lmm(run[[1]], d, method = "Bayes", prior = prior, weights = w, ...)
    exact <- fit()
    gibbs <- fit(algorithm = "gibbs", control = lmm_control(draws = 2000, seed = 3))
    summary <- posterior::summarise_draws(
      posterior::as_draws_array(gibbs), "mean", "sd", "mcse_mean", "rhat"
    )
    truth <- c(fixef(exact), varcomp(exact), pve(exact)$estimate)
    # four standard errors each: 1 in 16000 by chance, and the seed is fixed
    error <- as.numeric(abs(summary$mean - truth) / summary$mcse_mean)
    expect_below(stats::setNames(error, summary$variable), 4)
    expect_lt(max(summary$rhat), 1.02)  # 8000 draws of a sampler that mixes
    spread <- c(sqrt(diag(vcov(exact))), VarCorr(exact)$se, pve(exact)$se)
    # a standard deviation of some 2000 effective draws with heavy tails
    expect_equal(as.numeric(summary$sd), unname(spread), tolerance = 0.1)
    # effects come from 400 of the draws: standard errors of a twentieth of a posterior sd
    beta <- ranef(exact, se = TRUE)
    error <- abs(ranef(gibbs)[[1]] - beta[[1]]) / attr(beta, "se")[[1]]
    expect_lt(max(error), 4 / sqrt(400))
  }
})
