skip_if_not_installed("generics")

set.seed(2)
tidy_data <- data.frame(x = rnorm(36), f = gl(3, 1, 36))
tidy_data$g <- gl(9, 4, labels = letters[1:9])
tidy_data$X <- matrix(rnorm(36 * 50), 36, dimnames = list(NULL, paste0("m", 1:50)))
tidy_data$y <- 2 + tidy_data$x + rnorm(9)[tidy_data$g] + rnorm(36)
grouped <- lmm(y ~ x + f + (1 | g), tidy_data)
wide <- lmm(y ~ x + re(X), tidy_data)
ols <- lmm(y ~ x + f, tidy_data)

as_plain <- function(x) as.data.frame(x)

test_that("fixed effects are the table of summary()", {
  out <- as_plain(generics::tidy(grouped, "fixed"))
  table <- coef(summary(grouped))
  expect_named(out, c(
    "effect", "group", "term", "estimate", "std.error", "statistic", "df", "p.value"
  ))
  expect_identical(out$term, rownames(table))
  expect_true(all(out$effect == "fixed") && all(is.na(out$group)))
  columns <- c("estimate", "std.error", "df", "statistic", "p.value")
  # the same numbers
  expect_equal(as.matrix(out[columns]), unname(table), ignore_attr = TRUE, tolerance = 0)
})

test_that("a linear model's table is that of lm()", {
  out <- generics::tidy(ols, conf.int = TRUE)
  model <- lm(y ~ x + f, tidy_data)
  table <- coef(summary(model))
  fixed <- out[out$effect == "fixed", ]
  # two QR decompositions of a well-conditioned design
  expect_equal(fixed$statistic, unname(table[, "t value"]), tolerance = 1e-10)
  expect_equal(fixed$p.value, unname(table[, "Pr(>|t|)"]), tolerance = 1e-9)
  expect_equal(fixed$conf.low, unname(confint(model)[, 1]), tolerance = 1e-10)
  residual <- out[out$effect == "ran_pars", ]
  expect_identical(residual$term, "sd__Observation")
  expect_equal(residual$estimate, sigma(model), tolerance = 1e-12)
})

test_that("random parameters are standard deviations named as broom.mixed names them", {
  out <- generics::tidy(grouped, "ran_pars")
  expect_identical(out$term, c("sd__(Intercept)", "sd__Observation"))
  expect_identical(out$group, c("g", "Residual"))
  # roots of the same numbers
  expect_equal(out$estimate, sqrt(unname(varcomp(grouped))), tolerance = 1e-15)
  expect_identical(generics::tidy(wide, "ran_pars")$term[1], "sd__coefficient")
})

test_that("the standard error of a deviation is the delta method's", {
  out <- generics::tidy(grouped, "ran_pars")
  # 2 sd se(sd) = se(variance): one product
  expect_equal(2 * out$estimate * out$std.error, VarCorr(grouped)$se, tolerance = 1e-14)
})

test_that("limits are those of confint(), deviations by their roots", {
  for (method in c("wald", "profile")) {
    out <- generics::tidy(
      grouped, conf.int = TRUE, conf.level = 0.9, conf.method = method
    )
    limits <- confint(grouped, level = 0.9, method = method)
    fixed <- out$effect == "fixed"
    found <- cbind(out$conf.low, out$conf.high)
    # the same numbers, then a root and a square
    expect_equal(found[fixed, ], unname(limits[names(fixef(grouped)), ]), tolerance = 0)
    expect_equal(
      found[!fixed, ]^2, unname(limits[names(varcomp(grouped)), ]), tolerance = 1e-14
    )
  }
  boot <- function() {
    fit <- lmm(y ~ x + (1 | g), tidy_data, control = lmm_control(draws = 30, seed = 1))
    generics::tidy(fit, conf.int = TRUE, conf.method = "boot")
  }
  expect_identical(boot(), boot())
})

test_that("predicted effects are ranef() with its standard errors", {
  out <- generics::tidy(wide, "ran_vals", conf.int = TRUE, conf.level = 0.8)
  effects <- ranef(wide, se = TRUE)
  expect_identical(out$level, names(effects$X))
  # the same numbers
  expect_equal(out$estimate, unname(effects$X), tolerance = 0)
  expect_equal(out$std.error, unname(attr(effects, "se")$X), tolerance = 0)
  half <- (out$conf.high - out$conf.low) / 2
  expect_equal(half, qnorm(0.9) * out$std.error, tolerance = 1e-12)  # a difference halved
  expect_equal(nrow(generics::tidy(ols, "ran_vals", conf.int = TRUE)), 0)
})

