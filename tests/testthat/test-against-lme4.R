# One grouping factor: the fits of lme4 and nlme, whose optimisers are tightened to their
# limit.

grouped_sets <- function() {
  sets <- list(
    Rail = list(travel ~ 1, "Rail", nlme::Rail),
    ergoStool = list(effort ~ Type, "Subject", nlme::ergoStool),
    Orthodont = list(distance ~ age * Sex, "Subject", nlme::Orthodont),
    Machines = list(score ~ Machine, "Worker", nlme::Machines)
  )
  if (requireNamespace("lme4", quietly = TRUE)) {
    sets <- c(sets, list(
      Dyestuff = list(Yield ~ 1, "Batch", lme4::Dyestuff),
      Dyestuff2 = list(Yield ~ 1, "Batch", lme4::Dyestuff2),
      sleepstudy = list(Reaction ~ Days, "Subject", lme4::sleepstudy)
    ))
  }
  lapply(sets, function(set) {
    names(set) <- c("fixed", "group", "data")
    set$data <- as.data.frame(set$data)
    # plain factors: the contrasts of fixed effects are then the same everywhere
    is_ordered <- vapply(set$data, is.ordered, NA)
    set$data[is_ordered] <- lapply(set$data[is_ordered], factor, ordered = FALSE)
    set$formula <- stats::as.formula(
      paste(deparse(set$fixed), "+ (1 |", set$group, ")"), env = globalenv()
    )
    set
  })
}

fit_lmer <- function(set, method, ...) {
  control <- lme4::lmerControl(
    optimizer = "bobyqa", calc.derivs = FALSE,
    optCtrl = list(rhobeg = 0.1, rhoend = 1e-12, maxfun = 1e5)
  )
  suppressMessages(
    lme4::lmer(set$formula, set$data, REML = method == "REML", control = control, ...)
  )
}

fit_lme <- function(set, method) {
  control <- nlme::lmeControl(
    tolerance = 1e-12, msTol = 1e-14, niterEM = 200, msMaxIter = 500, opt = "nlminb",
    returnObject = TRUE
  )
  random <- stats::as.formula(paste("~ 1 |", set$group))
  # do.call() so that lme() finds the formula itself in its call
  do.call(nlme::lme, list(
    set$fixed, data = set$data, random = random, method = method, control = control
  ))
}

# Every set by both criteria, ours and lme4's (NULL without lme4).
grouped_fits <- unlist(lapply(names(grouped_sets()), function(name) {
  set <- grouped_sets()[[name]]
  lapply(c("REML", "ML"), function(method) {
    list(
      name = name, set = set, method = method, label = paste(name, method),
      fit = lmm(set$formula, set$data, method),
      peer = if (requireNamespace("lme4", quietly = TRUE)) fit_lmer(set, method)
    )
  })
}), recursive = FALSE)

# An optimum at zero has no ratio of variances to compare.
is_positive <- vapply(grouped_fits, function(one) one$name != "Dyestuff2", NA)

test_that("the log-likelihood, AIC and BIC are lme4's", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits) {
    error <- c(
      logLik = abs(as.numeric(logLik(one$fit)) - as.numeric(logLik(one$peer))),
      AIC = abs(AIC(one$fit) - AIC(one$peer)), BIC = abs(BIC(one$fit) - BIC(one$peer))
    )
    expect_below(error, 1e-7, one$label)  # the requirement; measured: 5e-13
    df <- c(attr(logLik(one$fit), "df"), attr(logLik(one$peer), "df"))
    expect_equal(df[1], df[2], info = one$label)
    expect_identical(nobs(one$fit), nobs(one$peer), info = one$label)
  }
})

test_that("lme4's objective at our variances is our log-likelihood", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits) {
    v <- varcomp(one$fit)
    objective <- fit_lmer(one$set, one$method, devFunOnly = TRUE)
    # 1e-10: the same sum in another order; no optimum is involved
    theirs <- -objective(sqrt(v[[1]] / v[[2]])) / 2
    expect_below(c(logLik = abs(theirs - as.numeric(logLik(one$fit)))), 1e-10, one$label)
  }
})

