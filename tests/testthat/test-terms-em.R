# EM and PX-EM with several random terms and blocks: textbook steps by dense algebra, monotone
# traces, and the limit that the direct search finds at once.

em_data <- small_terms_data(3)
em_formula <- y ~ x + (x | a) + (1 | b)

em_fit <- function(method, algorithm, formula = em_formula, data = em_data, ...) {
  lmm(formula, data, method = method, algorithm = algorithm, ...)
}

em_model <- function() {
  z <- cbind(1, em_data$x)
  terms_model(em_data$y, z, list(level_matrix(em_data$a, z), level_matrix(em_data$b)), c(2, 1))
}

# E step in full: joint covariance of all effects given y, the fixed effects known (ML) or with a
# flat prior (REML); M step with one scale a term where is_expanded.
dense_em_step <- function(model, sigma, sigma2, method, is_expanded) {
  relative <- lapply(sigma, `/`, sigma2)
  state <- terms_state(model, relative, method, sigma2)
  w <- if (method == "REML") state$p else state$inverse
  x <- do.call(cbind, model$a)
  term <- rep(seq_along(model$a), vapply(model$a, ncol, 0L))
  prior <- matrix(0, ncol(x), ncol(x))
  for (k in seq_along(model$a)) {
    prior[term == k, term == k] <- by_level(sigma[[k]], model$a[[k]])
  }
  mean <- drop(prior %*% t(x) %*% state$py) / sigma2
  covariance <- prior - prior %*% t(x) %*% w %*% x %*% prior / sigma2
  second <- covariance + tcrossprod(mean)
  e <- drop(model$y - model$z %*% state$omega - x %*% mean)
  n <- length(model$y)
  noise <- sum(e^2) + sigma2 * (n - sum(diag(w)))
  alpha <- rep(1, length(model$a))
  if (is_expanded) {
    gram <- cross <- matrix(0, length(alpha), length(alpha))
    for (k in seq_along(alpha)) {
      for (l in seq_along(alpha)) {
        xk <- x[, term == k]
        gram[k, l] <- sum((t(xk) %*% x[, term == l]) * second[term == k, term == l])
      }
      g <- xk %*% mean[term == k]
      cross[k, 1] <- sum(g * e) -
        sum(diag(xk %*% prior[term == k, term == k] %*% t(xk) %*% w))
    }
    if (method == "ML") {
      g <- vapply(seq_along(alpha), function(k) {
        drop(x[, term == k] %*% mean[term == k])
      }, numeric(n))
      q <- qr.Q(qr(model$z))
      gram <- gram - crossprod(crossprod(q, g))
    }
    change <- solve(gram, cross[, 1])
    alpha <- alpha + change
    noise <- noise - sum(cross[, 1] * change)
  }
  list(
    sigma = lapply(seq_along(model$a), function(k) {
      r <- model$widths[k]
      at <- matrix(which(term == k), r)
      sum <- Reduce(`+`, lapply(seq_len(ncol(at)), function(j) second[at[, j], at[, j]]))
      alpha[k]^2 * matrix(sum, r) / ncol(at)
    }),
    sigma2 = noise / n
  )
}

em_fits <- local({
  one <- expand.grid(
    method = c("REML", "ML"), algorithm = c("em", "pxem"), stringsAsFactors = FALSE
  )
  fits <- Map(em_fit, one$method, one$algorithm)
  stats::setNames(fits, paste(one$method, one$algorithm))
})

variances_at <- function(fit, i) {
  row <- as.matrix(fit$convergence)[i, fit$parameters$name]
  list(
    sigma = list(matrix(row[c(1, 2, 2, 3)], 2), matrix(row[4])), sigma2 = row[[5]]
  )
}

test_that("every step is that of the textbook", {
  for (fit in em_fits) {
    for (i in c(1, 2, 8)) {
      at <- variances_at(fit, i)
      wanted <- dense_em_step(em_model(), at$sigma, at$sigma2, fit$method, fit$algorithm == "pxem")
      found <- variances_at(fit, i + 1)
      expect_equal(unname(found$sigma), lapply(wanted$sigma, unname), tolerance = 1e-8)
      expect_equal(found$sigma2, wanted$sigma2, tolerance = 1e-8)
    }
  }
})

test_that("the criterion of the trace is the likelihood at its variances, and never falls", {
  for (fit in em_fits) {
    at <- variances_at(fit, 5)
    state <- terms_state(em_model(), lapply(at$sigma, `/`, at$sigma2), fit$method, at$sigma2)
    expect_equal(fit$convergence$objective[5], state$loglik, tolerance = 1e-9)
    expect_gt(min(diff(fit$convergence$objective)), -1e-10)  # rounding of a sum of 60 terms
    sizes <- fit$convergence[, fit$parameters$name]
    expect_gt(min(sizes[[1]] * sizes[[3]] - sizes[[2]]^2), 0)
    expect_gt(min(sizes[[4]], sizes[[5]]), 0)
  }
})

