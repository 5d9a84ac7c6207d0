# Fully variational fits, with priors of the variances, against the textbook loops of helper-vb.R.

fit_full_case <- function(case, prior, algorithm = "collapsed", ...) {
  fit_case(case, "VB", algorithm = algorithm, prior = prior, control = lmm_control(...))
}

full_priors <- list(
  gamma = lmm_prior(random = prior_inverse_gamma(2, 0.1), residual = prior_inverse_gamma(3, 2)),
  half_t = lmm_prior(random = prior_half_t(3, 0.4), residual = prior_half_t(1, 2)),
  jeffreys = lmm_prior(random = prior_half_t(4, 0.3), residual = prior_jeffreys()),
  flat = lmm_prior(random = prior_inverse_gamma(1, 0.2), residual = prior_flat())
)

test_that("fully variational fits have the textbook's limit and bound, with every constant", {
  for (kind in c("wide", "tall", "weights", "sparse", "bare", "weighted_means")) {
    case <- vb_case(kind, 5)
    model <- vb_dense(case)
    for (name in names(full_priors)) {
      prior <- full_priors[[name]]
      info <- paste(case$label, name)
      fits <- list(
        fit_full_case(case, prior), fit_full_case(case, prior, "cavi"),
        fit_full_case(case, prior, blocks = seq_len(vb_kinds[[kind]]$p))
      )
      fit <- fits[[1]]
      book <- textbook_full(model, prior$random, prior$residual, NULL, fit, 20)
      expect_below(c(
        book = abs(book$trace[20] - elbo(fit)), cavi = abs(elbo(fits[[2]]) - elbo(fit)),
        blocks = abs(elbo(fits[[3]]) - elbo(fit))
      ), 1e-8, info)
      q <- fit$q
      expect_below(c(
        mu = relative_error(ranef(fit)[[1]], book$mu),
        omega = relative_error(fixef(fit), book$omega),
        random = relative_error(unlist(q$random), unlist(book$random[c("shape", "scale")])),
        residual = relative_error(unlist(q$residual), unlist(book$residual[c("shape", "scale")])),
        vcov = if (ncol(model$z)) relative_error(q$omega_vcov, book$omega_vcov) else 0
      ), 1e-6, info)  # the square root of the bound's precision, about
      for (one in fits) {
        expect_monotone(one, info)
        expect_lte(elbo(one), elbo(fit) + 1e-8)
      }
    }
  }
})

test_that("a normal prior of the fixed effects has its factor, too", {
  for (kind in c("wide", "weighted_means")) {
    case <- vb_case(kind, 9)
    model <- vb_dense(case)
    for (name in c("gamma", "half_t")) {
      info <- paste(case$label, name)
      prior <- full_priors[[name]]
      prior$fixed <- prior_normal(0, 0.7)
      fit <- fit_full_case(case, prior)
      cavi <- fit_full_case(case, prior, "cavi")
      book <- textbook_full(model, prior$random, prior$residual, 0.7, fit, 20)
      expect_below(c(
        book = abs(book$trace[20] - elbo(fit)), cavi = abs(elbo(cavi) - elbo(fit))
      ), 1e-8, info)
      expect_below(c(
        mu = relative_error(ranef(fit)[[1]], book$mu),
        omega = relative_error(fixef(fit), book$omega),
        vcov = relative_error(fit$q$omega_vcov, book$omega_vcov)
      ), 1e-6, info)  # the square root of the bound's precision, about
      expect_gte(kl_gap(fit), 0)
      expect_below(c(id = abs(log_evidence(fit) - elbo(fit) - kl_gap(fit))), 1e-8, info)
      expect_lte(kl_gap(fit_full_case(case, prior, blocks = rep(1, ncol(model$a)))), kl_gap(fit))
    }
  }
})

# log p(y) by the trapezoidal rule over both log variances, omega integrated out.
grid_evidence <- function(model, prior) {
  log_density <- function(density, x) {
    v <- exp(x)
    x + switch(density$kind,
      inverse_gamma = density$a * log(density$b) - lgamma(density$a) - (density$a + 1) * x -
        density$b / v,
      half_t = log(2) + dt(sqrt(v) / density$b, density$a, log = TRUE) - log(density$b) -
        log(2) - x / 2
    )
  }
  # a half t leaves exp(u / 2) of its mass below u: 1e-5 at the lower end
  u <- seq(-23, 6, length.out = 70)
  grid <- expand.grid(u = u, v = u)
  value <- vapply(seq_len(nrow(grid)), function(i) {
    dense_loglik(model, exp(unlist(grid[i, ])), "REML")
  }, 0) + log_density(prior$random, grid$u) + log_density(prior$residual, grid$v)
  top <- max(value)
  top + log(sum(exp(value - top))) + 2 * log(u[2] - u[1])
}

test_that("the fully variational bound is below the log evidence under the same priors, and near", {
  case <- dense_case(10, 14, 6, pve = 0.7)
  for (name in c("gamma", "half_t")) {
    prior <- full_priors[[name]]
    exact <- grid_evidence(vb_dense(case), prior)
    bounds <- vapply(list(NULL, rep(1, 6)), function(blocks) {
      fit <- fit_full_case(case, prior, blocks = blocks)
      # the package's own quadrature, and the rule here; a flat omega counts with density one
      expect_below(c(evidence = abs(elbo(fit) + kl_gap(fit) - exact)), 1e-4, name)
      elbo(fit)
    }, 0)
    # the rule is exact to about 1e-6 for so smooth an integrand
    expect_lt(bounds[1], bounds[2])
    expect_lt(bounds[2], exact + 1e-4)
    expect_gt(bounds[2], exact - 2)
  }
})

test_that("priors without conjugate factors are refused by class", {
  case <- vb_case("tall")
  expect_error(fit_full_case(case, lmm_prior()), class = "hdlmm_unsupported")
  for (random in list(prior_flat(), prior_jeffreys())) {
    prior <- lmm_prior(random = random, residual = prior_jeffreys())
    expect_error(fit_full_case(case, prior), class = "hdlmm_improper_prior")
  }
})
