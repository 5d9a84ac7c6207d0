# Fixed and random designs without full rank, without columns, too large.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)
plain <- lmm(y ~ x + re(X), d)

doubled <- put(d, x2 = 2 * d$x, x3 = 2 * d$x + d$z)
# x + tiny * u in exact arithmetic: 2^-33 is near 1e-10
collinear <- put(
  d, x = round(1024 * d$x) / 1024, u = round(1024 * sin(seq_len(n))) / 1024
)
collinear$x2 <- collinear$x + 2^-33 * collinear$u

fixed_designs <- list(
  input_row(20, "proportional and dependent columns are aliased, by name",
    function() lmm(y ~ x + x2 + z + x3 + re(X), doubled),
    note = "rank deficient, so `x2` and `x3` are dropped \\(coefficient NA\\)",
    check = function(fit) {
      reduced <- lmm(y ~ x + z + re(X), d)
      expect_identical(names(which(is.na(fixef(fit)))), c("x2", "x3"))
      expect_equal(fixef(fit, complete = FALSE), fixef(reduced), tolerance = 1e-10)
      expect_identical(df.residual(fit), df.residual(reduced))
      expect_equal(predict(fit, doubled), predict(reduced, d), tolerance = 1e-10)
      expect_identical(colnames(vcov(fit)), c("(Intercept)", "x", "z"))
      expect_match(printed(fit), "3 fixed effects \\(2 more aliased\\)")
    }
  ),
  input_row(20, "one dependent column: the verb is singular",
    function() lmm(y ~ x + x2, doubled), note = "so `x2` is dropped",
    check = function(fit) {
      expect_identical(
        is.na(coef(fit)), is.na(coef(lm(y ~ x + x2, doubled)))
      )
    }
  ),
  input_row(21, "nearly collinear columns are kept, their condition is printed",
    function() lmm(y ~ x + x2 + re(X), collinear),
    check = function(fit) {
      referee <- lmm(y ~ x + u + re(X), collinear)
      # condition 2e10 times 1e-16
      expect_equal(varcomp(fit), varcomp(referee), tolerance = 1e-5)
      expect_equal(fixef(fit)[["x2"]] * 2^-33, fixef(referee)[["u"]], tolerance = 1e-4)
      expect_equal(
        fixef(fit)[["x"]] + fixef(fit)[["x2"]], fixef(referee)[["x"]], tolerance = 1e-4
      )
      expect_match(printed(fit), "nearly collinear: condition number 2\\.?[0-9]?e\\+10")
    }
  ),
  input_row(22, "as many fixed effects as rows",
    function() lmm(y ~ x + f + re(X), d[1:5, ]),
    "no_residual_df",
    message = "no residual degrees of freedom: 5 fitted rows and 5 fixed effects"
  ),
  input_row(22, "more columns of Z than rows",
    function() lmm(y ~ x + f + re(X), d[1:4, ]),
    "no_residual_df", message = "4 fitted rows and 4 fixed effects"
  ),
  input_row(22, "the same without a random term", function() lmm(y ~ x, d[1:2, ]),
    "no_residual_df", message = "2 fitted rows and 2 fixed effects"
  ),
  input_row(23, "one row and an intercept", function() lmm(y ~ re(X), d[1, ]),
    "no_residual_df", message = "1 fitted row and 1 fixed effect\\."
  ),
  input_row(23, "one row and no fixed effect", function() lmm(y ~ 0 + re(X), d[1, ]),
    "not_identified", message = "not identified"
  ),
  input_row(23, "one row and one level", function() lmm(y ~ 0 + (1 | g), d[1, ]),
    "not_identified", message = "not identified"
  ),
  input_row(23, "two rows and an intercept", function() lmm(y ~ re(X), d[1:2, ]),
    "not_identified", message = "not identified"
  ),
  input_row(23, "two rows: the saturated model in closed form",
    function() fit_diagonal(diagonal_case(c(3, 1), c(3, 2))),
    # 3 b + e = 9, b + e = 4
    check = function(fit) {
      expect_equal(
        unname(varcomp(fit)), c(2.5, 1.5), tolerance = 1e-9
      )
    }
  ),
  input_row(23, "three rows and an intercept likewise",
    function() {
      # contrasts (1, -1, 0) / sqrt(2) and (1, 1, -2) / sqrt(6) of y are 3 and 2
      lmm(
        y ~ re(x),
        list(y = c(3 / sqrt(2), -3 / sqrt(2), 0) + c(2, 2, -4) / sqrt(6), x = c(1, -1, 0))
      )
    },
    check = function(fit) {
      expect_equal(unname(varcomp(fit)), c((9 - 4) / 2, 4), tolerance = 1e-9)
    }
  ),
  input_row(23, "one row of the ordinary linear model without coefficients",
    function() lmm(y ~ 0, d[1, ]),
    check = function(fit) expect_equal(sigma(fit), abs(d$y[1]), tolerance = 1e-14)
  ),
  input_row(24, "without fixed effects REML is ML",
    function() list(lmm(y ~ 0 + re(X), d), lmm(y ~ 0 + re(X), d, method = "ML")),
    check = function(fits) {
      expect_same_fit(fits[[1]], fits[[2]])
      expect_length(fixef(fits[[1]]), 0)
      expect_match(printed(fits[[1]]), "0 fixed effects.*Fixed effects: none")
    }
  ),
  input_row(25, "a constant column of X and no intercept shrink the mean",
    function() lmm(y ~ 0 + re(X), put_cells(d, "X", cbind(seq_len(n), 1), 1)),
    warning = "confounded",
    message = "`X` has a constant column and the fixed effects no intercept"
  ),
  input_row(25, "not so when Z spans the constant, or X is centred",
    function() {
      one <- put_cells(d, "X", cbind(seq_len(n), 1), 1)
      list(lmm(y ~ 0 + f + re(X), one), lmm(y ~ 0 + re(X, center = TRUE), one))
    },
    check = function(fits) expect_identical(lengths(lapply(fits, fixef)), c(4L, 0L))
  ),
  input_row(26, "X without columns is the ordinary linear model",
    function() lmm(y ~ x + re(X), put(d, X = d$X[, 0])),
    note = "`X` has no columns: the model has no random term",
    check = function(fit) {
      referee <- lm(y ~ x, d)
      expect_equal(coef(fit), coef(referee), tolerance = 1e-12)
      expect_equal(
        as.numeric(logLik(fit)), as.numeric(logLik(referee)), tolerance = 1e-12
      )
      expect_length(ranef(fit), 0)
      expect_identical(VarCorr(fit)$grp, "Residual")
      expect_identical(nrow(pve(fit)), 0L)
    }
  )
)
check_rows(fixed_designs)

