# Case weights.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
plain <- lmm(y ~ x + re(X), d)
by_factor <- lmm(y ~ f + re(X), d)
offsets <- lmm(y ~ x + offset(z) + re(X), d, offset = 2 * z)

half <- rep(0:1, n / 2)
weighted_dent <- put_cells(d, "y", c(1, 6, 40), NA)

case_weights <- list(
  input_row(58, "rows of weight zero count neither in n nor in the likelihood",
    function() lmm(y ~ x + re(X), d, weights = half),
    note = "20 rows of weight zero left out",
    check = function(fit) {
      expect_same_fit(fit, lmm(y ~ x + re(X), d, subset = half == 1))
      expect_match(printed(fit), "20 rows,.*weighted.*Rows dropped: 20 by weight zero")
      expect_identical(names(fitted(fit)), rownames(d)[half == 1])
    }
  ),
  input_row(58, "nor as levels of a grouping factor",
    function() lmm(y ~ x + (1 | g), d, weights = as.numeric(g != "3")), note = "4 rows",
    check = function(fit) {
      expect_same_fit(fit, lmm(y ~ x + (1 | g), d, subset = g != "3"))
      expect_identical(names(ranef(fit)$g), setdiff(levels(d$g), "3"))
    }
  ),
  input_row(58, "as lm() counts them",
    function() lmm(y ~ x, d, weights = half),
    note = "weight zero",
    check = function(fit) {
      referee <- lm(y ~ x, d, weights = half)
      expect_equal(
        as.numeric(logLik(fit)), as.numeric(logLik(referee)), tolerance = 1e-12
      )
      expect_equal(sigma(fit), sigma(referee), tolerance = 1e-12)
      expect_equal(df.residual(fit), df.residual(referee))
    }
  ),
  input_row(58, "na.exclude pads them too: one value a row, in the place of the row",
    function() lmm(y ~ x + re(X), weighted_dent, weights = half, na.action = na.exclude),
    note = "weight zero",
    check = function(fit) {
      kept <- half == 1 & !is.na(weighted_dent$y)
      expect_length(fitted(fit), n)
      expect_identical(names(fitted(fit)), rownames(d))
      if (length(fitted(fit)) == n) {
        expect_equal(
          unname((fitted(fit) + residuals(fit))[kept]), d$y[kept], tolerance = 1e-12
        )
      }
      expect_true(all(is.na(fitted(fit)[is.na(weighted_dent$y)])))
    }
  ),
  input_row(59, "negative weights", function() lmm(y ~ x + re(X), d, weights = -half),
    "bad_input", message = "`weights` must be finite and not negative; found -1\\."
  ),
  input_row(59, "infinite weights", function() lmm(y ~ x + re(X), d, weights = 1 / half),
    "bad_input", message = "found Inf"
  ),
  input_row(59, "a missing weight drops its row",
    function() lmm(y ~ x + re(X), d, weights = replace(z, 3, NA)),
    check = function(fit) {
      expect_same_fit(fit, lmm(y ~ x + re(X), d, weights = z, subset = -3))
    }
  ),
  input_row(59, "weights of another length give both numbers",
    function() lmm(y ~ x + re(X), d, weights = 1:3),
    "bad_input", message = "`weights` .*3.*40"
  ),
  input_row(59, "weights that are all zero",
    function() lmm(y ~ x + re(X), d, weights = 0 * half),
    "bad_input", message = "`weights` are all zero"
  ),
  input_row(59, "weights that are text", function() lmm(y ~ x, d, weights = rep("1", n)),
    "bad_input", message = "`weights` must be a numeric vector; found .*character"
  ),
  input_row(59, "weights that are a list", function() lmm(y ~ x, d, weights = as.list(z)),
    "bad_input", message = "`weights`.*list"
  ),
  input_row(59, "the size of the weights does not matter",
    function() {
      lapply(
        c(1e-300, 1, 1e300), function(s) lmm(y ~ x + re(X), d, weights = s * seq_len(n))
      )
    },
    check = function(fits) {
      for (fit in fits) {
        # the mode is polished to 1e-10 in the log ratio
        expect_equal(varcomp(fit)[["X"]], varcomp(fits[[2]])[["X"]], tolerance = 1e-9)
      }
    }
  ),
  input_row(60, "a missing offset drops its row",
    function() lmm(y ~ x + re(X), d, offset = replace(z, 3, NA)),
    check = function(fit) {
      expect_same_fit(fit, lmm(y ~ x + re(X), d, offset = z, subset = -3))
    }
  ),
  input_row(60, "offsets of formula and argument add up",
    function() offsets, check = function(fit) {
      expect_same_fit(fit, lmm(I(y - 3 * z) ~ x + re(X), d))
    }
  ),
  input_row(60, "an offset of another length gives both numbers",
    function() lmm(y ~ x + re(X), d, offset = 1:3), "bad_input", message = "offset.*3.*40"
  ),
  input_row(60, "an infinite offset names its row",
    function() lmm(y ~ x + re(X), d, offset = replace(z, 3, Inf)),
    "bad_input", message = "the offset has 1 infinite value \\(row 3\\)"
  ),
  input_row(60, "an offset that is text", function() lmm(y ~ x, d, offset = rep("a", n)),
    "bad_input", message = "offset.* must be.*numeric"
  ),
  input_row(61, "an unknown contrast function", function() {
    lmm(y ~ f + re(X), d, contrasts = list(f = "contr.unknown"))
  }, "bad_input", message = "contr.unknown"),
  input_row(61, "a contrast matrix of another size", function() {
    lmm(y ~ f + re(X), d, contrasts = list(f = matrix(1, 2, 2)))
  }, "bad_input", message = "contrast"),
  input_row(61, "contrasts are those of the fit, whatever options() say later",
    function() {
      old <- options(contrasts = c("contr.helmert", "contr.poly"))
      on.exit(options(old))
      fit <- lmm(y ~ f + re(X), d)
      given <- lmm(y ~ f + re(X), d, contrasts = list(f = "contr.sum"))
      options(old)
      list(fit, given)
    },
    check = function(fits) {
      for (fit in fits) {
        expect_equal(predict(fit, d), predict(fit), tolerance = 1e-12)
        expect_equal(predict(fit), predict(by_factor), tolerance = 1e-9)
        by_hand <- drop(model.matrix(fit) %*% fixef(fit))
        expect_equal(predict(fit, random = FALSE), by_hand, tolerance = 1e-12)
      }
      expect_identical(names(fixef(fits[[1]])), c("(Intercept)", "f1", "f2", "f3"))
    }
  ),
  input_row(63, "max_iter reached: flagged, with the reason",
    function() lmm(y ~ x + re(X), d, control = lmm_control(max_iter = 1)),
    warning = "not_converged", message = "did not converge: `max_iter`",
    check = function(fit) {
      expect_false(attr(convergence(fit), "converged"))
      expect_match(attr(convergence(fit), "reason"), "max_iter")
      expect_match(printed(fit), "Not converged: `max_iter`")
    }
  ),
  input_row(63, "tol = 0: flagged, and the estimates are as good as they can be",
    function() lmm(y ~ x + re(X), d, control = lmm_control(tol = 0)),
    warning = "not_converged", message = "`tol` is below machine precision",
    check = function(fit) {
      expect_false(fit$is_converged)
      expect_same_fit(fit, plain)
    }
  ),
  input_row(63, "tol = 1e-300 likewise",
    function() lmm(y ~ x + re(X), d, control = lmm_control(tol = 1e-300)),
    warning = "not_converged", message = "below machine precision", check = same_as(plain)
  )
)
check_rows(case_weights)

