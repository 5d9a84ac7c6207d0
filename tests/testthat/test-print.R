# What print() and summary() say.

list2env(bad_input_fits(), environment())

test_that("print() says model, formula, sizes, variances and fixed effects", {
  text <- printed(plain)
  expect_match(
    text, "^Linear mixed model, restricted maximum likelihood \\(REML\\) Formula: "
  )
  expect_match(
    text, "Formula: y ~ x \\+ re\\(X\\) 40 rows, 2 fixed effects, 60 columns of X "
  )
  expect_match(
    text, "Variances: Variance Std.Dev. Std.Error Share X 0.03647 0.191 0.01986 62.1%"
  )
  expect_match(text, "Fixed effects: \\(Intercept\\) x 0.7619 1.1687$")
  by_ml <- lmm(y ~ x + re(X), d, method = "ML")
  expect_match(printed(by_ml), "^Linear mixed model, maximum likelihood \\(ML\\)")
  expect_match(printed(grouped), "40 rows, 2 fixed effects, 10 levels of g ")
  expect_match(
    printed(lmm(y ~ x + re(X), d, weights = z + 1)), "60 columns of X, weighted"
  )
  sparse <- Matrix::Matrix(d$X * (d$X > 1), sparse = TRUE)
  expect_match(printed(lmm(y ~ x + re(sparse), d)), "60 columns of sparse \\(sparse\\)")
  kernel <- tcrossprod(d$X)
  expect_match(
    printed(lmm(y ~ x + re(kernel = kernel), d)), "kernel kernel over 40 individuals"
  )
})

test_that("print() of an OLS fit gives the residual standard deviation and its df", {
  text <- printed(ols)
  expect_match(
    text, "^Linear model, ordinary least squares Formula: y ~ x \\+ f 40 rows, 5 fixed"
  )
  expect_match(text, "Residual standard deviation: 1.999 on 35 degrees of freedom")
  expect_match(printed(lmm(y ~ x, d[1:3, ])), "on 1 degree of freedom")
})

test_that("print() returns its argument, invisibly", {
  things <- list(
    plain, summary(plain), VarCorr(plain), ranef(plain), profile(plain), loo(plain),
    lmm_control(), bayes, full, summary(bayes), summary(full), VarCorr(bayes), loo(bayes),
    posterior_sample(bayes, 5, seed = 1), own, prior_half_t(3, 1)
  )
  for (thing in things) {
    utils::capture.output(shown <- withVisible(print(thing)))
    expect_identical(shown$value, thing)
    expect_false(shown$visible)
  }
})

test_that("rows that are dropped are counted by reason", {
  dropped <- put(d, w = rep(1:0, c(36, 4)))
  dropped$y[1:2] <- NA
  fit <- suppressMessages(lmm(y ~ x + re(X), dropped, weights = w, subset = -(3:7)))
  expect_match(printed(fit), "29 rows")
  expect_match(
    printed(fit), "Rows dropped: 2 by missing values, 4 by weight zero, 5 by subset"
  )
})

test_that("summary() adds likelihood, residuals, pve with its interval, and t-tests", {
  value <- summary(plain)
  text <- printed(value)
  expect_match(text, "REML log-likelihood -80.7766, AIC 169.553, BIC 176.309")
  expect_match(text, "Scaled residuals: Min 1Q Median 3Q Max")
  expect_match(
    text, "Proportion of variance explained by X: 0.6205 \\(s.e. 0.2426\\), 95%"
  )
  expect_match(text, "95% profile interval 0.1003 to 0.9336")
  expect_match(
    text, "Satterthwaite's degrees of freedom\\): Estimate Std. Error df t value"
  )
  expect_identical(rownames(coef(value)), c("(Intercept)", "x"))
  expect_identical(value$AIC, AIC(plain))
  expect_identical(value$pve, pve(plain))
  expect_match(printed(summary(plain, level = 0.9)), "90% profile interval")
  expect_match(printed(summary(ols)), "Log-likelihood .*Residual standard deviation")
  expect_match(printed(summary(lmm(y ~ 0 + re(X), d))), "degrees of freedom\\): none")
})

test_that("fits by other methods name themselves and what their numbers are", {
  text <- printed(bayes)
  expect_match(text, "^Linear mixed model, exact Bayesian inference")
  expect_match(
    text, "posterior mean and standard deviation.*Post.SD.*Fixed effects \\(posterior means"
  )
  expect_match(printed(summary(bayes)), "credible interval")
  expect_match(printed(full), "^Linear mixed model, variational")
  expect_match(printed(loo(bayes)), "40 rows, averaged over the posterior")
  map <- lmm(y ~ x + re(X), d, method = "MAP", prior = own)
  expect_match(printed(map), "^Linear mixed model, .*posterior")
})

test_that("VarCorr(), ranef(), profile(), loo() and anova() print their key lines", {
  expect_match(printed(VarCorr(plain)), "X 0.03647 0.191 0.01986 62.1%")
  expect_match(
    printed(ranef(plain)), "^60 random effects of X, the 10 largest: effect m35 0.2870"
  )
  expect_match(printed(ranef(grouped, se = TRUE)), "^10 random effects of g: effect se ")
  expect_identical(printed(ranef(ols)), "No random effects.")
  expect_match(
    printed(profile(plain)),
    "^Restricted log-likelihood, profiled .* 1 mode, the highest inside: pve logLik"
  )
  expect_match(
    printed(loo(plain)), "^Leave-one-out prediction of 40 rows.*squared error 1.79"
  )
  expect_match(
    printed(anova(plain)), "Type III tests of fixed effects.*Response: y Df Den Df F"
  )
  expect_match(
    printed(anova(lmm(y ~ x, d), plain)), "Likelihood-ratio tests.*Tested on the boundary"
  )
  expect_match(
    printed(test_random(plain, draws = 20, seed = 1)),
    "variance\\(X\\) = 0 statistic 5.5.*finite-sample null.*1/2 chi2_0 \\+ 1/2 chi2_1"
  )
  expect_match(printed(drop1(plain)), "Single term deletions \\(maximum likelihood\\)")
})

test_that("convergence() is the course of the search, with its verdict", {
  course <- convergence(plain)
  expect_identical(names(course), c("iteration", "objective", "X", "Residual"))
  expect_identical(course$iteration, seq_len(nrow(course)))
  expect_true(attr(course, "converged"))
  expect_match(attr(course, "reason"), "fell below `tol`")
  last <- course[nrow(course), ]
  # the mode itself
  expect_equal(last$objective, as.numeric(logLik(plain)), tolerance = 1e-12)
  expect_equal(unlist(last[c("X", "Residual")]), varcomp(plain), tolerance = 1e-9)
})

test_that("what is repaired is one note, kept in the fit and printed", {
  holes <- put_cells(d, "X", cbind(2, 3), NA)
  expect_message(
    fit <- lmm(y ~ re(X, na = "mean"), holes), "^lmm: 1 missing value in 1 column of `X`"
  )
  expect_match(
    printed(fit), "1 missing value in 1 column of `X` replaced by column means\\.$"
  )
  expect_match(printed(summary(fit)), "replaced by column means\\.$")
})
