# Tests of the terms of one fit: what the label says, whatever the coding.

# Unbalanced, every cell there.
type_data <- local({
  set.seed(3)
  d <- data.frame(g = gl(15, 8), x = stats::rnorm(120, 2))
  d$f <- factor(sample(letters[1:3], 120, TRUE))
  d$h <- factor(sample(c("p", "q"), 120, TRUE, c(0.3, 0.7)))
  d$o <- factor(sample(1:4, 120, TRUE), ordered = TRUE)
  d$big <- d$x > 2
  d$y <- d$x * (d$f == "b") + stats::rnorm(15)[d$g] + stats::rnorm(120)
  d
})

type_formulas <- list(
  y ~ x * f, y ~ f * h + x, y ~ f * h * x, y ~ o * h, y ~ poly(x, 2) * f, y ~ 0 + f + x:f, y ~ x:f,
  y ~ f + h + x, y ~ big * f
)

test_that("without a random term type III is car's with sum contrasts, and type II is car's", {
  skip_if_not_installed("car")
  sums <- list(f = "contr.sum", h = "contr.sum")
  for (formula in type_formulas[c(1:3, 5, 8)]) {
    used <- sums[intersect(all.vars(formula), names(sums))]
    theirs <- stats::lm(formula, type_data, contrasts = used)
    ours <- lmm(formula, type_data)
    terms <- attr(terms(ours), "term.labels")
    for (type in c("III", "II")) {
      wanted <- car::Anova(theirs, type = type)[terms, ]
      found <- anova(ours, type = type)
      # 1e-8: normal equations of columns of unit length
      expect_equal(found[["F value"]], wanted[["F value"]], tolerance = 1e-8)
      expect_equal(found[["Pr(>F)"]], wanted[["Pr(>F)"]], tolerance = 1e-8)
      expect_identical(found$Df, as.numeric(wanted$Df))
    }
  }
})

test_that("type III is lmerTest's and type II is car's, in mixed fits", {
  skip_if_not_installed("lmerTest")
  skip_if_not_installed("car")
  for (formula in type_formulas) {
    whole <- stats::update(formula, . ~ . + (1 | g))
    theirs <- suppressMessages(lmerTest::lmer(whole, type_data))
    ours <- lmm(whole, type_data)
    wanted <- stats::anova(theirs, type = 3)
    found <- anova(ours)
    # 1e-5: lmer() stops its search at 1e-6 or so, and lmerTest differentiates by differences
    expect_equal(found[["F value"]], wanted[["F value"]], tolerance = 1e-5)
    single <- found$Df == 1
    expect_equal(found[["Den Df"]][single], wanted$DenDF[single], tolerance = 1e-5)
    # 1e-2: with several rows they depend on which rows span the hypothesis; lmerTest's depend on
    # the reference level
    expect_equal(found[["Den Df"]], wanted$DenDF, tolerance = 1e-2)
    wald <- car::Anova(theirs, type = 2, test.statistic = "Chisq")
    expect_equal(
      anova(ours, type = "II")[["F value"]], wald$Chisq / wald$Df, tolerance = 1e-5,
      label = deparse1(formula)
    )
  }
})

test_that("neither type depends on the reference level, the contrasts or the order of columns", {
  for (formula in list(y ~ x * f + (1 | g), y ~ f * h + x + (1 | g), y ~ h * (x + f) + (1 | g))) {
    for (type in c("III", "II")) {
      wanted <- anova(lmm(formula, type_data), type = type)
      for (reference in c("b", "c")) {
        d <- type_data
        d$f <- stats::relevel(d$f, reference)
        found <- anova(lmm(formula, d), type = type)
        # 1e-8: another basis of the same space
        expect_equal(found, wanted, tolerance = 1e-8)
        d$f <- stats::C(d$f, stats::contr.helmert)
        expect_equal(anova(lmm(formula, d), type = type), wanted, tolerance = 1e-8)
      }
      d <- type_data
      d$f <- as.character(d$f)
      expect_equal(anova(lmm(formula, d), type = type), wanted, tolerance = 1e-8)
      sums <- lmm(formula, type_data, contrasts = list(f = "contr.sum"))
      expect_equal(anova(sums, type = type), wanted, tolerance = 1e-8)
      d$x <- 1e6 * d$x
      expect_equal(anova(lmm(formula, d), type = type), wanted, tolerance = 1e-6)
    }
  }
})