test_that("the variances are lme4's", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits[is_positive]) {
    theirs <- c(nlme::VarCorr(one$peer)[[1]], stats::sigma(one$peer)^2)
    # 1e-5: the requirement; lme4's optimum is good to about 1e-7
    expect_below(c(variances = max(abs(varcomp(one$fit) / theirs - 1))), 1e-5, one$label)
  }
})

test_that("fixed effects and their covariance are lme4's", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits) {
    error <- c(
      fixef = relative_error(fixef(one$fit), fixef(one$peer)),
      vcov = relative_error(vcov(one$fit), as.matrix(vcov(one$peer)))
    )
    expect_below(error, 1e-6, one$label)  # lme4's variances, 1e-7, enter the covariance
    expect_identical(names(fixef(one$fit)), names(fixef(one$peer)), info = one$label)
  }
})

test_that("predicted effects are lme4's, by level", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits) {
    theirs <- ranef(one$peer, condVar = FALSE)[[1]]
    ours <- ranef(one$fit)[[1]]
    expect_setequal(names(ours), rownames(theirs))
    spread <- stats::sd(one$fit$frame[[1]])
    # 1e-6 of the spread of y: lme4's ratio of variances is good to 1e-7
    error <- max(abs(ours[rownames(theirs)] - theirs[[1]])) / spread
    expect_below(c(ranef = error), 1e-6, one$label)
  }
})

test_that("standard errors of effects are lme4's and the part of omega", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits) {
    theirs <- ranef(one$peer, condVar = TRUE)[[1]]
    # lme4 holds omega: Var(b | y) = Gamma + D C D', D = Gamma X'Z / sigma_e^2
    gamma <- attr(theirs, "postVar")[1, 1, ]
    sums <- rowsum(lme4::getME(one$peer, "X"), one$set$data[[one$set$group]])
    sums <- sums[rownames(theirs), , drop = FALSE]
    d <- gamma * sums / stats::sigma(one$peer)^2
    full <- gamma + rowSums((d %*% as.matrix(vcov(one$peer))) * d)
    ours <- attr(ranef(one$fit, se = TRUE), "se")[[1]][rownames(theirs)]
    # 1e-6: lme4's ratio of variances
    error <- max(abs(ours - sqrt(full))) / stats::sigma(one$peer)
    expect_below(c(se = error), 1e-6, one$label)
  }
})

test_that("fitted values and residuals are lme4's", {
  skip_if_not_installed("lme4")
  for (one in grouped_fits) {
    spread <- stats::sd(one$fit$frame[[1]])
    error <- c(
      fitted = max(abs(fitted(one$fit) - fitted(one$peer))) / spread,
      residuals = max(abs(residuals(one$fit) - residuals(one$peer))) / spread
    )
    expect_below(error, 1e-6, one$label)  # lme4's ratio of variances
  }
})

test_that("a likelihood that falls from zero gives a variance of exactly zero", {
  skip_if_not_installed("lme4")
  for (method in c("REML", "ML")) {
    fit <- lmm(Yield ~ 1 + (1 | Batch), lme4::Dyestuff2, method)
    plain <- stats::lm(Yield ~ 1, lme4::Dyestuff2)
    expect_identical(varcomp(fit)[["Batch"]], 0)
    expect_identical(unname(ranef(fit)$Batch), rep(0, 6))
    expect_identical(profile(fit)$boundary, "random")
    df <- if (method == "REML") 29 else 30
    # 1e-12: one sum of squares
    expect_equal(
      varcomp(fit)[["Residual"]], sum(residuals(plain)^2) / df, tolerance = 1e-12
    )
    expect_equal(
      as.numeric(logLik(fit)), as.numeric(logLik(plain, REML = method == "REML")),
      tolerance = 1e-12
    )
  }
})

