# Formulae: where random terms may stand and what the fixed part becomes.

d <- bad_input_data()
n <- nrow(d)
plain <- lmm(y ~ x + re(X), d)
grouped <- lmm(y ~ x + (1 | g), d)

test_that("a random term may stand anywhere in a sum", {
  places <- list(
    y ~ re(X) + x, y ~ (x + re(X)), y ~ (re(X)) + x, y ~ +re(X) + x, y ~ 1 + x + re(X),
    y ~ re(X) + 1 + x, y ~ x + hdlmm::re(X), y ~ x + ((re(X))), y ~ x + z + re(X) - z,
    y ~ x + re(X) + 0 + 1
  )
  for (formula in places) {
    fit <- lmm(formula, d)
    expect_identical(varcomp(fit), varcomp(plain), info = deparse1(formula))
    expect_identical(fixef(fit), fixef(plain), info = deparse1(formula))
  }
  for (formula in list(y ~ (1 | g) + x, y ~ x + ((1 | g)), y ~ ((1 | g)) + x)) {
    expect_identical(varcomp(lmm(formula, d)), varcomp(grouped), info = deparse1(formula))
  }
})

test_that("0 + and - 1 remove the intercept, before and after the random term", {
  referee <- lmm(y ~ 0 + x + re(X), d)
  expect_identical(names(fixef(referee)), "x")
  places <- list(
    y ~ re(X) + x - 1, y ~ x + re(X) - 1, y ~ -1 + re(X) + x, y ~ x + re(X) + 0,
    y ~ re(X) - 1 + x, y ~ (x + re(X)) - 1, y ~ x - 1 + re(X)
  )
  for (formula in places) {
    fit <- lmm(formula, d)
    expect_identical(fixef(fit), fixef(referee), info = deparse1(formula))
    expect_identical(varcomp(fit), varcomp(referee), info = deparse1(formula))
  }
  for (formula in list(y ~ re(X) - 1, y ~ 0 + re(X), y ~ -1 + re(X), y ~ re(X) + 0)) {
    expect_length(fixef(lmm(formula, d)), 0)
  }
})

test_that("the fixed part of a formula is the one that lm() would read", {
  forms <- list(
    y ~ x * f - x:f, y ~ f + x %in% f, y ~ (x + z + f)^2 - x:z, y ~ f / x, y ~ 1,
    y ~ -1 + f,
    y ~ I(x^2) + log(z + 1), y ~ poly(x, 2, raw = TRUE):f, log(y + 99) ~ sqrt(z),
    y ~ x + offset(z)
  )
  for (formula in forms) {
    mixed <- lmm(stats::update(formula, . ~ . + re(X)), d)
    expect_identical(
      model.matrix(mixed)[, ], model.matrix(lm(formula, d))[, ], info = deparse1(formula)
    )
  }
})

test_that("splitting a formula loses no term and keeps the order", {
  parts <- hdlmm:::split_formula(y ~ a + re(X) + b * c - 1 + (1 | g) + offset(o))
  expect_identical(parts$fixed, quote(a + b * c - 1 + offset(o)))
  expect_identical(vapply(parts$random, hdlmm:::term_text, ""), c("re(X)", "(1 | g)"))
  classes <- vapply(parts$random, function(term) class(term)[1], "")
  expect_identical(classes, c("matrix_term", "group_term"))
  expect_null(hdlmm:::split_formula(y ~ re(X))$fixed)
  expect_identical(hdlmm:::split_formula(y ~ re(X) - 1)$fixed, quote(1 - 1))
  expect_identical(hdlmm:::split_formula(y ~ I(a | b))$random, list())
})

misplaced <- list(
  y ~ x * re(X), y ~ x:re(X), y ~ x - re(X), y ~ log(re(X)), y ~ (x + re(X))^2,
  y ~ x %in% re(X),
  y ~ x - (1 | g), y ~ x * (1 | g), y ~ re(X) / x
)
refused <- c(
  lapply(misplaced, function(formula) {
    list(
      formula, "bad_input", "a random term must be added by `\\+` in `formula`; found `"
    )
  }),
  list(
    list(y ~ I(re(X)), "bad_input", "re\\(\\) is a term of the formula of lmm\\(\\)"),
    list(
      y ~ x + offset(re(X)), "bad_input", "re\\(\\) is a term of the formula of lmm\\(\\)"
    ),
    list(re(X) ~ x, "bad_input", "response of `formula` holds a random term"),
    list((1 | g) ~ x, "bad_input", "response of `formula` holds a random term"),
    list(~ x + re(X), "bad_input", "`formula` has no response"),
    list(3, "bad_input", "`formula` must be a formula such as .*; found 3"),
    list(c("y ~ x", "b"), "bad_input", "`formula` must be a formula"),
    list(y ~ x | g, "bad_input", "in parentheses: \\(x \\| g\\)"),
    list(y ~ re(), "bad_input", "re\\(\\) needs either a matrix or `kernel =`"),
    list(
      y ~ re(X, kernel = X), "bad_input", "re\\(\\) needs either a matrix or `kernel =`"
    ),
    list(y ~ re(X, foo = 1), "bad_input", "re\\(\\) has no argument `foo`"),
    list(y ~ re(X, id = g), "bad_input", "`id` goes with `kernel =`"),
    list(y ~ re(X, center = 3), "bad_input", "`center` must be TRUE or FALSE; found 3"),
    list(y ~ re(X, scale = NA), "bad_input", "`scale` must be TRUE or FALSE; found NA"),
    list(
      y ~ re(X, na = "median"), "bad_input", "`na` must be .*\"mean\"; found \"median\""
    ),
    list(
      y ~ re(nowhere), "bad_input", "in `re\\(nowhere\\)`: object 'nowhere' not found"
    )
  )
)

