# Quantiles of variances and of pve against plain sums over a lattice of both log variances: y in
# the directions that a flat intercept leaves is normal with variances sigma_b^2 l + sigma_e^2.

lattice <- function(X, y, log_prior, step = 0.04) {
  n <- nrow(X)
  q <- qr.Q(qr(cbind(1, diag(n))))[, 2:n]
  e <- eigen(crossprod(q, tcrossprod(X)) %*% q, symmetric = TRUE)
  l <- pmax(e$values, 0)
  yt <- drop(crossprod(e$vectors, crossprod(q, y)))
  g <- seq(-40, 20, step)
  kappa <- sum(l) / (n - 1)
  density <- t(vapply(g, function(u) {
    v <- outer(exp(u) * l, exp(g), `+`)
    -0.5 * (colSums(log(v)) + colSums(yt^2 / v)) + log_prior(u, g, kappa)
  }, g))
  mass <- exp(density - max(density))
  apart <- outer(seq_along(g), seq_along(g), `-`)
  share <- rowsum(c(mass), c(apart))
  list(
    random = lattice_law(g, rowSums(mass)), residual = lattice_law(g, colSums(mass)),
    pve = lattice_law(as.numeric(rownames(share)) * step + log(kappa), drop(share))
  )
}

# Distribution function from masses on an even lattice: Euler and Maclaurin's first term, then
# cubics with the right slopes; errors go with step^4.
lattice_law <- function(at, mass) {
  mass <- mass / sum(mass)
  last <- length(mass)
  slope <- c(0, (mass[-(1:2)] - mass[-c(last - 1, last)]) / 2, 0)
  stats::splinefunH(at, cumsum(mass) - mass / 2 - slope / 12, mass / (at[2] - at[1]))
}

log_half_t <- function(x, df, scale) stats::dt(exp(x / 2) / scale, df, log = TRUE) + x / 2

priors <- list(
  share = list(lmm_prior(), function(u, v, kappa) {
    x <- u + log(kappa) - v
    stats::plogis(x, log.p = TRUE) + stats::plogis(-x, log.p = TRUE)
  }),
  half_t = list(
    lmm_prior(random = prior_half_t(3, 0.5), residual = prior_half_t(4, 1)),
    function(u, v, kappa) log_half_t(u, 3, 0.5) + log_half_t(v, 4, 1)
  ),
  mixed = list(
    lmm_prior(random = prior_inverse_gamma(2, 1), residual = prior_half_t(3, 1)),
    function(u, v, kappa) -2 * u - exp(-u) + log_half_t(v, 3, 1)
  )
)

test_that("quantiles of variances and of pve have the probabilities of the lattice's sums", {
  set.seed(2)
  p <- c(0.025, 0.5, 0.975)
  for (n in c(3, 10)) {
    X <- matrix(rnorm(n * 20), n)
    d <- data.frame(y = rnorm(n) + X[, 1])
    d$X <- X
    for (kind in names(priors)) {
      fit <- suppressMessages(lmm(y ~ re(X), d, "Bayes", prior = priors[[kind]][[1]]))
      law <- lattice(X, d$y, priors[[kind]][[2]])
      got <- posterior_summary(fit)
      # 1e-6: fourth powers of a sixteenth, and of the lattice's step
      expect_equal(law$random(log(got["X", 3:5])), p, tolerance = 1e-6, ignore_attr = TRUE)
      expect_equal(law$residual(log(got["Residual", 3:5])), p, tolerance = 1e-6, ignore_attr = TRUE)
      expect_equal(law$pve(qlogis(got["pve", 3:5])), p, tolerance = 1e-6, ignore_attr = TRUE)
      expect_equal(confint(fit, "Residual")[1, ], got["Residual", c(3, 5)], ignore_attr = TRUE)
      expect_equal(unlist(pve(fit)[c("lower", "upper")]), got["pve", c(3, 5)], ignore_attr = TRUE)
      # draws come from the same law: 4.5 standard errors of a probability of 0.5
      draws <- posterior_sample(fit, 2000, seed = 1)$variances
      below <- colMeans(draws < rep(got[c("X", "Residual"), 4], each = 2000))
      expect_lt(max(abs(below - 0.5)), 4.5 * 0.5 / sqrt(2000))
    }
  }
})