test_that("selections of effects are parts of the whole, in a fixed order", {
  all <- as_plain(generics::tidy(grouped, c("ran_vals", "ran_pars", "fixed")))
  expect_identical(unique(all$effect), c("fixed", "ran_pars", "ran_vals"))
  for (effect in unique(all$effect)) {
    part <- as_plain(generics::tidy(grouped, effect))
    whole <- all[all$effect == effect, names(part)]
    rownames(whole) <- NULL
    expect_identical(part, whole)
  }
  expect_identical(
    as_plain(generics::tidy(grouped)),
    as_plain(generics::tidy(grouped, c("fixed", "ran_pars")))
  )
})

test_that("an aliased coefficient keeps its row, empty", {
  d <- transform(tidy_data, twice = 2 * x)
  fit <- suppressMessages(lmm(y ~ x + twice + (1 | g), d))
  out <- generics::tidy(fit, "fixed", conf.int = TRUE)
  expect_identical(out$term, c("(Intercept)", "x", "twice"))
  numbers <- as.matrix(out[3, c("estimate", "std.error", "statistic", "conf.low")])
  expect_true(all(is.na(numbers)))
})

test_that("a deviation on the boundary is 0 without standard error", {
  d <- tidy_data
  d$y <- d$y - ave(d$y, d$g)
  out <- generics::tidy(lmm(y ~ 1 + (1 | g), d), "ran_pars")
  expect_identical(out$estimate[1], 0)
  expect_true(is.na(out$std.error[1]) && !is.na(out$std.error[2]))
})

test_that("glance() gives what the accessors give, of the criterion that was used", {
  for (fit in list(grouped, wide, ols, update(grouped, method = "ML"))) {
    out <- generics::glance(fit)
    expect_named(out, c(
      "nobs", "sigma", "logLik", "AIC", "BIC", "REMLcrit", "deviance", "df.residual",
      "pve"
    ))
    expect_equal(
      unlist(out[c("nobs", "sigma", "logLik", "AIC", "BIC", "df.residual", "pve")]),
      c(nobs(fit), sigma(fit), logLik(fit), AIC(fit), BIC(fit), df.residual(fit),
        sum(pve(fit)$estimate)),
      ignore_attr = TRUE, tolerance = 0  # the same numbers
    )
    expect_identical(is.na(out$REMLcrit), fit$method != "REML")
    expect_identical(is.na(out$deviance), fit$method == "REML")
  }
  # minus twice the same number
  expect_equal(generics::glance(grouped)$REMLcrit, -2 * c(logLik(grouped)), tolerance = 0)
})

test_that("a fit whose likelihood is not at a maximum has no AIC, and says what it has", {
  prior <- lmm_prior(
    random = prior_half_t(3, 2), residual = prior_inverse_gamma(2, 2),
    fixed = prior_normal(0, 50)
  )
  own <- c(MAP = "log_posterior", VB = "elbo", Bayes = "log_evidence")
  for (method in names(own)) {
    fit <- lmm(formula(grouped), model.frame(grouped), method = method, prior = prior)
    for (criterion in list(AIC, BIC, deviance)) {
      expect_error(criterion(fit), "loo\\(\\)", class = "hdlmm_undefined")
    }
    expect_error(AIC(grouped, fit), method, class = "hdlmm_undefined")
    expect_true(is.na(AIC(logLik(fit))) && is.na(BIC(logLik(fit))))
    out <- generics::glance(fit)
    expect_true(all(is.na(out[c("logLik", "AIC", "BIC", "REMLcrit", "deviance")])))
    expect_true(is.finite(out[[own[[method]]]]))
    shown <- summary(fit)
    expect_true(is.na(shown$AIC) && is.na(shown$BIC))
    text <- capture.output(print(shown))
    expect_false(any(grepl("AIC|BIC", text)))
    expect_match(text, "^Log-likelihood at ", all = FALSE)
  }
  expect_equal(
    c(logLik(fit)), c(logLik(update(grouped, method = "ML"))), tolerance = 0.05
  )
})

test_that("estimates, REML criterion and residual degrees of freedom are lmer()'s", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  peer <- lme4::lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  out <- generics::tidy(fit)
  # lmer()'s optimum is good to 1e-6 in theta
  expect_equal(out$estimate[1:2], unname(lme4::fixef(peer)), tolerance = 1e-6)
  t_values <- unname(coef(summary(peer))[, "t value"])
  expect_equal(out$statistic[1:2], t_values, tolerance = 1e-5)
  sds <- as.data.frame(lme4::VarCorr(peer))$sdcor
  expect_equal(out$estimate[3:4], sds, tolerance = 1e-5)
  expect_equal(generics::glance(fit)$REMLcrit, lme4::REMLcrit(peer), tolerance = 1e-9)
  expect_equal(generics::glance(fit)$df.residual, df.residual(peer))
})

