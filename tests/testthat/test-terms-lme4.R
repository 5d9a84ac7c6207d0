# Fits with several random terms and correlated slopes against lme4, a search of its own.

skip_if_not_installed("lme4")

# lme4 stops where the gain is below 1e-8 of the deviance or so
lme4_fit <- function(case, reml) {
  suppressMessages(suppressWarnings(lme4::lmer(
    case[[1]], case[[2]], REML = reml,
    control = lme4::lmerControl(
      optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE
    )
  )))
}

cases <- terms_cases()
fits <- lapply(cases, function(case) suppressMessages(lmm(case[[1]], case[[2]])))
theirs <- lapply(cases, lme4_fit, reml = TRUE)

test_that("the restricted likelihood is as high as that of lme4, or higher", {
  for (name in names(fits)) {
    gap <- as.numeric(logLik(fits[[name]])) - as.numeric(logLik(theirs[[name]]))
    expect_gte(gap, -1e-6)
    # nor does it count differently
    expect_lte(gap, 1e-4)
    expect_equal(attr(logLik(fits[[name]]), "df"), attr(logLik(theirs[[name]]), "df"))
    expect_equal(df.residual(fits[[name]]), df.residual(theirs[[name]]))
  }
})

test_that("ML fits have lme4's likelihood, AIC, BIC and deviance", {
  for (name in names(cases)) {
    case <- cases[[name]]
    ours <- suppressMessages(lmm(case[[1]], case[[2]], method = "ML"))
    lme4s <- lme4_fit(case, FALSE)
    for (f in list(logLik, AIC, BIC, deviance)) {
      expect_equal(as.numeric(f(ours)), as.numeric(f(lme4s)), tolerance = 1e-8, info = name)
    }
  }
})

test_that("variances, covariances and correlations are those of lme4", {
  for (name in names(fits)) {
    own <- as.data.frame(VarCorr(fits[[name]]))
    other <- as.data.frame(lme4::VarCorr(theirs[[name]]))
    key <- function(x) {
      coefficients <- paste(x$var1, x$var2)
      paste(sub("[.]1$|[.]Days$", "", x$grp), coefficients)
    }
    at <- match(key(own), key(other))
    expect_false(anyNA(at), info = name)
    # a likelihood that is flat to 1e-8 fixes a variance to about the root of that
    expect_equal(own$vcov, other$vcov[at], tolerance = 2e-4, info = name)
    expect_equal(own$sdcor, other$sdcor[at], tolerance = 2e-4, info = name)
  }
})

test_that("fixed effects, their covariance, fitted values and leverages are those of lme4", {
  for (name in names(fits)) {
    own <- fits[[name]]
    other <- theirs[[name]]
    expect_equal(fixef(own), lme4::fixef(other), tolerance = 1e-5, info = name)
    expect_equal(vcov(own), as.matrix(vcov(other)), tolerance = 1e-3, info = name)
    expect_equal(unname(fitted(own)), unname(fitted(other)), tolerance = 1e-5, info = name)
    expect_equal(
      unname(hatvalues(own)), unname(hatvalues(other)), tolerance = 1e-3, info = name
    )
  }
})

test_that("predicted effects are those of lme4, by term and by coefficient", {
  own <- ranef(fits$slope)$Subject
  expect_equal(own, as.matrix(lme4::ranef(theirs$slope)$Subject), tolerance = 1e-4)
  for (term in c("plate", "sample")) {
    effects <- lme4::ranef(theirs$crossed)[[term]]
    expect_equal(
      ranef(fits$crossed)[[term]], stats::setNames(effects[, 1], rownames(effects)),
      tolerance = 1e-4
    )
  }
  table <- as.data.frame(ranef(fits$slope, se = TRUE))
  other <- as.data.frame(lme4::ranef(theirs$slope))
  expect_identical(table[c("grpvar", "term", "grp")], data.frame(
    grpvar = as.character(other$grpvar), term = as.character(other$term),
    grp = as.character(other$grp)
  ))
})

test_that("coefficients of the levels are those of lme4", {
  for (name in c("slope", "independent", "growth", "split_plot")) {
    own <- coef(fits[[name]], groups = TRUE)
    other <- coef(theirs[[name]])
    expect_setequal(names(own), names(other))
    for (group in names(own)) {
      expect_equal(
        own[[group]], other[[group]][rownames(own[[group]]), colnames(own[[group]])],
        tolerance = 1e-4, info = paste(name, group)
      )
    }
  }
})

test_that("insight reads the variances of both fits alike", {
  skip_if_not_installed("insight")
  for (name in c("slope", "growth", "nested")) {
    own <- insight::get_variance(fits[[name]])
    other <- insight::get_variance(theirs[[name]])
    for (part in setdiff(names(own), "var.intercept")) {
      expect_equal(own[[part]], other[[part]], tolerance = 1e-3, info = paste(name, part))
    }
    expect_equal(
      own$var.intercept[names(other$var.intercept)], other$var.intercept, tolerance = 1e-3
    )
  }
})

test_that("predictions for known and new levels are those of lme4", {
  new <- cases$slope[[2]][c(1, 15, 40), ]
  new$Subject <- c("308", "new", "330")
  expect_equal(
    predict(fits$slope, new, allow.new.levels = TRUE),
    predict(theirs$slope, new, allow.new.levels = TRUE), tolerance = 1e-5
  )
  cake <- cases$split_plot[[2]][c(3, 44, 201), ]
  for (form in list(NULL, NA, ~0, ~ (1 | replicate), ~ (1 | recipe:replicate))) {
    expect_equal(
      predict(fits$split_plot, cake, re.form = form),
      predict(theirs$split_plot, cake, re.form = form), tolerance = 1e-5
    )
  }
  expect_identical(
    predict(fits$split_plot, cake, random = "replicate"),
    predict(fits$split_plot, cake, re.form = ~ (1 | replicate))
  )
})

test_that("what getME() and ngrps() say is what they say of lme4's fit", {
  for (what in c("theta", "b", "lower", "beta", "sigma")) {
    expect_equal(
      unname(as.vector(lme4::getME(fits$slope, what))),
      unname(as.vector(lme4::getME(theirs$slope, what))), tolerance = 1e-4, info = what
    )
  }
  z <- lme4::getME(fits$slope, "Z")
  expect_equal(
    unname(as.matrix(z)), unname(as.matrix(lme4::getME(theirs$slope, "Z"))), tolerance = 0
  )
  expect_identical(lme4::ngrps(fits$crossed), c(plate = 24L, sample = 6L))
})

test_that("F tests have lmerTest's degrees of freedom where designs are balanced", {
  skip_if_not_installed("lmerTest")
  for (name in c("split_plot", "slope")) {
    # elsewhere it differentiates the deviance where average information stands here
    call <- bquote(lmerTest::lmer(.(cases[[name]][[1]]), .(cases[[name]][[2]])))
    other <- stats::anova(eval(call))
    own <- anova(fits[[name]])
    expect_equal(own[["Den Df"]], other$DenDF, tolerance = 1e-3, info = name)
    expect_equal(own[["F value"]], other[["F value"]], tolerance = 1e-3, info = name)
  }
})
