# Priors of several random terms and of blocks: what the core reads against formulae, its gradient,
# its mass, and what it does not depend on.

terms_priors <- list(
  shares = lmm_prior(total = prior_inverse_gamma(3, 2)),
  beta = lmm_prior(pve = prior_beta(2.5, 3), total = prior_half_t(3, 2)),
  flat_share = lmm_prior(pve = prior_flat(), total = prior_jeffreys()),
  dirichlet = lmm_prior(
    pve = prior_dirichlet(c(Residual = 2, b = 1.5, a = 3)), total = prior_flat()
  ),
  half_t = lmm_prior(random = prior_half_t(2, 0.7), residual = prior_half_t(4, 3)),
  scales = lmm_prior(
    random = list(b = prior_inverse_gamma(2, 0.3), a = prior_half_t(3, c(0.5, 1.7))),
    residual = prior_inverse_gamma(1.5, 0.4)
  ),
  flat = lmm_prior(
    random = list(a = prior_flat(), b = prior_jeffreys()), residual = prior_flat()
  )
)

# A problem with the block (x | a) and the term (1 | b); units: of y and of x.
prior_problem <- function(prior, units = c(1, 1), formula = y ~ x + (x | a) + (1 | b)) {
  d <- small_terms_data()
  d$y <- d$y * units[1]
  d$x <- d$x * units[2]
  env <- list2env(d)
  call <- quote(lmm(y ~ x, weights = w))
  hdlmm:::build_problem(formula, d, call, env, NULL, prior, hdlmm:::make_host(lmm_control()))
}

some_sigmas <- function() {
  list(a = matrix(c(1.3, 0.4, 0.4, 0.8), 2), b = matrix(0.35))
}

core_prior <- function(inside, sigma, sigma2, stated) {
  hdlmm:::cpp_terms_log_prior(inside, unname(sigma), sigma2, stated)
}

test_that("the core's density of several terms is that of the user's covariances, in any units", {
  for (prior in terms_priors) {
    for (units in list(c(1, 1), c(1e4, 1e-3), c(1e-5, 100))) {
      problem <- prior_problem(prior, units)
      inside <- hdlmm:::internal_terms_prior(problem)
      d <- diag(c(units[1], units[1] / units[2]))
      sigma <- list(
        a = d %*% some_sigmas()$a %*% d, b = some_sigmas()$b * units[1]^2
      )
      core <- Map(
        function(design, s) inside_block(problem$units, design, s), problem$designs, sigma
      )
      sigma2 <- 0.9 * units[1]^2
      at <- core_prior(
        inside, core, hdlmm:::inside_variance(problem$units, sigma2, "Residual"), FALSE
      )
      moments <- lapply(problem$designs, hdlmm:::user_moments)
      user <- unname(dense_terms_prior(prior, sigma, sigma2, moments, FALSE))
      parameters <- hdlmm:::terms_parameters(problem$designs)
      volume <- log(2) *
        sum(hdlmm:::parameter_units(problem$units, problem$designs, parameters))
      # logarithms of numbers from 1e-26 to 1e26, and lgamma
      expect_equal(
        at$value + at$log_constant + inside$log_constant, user + volume, tolerance = 1e-11
      )
    }
  }
})

test_that("a density by the stated parameters is that by volume times a power that is known", {
  for (name in names(terms_priors)) {
    problem <- prior_problem(terms_priors[[name]])
    inside <- hdlmm:::internal_terms_prior(problem)
    moments <- lapply(problem$designs, hdlmm:::user_moments)
    gap <- vapply(list(c(1, 1), c(0.3, 2), c(5, 0.1)), function(size) {
      sigma <- some_sigmas()
      sigma$a <- sigma$a * size[1]
      sigma$b <- sigma$b * size[2]
      core <- Map(
        function(design, s) inside_block(problem$units, design, s), problem$designs, sigma
      )
      at <- core_prior(
        inside, core, hdlmm:::inside_variance(problem$units, 0.9, "Residual"), TRUE
      )$value
      at - dense_terms_prior(terms_priors[[name]], sigma, 0.9, moments, TRUE)
    }, 0)
    expect_equal(gap - gap[1], numeric(3), tolerance = 1e-10, info = name)  # up to a constant
  }
})

