# Designs of (x | g): their matrix against lme4's, columns at new rows, moments by brute force.

d <- terms_data()
one_row <- d[5, ]

forms <- list(
  slope = y ~ (x | g), through_zero = y ~ (0 + x | g), levels = y ~ (0 + f | g),
  dummies = y ~ (f | g),
  poly = y ~ (poly(x, 2) | g), scaled = y ~ (0 + scale(x) | g), product = y ~ (x * f | g),
  spline = y ~ (splines::ns(x, 3) | g), text = y ~ (text + z | a:b), flag = y ~ (flag | g),
  nested = y ~ (x | a / b), independent = y ~ (x || g), log = y ~ (log(z) + I(x^2) | b)
)

test_that("the matrix of every design is that of lme4", {
  skip_if_not_installed("lme4")
  for (formula in forms) {
    designs <- designs_for(formula, d)
    theirs <- lme4_matrices(formula, d)
    at <- match(make.unique(theirs$group), make.unique(vapply(designs, function(design) {
      hdlmm:::short_text(design$group)
    }, "")))
    expect_setequal(at, seq_along(designs))
    # scaled by powers of two and back
    expect_identical(unname(lapply(designs[at], user_matrix)), theirs$x, info = deparse1(formula))
  }
})

test_that("|| gives every column of the left side a term of its own, dummies too", {
  designs <- designs_for(y ~ (f + x || g), d)
  whole <- user_matrix(designs_for(y ~ (f + x | g), d)$g)
  by_column <- do.call(cbind, lapply(seq_along(designs), function(a) {
    whole[, seq(a, ncol(whole), length(designs))]
  }))
  expect_identical(do.call(cbind, lapply(unname(designs), user_matrix)), by_column)
  expect_identical(class(designs$g)[1], "grouped_design")
  expect_identical(designs$g[names(designs$g) != "label"],
    designs_for(y ~ (1 | g), d)$g[names(designs$g) != "label"]
  )
})

test_that("new rows have the columns of the same rows among the fitted ones", {
  for (formula in c(forms, list(y ~ (x | factor(b)), y ~ (0 + cbind(x, z) | g:flag)))) {
    fit <- unfitted(problem_for(formula, d))
    for (label in names(fit$designs)) {
      design <- fit$designs[[label]]
      if (!inherits(design, "level_design")) next
      whole <- user_matrix(design)
      for (at in list(1:90, c(7, 7, 3), 5, integer())) {
        rows <- new_term_rows(fit, d[at, ], label)
        # poly() finds new values by its recurrence
        expect_equal(
          rows_matrix(design, rows), whole[at, , drop = FALSE], tolerance = 1e-12,
          info = paste(deparse1(formula), length(at))
        )
      }
    }
  }
})

test_that("columns of any type that model.matrix() reads are rebuilt at new rows", {
  own <- put(d,
    ordered = factor(d$f, ordered = TRUE), day = as.Date("2020-01-01") + 1:90,
    hours = as.difftime(d$x, units = "hours"), whole = 1:90,
    gaps = addNA(replace(d$f, c(3, 8), NA))
  )
  own$coded <- d$f
  contrasts(own$coded) <- cbind(p = c(1, 0, -1), q = c(0, 1, -1))
  at <- c(3, 9, 9, 40)
  for (name in c("ordered", "day", "hours", "whole", "gaps", "coded")) {
    formula <- eval(bquote(y ~ (.(as.name(name)) | g)))
    for (data in list(own, as.list(own), list2env(as.list(own)))) {
      fit <- unfitted(problem_for(formula, data))
      new <- own[at, ]
      if (name == "coded") new$coded <- as.character(new$coded)
      wanted <- unname(hdlmm:::left_side(fit$random_terms$g, fit)$x)[at, ]
      rows <- new_term_rows(fit, new)
      expect_equal(attr(rows$x, "values"), wanted, tolerance = 1e-14, info = name)
    }
  }
  coded <- designs_for(y ~ (coded | g), own)$g
  expect_identical(coded$columns, c("(Intercept)", "codedp", "codedq"))
})