test_that("EM ends where the direct search does, PX-EM sooner", {
  for (method in c("REML", "ML")) {
    direct <- lmm(em_formula, em_data, method = method)
    for (algorithm in c("em", "pxem")) {
      fit <- em_fits[[paste(method, algorithm)]]
      expect_true(fit$is_converged)
      expect_equal(c(logLik(fit)), c(logLik(direct)), tolerance = 1e-9)
      expect_equal(fit$variances, direct$variances, tolerance = 1e-4)  # half of the digits
      expect_equal(fixef(fit), fixef(direct), tolerance = 1e-4)
      expect_equal(ranef(fit)$b, ranef(direct)$b, tolerance = 1e-3)
    }
    expect_lt(
      nrow(em_fits[[paste(method, "pxem")]]$convergence),
      nrow(em_fits[[paste(method, "em")]]$convergence)
    )
  }
})

test_that("wide matrices and kernels are terms like others", {
  set.seed(2)
  kernel <- crossprod(matrix(rnorm(49), 7)) / 7 + diag(7)
  dimnames(kernel) <- list(letters[1:7], letters[1:7])
  wide <- em_data
  wide$X <- matrix(rnorm(60 * 80), 60)
  wide$y <- wide$y + drop(wide$X %*% rnorm(80, 0, 0.15))
  for (formula in list(y ~ x + re(kernel = kernel, id = a) + (1 | b), y ~ x + re(X) + (1 | a))) {
    environment(formula) <- environment()
    direct <- lmm(formula, wide)
    fit <- em_fit("REML", "pxem", formula, wide)
    expect_equal(c(logLik(fit)), c(logLik(direct)), tolerance = 1e-8)
    expect_gt(min(diff(fit$convergence$objective)), -1e-10)
  }
})

test_that("EM under a prior climbs the log posterior to the mode of the direct search", {
  priors <- list(
    lmm_prior(),
    lmm_prior(
      random = list(a = prior_half_t(3, c(0.5, 1.7)), b = prior_inverse_gamma(2, 0.3)),
      residual = prior_inverse_gamma(1.5, 0.4)
    ),
    lmm_prior(
      pve = prior_dirichlet(c(3, 1.5, 2)), total = prior_half_t(3, 2), fixed = prior_normal(0, 1)
    )
  )
  for (prior in priors) {
    direct <- lmm(em_formula, em_data, method = "MAP", prior = prior)
    fit <- lmm(em_formula, em_data, method = "MAP", algorithm = "em", prior = prior)
    expect_true(fit$is_converged)
    expect_gt(min(diff(fit$convergence$objective)), -1e-10)
    expect_equal(fit$internal$value, direct$internal$value, tolerance = 1e-9)
    expect_equal(fit$variances, direct$variances, tolerance = 1e-3)
    expect_equal(fixef(fit), fixef(direct), tolerance = 1e-4)
  }
  flat <- lmm_prior(random = prior_flat(), residual = prior_flat())
  map <- lmm(em_formula, em_data, method = "MAP", algorithm = "em", prior = flat)
  ml <- em_fits[["ML em"]]
  expect_equal(map$convergence$objective[1:20], ml$convergence$objective[1:20], tolerance = 1e-9)
})

test_that("a variance of zero is where EM ends, and is refused where it begins", {
  flat <- em_data
  flat$y <- residuals(lm(y ~ a, flat)) + flat$x
  formula <- y ~ x + (1 | a) + (1 | b)
  for (algorithm in c("em", "pxem")) {
    fit <- em_fit("REML", algorithm, formula, flat)
    expect_identical(fit$variances[["a"]], 0)
    expect_true("a" %in% fit$boundary)
    expect_true(fit$is_converged)
    expect_match(fit$reason, "boundary")
  }
  direct <- lmm(formula, em_data)
  expect_error(
    hdlmm:::cpp_terms_em(
      hdlmm:::terms_system(direct), "REML", "em", NULL, list(matrix(0), matrix(1)),
      list(tol = 1e-10, max_iter = 10L), hdlmm:::make_host(direct$control)
    ),
    "singular"
  )
  expect_warning(
    fit <- em_fit("REML", "em", control = lmm_control(max_iter = 200)), "did not converge"
  )
  expect_identical(nrow(fit$convergence), 201L)
  expect_error(
    em_fit("ML", "em", control = lmm_control(accelerate = "squarem")), "pxem",
    class = "hdlmm_unsupported"
  )
})