test_that("augmented rows add up: fixed part, random part, residual", {
  for (fit in list(grouped, wide, ols)) {
    out <- generics::augment(fit)
    # sums of numbers of order one
    expect_equal(out$.fitted + out$.resid, tidy_data$y, tolerance = 1e-14)
    expect_equal(out$.fixed, unname(predict(fit, random = FALSE)), tolerance = 1e-14)
    expect_equal(out$.hat, unname(hatvalues(fit)), tolerance = 0)
    expect_false(".se.fit" %in% names(out))
    se <- generics::augment(fit, se_fit = TRUE)$.se.fit
    expect_equal(se, unname(predict(fit, se.fit = TRUE)$se.fit), tolerance = 1e-14)
  }
})

test_that("augmenting the data of the call keeps the fitted rows, all under na.exclude", {
  d <- tidy_data
  d$y[c(2, 30)] <- NA
  omitted <- lmm(y ~ x + (1 | g), d, subset = x < 1.5)
  excluded <- update(omitted, na.action = na.exclude, subset = NULL)
  out <- generics::augment(omitted, data = d)
  expect_equal(nrow(out), nobs(omitted))
  expect_equal(out$.fitted + out$.resid, out$y, tolerance = 1e-14)  # the same rows
  expect_identical(out$x, d$x[d$x < 1.5 & !is.na(d$y)])
  padded <- generics::augment(excluded, data = d)
  expect_equal(nrow(padded), 36)
  expect_identical(which(is.na(padded$.fitted)), c(2L, 30L))
  expect_equal(padded$.fitted, unname(fitted(excluded)), tolerance = 0)
  expect_error(generics::augment(omitted, data = d[1:5, ]), class = "hdlmm_bad_input")
})

test_that("new rows get predictions, and residuals when they bring the response", {
  new <- tidy_data[c(5, 1), ]
  out <- generics::augment(wide, newdata = new, se_fit = TRUE)
  # the same numbers
  expect_equal(out$.fitted, unname(predict(wide, new)), tolerance = 0)
  expect_equal(out$.fixed, unname(predict(wide, new, random = FALSE)), tolerance = 0)
  se <- unname(predict(wide, new, se.fit = TRUE)$se.fit)
  expect_equal(out$.se.fit, se, tolerance = 0)
  expect_equal(out$.fitted + out$.resid, new$y, tolerance = 1e-14)
  expect_false(".hat" %in% names(out))
  without <- generics::augment(wide, newdata = new[c("x", "X")])
  expect_false(".resid" %in% names(without))
  expect_equal(nrow(generics::augment(wide, newdata = new[0, ])), 0)
  logged <- lmm(log(y^2) ~ x + (1 | g), tidy_data)
  resid <- generics::augment(logged, newdata = tidy_data)$.resid
  # predictions at the fitted rows by another route
  expect_equal(resid, unname(residuals(logged)), tolerance = 1e-9)
})

test_that("row names that say something become a column", {
  expect_false(".rownames" %in% names(generics::augment(grouped)))
  named <- tidy_data
  rownames(named) <- paste0("r", 1:36)
  out <- generics::augment(lmm(y ~ x + (1 | g), named))
  expect_identical(out$.rownames, rownames(named))
})

test_that("tables are tibbles exactly when tibble is there", {
  is_there <- requireNamespace("tibble", quietly = TRUE)
  for (out in list(generics::tidy(ols), generics::glance(ols), generics::augment(ols))) {
    expect_identical(inherits(out, "tbl_df"), is_there)
    expect_s3_class(out, "data.frame")
  }
})

test_that("wrong arguments are refused by name", {
  bad <- "hdlmm_bad_input"
  expect_error(generics::tidy(grouped, "random"), "effects", class = bad)
  expect_error(generics::tidy(grouped, character()), "effects", class = bad)
  expect_error(generics::tidy(grouped, conf.int = 1), "conf.int", class = bad)
  expect_error(generics::tidy(grouped, conf.level = 2), "level", class = bad)
  expect_error(generics::tidy(grouped, conf.method = "exact"), "conf.method", class = bad)
  expect_error(generics::augment(grouped, data = 1), "data", class = bad)
  expect_error(generics::augment(grouped, newdata = 1), "newdata", class = bad)
  expect_error(generics::augment(grouped, se_fit = NA), "se_fit", class = bad)
  again <- generics::augment(grouped)
  expect_error(generics::augment(grouped, data = again), ".fitted", class = bad)
})

test_that("random effects and posterior draws become data frames", {
  effects <- as.data.frame(ranef(grouped, se = TRUE))
  expect_named(effects, c("grpvar", "term", "grp", "condval", "condsd", "se"))
  expect_identical(effects$condval, unname(ranef(grouped)[[1]]))
  sample <- posterior_sample(grouped, 20, seed = 1, beta = TRUE)
  expect_identical(dim(as.data.frame(sample)), c(20L, ncol(as.matrix(sample))))
  expect_identical(residuals(grouped, "working"), residuals(grouped))
  expect_identical(residuals(grouped, "deviance"), residuals(grouped, "pearson"))
})