test_that("gradients of the core's density are those of its values", {
  for (prior in terms_priors) {
    inside <- hdlmm:::internal_terms_prior(prior_problem(prior))
    for (stated in c(TRUE, FALSE)) {
      sigma <- some_sigmas()
      at <- core_prior(inside, sigma, 0.7, stated)
      value <- function(sigma, sigma2 = 0.7) core_prior(inside, sigma, sigma2, stated)$value
      step <- 1e-5
      slope <- function(f) (f(step) - f(-step)) / (2 * step)
      moved <- function(k, i, j) {
        function(d) {
          sigma[[k]][i, j] <- sigma[[k]][j, i] <- sigma[[k]][i, j] + d
          value(sigma)
        }
      }
      # formula error step^2, rounding 1e-16 / step
      expect_equal(at$residual, slope(function(d) value(sigma, 0.7 + d)), tolerance = 1e-7)
      expect_equal(at$terms[[2]][1], slope(moved(2, 1, 1)), tolerance = 1e-7)
      expect_equal(diag(at$terms[[1]])[1], slope(moved(1, 1, 1)), tolerance = 1e-7)
      expect_equal(diag(at$terms[[1]])[2], slope(moved(1, 2, 2)), tolerance = 1e-7)
      expect_equal(2 * at$terms[[1]][2, 1], slope(moved(1, 2, 1)), tolerance = 1e-7)
    }
  }
})

test_that("a single variance has the density that the route of one term gives it", {
  cases <- list(
    lmm_prior(pve = prior_beta(2, 3), total = prior_half_t(3, 2)),
    lmm_prior(pve = prior_dirichlet(c(b = 2, Residual = 3)), total = prior_half_t(3, 2)),
    lmm_prior(random = prior_half_t(3, 0.5), residual = prior_inverse_gamma(2, 1)),
    lmm_prior(random = list(b = prior_inverse_gamma(2, 1)), residual = prior_jeffreys())
  )
  for (prior in cases) {
    problem <- prior_problem(prior, formula = y ~ x + (1 | b))
    inside <- hdlmm:::internal_terms_prior(problem)
    problem$system <- list(kappa = inside$moments[[1]][1])
    if (is.null(inside$moments)) problem$system$kappa <- 1
    one <- hdlmm:::internal_prior(problem)
    for (at in list(c(0.3, 0.9), c(4, 0.02), c(1e-4, 7))) {
      u <- log(at)
      lone <- hdlmm:::cpp_log_prior(one, u[1], u[2], FALSE)[1] + one$log_constant
      several <- core_prior(inside, list(matrix(at[1])), at[2], FALSE)
      # log_constant of one term holds its units too, those here its flat parts alone
      expect_equal(several$value + several$log_constant + sum(u), lone, tolerance = 1e-10)
      stated <- hdlmm:::cpp_log_prior(one, u[1], u[2], TRUE)[1]
      expect_equal(
        core_prior(inside, list(matrix(at[1])), at[2], TRUE)$value - stated,
        core_prior(inside, list(matrix(1)), 1, TRUE)$value -
          hdlmm:::cpp_log_prior(one, 0, 0, TRUE)[1],
        tolerance = 1e-10
      )
    }
  }
})

