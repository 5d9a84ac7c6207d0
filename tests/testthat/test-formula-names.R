# Names, expressions and lengths of formulas that none of R's own tools stumbles over.

d <- bad_input_data()
n <- nrow(d)

test_that("a variable may bear any name, one of model.frame()'s or of ours too", {
  own <- put(d, v = seq(-1, 1, length.out = n)^3, w = seq(0.5, 2, length.out = n), o = d$z)
  names <- c(
    "(rows)", "(weights)", "(offset)", "(na.action)", "Residual", "pve", "random_term",
    "random_term_1", "new_random_term_re.X.", "re", "extras", ".fitted", "rows", "weights"
  )
  referee <- list(
    lmm(y ~ x + v + re(X), own),
    lmm(y ~ x + v + re(X), own, weights = w, offset = o, subset = -(1:2))
  )
  for (name in names) {
    own[[name]] <- own$v
    formula <- stats::reformulate(c("x", paste0("`", name, "`"), "re(X)"), "y")
    fits <- list(
      lmm(formula, own), lmm(formula, own, weights = w, offset = o, subset = -(1:2))
    )
    for (i in 1:2) {
      expect_identical(unname(fixef(fits[[i]])), unname(fixef(referee[[i]])), info = name)
      expect_identical(predict(fits[[i]], own[3:5, ]), predict(referee[[i]], own[3:5, ]))
      expect_identical(model.frame(fits[[i]])[[name]], model.frame(referee[[i]])$v)
      expect_identical(
        unname(fixef(update(fits[[i]], . ~ . - x))),
        unname(fixef(update(referee[[i]], . ~ . - x)))
      )
    }
    if (!name %in% c("w", "o")) own[[name]] <- NULL
  }
})

test_that("a grouping factor may bear any name", {
  for (name in c("(rows)", "(weights)", "Residual", "random_term", "pve")) {
    own <- d
    own[[name]] <- d$g
    fit <- lmm(stats::as.formula(paste0("y ~ x + (1 | `", name, "`)")), own)
    expect_identical(unname(varcomp(fit)), unname(varcomp(lmm(y ~ x + (1 | g), d))))
    expect_identical(fixef(update(fit, . ~ . - x)), fixef(lmm(y ~ 1 + (1 | g), d)))
  }
})

test_that("functions may be written out anywhere in a formula", {
  knots <- c(-0.5, 0, 0.5)
  basis <- sapply(knots, function(k) pmax(d$x - k, 0)^3)
  referee <- lmm(y ~ x + re(basis), d)
  fits <- list(
    lmm(y ~ x + re(sapply(knots, function(k) pmax(x - k, 0)^3)), d),
    lmm(y ~ x + re(outer(x, knots, function(a, b, e = 3) pmax(a - b, 0)^e)), d),
    lmm(y ~ x + re(vapply(knots, \(k) pmax(x - k, 0)^3, x)), d)
  )
  for (fit in fits) {
    expect_equal(unname(varcomp(fit)), unname(varcomp(referee)), tolerance = 1e-12)
    expect_output(print(summary(fit)), "function(", fixed = TRUE)
    expect_equal(fixef(update(fit, . ~ . + z - z)), fixef(fit), tolerance = 1e-12)
  }
  fixed <- lmm(y ~ sapply(x, function(v) v^2) + offset((function(v) 2 * v)(z)) + re(X), d)
  expect_equal(
    unname(fixef(fixed)), unname(fixef(lmm(y ~ I(x^2) + offset(2 * z) + re(X), d))),
    tolerance = 1e-12
  )
  group <- lmm(y ~ (1 | sapply(g, function(v) as.character(v))), d)
  # where numbers lie in memory decides how they are summed
  expect_equal(
    unname(varcomp(group)), unname(varcomp(lmm(y ~ (1 | g), d))), tolerance = 1e-12
  )
})

test_that("NULL and a dot that stands for nothing are terms that are not there", {
  expect_identical(fixef(lmm(y ~ NULL + x, d)), fixef(lmm(y ~ x, d)))
  expect_identical(fixef(lmm(y ~ NULL + re(X), d)), fixef(lmm(y ~ re(X), d)))
  fit <- lmm(y ~ NULL + x + re(X), d)
  expect_identical(fixef(update(fit, . ~ . + z)), fixef(lmm(y ~ x + z + re(X), d)))
  expect_identical(fixef(update(fit, . ~ NULL + re(X))), fixef(lmm(y ~ re(X), d)))
  alone <- lmm(y ~ ., d["y"])
  expect_identical(fixef(alone), fixef(lmm(y ~ 1, d)))
  expect_identical(fixef(update(alone, . ~ . + x, data = d)), fixef(lmm(y ~ x, d)))
  beside <- lmm(y ~ . + re(X), d[c("y", "X")])
  expect_identical(varcomp(beside), varcomp(lmm(y ~ re(X), d)))
  expect_length(fixef(lmm(y ~ 0 + . + re(X), d[c("y", "X")])), 0)
  expect_identical(fixef(update(beside, . ~ . + x, data = d)), fixef(lmm(y ~ x + re(X), d)))
  expect_error(lmm(NULL ~ x, d), "response", class = "hdlmm_bad_input")
  expect_error(update(fit, NULL ~ .), "response", class = "hdlmm_bad_input")
})

