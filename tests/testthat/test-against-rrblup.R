# 599 wheat lines, 1279 markers: rrBLUP's mixed.solve(), and the unbounded likelihood.

wheat_fits <- function() {
  traits <- c("yield1", "yield2", "yield3", "yield4")
  if (Sys.getenv("HDLMM_TEST_LEVEL") < "2") traits <- traits[c(1, 3)]
  wheat <- hdlmm::wheat
  lapply(stats::setNames(traits, traits), function(trait) {
    formula <- stats::as.formula(paste(trait, "~ re(markers)"))
    list(
      fit = lmm(formula, wheat),
      # bounds on sigma_e^2 / sigma_b^2: narrow, so that its golden section converges to
      # 1e-8
      peer = rrBLUP::mixed.solve(
        wheat[[trait]], Z = wheat$markers, SE = TRUE, method = "REML", bounds = c(10, 1e4)
      ),
      label = trait
    )
  })
}

test_that("REML estimates of the wheat data are rrBLUP's", {
  skip_if_not_installed("rrBLUP")
  for (one in wheat_fits()) {
    fit <- one$fit
    peer <- one$peer
    effects <- ranef(fit, se = TRUE)
    expect_gt(peer$Ve / peer$Vu, 20)  # not at a bound of its search
    expect_lt(peer$Ve / peer$Vu, 5000)
    # 1e-4: the requirement
    expect_below(
      c(variances = max(abs(varcomp(fit) / c(peer$Vu, peer$Ve) - 1))), 1e-4, one$label
    )
    error <- c(
      fixef = max(abs(fixef(fit) - peer$beta)) / sigma(fit),
      fixef_se = abs(sqrt(vcov(fit)[1, 1]) / peer$beta.SE[[1]] - 1),
      effects = relative_error(effects[[1]], peer$u),
      effects_se = relative_error(attr(effects, "se")[[1]], peer$u.SE)
    )
    expect_below(error, 1e-5, one$label)  # the requirement
    # rrBLUP's constant has pi = 3.14159, and Z'Z = 599 divided out; 1e-8: rounding of n
    # terms
    theirs <- peer$LL + 598 / 2 * log(3.14159 / pi) - log(599) / 2
    expect_below(c(logLik = abs(as.numeric(logLik(fit)) - theirs)), 1e-8, one$label)
    expect_identical(names(effects[[1]]), names(peer$u))
  }
})

test_that("ML with centred markers is called unbounded, its interior mode returned", {
  wheat <- hdlmm::wheat
  expect_warning(
    fit <- lmm(yield1 ~ re(markers, center = TRUE), data = wheat, method = "ML"),
    class = "hdlmm_unbounded_likelihood"
  )
  profiled <- profile(fit, n = 50)
  expect_true(profiled$unbounded)
  expect_identical(profiled$boundary, "none")
  expect_identical(profiled$modes$where[1], "interior")
  expect_true(all(is.finite(c(varcomp(fit), as.numeric(logLik(fit))))))

  x <- scale(wheat$markers, scale = FALSE)
  gram <- tcrossprod(x)
  # the dense ML likelihood, by one Cholesky factor a point (solve() takes a minute here)
  loglik <- function(log_v) {
    root <- chol(exp(log_v[1]) * gram + exp(log_v[2]) * diag(599))
    one <- backsolve(root, rep(1, 599), transpose = TRUE)
    y <- backsolve(root, wheat$yield1, transpose = TRUE)
    r <- y - one * sum(one * y) / sum(one^2)
    -0.5 * (599 * log(2 * pi) + 2 * sum(log(diag(root))) + sum(r^2))
  }
  at <- log(unname(varcomp(fit)))
  # 1e-10 relative: the same value by another factorisation
  expect_equal(as.numeric(logLik(fit)), loglik(at), tolerance = 1e-10)
  step <- 1e-3
  slope <- vapply(1:2, function(k) {
    d <- step * (1:2 == k)
    (loglik(at + d) - loglik(at - d)) / (2 * step)
  }, 0)
  # differences of step 1e-3 err by step^2 times third derivatives (n / 12 at most): 5e-5
  expect_lt(max(abs(slope)), 5e-5 * 2)
  above <- vapply(c(-0.05, 0.05), function(d) loglik(at + c(d, 0)), 0)
  below <- vapply(c(-0.05, 0.05), function(d) loglik(at + c(0, d)), 0)
  expect_true(all(c(above, below) < loglik(at)))
})

test_that("REML with centred markers is REML with markers as they are", {
  rows <- seq(1, 599, by = 3)
  plain <- lmm(yield2 ~ re(markers), hdlmm::wheat, subset = rows)
  expect_no_warning(
    centred <- lmm(yield2 ~ re(markers, center = TRUE), hdlmm::wheat, subset = rows)
  )
  # 1e-8: the mode is polished to 1e-10 in the log ratio
  expect_equal(varcomp(centred), varcomp(plain), tolerance = 1e-8)
  expect_equal(as.numeric(logLik(centred)), as.numeric(logLik(plain)), tolerance = 1e-11)
  expect_equal(ranef(centred)[[1]], ranef(plain)[[1]], tolerance = 1e-7)
})

test_that("cross-validated predictions of the wheat lines are rrBLUP's on the same folds", {
  skip_if_not_installed("rrBLUP")
  wheat <- hdlmm::wheat
  rows <- as.data.frame(cv_lmm(yield1 ~ re(markers), wheat, folds = wheat$set))
  folds <- if (Sys.getenv("HDLMM_TEST_LEVEL") < "2") c(1, 6) else 1:10
  for (k in folds) {
    own <- rows[rows$fold == k, ]
    fitted <- setdiff(seq_len(599), own$row)
    peer <- rrBLUP::mixed.solve(
      wheat$yield1[fitted], Z = wheat$markers[fitted, ], method = "REML", bounds = c(10, 1e4)
    )
    theirs <- peer$beta[[1]] + drop(wheat$markers[own$row, ] %*% peer$u)
    # 1e-4: the requirement
    expect_lt(max(abs(own$prediction - theirs)) / sd(theirs), 1e-4)
    expect_equal(cor(own$observed, own$prediction), cor(own$observed, theirs), tolerance = 1e-4)
  }
})

test_that("accuracies of the wheat lines are those that were published", {
  # Crossa et al. (2010), table 3: tenfold cross-validation by best linear unbiased prediction from
  # markers and by the Bayesian lasso
  blup <- c(0.480, 0.488, 0.355, 0.464)
  lasso <- c(0.518, 0.493, 0.403, 0.457)
  ours <- vapply(paste0("yield", 1:4), function(yield) {
    formula <- stats::as.formula(paste(yield, "~ re(markers)"))
    measures <- summary(cv_lmm(formula, hdlmm::wheat, folds = 10, seed = 1))$measures
    measures$estimate[measures$measure == "correlation"]
  }, 0)
  # the standard deviation over repeats is 0.005 to 0.02
  expect_true(all(ours > pmin(blup, lasso) - 0.04 & ours < pmax(blup, lasso) + 0.04))
})