test_that("draws of a prior fall into a box as often as its density says", {
  proper <- list(
    lmm_prior(pve = prior_dirichlet(c(4, 2, 3)), total = prior_inverse_gamma(5, 20)),
    lmm_prior(pve = prior_beta(3, 2), total = prior_half_t(5, 3)),
    lmm_prior(
      random = list(a = prior_half_t(2, c(0.8, 1.2)), b = prior_inverse_gamma(3, 2)),
      residual = prior_half_t(3, 1)
    ),
    lmm_prior(random = prior_half_t(0.5, 1), residual = prior_inverse_gamma(3, 2))
  )
  low <- c(0.4, -0.5, 0.3, 0.3, 0.3)
  high <- c(2.5, 0.6, 2, 2, 3)
  for (prior in proper) {
    problem <- prior_problem(prior)
    moments <- lapply(problem$designs, hdlmm:::user_moments)
    set.seed(7)
    drawn <- hdlmm:::draw_problem_variances(problem, prior, 8000)
    points <- rbind(drawn$a[1, 1, ], drawn$a[2, 1, ], drawn$a[2, 2, ], drawn$b, drawn$Residual)
    inside <- mean(colSums(points > low & points < high) == 5)
    at <- low + (high - low) * matrix(runif(5 * 4000), 5)
    density <- apply(at, 2, function(p) {
      if (p[1] * p[3] <= p[2]^2) return(0)
      sigma <- list(a = matrix(p[c(1, 2, 2, 3)], 2), b = matrix(p[4]))
      exp(dense_terms_prior(prior, sigma, p[5], moments, FALSE))
    })
    mass <- prod(high - low) * mean(density)
    se <- sqrt(inside * (1 - inside) / 8000 + prod(high - low)^2 * var(density) / 4000)
    expect_gt(inside, 5 * se)
    expect_lt(abs(inside - mass), 4 * se)  # a fixed seed
  }
})

residual_part <- function(inside) {
  alone <- inside
  alone$terms <- list()
  alone$widths <- integer()
  at <- core_prior(alone, list(), 1, FALSE)
  at$value + at$log_constant
}

test_that("a half t with two degrees of freedom makes every correlation uniform", {
  inside <- hdlmm:::internal_terms_prior(prior_problem(terms_priors$half_t))
  # t = s / (1 + s) on a grid of midpoints, the same for both standard deviations
  t <- (seq_len(150) - 0.5) / 150
  s <- (t / (1 - t))^2
  weight <- 2 * t / (1 - t)^3 / 150
  scale <- inside$terms[[1]]$b
  inside$terms <- list(list(kind = "half_t", a = 2, b = c(1, 4)))
  inside$widths <- 2L
  mass <- vapply(c(-0.9, 0, 0.6), function(rho) {
    at <- outer(seq_along(s), seq_along(s), Vectorize(function(i, j) {
      sigma <- matrix(c(s[i]^2, rho * s[i] * s[j], rho * s[i] * s[j], s[j]^2), 2)
      at <- core_prior(inside, list(sigma), 1, FALSE)
        volume <- 4 * s[i]^2 * s[j]^2
      own <- at$value + at$log_constant - residual_part(inside)
      exp(own) * volume * weight[i] * weight[j]
    }))
    sum(at)
  }, 0)
  expect_equal(mass, rep(0.5, 3), tolerance = 1e-3)  # midpoints: 150^-2
})

test_that("a prior on shares does not know the units or the origin of the columns of a block", {
  inside <- hdlmm:::internal_terms_prior(prior_problem(terms_priors$beta))
  turn <- matrix(c(1, 0, -7, 0.3), 2)  # coefficients of (1, a + b x) from those of (1, x)
  other <- inside
  other$moments[[1]] <- solve(t(turn)) %*% inside$moments[[1]] %*% solve(turn)
  for (size in c(0.1, 3)) {
    sigma <- some_sigmas()
    sigma$a <- sigma$a * size
    moved <- sigma
    moved$a <- turn %*% sigma$a %*% t(turn)
    one <- core_prior(inside, sigma, 0.8, FALSE)
    two <- core_prior(other, moved, 0.8, FALSE)
    expect_equal(
      two$value + two$log_constant, one$value + one$log_constant - 3 * log(abs(det(turn))),
      tolerance = 1e-10
    )
    expect_equal(
      core_prior(other, moved, 0.8, TRUE)$value, core_prior(inside, sigma, 0.8, TRUE)$value,
      tolerance = 1e-10
    )
  }
})

