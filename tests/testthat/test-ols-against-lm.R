# OLS against lm(), wholesale.

d <- bad_input_data()
n <- nrow(d)

ols_data <- put(
  d, w = d$z + 0.5, text = rep(c("u", "v"), n / 2), flag = d$x > 0,
  order = factor(rep(1:4, each = n / 4), ordered = TRUE)
)
ols_data$y[c(4, 9)] <- NA
ols_formulas <- list(
  y ~ 1, y ~ x, y ~ 0 + x, y ~ x * f, y ~ poly(x, 2) + splines::ns(z, 3),
  y ~ scale(x) + log(z),
  y ~ text + flag, y ~ order, y ~ f - 1, y ~ x + I(x^2) + offset(z),
  y ~ splines::bs(z, 4):flag,
  y ~ x + x:z + f:x, y ~ x + I(2 * x) + z
)
new_rows <- put(ols_data[1:12, ], x = 0.7 * ols_data$x[1:12])

# Everything that depends on the rows of the fit; hatvalues() at omitted rows differ on
# purpose.
ols_answers <- function(fit, n_fixed) {
  list(
    coef = coef(fit), logLik = as.numeric(logLik(fit)), df = attr(logLik(fit), "df"),
    restricted = as.numeric(logLik(fit, REML = TRUE)), AIC = AIC(fit), BIC = BIC(fit),
    fitted = fitted(fit), residuals = residuals(fit),
    pearson = residuals(fit, type = "pearson"),
    hatvalues = hatvalues(fit)[-c(4, 9)], deviance = deviance(fit),
    df.residual = as.numeric(df.residual(fit)), sigma = sigma(fit), nobs = nobs(fit),
    confint = confint(fit, seq_len(n_fixed)), confint_90 = confint(fit, 1, level = 0.9),
    model.matrix = model.matrix(fit), weights = unname(weights(fit)),
    frame = names(model.frame(fit)), na.action = na.action(fit)
  )
}

expect_as_lm <- function(fit, referee) {
  n_fixed <- length(coef(referee))
  # both are backward stable; condition numbers here are below 1e3
  expect_equal(ols_answers(fit, n_fixed), ols_answers(referee, n_fixed), tolerance = 1e-9)
  expect_equal(vcov(fit), vcov(referee, complete = FALSE), tolerance = 1e-9)
}

predictions <- function(fit, ...) {
  out <- list()
  for (level in c(0.5, 0.95, 0.99)) {
    for (interval in c("confidence", "prediction")) {
      out[[paste(interval, level)]] <- predict(
        fit, ..., interval = interval, level = level
      )
    }
  }
  with_se <- predict(fit, ..., se.fit = TRUE)
  # predict.lm() names them only for two or more columns
  with_se$se.fit <- unname(with_se$se.fit)
  c(out, with_se)
}

test_that("an OLS fit answers as lm() does, with na.exclude", {
  for (formula in ols_formulas) {
    fit <- suppressMessages(lmm(formula, ols_data, na.action = na.exclude))
    referee <- lm(formula, ols_data, na.action = na.exclude)
    expect_as_lm(fit, referee)
    expect_equal(predict(fit), predict(referee), tolerance = 1e-9)
  }
})

test_that("an OLS fit with weights and offset answers as lm() does", {
  for (formula in ols_formulas) {
    fit <- suppressMessages(
      lmm(formula, ols_data, weights = w, offset = 2 * z, na.action = na.exclude)
    )
    expect_as_lm(
      fit, lm(formula, ols_data, weights = w, offset = 2 * z, na.action = na.exclude)
    )
  }
})

test_that("an OLS fit predicts as lm() does: means, errors, intervals at all levels", {
  for (formula in ols_formulas) {
    fit <- suppressMessages(lmm(formula, ols_data, offset = z, weights = w))
    referee <- lm(formula, ols_data, offset = z, weights = w)
    # predict.lm() warns on aliased columns and on weights
    expected <- suppressWarnings(predictions(referee, new_rows))
    expect_equal(predictions(fit, new_rows), expected, tolerance = 1e-9)
    unweighted <- suppressMessages(lmm(formula, ols_data))
    expected <- suppressWarnings(predictions(lm(formula, ols_data)))
    expect_equal(predictions(unweighted), expected, tolerance = 1e-9)
  }
})

test_that("drop1() of an OLS fit is that of lm(), aliased terms included", {
  for (formula in ols_formulas[-1]) {
    table <- suppressMessages(drop1(lmm(formula, ols_data, weights = w)))
    referee <- drop1(lm(formula, ols_data, weights = w), test = "Chisq")
    expect_identical(rownames(table), rownames(referee))
    expect_equal(table$Df, referee$Df)
    expect_equal(diff(table$AIC), diff(referee$AIC), tolerance = 1e-9)
    expect_equal(table[["Pr(>Chi)"]], referee[["Pr(>Chi)"]], tolerance = 1e-8)
  }
})

test_that("the F tests of anova() are those of drop1() for lm()", {
  table <- anova(lmm(y ~ x + f + z, ols_data))
  referee <- drop1(lm(y ~ x + f + z, ols_data), test = "F")
  expect_equal(table[["F value"]], referee[["F value"]][-1], tolerance = 1e-9)
  expect_equal(table[["Pr(>F)"]], referee[["Pr(>F)"]][-1], tolerance = 1e-9)
})

test_that("the t-tests of summary() are those of lm()", {
  table <- coef(summary(lmm(y ~ x * f, ols_data, weights = w)))
  referee <- coef(summary(lm(y ~ x * f, ols_data, weights = w)))
  expect_equal(table[, colnames(referee)], referee, tolerance = 1e-9)
  expect_identical(unique(table[, "df"]), df.residual(lm(y ~ x * f, ols_data)) + 0)
})

test_that("leverages of an exact fit are those of lm()", {
  exact <- put(ols_data, y = 1 + ols_data$x)
  expect_equal(
    hatvalues(suppressWarnings(lmm(y ~ x + f, exact))), hatvalues(lm(y ~ x + f, exact)),
    tolerance = 1e-12
  )
})

test_that("the model frame is that of stats::model.frame(), with and without gaps", {
  gaps <- put(ols_data, y = replace(ols_data$y, c(2, 7), NA), x = replace(ols_data$x, 5, NaN))
  for (data in list(ols_data, gaps)) {
    for (formula in list(y ~ 1, y ~ x + f, log(y^2 + 1) ~ poly(x, 2), y ~ offset(z))) {
      if (anyNA(data$x) && "poly" %in% all.names(formula)) next  # poly() refuses NA
      fit <- suppressMessages(lmm(formula, data))
      referee <- stats::model.frame(formula, data)
      expect_equal(model.frame(fit), referee)
      expect_identical(na.action(fit), attr(referee, "na.action"))
      expect_identical(names(fitted(fit)), rownames(referee))
      expect_identical(names(coef(fit)), colnames(stats::model.matrix(formula, referee)))
    }
  }
})

test_that("na.action = NULL keeps what is missing, and time series become plain as in lm()", {
  gaps <- put(ols_data, y = replace(ols_data$y, 3, NA))
  expect_error(lmm(y ~ x, gaps, na.action = NULL), "na.action kept", class = "hdlmm_bad_input")
  series <- put(ols_data, y = stats::ts(ols_data$y))
  expect_equal(model.frame(lmm(y ~ x, series)), model.frame(lm(y ~ x, series)))
})