test_that("published estimates are reproduced", {
  skip_if_not_installed("lme4")
  fit <- lmm(Yield ~ 1 + (1 | Batch), lme4::Dyestuff)
  # balanced: sigma_e^2 = MSW = 2451.25 and sigma_b^2 = (MSB - MSW) / 5 = 1764.05
  expect_equal(varcomp(fit), c(Batch = 1764.05, Residual = 2451.25), tolerance = 1e-10)
  # Bates (2010), lme4: Mixed-effects Modeling with R, section 1.3: REML criterion
  # 319.6543, intercept 1527.5 (19.38)
  # as many digits as it prints
  expect_equal(-2 * as.numeric(logLik(fit)), 319.6543, tolerance = 1e-6)
  expect_equal(sqrt(vcov(fit)[1, 1]), 19.38, tolerance = 1e-3)
})

test_that("the fits are nlme's", {
  for (one in grouped_fits[is_positive]) {
    peer <- fit_lme(one$set, one$method)
    between <- as.numeric(nlme::getVarCov(peer))
    theirs <- c(between, stats::sigma(peer)^2)
    effects <- ranef(peer)
    spread <- stats::sd(one$fit$frame[[1]])
    difference <- as.numeric(logLik(one$fit)) - as.numeric(logLik(peer))
    expect_below(c(logLik = abs(difference)), 1e-7, one$label)
    # 1e-5: the requirement; nlme's variances are good to about 3e-7
    error <- c(
      variances = max(abs(varcomp(one$fit) / theirs - 1)),
      fixef = relative_error(fixef(one$fit), nlme::fixef(peer)),
      vcov = relative_error(vcov(one$fit), peer$varFix),
      ranef = max(abs(ranef(one$fit)[[1]][rownames(effects)] - effects[[1]])) / spread
    )
    expect_below(error, 1e-5, one$label)
  }
})

test_that("predictions at seen and unseen levels are lme4's", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  set <- grouped_sets()$sleepstudy
  peer <- fit_lmer(set, "REML")
  new <- data.frame(Days = c(0, 5, 20), Subject = c("308", "372", "nobody"))
  ours <- predict(fit, new, allow.new.levels = TRUE)
  # 1e-7: lme4's ratio of variances
  expect_equal(ours, predict(peer, new, allow.new.levels = TRUE), tolerance = 1e-7)
  expect_equal(
    predict(fit, new, random = FALSE), predict(peer, new, re.form = NA), tolerance = 1e-7
  )
  expect_error(predict(fit, new), class = "hdlmm_new_levels")
})

test_that("weights and offsets mean what they mean in lme4", {
  skip_if_not_installed("lme4")
  d <- lme4::sleepstudy
  d$w <- rep(c(0.5, 1, 2), length.out = nrow(d))
  d$o <- d$Days^2
  control <- lme4::lmerControl(
    optimizer = "bobyqa", calc.derivs = FALSE,
    optCtrl = list(rhobeg = 0.1, rhoend = 1e-12)
  )
  for (method in c("REML", "ML")) {
    fit <- lmm(Reaction ~ Days + (1 | Subject), d, method, weights = w, offset = o)
    peer <- lme4::lmer(
      Reaction ~ Days + (1 | Subject), d, REML = method == "REML", weights = w,
      offset = o, control = control
    )
    theirs <- c(nlme::VarCorr(peer)[[1]], stats::sigma(peer)^2)
    expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(peer)), tolerance = 1e-10)
    # 1e-5: the requirement
    expect_below(c(variances = max(abs(varcomp(fit) / theirs - 1))), 1e-5, method)
    expect_equal(fitted(fit), fitted(peer), tolerance = 1e-7)  # lme4's ratio of variances
    expect_equal(fixef(fit), fixef(peer), tolerance = 1e-7)
  }
})
