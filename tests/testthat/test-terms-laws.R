# What holds of every fit with several random terms, whatever the data.

d <- small_terms_data()
formula <- y ~ x + (x | a) + (1 | b) + re(X)
fit <- lmm(formula, d)

test_that("the order of the terms and of the rows does not matter", {
  turned <- lmm(y ~ x + re(X) + (1 | b) + (x | a), d)
  shuffled <- lmm(formula, d[rev(seq_len(60)), ])
  for (other in list(turned, shuffled)) {
    # two searches to 1e-10 in the likelihood
    expect_equal(as.numeric(logLik(other)), as.numeric(logLik(fit)), tolerance = 1e-9)
    expect_equal(varcomp(other)[names(varcomp(fit))], varcomp(fit), tolerance = 1e-4)
    expect_equal(ranef(other)$a, ranef(fit)$a, tolerance = 1e-4)
  }
})

test_that("a change of the units of y, of a slope or of a matrix changes nothing else", {
  scaled <- d
  scaled$y <- 1e6 * d$y
  scaled$x <- d$x / 1000
  scaled$X <- d$X * 32
  other <- lmm(formula, scaled)
  unit <- c(1e12, 1e15, 1e18, 1e12, 1e12 / 32^2, 1e12)
  expect_equal(varcomp(other), varcomp(fit) * unit, tolerance = 1e-4)
  expect_equal(pve(other)$estimate, pve(fit)$estimate, tolerance = 1e-5)
  expect_equal(fitted(other), 1e6 * fitted(fit), tolerance = 1e-6)
  expect_equal(
    as.numeric(logLik(other)), as.numeric(logLik(fit)) - 58 * log(1e6) + log(1000), tolerance = 1e-9
  )
})

test_that("the origin of a slope moves the covariance of the intercepts alone", {
  moved <- d
  moved$x <- d$x + 10
  other <- lmm(formula, moved)
  expect_equal(as.numeric(logLik(other)), as.numeric(logLik(fit)), tolerance = 1e-8)
  expect_equal(fitted(other), fitted(fit), tolerance = 1e-5)
  expect_equal(varcomp(other)[["a.x"]], varcomp(fit)[["a.x"]], tolerance = 1e-3)
})

test_that("the fitted rows as new data have the fitted values and their errors", {
  expect_equal(predict(fit, d), fitted(fit), tolerance = 1e-9)
  both <- list(predict(fit, d, se.fit = TRUE), predict(fit, se.fit = TRUE))
  expect_equal(both[[1]]$se.fit, both[[2]]$se.fit, tolerance = 1e-8)
  parts <- vapply(c("a", "b", "X"), function(label) {
    predict(fit, d, random = label) - predict(fit, d, random = FALSE)
  }, numeric(60))
  expect_equal(rowSums(parts), fitted(fit) - predict(fit, random = FALSE), tolerance = 1e-9)
})

test_that("rows left out are predicted as loo() says", {
  # with the variances held: the prediction of a row by the others
  table <- loo(fit)$table
  expect_equal(table$residual, unname(residuals(fit) / (1 - hatvalues(fit))), tolerance = 1e-8)
  expect_equal(
    table$variance, unname(sigma(fit)^2 / (1 - hatvalues(fit))), tolerance = 1e-8
  )
})

test_that("a term that explains nothing has a variance of exactly 0, and the fit says so", {
  empty <- d
  empty$c <- factor(rep(1:6, each = 10))
  # every level has the same mean
  empty$y <- residuals(lm(y ~ c, empty))
  null <- lmm(y ~ 1 + (1 | c) + (1 | b), empty)
  expect_identical(varcomp(null)[["c"]], 0)
  expect_identical(unname(ranef(null)$c), numeric(6))
  expect_output(print(null), "Singular fit: the variance of `c` is exactly 0")
  expect_true(is.na(VarCorr(null)$se[1]))
  expect_equal(
    as.numeric(logLik(null)), as.numeric(logLik(lmm(y ~ 1 + (1 | b), empty))), tolerance = 1e-9
  )
})