test_that("what cannot be read is refused, with the text that was found", {
  for (one in refused) {
    seen <- observe(function() lmm(one[[1]], d))
    expect_false(is.null(seen$error), info = deparse1(one[[1]]))
    if (is.null(seen$error)) next
    expect_condition_laws(seen$error, one[[2]], "error")
    expect_match(conditionMessage(seen$error), one[[3]])
  }
})

test_that("re() outside of a formula says where it belongs", {
  expect_error(re(d$X), "term of the formula of lmm", class = "hdlmm_bad_input")
})

test_that("a formula may be text, or built from text", {
  expect_identical(varcomp(lmm("y ~ x + re(X)", d)), varcomp(plain))
  fits <- lapply(c("x", "z"), function(name) lmm(reformulate(c(name, "re(X)"), "y"), d))
  expect_identical(varcomp(fits[[1]]), varcomp(plain))
  expect_identical(names(fixef(fits[[2]])), c("(Intercept)", "z"))
})

test_that("the expression of a design is evaluated in the data, at new rows too", {
  fit <- lmm(y ~ x + re(X[, 1:20] * 2), d)
  referee <- lmm(y ~ x + re(W), put(d, W = 2 * d$X[, 1:20]))
  expect_identical(unname(varcomp(fit)), unname(varcomp(referee)))
  # two products
  expect_equal(predict(fit, d[1:3, ]), predict(referee)[1:3], tolerance = 1e-12)
})

test_that("a grouping factor may be text or a number", {
  own <- put(
    d, text = as.character(d$g), whole = as.integer(d$g), real = as.integer(d$g) + 0.5
  )
  for (name in c("text", "whole", "real")) {
    fit <- lmm(stats::as.formula(paste("y ~ x + (1 |", name, ")")), own)
    expect_equal(unname(varcomp(fit)), unname(varcomp(grouped)), tolerance = 1e-10)
    expect_equal(predict(fit, own), predict(grouped), tolerance = 1e-10)
  }
})

test_that("a:b as a grouping factor is the interaction, whatever the types of a and b", {
  own <- put(
    d, a = as.integer(d$g), b = rep(1:2, n / 2), text = as.character(d$g),
    flag = rep(1:2, n / 2) == 1
  )
  own$joint <- paste(own$a, own$b)
  referee <- lmm(y ~ x + (1 | joint), own)
  forms <- list(
    y ~ x + (1 | text:flag), y ~ x + (1 | g:flag), y ~ x + (1 | a:b),
    y ~ x + (1 | g:factor(b)),
    y ~ x + (1 | interaction(a, b))
  )
  for (formula in forms) {
    fit <- lmm(formula, own)
    expect_length(ranef(fit)[[1]], 20)
    expect_equal(unname(varcomp(fit)), unname(varcomp(referee)), tolerance = 1e-10)
    expect_equal(predict(fit, own[5:9, ]), predict(referee)[5:9], tolerance = 1e-10)
  }
})

test_that("a variable of a grouping expression is never taken from the workspace", {
  own <- put(d, whole = as.integer(d$g))
  whole <- rep(1:2, n / 2)
  fit <- lmm(y ~ x + (1 | factor(whole)), own)
  expect_equal(unname(varcomp(fit)), unname(varcomp(grouped)), tolerance = 1e-10)
})

test_that("subset takes flags, numbers, negative numbers and row names, as lm() does", {
  choices <- list(
    d$x > 0, c(2:30, 35), -(1:4), rownames(d)[5:36], replace(d$x > -1, 3, NA)
  )
  for (choice in choices) {
    fit <- lmm(y ~ x + re(X), d, subset = choice)
    kept <- names(residuals(lm(y ~ x, d, subset = choice)))
    referee <- lmm(y ~ x + re(X), d[kept, ])
    expect_identical(names(fitted(fit)), kept)
    # kappa and means of the same rows
    expect_equal(varcomp(fit), varcomp(referee), tolerance = 1e-12)
    expect_equal(predict(fit, d), predict(referee, d), tolerance = 1e-10)
  }
  expect_match(
    printed(lmm(y ~ x + re(X), d, subset = x > 0)), "Rows dropped: [0-9]+ by subset"
  )
})