columns <- function(k) d$X[, seq_len(k), drop = FALSE]
zeros <- matrix(0, n, p)
flat <- put_cells(
  put_cells(d, "X", cbind(seq_len(n), 2), 0), "X", cbind(seq_len(n), 3), 7
)
halved <- lmm(y ~ x + re(X), put(d, X = cbind(d$X, d$X)))

random_designs <- list(
  input_row(27, "p = 1, n - 1, n, n + 1: zero columns turn the side, not the fit",
    function() {
      lapply(c(1, n - 1, n, n + 1), function(k) {
        list(
          lmm(y ~ x + re(X), put(d, X = columns(k))),
          suppressMessages(lmm(y ~ x + re(X), put(d, X = cbind(columns(k), zeros))))
        )
      })
    },
    check = function(pairs) {
      for (pair in pairs) {
        expect_same_fit(pair[[1]], pair[[2]], 1e-9)
        # variances of predictions are differences
        expect_equal(
          predict(pair[[1]], interval = "confidence"),
          predict(pair[[2]], interval = "confidence"),
          tolerance = 1e-8
        )
      }
    }
  ),
  input_row(28, "a zero and a constant column have effect 0, and the zero is noted",
    function() lmm(y ~ x + re(X), flat), note = "1 column of `X` (is )?zero",
    check = function(fit) {
      expect_equal(unname(ranef(fit)$X[2:3]), c(0, 0), tolerance = 1e-14)
      other <- lmm(y ~ x + re(X), put(d, X = d$X[, -(2:3)]))
      expect_equal(varcomp(fit), varcomp(other), tolerance = 1e-9)
    }
  ),
  input_row(28, "scaling divides neither by 0",
    function() lmm(y ~ x + re(X, scale = TRUE, center = TRUE), flat), note = "1 column",
    check = function(fit) {
      effects <- ranef(fit, se = TRUE)
      expect_true(all(is.finite(unlist(effects)), is.finite(unlist(attr(effects, "se")))))
      expect_equal(unname(effects$X[2:3]), c(0, 0), tolerance = 1e-14)
      expect_equal(predict(fit, flat), predict(fit), tolerance = 1e-10)
    }
  ),
  input_row(29, "duplicated columns halve sigma_b^2 and each effect",
    function() halved,
    check = function(fit) {
      expect_equal(varcomp(fit), varcomp(plain) / c(2, 1), tolerance = 1e-10)
      expect_equal(fit$pve, plain$pve, tolerance = 1e-10)
      expect_equal(ranef(fit)$X[seq_len(p)], ranef(plain)$X / 2, tolerance = 1e-9)
      expect_equal(predict(fit), predict(plain), tolerance = 1e-10)
    }
  ),
  input_row(30, "X = 0: the variance is set to 0, with a warning",
    function() lmm(y ~ x + re(X), put(d, X = zeros), method = "ML"),
    warning = "not_identified", message = "every column of `X` is zero.*set to 0",
    note = "zero",
    check = function(fit) {
      expect_identical(varcomp(fit)[["X"]], 0)
      expect_equal(
        as.numeric(logLik(fit)), as.numeric(logLik(lm(y ~ x, d))), tolerance = 1e-12
      )
      expect_match(printed(fit), "variance of `X` is exactly 0")
      expect_false(anyNA(confint(fit, "beta_")))
    }
  ),
  input_row(30, "a sparse X = 0 likewise",
    function() {
      empty <- Matrix::Matrix(0, n, 3, sparse = TRUE)
      lmm(y ~ x + re(empty), d)
    },
    warning = "not_identified", message = "set to 0", note = "zero",
    check = function(fit) expect_identical(varcomp(fit)[[1]], 0)
  ),
  input_row(30, "a kernel of zeros is refused for what it is",
    function() {
      nothing <- matrix(0, n, n)
      lmm(y ~ x + re(kernel = nothing), d)
    },
    "bad_input",
    message = "`nothing` .*(zero|no positive eigenvalue)"
  ),
  input_row(31, "X in the span of Z",
    function() lmm(y ~ x + re(X), put(d, X = cbind(1, d$x, d$x - 3))),
    "not_identified",
    message = "variance of `X` is not identified.*span of the fixed effects"
  ),
  input_row(31, "constant columns and an intercept",
    function() lmm(y ~ re(X), put(d, X = zeros + 7)),
    "not_identified", message = "`X` is not identified"
  ),
  input_row(31, "a factor that is fixed and random", function() lmm(y ~ g + (1 | g), d),
    "not_identified", message = "variance of `g` is not identified"
  )
)
check_rows(random_designs)