test_that("columns that depend on others are aliased whatever the weights", {
  cells <- expand.grid(a = factor(1:3), b = factor(1:2), again = 1:5)
  cells$y <- sin(seq_len(nrow(cells)))
  for (spread in c(4, 12, 30)) {
    cells$w <- 10^(spread * (as.integer(interaction(cells$a, cells$b)) / 6 - 0.5))
    # lm() keeps what rounding makes independent, beyond 10^16
    suppressWarnings(suppressMessages(fit <- lmm(y ~ a:b, cells, weights = w, method = "OLS")))
    expect_identical(sum(is.na(fixef(fit))), 1L)
    means <- tapply(cells$y, interaction(cells$a, cells$b), mean)
    expect_equal(
      unname(fitted(fit)), unname(means[interaction(cells$a, cells$b)]),
      tolerance = 1e-8, ignore_attr = TRUE
    )
    expect_no_error(suppressWarnings(anova(fit)))
  }
})

test_that("weights of which some rows lose their digits are warned of in every model", {
  far <- put(d, w = 10^seq(-10, 10, length.out = n))
  for (formula in c(y ~ x, y ~ x + (1 | g), y ~ x + re(X))) {
    method <- if (identical(formula, y ~ x)) "OLS" else "REML"
    expect_warning(lmm(formula, far, weights = w, method = method), class = "hdlmm_badly_scaled")
  }
})