test_that("a term given twice, and one with a level a row, are refused by name", {
  expect_error(lmm(y ~ (1 | a) + (1 | a), d), "`a` and `a.1`", class = "hdlmm_not_identified")
  d$row <- factor(seq_len(60))
  expect_error(
    lmm(y ~ (1 | a) + (1 | row), d), "`row` and `Residual`", class = "hdlmm_not_identified"
  )
})

test_that("new rows with levels of which some are known use what is known", {
  nested <- lmm(y ~ x + (x | a) + (1 | b) + (1 | a:b), d)
  known <- as.character(d$a[1])
  new <- data.frame(
    x = c(0, 1, 2), a = c(known, "new", known), b = c(as.character(d$b[1]), "A", "new")
  )
  expect_error(predict(nested, new), class = "hdlmm_new_levels")
  effects <- ranef(nested)
  cell <- paste0(known, ":", new$b[1])
  wanted <- drop(cbind(1, new$x) %*% fixef(nested)) + c(
    effects$a[known, 1] + effects$b[[new$b[1]]] + effects[["a:b"]][[cell]],
    effects$b[["A"]], sum(effects$a[known, ] * c(1, 2))
  )
  expect_equal(unname(predict(nested, new, allow.new.levels = TRUE)), wanted, tolerance = 1e-12)
  # what is new adds its own variance
  errors <- predict(nested, new, allow.new.levels = TRUE, se.fit = TRUE)$se.fit
  expect_gt(errors[[2]]^2, sum(nested$covariances$a * tcrossprod(c(1, 1))))
})

test_that("kernels that are multiples of each other, or of the columns of a term, are refused", {
  kernel <- tcrossprod(d$X)
  twice <- 2 * kernel
  expect_error(
    lmm(y ~ re(kernel = kernel) + re(kernel = twice), d), "`kernel` and `twice`",
    class = "hdlmm_not_identified"
  )
  expect_error(
    lmm(y ~ re(X) + re(kernel = kernel), d), "`X` and `kernel`", class = "hdlmm_not_identified"
  )
  identity <- diag(60)
  expect_error(
    lmm(y ~ re(kernel = identity) + (1 | a), d), "`identity` and `Residual`",
    class = "hdlmm_not_identified"
  )
  expect_error(lmm(y ~ a + (1 | a) + (1 | b), d), "`a`", class = "hdlmm_not_identified")
})

test_that("a term of which the fixed effects leave rounding is refused, however few the rows", {
  refused <- function(formula, d, name, ...) {
    expect_error(
      suppressMessages(lmm(formula, d, ...)), name, fixed = TRUE, class = "hdlmm_not_identified"
    )
  }
  for (n in c(5, 6, 8, 13, 40)) {
    set.seed(n)
    few <- data.frame(
      y = rnorm(n), x = rnorm(n), g = factor(rep(1:3, length.out = n)), one = factor(rep(1, n)),
      s = factor(rep(1:2, length.out = n)), w = runif(n, 0.5, 2)
    )
    few$constant <- matrix(1, n, 3)
    ones <- matrix(1, n, n)
    refused(y ~ x + (1 | g) + (1 | one), few, "`one`")
    refused(y ~ x + (1 | g) + (1 | one), few, "`one`", weights = w)
    refused(y ~ x + (1 | one) + (1 | g), few, "`one`", method = "ML")
    refused(y ~ s + (1 | g) + (1 | s), few, "`s`")
    refused(y ~ x + (1 | g) + (x | one), few, "`one`")
    refused(y ~ x + (1 | g) + re(constant, center = FALSE), few, "`constant`")
    refused(y ~ x + (1 | g) + re(kernel = ones), few, "`ones`")
  }
  # a millionth is not rounding
  d$far <- 1000 + d$x
  expect_equal(
    logLik(lmm(y ~ a + (0 + far | a) + (1 | b), d)),
    logLik(lmm(y ~ a + (0 + x | a) + (1 | b), d)), tolerance = 1e-8
  )
})

test_that("any number of threads gives the same bits", {
  answers <- function(threads) {
    other <- lmm(formula, d, control = lmm_control(threads = threads))
    list(logLik(other), varcomp(other), ranef(other, se = TRUE), loo(other)$table)
  }
  one <- answers(1)
  for (threads in 2:4) expect_identical(answers(threads), one)
})