test_that("with empty cells type III is that of SAS, whichever level is the reference", {
  skip_if_not_installed("lmerTest")
  d <- type_data[!(type_data$f == "b" & type_data$h == "q"), ]
  wanted <- suppressMessages(stats::anova(lmerTest::lmer(y ~ f * h + (1 | g), d)))
  for (reference in c("a", "b", "c")) {
    d$f <- stats::relevel(d$f, reference)
    found <- anova(suppressMessages(lmm(y ~ f * h + (1 | g), d)))
    expect_identical(found$Df, as.numeric(wanted$NumDF))
    # 1e-5: as above
    expect_equal(found[["F value"]], wanted[["F value"]], tolerance = 1e-5)
  }
  d$twice <- 2 * d$x
  aliased <- suppressMessages(lmm(y ~ x * f + twice + (1 | g), d))
  expect_equal(anova(aliased), anova(lmm(y ~ x * f + (1 | g), d)), tolerance = 1e-8)
})

test_that("degrees of freedom are lmerTest's, by REML and by ML", {
  skip_if_not_installed("lmerTest")
  for (reml in c(TRUE, FALSE)) {
    theirs <- lmerTest::lmer(y ~ x * f + h + (1 | g), type_data, REML = reml)
    ours <- lmm(y ~ x * f + h + (1 | g), type_data, method = if (reml) "REML" else "ML")
    # 1e-5: differences of lmerTest
    expect_equal(
      summary(ours)$coefficients[, "df"], summary(theirs)$coefficients[, "df"], tolerance = 1e-5
    )
  }
})

test_that("a type is II or III, and the heading says which", {
  fit <- lmm(y ~ x * f + (1 | g), type_data)
  expect_identical(anova(fit, type = 3), anova(fit))
  expect_identical(anova(fit, type = "2"), anova(fit, type = "II"))
  expect_match(attr(anova(fit, type = 2), "heading"), "^Type II tests")
  for (bad in list(1, "I", "IV", NA, NULL)) {
    expect_error(anova(fit, type = bad), "`type` must be", class = "hdlmm_bad_input")
  }
})

test_that("tests do not depend on units, whatever they are", {
  set.seed(4)
  d <- data.frame(x = rnorm(40), f = gl(2, 20), g = gl(8, 5))
  d$y <- d$x + rnorm(8)[d$g] + rnorm(40)
  one <- anova(lmm(y ~ x * f + (1 | g), d))
  for (unit in c(1e-140, 1e140)) {
    # the optimum is polished to 1e-8
    other <- anova(lmm(y ~ x * f + (1 | g), transform(d, x = x * unit)))
    expect_equal(other[["F value"]], one[["F value"]], tolerance = 1e-6)
  }
})

test_that("tests and predictions take variables of any name, and factors that stand in no term", {
  set.seed(6)
  d <- data.frame(f = gl(3, 12), g = gl(9, 4), one = "a")
  d[["a b"]] <- rnorm(36)
  d$ab <- d[["a b"]]
  d$y <- d$ab + rnorm(9)[d$g] + rnorm(36)
  odd <- anova(lmm(y ~ `a b`:f + f + (1 | g), d))
  even <- anova(lmm(y ~ ab:f + f + (1 | g), d))
  expect_equal(odd[["F value"]], even[["F value"]], tolerance = 1e-9)  # the same numbers
  alone <- lmm(y ~ 1 / one + (1 | g), d)
  expect_equal(predict(alone, d), fitted(lmm(y ~ 1 + (1 | g), d)), tolerance = 1e-9)
  expect_equal(nrow(anova(alone)), 0)
})

test_that("a response that also stands on the right-hand side is no factor of the model", {
  d <- data.frame(y = rep(TRUE, 24), x = gl(3, 8), g = gl(6, 4))
  d$z <- cos(seq_len(24))
  d$y[1] <- FALSE
  for (flags in list(d$y, rep(c(TRUE, FALSE), 12))) {
    d$y <- flags
    with_response <- suppressWarnings(lmm(y ~ z + y + x + (1 | g), d))
    expect_equal(
      as.data.frame(suppressWarnings(anova(with_response)))[c("z", "x"), ],
      as.data.frame(suppressWarnings(anova(lmm(y ~ z + x + (1 | g), d))))[c("z", "x"), ],
      tolerance = 1e-8, ignore_attr = TRUE
    )
  }
})

test_that("a logical that never changes is tested as if it were not there", {
  set.seed(6)
  d <- data.frame(f = gl(3, 10), one = rep(TRUE, 30), x = stats::rnorm(30), g = gl(6, 5))
  d$y <- stats::rnorm(30)
  fit <- lmm(y ~ x + f + f:one + (1 | g), d)
  for (type in c("II", "III")) {
    table <- anova(fit, type = type)
    without <- anova(lmm(y ~ x + f + (1 | g), d), type = type)
    expect_equal(table["x", ], without["x", ], tolerance = 1e-8, ignore_attr = TRUE)
  }
})