test_that("contrasts at new rows are those of the fit, whatever the options are then", {
  fit <- unfitted(problem_for(y ~ (f | g), d))
  old <- options(contrasts = c("contr.sum", "contr.poly"))
  on.exit(options(old))
  rows <- new_term_rows(fit, d)
  expect_identical(rows_matrix(fit$designs$g, rows), user_matrix(fit$designs$g))
  expect_identical(designs_for(y ~ (f | g), d)$g$columns, c("(Intercept)", "f1", "f2"))
})

test_that("factors left of the bar may come as text, with some of their levels", {
  fit <- unfitted(problem_for(y ~ (0 + f | g), d))
  design <- fit$designs$g
  at <- which(d$f == "w")
  new <- data.frame(f = rep("w", length(at)), g = as.character(d$g[at]))
  expect_identical(rows_matrix(design, new_term_rows(fit, new)), user_matrix(design)[at, ])
})

test_that("new rows say what they lack, what they have too much and what is of another type", {
  fit <- unfitted(problem_for(y ~ (x + f | g), d))
  ask <- function(...) new_term_rows(fit, put(d[1:3, ], ...))
  expect_error(ask(x = NULL), "lacks `x`", class = "hdlmm_bad_input")
  expect_error(ask(x = c("a", "b", "c")), "`x` is of type", class = "hdlmm_bad_input")
  expect_error(ask(f = "q"), "levels of `f` that the fit does not know: \"q\"",
    class = "hdlmm_new_levels"
  )
  expect_error(ask(g = "Q"), "levels of `g` that the fit does not know: \"Q\"",
    class = "hdlmm_new_levels"
  )
  ranked <- unfitted(problem_for(y ~ (rank(x) | g), d))
  expect_error(new_term_rows(ranked, d), "`rank\\(x\\)` cannot be evaluated",
    class = "hdlmm_not_row_wise"
  )
})

test_that("missing values of new rows stay missing; levels that are new have mean 0", {
  fit <- unfitted(problem_for(y ~ (poly(x, 2) + f | g), d))
  design <- fit$designs$g
  new <- put(d[1:6, ], x = replace(d$x[1:6], 2, NA), f = replace(d$f[1:6], 3, NA))
  new$g <- replace(as.character(new$g), c(4, 5), c(NA, "new"))
  rows <- new_term_rows(fit, new, allow_new_levels = TRUE)
  beta <- seq_len(design$n_cols)
  value <- hdlmm:::effect_mean(design, rows, beta)
  expect_identical(is.na(value), 1:6 %in% 2:4)
  expect_equal(value[c(1, 5, 6)], c(1, 0, 1) * drop(user_matrix(design) %*% beta)[c(1, 5, 6)],
    tolerance = 1e-12
  )
  s <- diag(5)
  point <- hdlmm:::term_points(design, rows, 1:6, s, fit$internal)
  expect_identical(colSums(is.na(point$covariance)) > 0, 1:6 %in% 2:4)
  expect_identical(point$covariance[, 5], numeric(90))
  expect_gt(point$prior[5], 0)
})

# Sum over levels of tr(C X_j S X_j') / (n - 1), every matrix written out.
brute_kappa <- function(x, s) {
  n <- nrow(x)
  centring <- diag(n) - 1 / n
  v <- x %*% kronecker(diag(ncol(x) / nrow(s)), s) %*% t(x)
  sum(diag(centring %*% v %*% centring)) / (n - 1)
}

test_that("kappa is the expected sample variance of the term, for one level too", {
  set.seed(3)
  own <- put(d, one = factor(rep("k", 90)), far = 1e4 + d$x)
  formulas <- c(forms, list(y ~ (x | one), y ~ (0 + far | one), y ~ (far | g), y ~ (x | X[, 1])))
  for (formula in formulas) {
    for (design in designs_for(formula, own)) {
      if (!inherits(design, "level_design")) next
      r <- length(design$columns)
      s <- crossprod(matrix(rnorm(r^2), r)) + diag(r)
      inside <- s * outer(2^-design$exponent, 2^-design$exponent)
      # the referee's own cancellation where columns are far from zero
      expect_equal(
        sum(design$kappa_scaled * inside), brute_kappa(user_matrix(design), s), tolerance = 1e-7,
        info = deparse1(formula)
      )
    }
  }
})