test_that("what terms() cannot read is an error of ours, with and without a dot", {
  d <- data.frame(y = stats::rnorm(12), x = stats::rnorm(12), g = gl(3, 4))
  for (formula in c(
    y ~ . + x %in% 1:2 + (1 | g), y ~ x %in% 1:2 + (1 | g), y ~ . + "x" + (1 | g),
    y ~ (. + x)^g, y ~ . - 3
  )) {
    expect_error(lmm(formula, d), class = "hdlmm_bad_input")
  }
})

test_that("a thousand terms are read wherever the random one stands among them", {
  names <- paste0("v", 1:1000)
  sum <- paste(names, collapse = " + ")
  for (text in c(
    paste("y ~", sum), paste("y ~ re(X) +", sum), paste("y ~", sum, "+ (1 | g)"),
    paste("y ~ (", sum, "+ re(X) ) - 1"), paste("y ~ re(X) -", gsub("+", "-", sum, fixed = TRUE))
  )) {
    formula <- stats::as.formula(text)
    parts <- hdlmm:::split_formula(formula)
    expect_identical(sum(all.vars(parts$fixed) %in% names), 1000L)
    expect_length(parts$random, length(grep("re\\(|\\|", text)))
    expect_identical(hdlmm:::short_expr(formula), formula)
    new <- hdlmm:::update_formula(formula, . ~ . + (1 | h))
    expect_length(hdlmm:::split_formula(new)$random, length(parts$random) + 1)
  }
})

test_that("lmm() and update() take 400 written-out terms as lm() does", {
  names <- paste0("V", 1:400)
  wide <- as.data.frame(outer(1:410, 1:400, function(i, j) sin(i * j + j^2)))
  wide$y <- cos(1:410)
  fit <- lmm(stats::reformulate(names, "y"), wide)
  # condition number about 1e3, two least-squares solvers
  expect_equal(fixef(fit), coef(lm(stats::reformulate(names, "y"), wide)), tolerance = 1e-8)
  expect_length(fixef(update(fit, . ~ . - V7)), 400)
})

test_that("a grouping factor has one value a row, and none is missing", {
  own <- put(d, m = cbind(d$x, d$z), day = as.Date("2024-01-01") + as.integer(d$g))
  own$a <- array(1, c(n, 2, 2))
  own$one <- matrix(as.integer(d$g))
  for (formula in list(
    y ~ (1 | m), y ~ (1 | a), y ~ (1 | g:m), y ~ (1 | m:g), y ~ (1 | cbind(x, z))
  )) {
    expect_error(
      lmm(formula, own), "must be a vector or a factor .*; found", class = "hdlmm_bad_input"
    )
  }
  referee <- unname(varcomp(lmm(y ~ (1 | g), d)))
  expect_identical(unname(varcomp(lmm(y ~ (1 | day), own))), referee)
  expect_identical(unname(varcomp(lmm(y ~ (1 | one), own))), referee)
  own$g[3] <- NA
  for (action in list(na.pass, NULL, identity)) {
    expect_error(
      lmm(y ~ (1 | g), own, na.action = action), "`g` has 1 missing value that na.action kept",
      class = "hdlmm_bad_input"
    )
    expect_error(
      lmm(y ~ (1 | g:f), own, na.action = action), "missing value", class = "hdlmm_bad_input"
    )
  }
  fit <- lmm(y ~ (1 | addNA(g)), own)
  # sums in another order
  expect_equal(predict(fit, own), fitted(fit), tolerance = 1e-12)
})

test_that("bytes are a grouping factor as the numbers that they are", {
  d$bytes <- as.raw(as.integer(factor(d$g)))
  fit <- lmm(y ~ (1 | bytes), d)
  expect_equal(unname(varcomp(fit)), unname(varcomp(lmm(y ~ (1 | g), d))), tolerance = 1e-12)
  expect_equal(predict(fit, d), fitted(fit), tolerance = 1e-9)
})