test_that("priors that a model cannot have are refused with what to write", {
  problem <- function(prior) hdlmm:::internal_terms_prior(prior_problem(prior))
  expect_error(
    problem(lmm_prior(random = prior_inverse_gamma(2, 1))), "use prior_half_t(2, scale)",
    fixed = TRUE, class = "hdlmm_bad_input"
  )
  expect_error(
    problem(lmm_prior(random = list(a = prior_flat()))), "the model has `a` and `b`",
    class = "hdlmm_bad_input"
  )
  expect_error(
    problem(lmm_prior(pve = prior_dirichlet(c(a = 1, c = 1, Residual = 1)))),
    "the model needs one each for `a`, `b` and `Residual`", class = "hdlmm_bad_input"
  )
  expect_error(
    problem(lmm_prior(random = prior_half_t(3, c(1, 2)))), "`b` has 1 coefficient a level",
    class = "hdlmm_bad_input"
  )
  expect_error(prior_dirichlet(c(a = 1, b = 2)), "named by random term", class = "hdlmm_bad_input")
  expect_error(prior_dirichlet(c(1, 0)), "positive numbers", class = "hdlmm_bad_input")
  expect_error(prior_half_t(3, c(1, -1)), "one number from 0", class = "hdlmm_bad_input")
})

test_that("draws of a prior that names its terms are one column each", {
  prior <- lmm_prior(
    pve = prior_dirichlet(c(g = 2, h = 1, Residual = 3)), total = prior_inverse_gamma(3, 2)
  )
  drawn <- simulate(prior, 4000, seed = 1, kappa = c(2, 5))
  expect_named(drawn, c("g", "h", "Residual", "pve.g", "pve.h"))
  expect_equal(drawn$pve.g, 2 * drawn$g / (2 * drawn$g + 5 * drawn$h + drawn$Residual))
  # shares of a Dirichlet are beta; a fixed seed
  expect_gt(stats::ks.test(drawn$pve.g, stats::pbeta, 2, 4)$p.value, 1e-3)
  expect_gt(stats::ks.test(drawn$pve.h, stats::pbeta, 1, 5)$p.value, 1e-3)
  named <- lmm_prior(
    random = list(g = prior_half_t(3, 1), h = prior_inverse_gamma(3, 2)),
    residual = prior_half_t(3, 1)
  )
  other <- simulate(named, 4000, seed = 1)
  expect_gt(stats::ks.test(sqrt(other$g), function(s) 2 * stats::pt(s, 3) - 1)$p.value, 1e-3)
  expect_error(simulate(prior, 3, kappa = 1:3), "one number, or 2", class = "hdlmm_bad_input")
})

test_that("prior_predict() of several terms has the variance that its priors say", {
  d <- small_terms_data()
  prior <- lmm_prior(
    pve = prior_beta(3, 2), total = prior_inverse_gamma(9, 16), fixed = prior_normal(1, 0.5)
  )
  y <- prior_predict(y ~ 1 + (x | a) + (1 | b), d, prior, draws = 4000, seed = 3)
  expect_identical(dim(y), c(4000L, 60L))
  spread <- apply(y, 1, var)
  # E tau^2 = 16 / 8, and the intercept is the same in every row
  expect_lt(abs(mean(spread) - 2), 4 * sd(spread) / sqrt(4000))
  expect_lt(abs(mean(y) - 1), 4 * sd(rowMeans(y)) / sqrt(4000))
  expect_error(
    prior_predict(y ~ 1 + (1 | a) + (1 | b), d, lmm_prior()), "improper",
    class = "hdlmm_improper_prior"
  )
})

test_that("a prior of several terms prints its parts", {
  expect_output(
    print(lmm_prior(pve = prior_dirichlet(c(g = 2, h = 1, Residual = 3)))),
    "Dirichlet(g = 2, h = 1, Residual = 3)", fixed = TRUE
  )
  expect_output(print(prior_half_t(2, c(1, 3))), "2 df, scale 1 and 3", fixed = TRUE)
  expect_true(is_proper(prior_dirichlet(c(1, 2, 3))))
})
