# Conditional covariances of random effects, given the fixed effects and the variances, beside the
# prediction errors, which count that the fixed effects are estimated.

test_that("conditional covariances are lme4's, by level and coefficient", {
  skip_if_not_installed("lme4")
  pairs <- list(
    list(Reaction ~ Days + (Days | Subject), lme4::sleepstudy),
    list(Reaction ~ Days + (Days || Subject), lme4::sleepstudy),
    list(Reaction ~ Days + (1 | Subject), lme4::sleepstudy),
    list(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin),
    list(strength ~ 1 + (1 | batch / cask), lme4::Pastes)
  )
  for (pair in pairs) {
    own <- ranef(lmm(pair[[1]], pair[[2]]), condVar = TRUE)
    peer <- lme4::lmer(pair[[1]], pair[[2]], control = lme4::lmerControl(
      optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE
    ))
    theirs <- lme4::ranef(peer)
    ours <- as.data.frame(own)
    table <- as.data.frame(theirs)
    # ours are two terms, theirs two coefficients of one
    key <- function(d) {
      sub("Subject.Days Days", "Subject Days", paste(d$grpvar, d$term, d$grp), fixed = TRUE)
    }
    at <- match(key(ours), key(table))
    # lme4's ratio of variances is good to 1e-6
    expect_equal(ours$condval, table$condval[at], tolerance = 1e-5)
    expect_equal(ours$condsd, table$condsd[at], tolerance = 1e-5)
    for (term in intersect(names(own), names(theirs))) {
      covariance <- attr(theirs[[term]], "postVar")
      # of `||` lme4 has a list of arrays, whose diagonals are above
      if (!is.array(covariance)) next
      by_name <- match(rownames(as.matrix(own[[term]])), rownames(theirs[[term]]))
      expect_equal(
        unname(attr(own[[term]], "postVar")), unname(covariance[, , by_name, drop = FALSE]),
        tolerance = 1e-5
      )
    }
  }
})

test_that("conditional covariances of columns and kernels are S - S X'V^-1 X S", {
  set.seed(8)
  d <- data.frame(x = rnorm(30), w = 1 + rexp(30), g = gl(6, 5))
  d$X <- matrix(rnorm(30 * 45, 2), 30)
  d$y <- d$x + drop(d$X[, 1:9] %*% rnorm(9)) + rnorm(6)[d$g] + rnorm(30)
  kernel <- crossprod(matrix(rnorm(48), 8)) / 8
  dimnames(kernel) <- list(1:6, 1:6)
  d$few <- d$X[, 1:20]
  centred <- scale(d$few, scale = FALSE)
  cases <- list(
    list(lmm(y ~ x + re(X), d, weights = w), d$X, diag(45)),
    list(lmm(y ~ x + re(X), d, weights = w, method = "VB"), d$X, diag(45)),
    list(lmm(y ~ re(few, center = TRUE), d, method = "ML", weights = w), centred, diag(20)),
    list(lmm(y ~ x + re(kernel = kernel, id = g), d, weights = w), model.matrix(~ 0 + g, d), kernel)
  )
  for (case in cases) {
    fit <- case[[1]]
    v <- varcomp(fit)
    cross <- v[[1]] * case[[2]] %*% case[[3]]
    total <- cross %*% t(case[[2]]) + diag(v[["Residual"]] / d$w)
    dense <- v[[1]] * case[[3]] - crossprod(cross, solve(total, cross))
    own <- attr(ranef(fit, condVar = TRUE)[[1]], "postVar")[1, 1, ]
    # rounding of a dense inverse of condition 1e4
    expect_equal(own, unname(diag(dense)), tolerance = 1e-9)
  }
})

test_that("conditional covariances have the units of y, squared, however large", {
  d <- nlme::Oxboys
  covariance <- function(unit, formula) {
    d$y <- d$height * unit
    attr(ranef(lmm(formula, d), condVar = TRUE)[[1]], "postVar")
  }
  # powers of two leave every digit
  for (formula in list(y ~ age + (1 | Subject), y ~ age + (age | Subject))) {
    expect_equal(covariance(2^200, formula) / 2^400, covariance(1, formula), tolerance = 1e-12)
  }
})

test_that("both standard deviations have columns of their own", {
  fit <- lmm(height ~ age + (age | Subject), data = nlme::Oxboys)
  both <- as.data.frame(ranef(fit, se = TRUE, condVar = TRUE))
  expect_true(all(both$se > both$condsd))
  expect_identical(as.data.frame(ranef(fit, condVar = TRUE)), both[names(both) != "se"])
  expect_identical(as.data.frame(ranef(fit, se = TRUE))$se, both$se)
  expect_true(all(is.na(as.data.frame(ranef(fit, se = TRUE))$condsd)))
  expect_output(print(ranef(fit, condVar = TRUE)), "condsd(age)", fixed = TRUE)
  bayes <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
  expect_error(ranef(bayes, condVar = TRUE), "se = TRUE", class = "hdlmm_unsupported")
})