test_that("columns are scaled by powers of two, each by its own", {
  small <- put(d, x = d$x * 2^-500, z = d$z * 2^40)
  plain <- designs_for(y ~ (x + z | g), d)$g
  scaled <- designs_for(y ~ (x + z | g), small)$g
  expect_identical(scaled$core, plain$core)
  expect_identical(scaled$exponent - plain$exponent, c(0, 500, -40))
  expect_identical(scaled$effect_exponent, rep(scaled$exponent, 8))
  expect_true(all(apply(abs(scaled$core$values), 2, max) >= 0.5))
  expect_true(all(abs(scaled$core$values) < 1 | scaled$core$values == 1))
  expect_identical(user_matrix(scaled)[, 3 * (1:8)], user_matrix(plain)[, 3 * (1:8)] * 2^40)
})

test_that("points, squares and values of rows are those of the matrix", {
  set.seed(4)
  at <- c(3, 8, 8, 40)
  fitted_rows <- list(x = NULL, m = 90, is_fitted = TRUE)
  for (formula in forms[c("slope", "through_zero", "product")]) {
    fit <- unfitted(problem_for(formula, d))
    design <- fit$designs[[1]]
    r <- length(design$columns)
    x <- user_matrix(design)
    s <- crossprod(matrix(rnorm(r^2), r))
    blocks <- kronecker(diag(8), s)
    v <- x %*% blocks %*% t(x)
    inside <- s * outer(2^-design$exponent, 2^-design$exponent)
    beta <- matrix(rnorm(design$n_cols * 3), ncol = 3)
    for (rows in list(fitted_rows, new_term_rows(fit, d))) {
      # sums of at most 36 products
      expect_equal(hdlmm:::effect_values(design, rows, beta, NULL), x %*% beta, tolerance = 1e-12)
      point <- hdlmm:::term_points(design, rows, at, inside, fit$internal)
      expect_equal(point$covariance, v[, at], tolerance = 1e-11)
      expect_equal(point$prior, diag(v)[at], tolerance = 1e-11)
      expect_equal(hdlmm:::explained_rows(design, rows, s, NULL), diag(v), tolerance = 1e-11)
      expect_equal(hdlmm:::row_variances(design, rows, NULL), rowSums(x^2), tolerance = 1e-12)
      weight <- seq_len(design$n_cols)
      squares <- hdlmm:::weighted_squares(design, rows, weight, 1, NULL)
      expect_equal(squares, drop(x^2 %*% weight), tolerance = 1e-12)
    }
  }
})

test_that("fresh effects have the covariance that they are drawn with", {
  design <- designs_for(y ~ (x | g), d)$g
  rows <- list(x = NULL, m = 90, is_fitted = TRUE)
  s <- matrix(c(2, -0.9, -0.9, 0.5), 2)
  set.seed(6)
  draws <- hdlmm:::fresh_block(design, rows, s, 4000, NULL)
  x <- user_matrix(design)
  v <- x %*% kronecker(diag(8), s) %*% t(x)
  # standard errors of covariances are sqrt((v_ii v_jj + v_ij^2) / draws); 90 * 91 / 2 of them
  se <- sqrt((outer(diag(v), diag(v)) + v^2) / 4000)
  expect_lt(max(abs(tcrossprod(draws) / 4000 - v) / se), 6)
})

test_that("words of a level design are its levels and what they have coefficients of", {
  say <- function(formula) unname(vapply(designs_for(formula, d), hdlmm:::describe_design, ""))
  expect_identical(say(y ~ (x | g)), "8 levels of g, 2 coefficients each")
  expect_identical(say(y ~ (x || g)), c("8 levels of g", "8 levels of g, a coefficient of x each"))
  design <- designs_for(y ~ (x | g), d)$g
  expect_identical(hdlmm:::level_names(design), levels(d$g))
  expect_identical(hdlmm:::effect_names(design)[1:3], c("A.(Intercept)", "A.x", "B.(Intercept)"))
})