test_that("every system gives the same fit", {
  wide <- d
  wide$X <- matrix(rnorm(60 * 80), 60)
  both <- lapply(c("row", "absorbed", "blocked"), function(system) {
    lmm(y ~ x + (x | a) + re(X), wide, control = lmm_control(system = system))
  })
  expect_identical(vapply(both, function(fit) fit$system$type, ""), c("row", "absorbed", "blocked"))
  for (other in both[-1]) {
    expect_equal(as.numeric(logLik(other)), as.numeric(logLik(both[[1]])), tolerance = 1e-9)
    expect_equal(varcomp(other), varcomp(both[[1]]), tolerance = 1e-3)
    expect_equal(fitted(other), fitted(both[[1]]), tolerance = 1e-4)
  }
})

test_that("a fit that was saved and loaded answers the same", {
  path <- tempfile(fileext = ".rds")
  on.exit(unlink(path))
  saveRDS(fit, path)
  again <- readRDS(path)
  expect_identical(predict(again, se.fit = TRUE), predict(fit, se.fit = TRUE))
  expect_identical(ranef(again, se = TRUE), ranef(fit, se = TRUE))
})

test_that("anova() says by which law each step is tested", {
  skip_if_not_installed("lme4")
  data <- lme4::sleepstudy
  none <- lmm(Reaction ~ Days, data, method = "OLS")
  one <- lmm(Reaction ~ Days + (1 | Subject), data)
  block <- lmm(Reaction ~ Days + (Days | Subject), data)
  apart <- lmm(Reaction ~ Days + (Days || Subject), data)
  heading <- function(...) attr(anova(...), "heading")
  expect_match(heading(none, one), "1/2 chi2(k - 1) + 1/2 chi2(k) for one variance", fixed = TRUE)
  expect_match(heading(one, block), "1/2 chi2(k - 1) + 1/2 chi2(k) for one variance", fixed = TRUE)
  expect_match(heading(none, apart), "a mixture of chi2 for several variances")
  expect_match(heading(none, block), "a mixture of chi2 for several variances")
  other <- lmm(Reaction ~ Days + (poly(Days, 3) | Subject), data)
  crossed <- lmm(Reaction ~ Days + (1 | Subject) + (1 | Days), data)
  bound <- anova(crossed, other)
  expect_match(attr(bound, "heading"), "tail of chi2(k), an upper bound of p", fixed = TRUE)
  statistic <- 2 * (logLik(other) - logLik(crossed))
  expect_equal(
    bound[["Pr(>Chisq)"]][2], pchisq(as.numeric(statistic), 8, lower.tail = FALSE), tolerance = 1e-8
  )
})

test_that("the certificate counts its own climb and all climbs", {
  counts <- fit$certificate[c("evaluations", "all_evaluations")]
  expect_identical(nrow(convergence(fit)) <= counts$evaluations, TRUE)
  # an evaluation here costs little: it was searched from every corner
  expect_gt(counts$all_evaluations, counts$evaluations)
})

test_that("a fit keeps no rows of the left sides of its terms", {
  expect_null(fit$random_terms[[1]]$side)
  expect_equal(predict(fit, d[1:3, ]), fitted(fit)[1:3], tolerance = 1e-10)
})

test_that("the trace of a search has every variance, ends at the fit and never falls", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy, method = "ML")
  steps <- convergence(fit)
  expect_identical(names(steps), c("iteration", "objective", names(varcomp(fit))))
  expect_equal(unlist(steps[nrow(steps), -(1:2)]), varcomp(fit), tolerance = 1e-10)
  expect_true(all(diff(steps$objective) >= 0))
  expect_equal(steps$objective[nrow(steps)], as.numeric(logLik(fit)), tolerance = 1e-12)
})