test_that("row 35: more than 2^31 - 1 rows are clearly not supported", {
  skip_on_cran()
  out <- run_in_child(
    c(
      "y <- 1:3e9",
      "shown <- function(e) writeLines(paste0(class(e)[1], \": \", conditionMessage(e)))",
      "tryCatch(lmm(y ~ 1), error = shown)",
      "tryCatch(lmm(y ~ re(X), list(y = y, X = 1)), error = shown)"
    ),
    limit_kb = 6000000
  )
  expect_length(grep("^hdlmm_unsupported: .*(not supported|at most)", out), 2)
})

test_that("row 36: a failed allocation is an R error; session and disk are as before", {
  skip_on_cran()
  out <- run_in_child(
    c(
      "n <- 40000",
      "at <- c(1:n, n:1) + 0:1",
      "wide <- Matrix::sparseMatrix(rep(1:n, 2), at, x = 1, dims = c(n, n + 1))",
      "y <- sin(1:n)",
      "before <- dir(tempdir())",
      "failed <- tryCatch(lmm(y ~ re(wide)), error = identity)",
      "cat(grepl('alloc|memory', conditionMessage(failed)), '\n')",
      "fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)",
      "cat(nobs(fit), setdiff(dir(tempdir()), before), '\n')"
    ),
    limit_kb = 6000000
  )
  expect_identical(trimws(out), c("TRUE", "234"))
})