test_that("without a random term every method is OLS", {
  for (method in c("OLS", "REML", "ML")) {
    fit <- lmm(y ~ x, d, method = method)
    expect_identical(c(fit$method, fit$algorithm), c("OLS", "qr"))
  }
})

test_that("a random term and OLS contradict each other", {
  expect_error(
    lmm(y ~ re(X), d, method = "OLS"),
    "method \"OLS\" has no random term; found `re\\(X\\)`",
    class = "hdlmm_bad_input"
  )
})

test_that("`.` less the name of the random design is the same as `.`", {
  e <- d[c("y", "x", "z", "X")]
  expect_no_warning(fit <- lmm(y ~ . - X + re(X), e))
  expect_identical(fixef(fit), fixef(lmm(y ~ . + re(X), e)))
  expect_identical(names(fixef(lmm(y ~ . - X - z + re(X), e))), c("(Intercept)", "x"))
})

test_that("a fit of which every fixed effect is aliased names them", {
  zeros <- data.frame(d["y"], g = d$g, x = 0 * d$x, also = 0)
  for (formula in c(y ~ 0 + x + (1 | g), y ~ x + also - 1 + (1 | g))) {
    expect_message(fit <- lmm(formula, zeros, method = "ML"), "`x`")
    expect_identical(names(which(is.na(fixef(fit)))), names(fixef(fit)))
    for (method in c("wald", "profile")) {
      limits <- confint(fit, method = method)
      expect_true(all(is.na(limits[names(fixef(fit)), ])))
      expect_false(anyNA(limits["Residual", ]))
    }
  }
})

test_that("re(.) is the matrix of the columns that the formula does not name", {
  own <- lmm(mpg ~ wt + re(., scale = TRUE), mtcars)
  peer <- lmm(
    mpg ~ wt + re(cbind(cyl, disp, hp, drat, qsec, vs, am, gear, carb), scale = TRUE), mtcars
  )
  expect_identical(logLik(own), logLik(peer))
  expect_identical(ranef(own)[[1]], ranef(peer)[[1]])
  expect_identical(predict(own, mtcars[3:1, 11:1]), predict(peer, mtcars[3:1, ]))
  expect_named(ranef(own), ".")
  expect_output(print(own), "mpg ~ wt + re(., scale = TRUE)", fixed = TRUE)
  # grouping factors and what stands in expressions are named
  with_group <- lmm(log(mpg) ~ (wt | cyl) + re(., name = "rest"), mtcars)
  expect_identical(
    names(ranef(with_group)$rest), setdiff(names(mtcars), c("mpg", "wt", "cyl"))
  )
  wide <- data.frame(y = mtcars$mpg)
  wide$X <- as.matrix(mtcars[, -1])
  expect_identical(logLik(lmm(y ~ re(.), wide)), logLik(lmm(y ~ re(X), wide)))
})

test_that("re(.) stays what it was when the rest of the formula changes", {
  fit <- lmm(mpg ~ wt + re(., scale = TRUE), mtcars, method = "ML")
  smaller <- update(fit, . ~ . - wt)
  expect_named(ranef(smaller), ".")
  expect_identical(names(ranef(smaller)[[1]]), names(ranef(fit)[[1]]))
  expect_equal(drop1(fit)["wt", "AIC"], AIC(smaller), tolerance = 1e-10)
  # no response is in the matrix of another
  both <- lmm(cbind(mpg, disp) ~ wt + re(., scale = TRUE), mtcars, method = "ML")
  alone <- lmm(disp ~ wt + re(., scale = TRUE), mtcars[names(mtcars) != "mpg"], method = "ML")
  expect_equal(logLik(both[["disp"]]), logLik(alone), tolerance = 1e-10)
})

test_that("re(.) says what it cannot stand for", {
  expect_error(lmm(Sepal.Length ~ re(.), iris), "`Species`", class = "hdlmm_bad_input")
  expect_error(lmm(mpg ~ . + re(.), mtcars), "twice", class = "hdlmm_bad_input")
  expect_error(lmm(mpg ~ re(.), as.list(mtcars)), "data frame", class = "hdlmm_bad_input")
  expect_error(
    lmm(mpg ~ wt + re(.), mtcars[c("mpg", "wt")]), "stands for nothing", class = "hdlmm_bad_input"
  )
})

test_that("a matrix written as hundreds of columns predicts new rows", {
  set.seed(1)
  d <- data.frame(y = rnorm(30), matrix(rnorm(30 * 1500), 30))
  names(d)[-1] <- paste0("a_rather_long_name_", seq_len(1500))
  fit <- lmm(y ~ re(.), d)
  expect_gt(nchar(deparse1(fit$designs[[1]]$rule$expr)), 1e4)
  expect_equal(predict(fit, d[4:6, ]), fitted(fit)[4:6], tolerance = 1e-8)
  expect_lt(sum(nchar(capture.output(print(update(fit, . ~ .))))), 2000)
})