test_that("a kernel of fewer units than rows is fitted the same on the side of either", {
  set.seed(8)
  units <- 12
  names <- paste0("u", seq_len(units))
  half <- matrix(rnorm(units * 5), units)
  for (kernel in list(tcrossprod(half) + diag(units), tcrossprod(half))) {
    dimnames(kernel) <- list(names, names)
    # the last two units have no rows
    d <- data.frame(id = rep(names[1:10], 6), g = gl(6, 10), x = rnorm(60))
    d$y <- drop(half %*% rnorm(5))[match(d$id, names)] + rnorm(6)[d$g] + rnorm(60)
    sides <- lapply(c("blocked", "row"), function(system) {
      fit <- lmm(
        y ~ x + re(kernel = kernel, id = id) + (1 | g), d,
        control = lmm_control(system = system, tol = 1e-12)
      )
      new <- data.frame(id = c("u12", "u3"), g = c("2", "1"), x = 0:1)
      list(
        logLik(fit), varcomp(fit), ranef(fit, se = TRUE), predict(fit, new, se.fit = TRUE),
        vcov(fit), loo(fit)$pointwise, predict(fit, se.fit = TRUE)
      )
    })
    # both maxima are where the gradient is rounding
    expect_equal(sides[[1]], sides[[2]], tolerance = 1e-6)
    expect_equal(sides[[1]][[1]], sides[[2]][[1]], tolerance = 1e-10)
  }
})

test_that("standard errors of predictions by coefficients are those by rows", {
  set.seed(9)
  d <- data.frame(a = gl(8, 12), b = gl(6, 1, 96), x = rnorm(96), w = runif(96, 0.5, 2))
  d$y <- rnorm(8)[d$a] + rnorm(6)[d$b] * d$x + rnorm(96)
  new <- data.frame(
    a = c("1", "8", "none", "3", NA), b = c("6", "2", "1", "none", "3"), x = c(0, 1, -1, 2, 1)
  )
  both <- lapply(c("blocked", "row"), function(system) {
    fit <- lmm(
      y ~ x + (1 | a) + (x | b), d, weights = w, control = lmm_control(system = system, tol = 1e-12)
    )
    at <- function(...) predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE, ...)$se.fit
    list(at(), at(random = "b"), predict(fit, se.fit = TRUE)$se.fit)
  })
  expect_identical(which(is.na(both[[1]][[1]])), c(`5` = 5L))
  expect_equal(both[[1]], both[[2]], tolerance = 1e-6)
})

test_that("nested factors, which are eliminated one after the other, are fitted as by rows", {
  set.seed(10)
  d <- data.frame(a = gl(9, 18), b = gl(3, 6, 162), c = gl(2, 3, 162), x = rnorm(162))
  d$h <- factor(sample(5, 162, TRUE))
  effect <- function(g, sd) rnorm(nlevels(g), 0, sd)[g]
  d$y <- effect(d$a, 1) + effect(d$a, 0.5) * d$x + effect(interaction(d$a, d$b), 0.8) +
    effect(interaction(d$a, d$b, d$c), 0.7) + effect(d$h, 0.4) + rnorm(162, 0, 0.6)
  new <- data.frame(
    a = c("1", "9", "2", "none"), b = c("3", "1", "none", "2"), c = c("1", "none", "2", "2"),
    h = c("5", "1", "2", "3"), x = c(-1, 0, 1, 2)
  )
  formulas <- list(
    y ~ x + (1 | a / b / c), y ~ x + (x | a) + (1 | a:b) + (1 | a:b:c) + (1 | h)
  )
  for (formula in formulas) {
    both <- lapply(c("blocked", "row"), function(system) {
      fit <- lmm(formula, d, control = lmm_control(system = system))
      em <- suppressWarnings(  # five steps do not converge
        lmm(formula, d, algorithm = "em", control = lmm_control(system = system, max_iter = 5))
      )
      vb <- suppressMessages(
        lmm(formula, d, method = "VB", control = lmm_control(system = system))
      )
      list(
        logLik(fit), logLik(em), elbo(vb), varcomp(fit), ranef(fit, se = TRUE), vcov(fit),
        loo(fit)$pointwise, predict(fit, se.fit = TRUE)$se.fit,
        predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)$se.fit
      )
    })
    expect_equal(both[[1]][1:2], both[[2]][1:2], tolerance = 1e-10)
    # maxima are where the gradient is rounding
    expect_equal(both[[1]], both[[2]], tolerance = 1e-5)
  }
})
