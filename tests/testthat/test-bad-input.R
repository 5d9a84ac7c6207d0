# Adversarial inputs: one row of the table per case; the numbers are those of the design
# notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)
plain <- lmm(y ~ x + re(X), d)

# Estimates of two fits agree: 1e-10 because both modes are polished to 1e-10 in log
# ratio.
expect_same_fit <- function(fit, other, tolerance = 1e-10) {
  expect_equal(unname(varcomp(fit)), unname(varcomp(other)), tolerance = tolerance)
  expect_equal(unname(fixef(fit)), unname(fixef(other)), tolerance = tolerance)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(other)), tolerance = tolerance)
  expect_identical(nobs(fit), nobs(other))
}

same_as <- function(other, tolerance = 1e-10) {
  function(fit) expect_same_fit(fit, other, tolerance)
}

dented <- put_cells(put_cells(d, "y", 3, NA), "x", 5, NA)
without_3_and_5 <- lmm(y ~ x + re(X), d[-c(3, 5), ])

missing_and_infinite <- list(
  input_row(1, "missing values drop their rows, counted in print()",
    function() lmm(y ~ x + re(X), dented),
    check = function(fit) {
      expect_same_fit(fit, without_3_and_5)
      expect_match(printed(fit), "38 rows.*Rows dropped: 2 by missing values")
      expect_identical(unclass(na.action(fit))[1:2], c(`3` = 3L, `5` = 5L))
      expect_length(fitted(fit), 38)
    }
  ),
  input_row(1, "na.exclude pads what has one value a row",
    function() lmm(y ~ x + re(X), dented, na.action = na.exclude, weights = z + 1),
    check = function(fit) {
      rows <- list(
        fitted(fit), residuals(fit), predict(fit), hatvalues(fit), weights(fit),
        predict(fit, se.fit = TRUE)$se.fit,
        predict(fit, interval = "prediction")[, "lwr"],
        simulate(fit, 1, seed = 1)[[1]]
      )
      for (one in rows) {
        expect_length(one, n)
        expect_identical(
          which(is.na(one)), which(is.na(dented$y + dented$x)), ignore_attr = TRUE
        )
      }
      expect_equal(
        fitted(fit) + residuals(fit), dented$y - 0 * dented$x, ignore_attr = TRUE
      )
    }
  ),
  input_row(2, "NaN counts as missing, and is said so",
    function() lmm(y ~ x + re(X), put_cells(dented, "y", 3, NaN)),
    note = "1 NaN in `y` treated as missing", check = same_as(without_3_and_5)
  ),
  input_row(3, "an infinite response names its row",
    function() lmm(y ~ x + re(X), put_cells(d, "y", 1, Inf)),
    "bad_input", message = "^`y` has 1 infinite value \\(row 1\\)\\.$"
  ),
  input_row(3, "many infinite responses are counted, five are named",
    function() lmm(y ~ x, put_cells(d, "y", 3:10, -Inf)),
    "bad_input",
    message = "^`y` has 8 infinite values \\(rows 3, 4, 5, 6, 7 and 3 more\\)\\.$"
  ),
  input_row(3, "rows are numbered as in the data, not as in the subset",
    function() lmm(y ~ x + re(X), put_cells(d, "y", 17, Inf), subset = 11:40),
    "bad_input", message = "\\(row 17\\)"
  ),
  input_row(4, "an infinite covariate names its column and row",
    function() lmm(y ~ x + re(X), put_cells(d, "x", 7, -Inf)),
    "bad_input", message = "^`x` has 1 infinite value \\(row 7\\)\\.$"
  ),
  input_row(4, "a function that makes infinity is named too",
    function() lmm(y ~ log(z) + re(X), put_cells(d, "z", 2, 0)),
    "bad_input", message = "^`log\\(z\\)` has 1 infinite value \\(row 2\\)\\.$"
  ),
  input_row(5, "a missing cell of X names its column and the way out",
    function() lmm(y ~ x + re(X), put_cells(d, "X", cbind(2, 3), NA)),
    "bad_input",
    message = "`X` has missing values in 1 column: `m3` \\(1\\).*na = \"mean\""
  ),
  input_row(5, "na = \"mean\" is the column mean of the fitted rows, counted",
    function() {
      lmm(
        y ~ x + re(X, na = "mean"), put_cells(d, "X", cbind(c(2, 9, 4), c(3, 3, 5)), NA)
      )
    },
    note = "3 missing values in 2 columns of `X` replaced by column means",
    check = function(fit) {
      filled <- put_cells(d, "X", cbind(c(2, 9), 3), mean(d$X[-c(2, 9), 3]))
      filled <- put_cells(filled, "X", cbind(4, 5), mean(d$X[-4, 5]))
      expect_same_fit(fit, lmm(y ~ x + re(X), filled))
    }
  ),
  input_row(5, "a missing cell of an unnamed X is named by number",
    function() lmm(y ~ re(X), put_cells(put(d, X = unname(d$X)), "X", cbind(4, 2), NA)),
    "bad_input", message = "in 1 column: .*2`? \\(1\\)"
  ),
  input_row(6, "a stored infinity of a sparse X names its column",
    function() {
      sparse <- Matrix::Matrix(d$X * (d$X > 1), sparse = TRUE)
      sparse@x[1] <- Inf
      lmm(d$y ~ re(sparse))
    },
    "bad_input", message = "`sparse` has infinite values in 1 column: `m1`"
  ),
  input_row(5, "a missing cell in a row that is dropped does not matter",
    function() lmm(y ~ x + re(X), put_cells(dented, "X", cbind(3, 1:9), NA)),
    check = same_as(without_3_and_5)
  ),
  input_row(6, "an infinite cell of X names its column",
    function() lmm(y ~ x + re(X), put_cells(d, "X", cbind(2, 3), Inf)),
    "bad_input", message = "`X` has infinite values in 1 column: `m3`\\."
  ),
  input_row(6, "NaN in X names its column",
    function() lmm(y ~ x + re(X), put_cells(d, "X", cbind(2, 60), NaN)),
    "bad_input", message = "`X` has missing values in 1 column: `m60`"
  ),
  input_row(7, "a response that is missing throughout leaves 0 rows",
    function() lmm(y ~ x + re(X), put(d, y = rep(NA_real_, n))),
    "bad_input", message = "0 complete rows"
  ),
  input_row(7, "the same with weights: these are not to blame",
    function() lmm(y ~ x + re(X), put(d, y = rep(NA_real_, n)), weights = z + 1),
    "bad_input", message = "0 complete rows"
  ),
  input_row(7, "a subset without rows",
    function() lmm(y ~ f + re(X), d, subset = x > 100), "bad_input",
    message = "0 complete rows"
  ),
  input_row(7, "data without rows",
    function() lmm(y ~ f + re(X), d[0, ]), "bad_input", message = "0 (complete )?rows"
  )
)
check_rows(missing_and_infinite)

exact <- function(method = "REML") {
  suppressWarnings(lmm(y ~ x + re(X), put(d, y = 1 + 2 * d$x), method = method))
}
slopes <- 10^seq(3, -3, length.out = 12)
two_modes <- diagonal_case(
  slopes, c(11, 0.15, -0.26, -3.3, -1.2, -5.6, 0.56, 0.78, -0.51, 0.17, -0.78, -0.053)
)

degenerate <- list(
  input_row(8, "a constant response has variances 0 and one warning",
    function() lmm(y ~ x + re(X), put(d, y = 3)),
    warning = "exact_fit", message = "explained exactly by the fixed effects",
    check = function(fit) {
      expect_identical(unname(varcomp(fit)), c(0, 0))
      expect_identical(unname(fixef(fit)), c(3, 0))
      expect_identical(as.numeric(logLik(fit)), Inf)
      expect_match(
        printed(fit), "explained exactly by the fixed part: all variances are 0"
      )
    }
  ),
  input_row(8, "a constant response of the ordinary linear model warns too",
    function() lmm(y ~ x, put(d, y = 3)),
    warning = "exact_fit", message = "explained exactly",
    check = function(fit) expect_identical(sigma(fit), 0)
  ),
  input_row(9, "a response in the span of Z likewise",
    function() lmm(y ~ x + re(X), put(d, y = 1 + 2 * d$x), method = "ML"),
    warning = "exact_fit", message = "log-likelihood is infinite",
    check = function(fit) {
      expect_identical(unname(varcomp(fit)), c(0, 0))
      # refined least squares
      expect_equal(unname(fixef(fit)), c(1, 2), tolerance = 1e-14)
      expect_identical(as.numeric(logLik(fit)), Inf)
      expect_equal(unname(predict(fit, d)), 1 + 2 * d$x, tolerance = 1e-14)
    }
  ),
  input_row(9, "an exact fit has no intervals",
    function() list(confint(exact()), pve(exact())),
    check = function(value) {
      expect_true(all(is.na(value[[1]])))
      expect_true(all(is.na(value[[2]][c("se", "lower", "upper")])))
    }
  ),
  input_row(9, "an exact fit has nothing to test",
    function() test_random(exact(), draws = 9),
    "exact_fit", message = "nothing to test"
  ),
  input_row(9, "an exact fit has no profile", function() profile(exact()),
    "exact_fit", message = "no profile"
  ),
  input_row(9, "an exact fit has no leave-one-out density", function() loo(exact()),
    "exact_fit", message = "no leave-one-out density"
  ),
  input_row(9, "an exact fit cannot be resampled",
    function() confint(exact(), method = "boot", draws = 9),
    "exact_fit", message = "nothing to resample"
  ),
  input_row(9, "the F tests of an exact fit are a table or a classed refusal",
    function() tryCatch(anova(exact()), hdlmm_exact_fit = function(e) NULL),
    check = function(value) expect_true(is.null(value) || all(is.na(value[["Pr(>F)"]])))
  ),
  input_row(9, "the printed summary of an exact fit says so",
    function() printed(summary(exact())),
    check = function(text) expect_match(text, "explained exactly by the fixed part")
  ),
  input_row(10, "p < n and y in span([Z, X]): the restricted likelihood is unbounded",
    function() lmm(y ~ x + re(X), put(d, X = d$X[, 1:5], y = d$x + rowSums(d$X[, 1:5]))),
    warning = "unbounded_likelihood", message = "reproduce the response exactly",
    check = function(fit) {
      expect_identical(varcomp(fit)[["Residual"]], 0)
      expect_identical(unname(fit$pve), 1)
      expect_match(printed(fit), "residual variance is exactly 0.*unbounded")
    }
  ),
  input_row(10, "p < n and y in span([Z, X]): so is the marginal one",
    function() {
      lmm(
        y ~ x + re(X), put(d, X = d$X[, 1:5], y = d$x + rowSums(d$X[, 1:5])),
        method = "ML"
      )
    },
    "unbounded_likelihood", message = "unbounded"
  ),
  input_row(10, "p >= n and y in span(X) is nothing special: the maximum is finite",
    function() lmm(y ~ 0 + re(X), put(d, y = rowSums(d$X[, 1:30]))),
    check = function(fit) {
      v <- varcomp(fit)[[1]] * tcrossprod(d$X) + varcomp(fit)[[2]] * diag(n)
      y <- rowSums(d$X[, 1:30])
      log_det <- as.numeric(determinant(v)$modulus)
      dense <- -(n * log(2 * pi) + log_det + sum(y * solve(v, y))) / 2
      # solve() of a 40 x 40
      expect_equal(as.numeric(logLik(fit)), dense, tolerance = 1e-10)
    }
  ),
  input_row(11, "an optimum at sigma_b^2 = 0 is exactly 0, and said so",
    function() fit_diagonal(diagonal_case(slopes, 1 / sqrt(slopes))),
    check = function(fit) {
      expect_identical(varcomp(fit)[[1]], 0)
      expect_equal(varcomp(fit)[[2]], mean(1 / slopes), tolerance = 1e-14)  # closed form
      expect_match(printed(fit), "boundary: the variance of `kernel` is exactly 0")
      expect_identical(test_random(fit, "mixture")$p_value, 1)
      expect_identical(
        unlist(pve(fit)[c("estimate", "lower")], use.names = FALSE), c(0, 0)
      )
      limits <- confint(fit)
      expect_identical(unname(limits[c("kernel", "pve"), 1]), c(0, 0))
      expect_true(all(is.finite(limits)))
    }
  ),
  input_row(12, "an optimum at sigma_e^2 = 0 is exactly 0, and said so",
    function() fit_diagonal(diagonal_case(slopes, sqrt(slopes))),
    check = function(fit) {
      expect_identical(varcomp(fit)[[2]], 0)
      expect_equal(varcomp(fit)[[1]], 1, tolerance = 1e-12)  # y_i^2 = lambda_i
      expect_match(printed(fit), "boundary: the residual variance is exactly 0")
      expect_identical(
        unlist(pve(fit)[c("estimate", "upper")], use.names = FALSE), c(1, 1)
      )
    }
  ),
  input_row(12, "at sigma_e^2 = 0 every interval is finite and starts at 0",
    function() confint(fit_diagonal(diagonal_case(slopes, sqrt(slopes)))),
    check = function(limits) {
      expect_true(all(is.finite(limits)))
      expect_identical(limits[["Residual", 1]], 0)
    }
  ),
  input_row(13, "X with orthonormal rows",
    function() lmm(y ~ x + re(q), put(d, q = diag(n)[n:1, ])),
    "not_identified", message = "not identified.*proportional to the identity"
  ),
  input_row(13, "one row a level",
    function() lmm(y ~ x + (1 | id), put(d, id = seq_len(n))),
    "not_identified", message = "every level of `id` has one row"
  ),
  input_row(13, "the identity as a kernel",
    function() lmm(y ~ x + re(kernel = diag(40)), d),
    "not_identified", message = "not identified"
  ),
  input_row(14, "of two modes the higher is returned, the other reported",
    function() fit_diagonal(two_modes),
    check = function(fit) {
      h <- stats::plogis(seq(-8, 12, by = 0.01))
      referee <- vapply(h, diagonal_loglik, 0, case = two_modes)
      peaks <- which(diff(sign(diff(referee))) == -2) + 1
      modes <- profile(fit)$modes
      expect_identical(nrow(modes), length(peaks))
      # step of the referee's grid
      expect_equal(sort(modes$pve), h[peaks], tolerance = 1e-2)
      expect_equal(sort(modes$logLik), sort(referee[peaks]), tolerance = 1e-5)
      expect_identical(modes$logLik[1], max(modes$logLik))
      expect_equal(unname(fit$pve), modes$pve[1], tolerance = 1e-14)
      expect_match(printed(fit), "likelihood has 2 modes.*the first is the highest")
    }
  )
)
check_rows(degenerate)

rounded <- put(d, y = round(1024 * d$y) / 1024)
round_fit <- lmm(y ~ x + re(X), rounded)
units_of_y <- function(s) lmm(y ~ x + re(X), put(d, y = s * d$y))
wide_scales <- 10^seq(-150, 150, length.out = p)

magnitudes <- list(
  input_row(15, "powers of two in y change nothing but the units",
    function() list(units_of_y(2^498), units_of_y(2^-498)),
    check = function(fits) {
      for (i in 1:2) {
        s <- c(2^498, 2^-498)[i]
        expect_identical(varcomp(fits[[i]]) / s / s, varcomp(plain))
        expect_identical(fixef(fits[[i]]) / s, fixef(plain))
        expect_identical(fits[[i]]$pve, plain$pve)
      }
    }
  ),
  input_row(15, "y times 1e150 or 1e-150 is equivariant",
    function() list(units_of_y(1e150), units_of_y(1e-150)),
    check = function(fits) {
      for (i in 1:2) {
        s <- c(1e150, 1e-150)[i]
        # products with s are rounded once
        expect_equal(varcomp(fits[[i]]) / s / s, varcomp(plain), tolerance = 1e-12)
        expect_equal(fixef(fits[[i]]) / s, fixef(plain), tolerance = 1e-12)
        expect_equal(
          sqrt(diag(vcov(fits[[i]]))) / s, sqrt(diag(vcov(plain))), tolerance = 1e-12
        )
        expect_equal(
          as.numeric(logLik(fits[[i]])) + (n - 2) * log(s), as.numeric(logLik(plain)),
          tolerance = 1e-10  # 1e4 less 1e4
        )
      }
    }
  ),
  input_row(15, "a variance above the largest double is an error",
    function() units_of_y(1e200),
    "overflow", message = "a double can.*change the units"
  ),
  input_row(15, "a variance below the smallest double is an error",
    function() units_of_y(1e-300),
    "overflow", message = "a double can.*change the units"
  ),
  input_row(15, "the same for the ordinary linear model",
    function() lmm(y ~ x, put(d, y = 1e200 * d$y)), "overflow",
    message = "residual variance"
  ),
  input_row(15, "differences of y that overflow",
    function() lmm(y ~ x, put(d, y = 1e308 * c(1.7, -1.7, rep(0, n - 2)))),
    "overflow",
    message = "overflow|double cannot hold"
  ),
  input_row(16, "a constant as large as 1e12 costs no digit",
    function() {
      lapply(
        c(1e6, 1e12), function(s) lmm(y ~ x + re(X), put(rounded, y = rounded$y + s))
      )
    },
    check = function(fits) {
      for (i in 1:2) {
        expect_equal(varcomp(fits[[i]]), varcomp(round_fit), tolerance = 1e-12)
        # the intercept is a double of size s
        expect_equal(
          fixef(fits[[i]]) - c(c(1e6, 1e12)[i], 0), fixef(round_fit), tolerance = 1e-3
        )
        expect_equal(residuals(fits[[i]]), residuals(round_fit), tolerance = 1e-11)
      }
    }
  ),
  input_row(16, "so does one in the columns of X",
    function() {
      moved <- put(rounded, X = round(1024 * d$X) / 1024)
      lapply(c(0, 1e6, 1e12), function(s) lmm(y ~ x + re(X), put(moved, X = moved$X + s)))
    },
    check = function(fits) {
      # centred exactly before the decomposition
      expect_equal(varcomp(fits[[2]]), varcomp(fits[[1]]), tolerance = 1e-11)
      expect_equal(varcomp(fits[[3]]), varcomp(fits[[1]]), tolerance = 1e-11)
    }
  ),
  input_row(17, "X times 1e150 or 1e-150 is equivariant",
    function() {
      lapply(c(1e150, 1e-150), function(s) lmm(y ~ x + re(X), put(d, X = s * d$X)))
    },
    check = function(fits) {
      for (i in 1:2) {
        s <- c(1e150, 1e-150)[i]
        expect_equal(varcomp(fits[[i]]) * c(s * s, 1), varcomp(plain), tolerance = 1e-12)
        expect_equal(ranef(fits[[i]])$X * s, ranef(plain)$X, tolerance = 1e-10)
        expect_equal(predict(fits[[i]]), predict(plain), tolerance = 1e-10)
      }
    }
  ),
  input_row(17, "columns of very different size are said to be",
    function() {
      lmm(y ~ x + re(X), put(d, X = sweep(d$X, 2, 10^seq(0, 13, length.out = p), `*`)))
    },
    warning = "badly_scaled", message = "factor of 10\\^13.*re\\(X, scale = TRUE\\)"
  ),
  input_row(17, "and the factor is a number even at 1e300",
    function() lmm(y ~ x + re(X), put(d, X = sweep(d$X, 2, wide_scales, `*`))),
    warning = "badly_scaled", message = "factor of [^I]"
  ),
  input_row(17, "scale = TRUE makes the size of a column irrelevant, up to 1e300 apart",
    function() {
      lmm(y ~ x + re(X, scale = TRUE), put(d, X = sweep(d$X, 2, wide_scales, `*`)))
    },
    check = same_as(lmm(y ~ x + re(X, scale = TRUE), d))
  ),
  input_row(17, "so is the size of a covariate",
    function() lmm(y ~ x + z + re(X), put(d, x = 1e150 * d$x, z = 1e-150 * d$z)),
    check = function(fit) {
      other <- lmm(y ~ x + z + re(X), d)
      units <- c(1, 1e150, 1e-150)
      expect_equal(varcomp(fit), varcomp(other), tolerance = 1e-12)
      expect_equal(fixef(fit) * units, fixef(other), tolerance = 1e-12)
      expect_equal(
        coef(summary(fit))[, "df"], coef(summary(other))[, "df"], tolerance = 1e-10
      )
    }
  ),
  input_row(17, "a variance of a coefficient that a double cannot hold is an error",
    function() summary(lmm(y ~ x + z + re(X), put(d, z = 1e-200 * d$z))),
    "overflow", message = "units"
  ),
  input_row(18, "-0 and denormal cells are zeros",
    function() {
      lapply(c(0, -0, 5e-324, -5e-324), function(tiny) {
        lmm(y ~ x + re(X), put_cells(d, "X", d$X < 0, tiny))
      })
    },
    check = function(fits) {
      for (i in 2:4) expect_identical(varcomp(fits[[i]]), varcomp(fits[[1]]))
    }
  ),
  input_row(18, "a design of denormals only is refused, not computed with",
    function() lmm(y ~ x + re(X), put(d, X = 1e-310 * d$X)),
    "overflow", message = "double cannot hold"
  ),
  input_row(18, "denormal responses likewise",
    function() lmm(y ~ x + re(X), put(d, y = 1e-310 * d$y)),
    "overflow", message = "double cannot hold"
  )
)
check_rows(magnitudes)

set.seed(2)
genotypes <- matrix(rbinom(n * p, 2, 0.3), n)
stored_as <- function(x) lmm(y ~ x + re(X), put(d, X = x))
halves <- Matrix::Matrix(genotypes * (genotypes == 1), sparse = TRUE)

matrix_kinds <- function() {
  dense <- as.matrix(halves)
  sparse <- methods::as(halves, "generalMatrix")
  kinds <- list(
    base = dense, integer = `storage.mode<-`(dense, "integer"), logical = dense > 0,
    raw = matrix(as.raw(dense), n), dgCMatrix = sparse,
    dgTMatrix = methods::as(sparse, "TsparseMatrix"),
    dgRMatrix = methods::as(sparse, "RsparseMatrix"),
    dgeMatrix = Matrix::Matrix(dense, sparse = FALSE),
    lgCMatrix = methods::as(sparse, "lMatrix"),
    ngCMatrix = methods::as(methods::as(sparse, "lMatrix"), "nMatrix"),
    data.frame = as.data.frame(dense), AsIs = I(dense), table = as.table(dense),
    classed = structure(dense, class = c("snps", "matrix")), ts = stats::ts(dense)
  )
  if (requireNamespace("tibble", quietly = TRUE)) {
    kinds$tibble <- tibble::as_tibble(as.data.frame(dense))
  }
  if (requireNamespace("data.table", quietly = TRUE)) {
    kinds$data.table <- data.table::as.data.table(dense)
  }
  kinds
}

stored_types <- list(
  input_row(19, "integer, logical and raw designs are converted exactly",
    function() {
      list(
        stored_as(genotypes + 0), stored_as(genotypes),
        stored_as(matrix(as.raw(genotypes), n)),
        stored_as((genotypes > 0) + 0), stored_as(genotypes > 0)
      )
    },
    check = function(fits) {
      expect_identical(varcomp(fits[[2]]), varcomp(fits[[1]]))
      expect_identical(varcomp(fits[[3]]), varcomp(fits[[1]]))
      expect_identical(varcomp(fits[[5]]), varcomp(fits[[4]]))
      raw <- put(d, X = matrix(as.raw(genotypes), n))
      # one product by columns, one by blocks
      expect_equal(predict(fits[[3]], raw), predict(fits[[1]]), tolerance = 1e-12)
    }
  ),
  input_row(19, "NA of an integer design is missing, not -2^31",
    function() stored_as(put_cells(list(x = genotypes), "x", cbind(2, 2), NA_integer_)$x),
    "bad_input", message = "missing values in 1 column"
  ),
  input_row(19, "an integer and a logical response are numbers",
    function() {
      list(
        lmm(y ~ x + re(X), put(d, y = as.integer(10 * d$y))),
        lmm(y ~ x + re(X), put(d, y = trunc(10 * d$y))),
        lmm(y ~ x + re(X), put(d, y = d$y > 0)),
        lmm(y ~ x + re(X), put(d, y = (d$y > 0) + 0))
      )
    },
    check = function(fits) {
      expect_identical(varcomp(fits[[1]]), varcomp(fits[[2]]))
      expect_identical(varcomp(fits[[3]]), varcomp(fits[[4]]))
    }
  ),
  input_row(32, "every kind of matrix gives the same fit and the same predictions",
    function() {
      lapply(matrix_kinds(), function(m) {
        fit <- lmm(y ~ x + re(m), d)
        rows <- if (is.data.frame(m)) m[1:3, ] else m[1:3, , drop = FALSE]
        list(fit = fit, at = predict(fit, list(x = d$x[1:3], m = rows)))
      })
    },
    check = function(all) {
      for (kind in names(all)) {
        fit <- all[[kind]]$fit
        # sums in another order
        expect_equal(varcomp(fit), varcomp(all$base$fit), tolerance = 1e-9, info = kind)
        expect_equal(
          unname(all[[kind]]$at), unname(predict(all$base$fit)[1:3]), tolerance = 1e-9,
          info = kind
        )
      }
      is_sparse <- grepl("^.g[CTR]Matrix$", names(all))
      sparse <- vapply(
        all, function(one) inherits(one$fit$designs[[1]]$core$x, "Matrix"), NA
      )
      expect_identical(unname(sparse), is_sparse)
    }
  ),
  input_row(32, "symmetric, diagonal, triangular, permutation and index matrices too",
    function() {
      square <- crossprod(genotypes[, 1:n] - 0.6)
      kinds <- list(
        dsy = Matrix::Matrix(square), ddi = Matrix::Diagonal(n, seq_len(n)),
        dtr = methods::as(Matrix::Matrix(square * upper.tri(square)), "triangularMatrix"),
        ind = methods::as(rep(1:8, 5), "indMatrix"),
        dsC = Matrix::crossprod(halves[, 1:n])
      )
      lapply(
        kinds, function(m) list(lmm(y ~ x + re(m), d), lmm(y ~ x + re(as.matrix(m)), d))
      )
    },
    note = "1 column of `m`",
    check = function(pairs) {
      for (pair in pairs) {
        expect_equal(
          as.numeric(logLik(pair[[1]])), as.numeric(logLik(pair[[2]])), tolerance = 1e-9
        )
      }
    }
  ),
  input_row(32, "a sparse matrix may be a member of a list of data",
    function() lmm(y ~ x + re(S), list(y = d$y, x = d$x, S = halves)),
    check = function(fit) expect_same_fit(fit, lmm(y ~ x + re(halves), d))
  ),
  input_row(32, "a kernel in a list of data may have another number of rows",
    function() {
      kernel <- crossprod(matrix(sin(1:77), 7)) + diag(11)
      lmm(
        y ~ x + re(kernel = K, id = id),
        list(y = d$y, x = d$x, K = kernel, id = as.integer(d$g))
      )
    },
    check = function(fit) {
      K <- crossprod(matrix(sin(1:77), 7)) + diag(11)
      expect_same_fit(fit, lmm(y ~ x + re(kernel = K, id = as.integer(g)), d))
    }
  ),
  input_row(32, "a sparse vector is one column",
    function() {
      v <- methods::as(d$z, "sparseVector")
      lmm(y ~ x + re(v), d)
    },
    check = function(fit) expect_same_fit(fit, lmm(y ~ x + re(z), d))
  ),
  input_row(32, "a matrix of text says what it holds",
    function() lmm(y ~ x + re(m), put(d, m = matrix("1", n, 2))),
    "bad_input", message = "`m` must be a numeric matrix; found .*character"
  ),
  input_row(32, "a column of text in a data frame is named",
    function() {
      lmm(y ~ x + re(m), list(y = d$y, x = d$x, m = data.frame(a = d$x, b = "1")))
    },
    "bad_input", message = "`m` must hold numbers only; column `b` does not"
  ),
  input_row(32, "a factor is pointed to (1 | f)",
    function() lmm(y ~ x + re(f), d), "bad_input",
    message = "`f` is a factor: write \\(1 \\| f\\)"
  ),
  input_row(32, "a list, an array and NULL are no matrix",
    function() lmm(y ~ x + re(m), list(y = d$y, x = d$x, m = NULL)),
    "bad_input", message = "`?m`?"
  ),
  input_row(32, "a matrix with other rows than the data gives both numbers",
    function() lmm(y ~ x + re(m), list2env(list(y = d$y, x = d$x, m = d$X[-1, ]))),
    "bad_input", message = "`m` has 39 rows; `y` has 40\\."
  ),
  input_row(33, "nothing that the user passes is modified",
    function() {
      kernel <- tcrossprod(d$X)
      passed <- list(d = d, kernel = kernel, genotypes = genotypes, halves = halves)
      before <- serialize(passed, NULL)
      fits <- list(
        lmm(y ~ x + re(X, center = TRUE, scale = TRUE), d, weights = z),
        lmm(y ~ x + re(kernel = kernel), d), lmm(y ~ x + re(genotypes, scale = TRUE), d),
        lmm(y ~ x + re(halves, center = TRUE), d)
      )
      for (fit in fits) {
        ranef(fit, se = TRUE)
        loo(fit)
        confint(fit, "pve")
        simulate(fit, 1, seed = 1)
      }
      predict(fits[[1]], d, interval = "prediction")
      identical(before, serialize(passed, NULL))
    },
    check = function(same) expect_true(same)
  ),
  input_row(33, "a compact sequence is a column like any other",
    function() {
      ramp <- 1:40
      list(
        lmm(y ~ ramp + re(ramp, center = TRUE) - ramp, d),
        lmm(y ~ re(as.double(ramp)), d), ramp
      )
    },
    check = function(value) {
      expect_same_fit(value[[1]], value[[2]])
      expect_identical(value[[3]], 1:40)
    }
  ),
  input_row(33, "a fit owns its data: the user's copy may change or vanish",
    function() {
      own <- d$X + 0
      fit <- lmm(y ~ x + re(own), d)
      before <- predict(fit, interval = "prediction")
      own[] <- 0
      rm(own)
      gc()
      list(before, predict(fit, interval = "prediction"))
    },
    check = function(value) expect_identical(value[[1]], value[[2]])
  )
)
check_rows(stored_types)

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

grouped <- lmm(y ~ x + (1 | g), d)
by_factor <- lmm(y ~ f + re(X), d)
individuals <- crossprod(matrix(sin(1:70), 7)) + diag(10)
rownames(individuals) <- levels(d$g)
by_kernel <- lmm(y ~ x + re(kernel = individuals, id = g), d)
typed <- put(
  d, text = as.character(d$f), flag = d$x > 0, order = factor(d$f, ordered = TRUE)
)
same_as_lm <- function(formula, data) {
  list(
    fit = suppressMessages(lmm(formula, data)), lm = lm(formula, data),
    mixed = suppressMessages(lmm(stats::update(formula, . ~ . + re(X)), data))
  )
}

factors <- list(
  input_row(37, "a factor with one level is named",
    function() lmm(y ~ x + k + re(X), put(d, k = factor(rep("only", n)))),
    "bad_input", message = "^`k` has only one level in the fitted rows"
  ),
  input_row(37, "two of them, one of text",
    function() lmm(y ~ k + q, put(d, k = factor(rep("only", n)), q = rep("one", n))),
    "bad_input",
    message = "^`k` and `q` have only one level"
  ),
  input_row(37, "one level is left by the subset",
    function() lmm(y ~ f + re(X), d, subset = f == "a"),
    "bad_input", message = "`f` has only one level"
  ),
  input_row(37, "one level is left by the weights",
    function() lmm(y ~ f * x + re(X), d, weights = as.numeric(f == "a")),
    "bad_input", message = "`f` has only one level"
  ),
  input_row(38, "unused levels, ordered factors, text and flags are as in lm()",
    function() {
      unused <- put(typed, f = factor(d$f, levels = c("q", "d", "b", "a", "c")))
      lapply(
        list(y ~ f, y ~ order, y ~ text, y ~ flag, y ~ flag * text), same_as_lm,
        data = unused
      )
    },
    check = function(all) {
      for (one in all) {
        expect_equal(coef(one$fit), coef(one$lm), tolerance = 1e-12)
        expect_identical(names(fixef(one$mixed)), names(coef(one$lm)))
        expect_identical(one$mixed$xlevels, one$lm$xlevels)
      }
    }
  ),
  input_row(39, "levels of new data are matched by name, text or factor, in any order",
    function() {
      rows <- put(d[1:8, ], f = factor(d$f[1:8], levels = c("d", "c", "b", "a")))
      text <- put(rows, f = as.character(rows$f))
      turned <- put(d[1:8, ], g = factor(d$g[1:8], levels = 10:1))
      list(
        predict(by_factor, d[1:8, ]), predict(by_factor, rows), predict(by_factor, text),
        predict(grouped, d[1:8, ]), predict(grouped, turned),
        predict(grouped, put(turned, g = as.character(turned$g)))
      )
    },
    check = function(at) {
      expect_identical(at[[2]], at[[1]])
      expect_identical(at[[3]], at[[1]])
      expect_identical(at[[5]], at[[4]])
      expect_identical(at[[6]], at[[4]])
    }
  ),
  input_row(40, "an unseen level of a fixed factor is listed",
    function() predict(by_factor, put(d[1:3, ], f = c("new", "a", "odd"))),
    "bad_input", message = "`?f`? has new levels? .*new.*odd"
  ),
  input_row(40, "an unseen level of a grouping factor is listed, with the way out",
    function() predict(grouped, put(d[1:2, ], g = c("new", "1"))),
    "new_levels",
    message = "levels of `g` that the fit does not know: \"new\".*allow.new.levels"
  ),
  input_row(40, "allow.new.levels = TRUE predicts it from the prior, and its variance",
    function() {
      new <- put(d[1:3, ], g = c("new", "1", NA))
      at <- predict(grouped, new, se.fit = TRUE, allow.new.levels = TRUE)
      list(at = at, fixed = predict(grouped, new, random = FALSE, se.fit = TRUE))
    },
    check = function(value) {
      expect_identical(value$at$fit[1], value$fixed$fit[1])
      prior <- value$at$se.fit[[1]]^2 - value$fixed$se.fit[[1]]^2
      expect_equal(prior, varcomp(grouped)[["g"]], tolerance = 1e-10)
      expect_identical(is.na(unname(value$at$fit)), c(FALSE, FALSE, TRUE))
    }
  ),
  input_row(40, "an individual that the kernel lacks is named",
    function() predict(by_kernel, put(d[1:2, ], g = c("new", "1"))),
    c("bad_input", "new_levels"), message = "not rows of `individuals`: \"new\""
  )
)
check_rows(factors)

# objects of the names that new data lack: they must never be taken
x <- rep(99, 2)
z <- rep(99, 2)
X <- d$X[1:2, ] + 99
power <- 2
offsets <- lmm(y ~ x + offset(z) + re(X), d, offset = 2 * z)
named <- function(columns) put(d[5:6, ], X = columns)
sparse_fit <- lmm(y ~ x + re(halves), d)

new_data <- list(
  input_row(41, "a lacking covariate is named, never taken from the workspace",
    function() predict(plain, list(X = d$X[1:2, ])), "bad_input",
    message = "`newdata` lacks `x`\\."
  ),
  input_row(41, "so is a lacking design", function() predict(plain, data.frame(x = 1:2)),
    "bad_input", message = "`newdata` lacks `X`\\."
  ),
  input_row(41, "and a lacking grouping factor",
    function() predict(grouped, data.frame(x = 1:2)),
    "bad_input", message = "`newdata` lacks `g`\\."
  ),
  input_row(41, "all of them at once", function() predict(plain, data.frame(q = 1:2)),
    "bad_input", message = "lacks `x` and `X`\\."
  ),
  input_row(41, "the design is not needed for the fixed part",
    function() predict(plain, d[1:2, "x", drop = FALSE], random = FALSE),
    check = function(at) {
      by_hand <- fixef(plain)[[1]] + fixef(plain)[[2]] * d$x[1:2]
      expect_equal(unname(at), by_hand, tolerance = 1e-14)
    }
  ),
  input_row(41, "a constant of the workspace is no variable",
    function() predict(lmm(y ~ I(x^power) + re(X), d), d),
    check = function(at) {
      expect_equal(at, predict(lmm(y ~ I(x^2) + re(X), d)), tolerance = 1e-10)
    }
  ),
  input_row(42, "columns of new data in another order, and more of them",
    function() predict(plain, put(d[5:6, rev(names(d))], extra = 1:2)),
    check = function(at) expect_identical(at, predict(plain, d[5:6, ]))
  ),
  input_row(43, "columns of X are matched by name",
    function() predict(plain, named(d$X[5:6, p:1])),
    check = function(at) expect_equal(at, predict(plain, d[5:6, ]), tolerance = 1e-12)
  ),
  input_row(43, "columns without names are matched by place",
    function() predict(plain, named(unname(d$X[5:6, ]))),
    check = function(at) expect_equal(at, predict(plain, d[5:6, ]), tolerance = 1e-12)
  ),
  input_row(43, "names that differ are listed",
    function() {
      predict(plain, named(`colnames<-`(d$X[5:6, ], c("m1", "other", paste0("m", 3:60)))))
    },
    "bad_input", message = "`X`.*`m2`"
  ),
  input_row(44, "a column fewer: both numbers",
    function() predict(plain, named(unname(d$X[5:6, -1]))),
    "bad_input", message = "`X` has 59 columns in `newdata`; the fit has 60\\."
  ),
  input_row(44, "a column more: both numbers",
    function() predict(plain, named(unname(cbind(d$X, 1)[5:6, ]))),
    "bad_input", message = "`X` has 61 columns in `newdata`; the fit has 60\\."
  ),
  input_row(44, "a named column fewer: both numbers and the name",
    function() predict(plain, named(d$X[5:6, -3])), "bad_input", message = "59.*60.*`m3`"
  ),
  input_row(44, "rows of X that are not those of the other variables",
    function() predict(plain, list(x = 1:3, X = d$X[1:2, ])),
    "bad_input", message = "`X` has 2 rows in `newdata`; 3 are expected"
  ),
  input_row(45, "new data without rows give results without rows",
    function() {
      fits <- list(plain, grouped, by_factor, by_kernel, lmm(y ~ x, d), lmm(y ~ re(X), d))
      none <- list(x = numeric(), halves = halves[0, ])
      c(
        lapply(fits, predict, newdata = d[0, ], interval = "prediction", se.fit = TRUE),
        list(predict(sparse_fit, none, interval = "prediction", se.fit = TRUE))
      )
    },
    check = function(all) {
      for (one in all) {
        expect_identical(dim(one$fit), c(0L, 3L))
        expect_identical(colnames(one$fit), c("fit", "lwr", "upr"))
        expect_identical(unname(one$se.fit), numeric())
      }
      expect_identical(unname(predict(plain, d[0, ])), numeric())
    }
  ),
  input_row(46, "a missing value gives NA in its row, and nowhere else",
    function() {
      new <- put_cells(put_cells(d[1:4, ], "x", 1, NA), "X", cbind(2, 3), NA)
      lapply(c("confidence", "prediction"), function(interval) {
        predict(plain, new, interval = interval)
      })
    },
    check = function(all) {
      for (i in 1:2) {
        full <- predict(plain, d[1:4, ], interval = c("confidence", "prediction")[i])
        expect_true(all(is.na(all[[i]][1:2, ])))
        expect_equal(all[[i]][3:4, ], full[3:4, ], tolerance = 1e-12)
      }
    }
  ),
  input_row(46, "in factors, groups and individuals too",
    function() {
      new <- put_cells(put_cells(d[1:3, ], "f", 1, NA), "g", 2, NA)
      list(
        predict(by_factor, new), predict(grouped, new, interval = "confidence")[, "upr"],
        predict(by_kernel, new, interval = "confidence")[, "upr"]
      )
    },
    check = function(at) {
      expect_identical(unname(is.na(at[[1]])), c(TRUE, FALSE, FALSE))
      expect_identical(unname(is.na(at[[2]])), c(FALSE, TRUE, FALSE))
      expect_identical(unname(is.na(at[[3]])), c(FALSE, TRUE, FALSE))
    }
  ),
  input_row(47, "text for a number: the column and both types",
    function() predict(plain, put(d[1:2, ], x = c("a", "b"))),
    "bad_input", message = "^`x` is .*character.*numeric"
  ),
  input_row(47, "inside a function too",
    function() predict(lmm(y ~ log(x + 10) + re(X), d), put(d[1:2, ], x = c("a", "b"))),
    "bad_input", message = "`x`.*character.*numeric"
  ),
  input_row(47, "and where the text could be compared",
    function() predict(lmm(y ~ I(x > 0) + re(X), d), put(d[1:2, ], x = c("a", "b"))),
    "bad_input", message = "`x`.*character.*numeric"
  ),
  input_row(47, "a number for a factor",
    function() predict(by_factor, put(d[1:2, ], f = 1:2)),
    "bad_input", message = "`f` is .*(numeric|integer).*factor"
  ),
  input_row(47, "a list for a number",
    function() predict(plain, put(as.list(d[1:2, ]), x = list(1, 2))),
    "bad_input", message = "`?x`?.*list|list.*`?x`?"
  ),
  input_row(47, "a date for a number is called a date",
    function() predict(plain, put(d[1:2, ], x = as.Date(c("2020-01-01", "2021-01-01")))),
    "bad_input", message = "`x` is .*Date.*numeric"
  ),
  input_row(47, "text for the design",
    function() predict(plain, named(matrix("a", 2, p))), "bad_input",
    message = "`X` must be a numeric"
  ),
  input_row(47, "a flag for a number is a number",
    function() predict(plain, put(d[1:2, ], x = c(TRUE, FALSE))),
    check = function(at) expect_identical(at, predict(plain, put(d[1:2, ], x = c(1, 0))))
  ),
  input_row(47, "new data that are no data",
    function() predict(plain, as.matrix(d[1:2, 1:2])),
    "bad_input", message = "`newdata` must be a data frame or a list"
  ),
  input_row(48, "poly(), ns() and scale() predict with the constants of the fit",
    function() {
      formula <- y ~ poly(x, 2) + splines::ns(z, 3) + scale(x * z)
      fit <- lmm(stats::update(formula, . ~ . + re(X)), d)
      ols <- lmm(formula, d)
      list(fit, ols, lm(formula, d))
    },
    check = function(fits) {
      expect_equal(
        predict(fits[[1]], d[1:5, ]), predict(fits[[1]])[1:5], tolerance = 1e-12
      )
      expect_equal(
        predict(fits[[2]], d[1:5, ]), predict(fits[[3]])[1:5], tolerance = 1e-12
      )
    }
  ),
  input_row(60, "offsets of formula and argument are looked up in new data",
    function() predict(offsets, d[1:3, ]),
    check = function(at) expect_equal(at, predict(offsets)[1:3], tolerance = 1e-12)
  ),
  input_row(60, "a lacking offset is an error",
    function() predict(offsets, d[1:2, c("x", "X")]),
    "bad_input", message = "`newdata` lacks `z`"
  ),
  input_row(60, "an offset of the workspace is not taken",
    function() {
      own <- d$z
      predict(lmm(y ~ x + re(X), d, offset = own), d[1:3, ])
    },
    "bad_input", message = "offset cannot be found in `newdata`.*own"
  ),
  input_row(60, "a missing offset gives NA",
    function() predict(lmm(y ~ x + offset(z), d), put_cells(d[1:2, ], "z", 1, NA)),
    check = function(at) expect_identical(unname(is.na(at)), c(TRUE, FALSE))
  )
)
check_rows(new_data)
rm(x, z, X)

short <- d[c("y", "x", "f", "X")]
listed <- d
listed$l <- as.list(seq_len(n))

formulas <- list(
  input_row(49, "`.` stands for the columns that no random term names",
    function() {
      list(
        lmm(y ~ . + re(X), short), lmm(y ~ . + re(scale(X)), short),
        lmm(log(y + 99) ~ . + re(X), short),
        lmm(y ~ . + (1 | g), d[c("y", "x", "f", "g")]), lmm(y ~ . - f + re(X), short)
      )
    },
    check = function(fits) {
      expected <- c("(Intercept)", "x", "fb", "fc", "fd")
      for (fit in fits[1:4]) expect_identical(names(fixef(fit)), expected)
      expect_identical(names(fixef(fits[[5]])), expected[1:2])
      expect_equal(predict(fits[[1]], short), predict(fits[[1]]), tolerance = 1e-12)
    }
  ),
  input_row(49, "a fit with `.` can be updated",
    function() stats::update(lmm(y ~ . + re(X), short), . ~ . - f),
    check = function(fit) expect_same_fit(fit, plain)
  ),
  input_row(49, "`.` needs a data frame",
    function() lmm(y ~ . + re(X), list(y = d$y, X = d$X)),
    "bad_input", message = "`.` in `formula` needs a data frame"
  ),
  input_row(49, "the response on the right-hand side is dropped as lm() does",
    function() suppressWarnings(lmm(y ~ y + x, d)),
    check = function(fit) expect_equal(coef(fit), coef(lm(y ~ x, d)), tolerance = 1e-12)
  ),
  input_row(49, "a term given twice counts once", function() lmm(y ~ x + re(X) + x, d),
    check = same_as(plain)
  ),
  input_row(49, "a random term given twice is two random terms",
    function() lmm(y ~ x + re(X) + re(X), d), "unsupported",
    message = "several random terms"
  ),
  input_row(49, "a variable that is nowhere is named",
    function() lmm(y ~ x + nowhere + re(X), d), "bad_input",
    message = "'nowhere' not found"
  ),
  input_row(50, "a list column is called a list, by name",
    function() lmm(y ~ l + re(X), listed), "bad_input",
    message = "\\(list\\) for variable 'l'"
  ),
  input_row(50, "as a grouping factor too",
    function() lmm(y ~ x + (1 | l), listed), "bad_input",
    message = "\\(list\\) for variable 'l'"
  ),
  input_row(50, "and as a design",
    function() lmm(y ~ x + re(l), listed), "bad_input",
    message = "`l` must be a numeric matrix.*list"
  ),
  input_row(51, "a matrix column among the covariates has a coefficient per column",
    function() {
      two <- put(d, M = cbind(a = d$z, b = sin(seq_len(n))))
      list(lmm(y ~ M + re(X), two), lmm(y ~ M + re(X), put(two, M = unname(two$M))), two)
    },
    check = function(value) {
      expect_identical(names(fixef(value[[1]])), c("(Intercept)", "Ma", "Mb"))
      expect_identical(names(fixef(value[[2]])), c("(Intercept)", "M1", "M2"))
      expect_equal(
        predict(value[[1]], value[[3]]), predict(value[[1]]), tolerance = 1e-12
      )
    }
  ),
  input_row(52, "several responses are counted",
    function() lmm(cbind(y, x, z) ~ f + re(X), d),
    "bad_input", message = "`cbind\\(y, x, z\\)` has 3 columns; one response is expected"
  ),
  input_row(52, "a response of one column is a vector",
    function() lmm(y ~ x + re(X), put(d, y = cbind(d$y))), check = same_as(plain)
  ),
  input_row(53, "a factor is no response", function() lmm(f ~ x + re(X), d),
    "bad_input", message = "the response `f` must be numeric; found .*factor"
  ),
  input_row(53, "nor is text", function() lmm(y ~ x, put(d, y = as.character(d$f))),
    "bad_input", message = "the response `y` must be numeric; found .*character"
  ),
  input_row(53, "nor a complex number", function() lmm(y ~ x, put(d, y = d$y + 0i)),
    "bad_input", message = "must be numeric; found .*complex"
  ),
  input_row(54, "tibbles, data tables, lists, environments and no data give one result",
    function() {
      kinds <- list(list = as.list(d), environment = list2env(as.list(d)))
      if (requireNamespace("tibble", quietly = TRUE)) kinds$tibble <- tibble::as_tibble(d)
      if (requireNamespace("data.table", quietly = TRUE)) {
        X <- d$X
        kinds$data.table <- data.table::as.data.table(d[setdiff(names(d), "X")])
      }
      fits <- lapply(kinds, function(data) lmm(y ~ x + f + re(X), data = data))
      fits$none <- with(d, lmm(y ~ x + f + re(X)))
      fits$grouped_df <- lmm(y ~ x + f + re(X), structure(
        d, class = c("grouped_df", "tbl_df", "tbl", "data.frame"), groups = 1
      ))
      list(fits = fits, kinds = kinds)
    },
    check = function(value) {
      referee <- lmm(y ~ x + f + re(X), d)
      for (fit in value$fits) {
        expect_identical(varcomp(fit), varcomp(referee))
        expect_equal(unname(predict(fit, d)), unname(predict(referee)), tolerance = 1e-12)
      }
      expect_equal(
        unname(predict(referee, value$kinds$environment)), unname(predict(referee)),
        tolerance = 1e-12
      )
    }
  ),
  input_row(54, "data are neither a matrix nor text",
    function() lmm(y ~ x, as.matrix(d[1:2])),
    "bad_input", message = "`data` is a matrix: wrap it by as.data.frame\\(\\)"
  ),
  input_row(54, "nor a function", function() lmm(y ~ x, mean),
    "bad_input",
    message = "`data` must be a data frame, list or environment; found a function"
  )
)
check_rows(formulas)

test_that("row 54: a data table is predicted from and not modified", {
  skip_if_not_installed("data.table")
  table <- data.table::as.data.table(d[c("y", "x", "f", "g")])
  before <- data.table::copy(table)
  fit <- lmm(y ~ . + (1 | g), table)
  expect_identical(table, before)
  expect_equal(predict(fit, table[1:3, ]), predict(fit)[1:3], tolerance = 1e-12)
  expect_equal(
    predict(fit, d[1:3, ], interval = "prediction"),
    predict(fit, table[1:3, ], interval = "prediction"), tolerance = 1e-14
  )
})

odd_names <- c("\u00e9t\u00e9", "\u03b2", "", "same", "same", "a b", "\u00fc")
odd_names[7] <- iconv(odd_names[7], "UTF-8", "latin1")
odd <- put(d, X = `colnames<-`(d$X, c(odd_names, colnames(d$X)[8:p])))
odd_fit <- lmm(y ~ x + re(X), odd)
reserved <- c(
  "T", "F", "c", "n", "t", "rows", "weights", ".weights", "subset", "offset", "data",
  "formula",
  "env", "call", "frame", "list", "model", "control", "method", "contrasts", "re", "fixed"
)
make_in_function <- function(data, w) {
  columns <- data$X
  formula <- y ~ x + re(columns)
  fit <- lmm(formula, data = data, weights = w, method = "ML")
  list(
    fit = fit, updated = stats::update(fit, . ~ . + z),
    without = lmm(y ~ re(columns), data, weights = w)
  )
}

names_and_scopes <- list(
  input_row(55, "column names keep their text and their encoding",
    function() names(ranef(odd_fit)$X)[1:7],
    check = function(found) {
      expect_identical(found, odd_names)
      expect_identical(Encoding(found), Encoding(odd_names))
    }
  ),
  input_row(55, "odd names neither change a fit nor its predictions",
    function() odd_fit,
    check = function(fit) {
      expect_same_fit(fit, plain)
      expect_equal(predict(fit, odd), predict(fit), tolerance = 1e-12)
      expect_match(printed(ranef(fit), n = p), "same.*same")
    }
  ),
  input_row(55, "duplicated names in another order are refused",
    function() predict(odd_fit, put(odd[1:2, ], X = odd$X[1:2, p:1])),
    "bad_input", message = "duplicated"
  ),
  input_row(55, "a column without a name is called by its number",
    function() lmm(y ~ x + re(X), put_cells(odd, "X", cbind(1, 3), NA)),
    "bad_input", message = "in 1 column: .*3"
  ),
  input_row(55, "a covariate may have any name",
    function() {
      name <- "l'\u00e9t\u00e9 (x)"
      data <- stats::setNames(d, replace(names(d), 1, name))
      formula <- stats::reformulate(c(paste0("`", name, "`"), "re(X)"), "y")
      fit <- lmm(formula, data)
      list(fit = fit, at = predict(fit, data), text = printed(summary(fit)), name = name)
    },
    check = function(value) {
      expect_same_fit(value$fit, plain)
      expect_equal(value$at, predict(plain), tolerance = 1e-12)
      expect_match(value$text, value$name, fixed = TRUE)
    }
  ),
  input_row(55, "the same in the C locale",
    function() {
      old <- Sys.getlocale("LC_CTYPE")
      on.exit(Sys.setlocale("LC_CTYPE", old))
      Sys.setlocale("LC_CTYPE", "C")
      fit <- lmm(y ~ x + re(X), odd)
      list(fit = fit, text = printed(ranef(fit)))
    },
    check = function(value) {
      expect_identical(varcomp(value$fit), varcomp(odd_fit))
      expect_match(value$text, "60 random effects of X, the 10 largest")
    }
  ),
  input_row(56, "no name of a variable is captured",
    function() {
      lapply(reserved, function(name) {
        data <- stats::setNames(d, replace(names(d), match("x", names(d)), name))
        fit <- lmm(stats::reformulate(c(name, "re(X)"), "y"), data)
        list(fit = fit, at = predict(fit, data), more = stats::update(fit, . ~ . + z))
      })
    },
    check = function(all) {
      for (i in seq_along(all)) {
        expect_identical(varcomp(all[[i]]$fit), varcomp(plain), info = reserved[i])
        expect_identical(names(fixef(all[[i]]$more)), c("(Intercept)", reserved[i], "z"))
        expect_equal(all[[i]]$at, predict(plain), tolerance = 1e-12)
      }
    }
  ),
  input_row(56, "nor as an argument, a grouping factor or a design",
    function() {
      own <- put(d, weights = d$z + 1, offset = d$z, rows = d$g, n = d$X)
      list(
        lmm(y ~ x, own, weights = weights, offset = offset, subset = weights > 1.2),
        lmm(y ~ x + (1 | rows), own), lmm(y ~ x + re(n), own)
      )
    },
    check = function(fits) {
      referee <- lm(y ~ x, d, weights = z + 1, offset = z, subset = z > 0.2)
      expect_equal(coef(fits[[1]]), coef(referee), tolerance = 1e-12)
      expect_identical(unname(varcomp(fits[[2]])), unname(varcomp(grouped)))
      expect_identical(unname(varcomp(fits[[3]])), unname(varcomp(plain)))
    }
  ),
  input_row(57, "a formula, weights and a design that are local to a function",
    function() make_in_function(d, rep(2, n)),
    check = function(fits) {
      # weights 2 double sigma_e^2
      likewise <- unname(varcomp(lmm(y ~ x + re(X), d, method = "ML"))) * c(1, 2)
      expect_equal(unname(varcomp(fits$fit)), likewise, tolerance = 1e-10)
      expect_identical(names(fixef(fits$updated)), c("(Intercept)", "x", "z"))
    }
  ),
  input_row(57, "update() outside of that function finds its data",
    function() stats::update(make_in_function(d, rep(2, n))$fit, . ~ . + z),
    check = function(fit) expect_identical(names(fixef(fit)), c("(Intercept)", "x", "z"))
  ),
  input_row(57, "so do drop1() and anova(refit = TRUE)",
    function() {
      made <- make_in_function(d, rep(2, n))
      restricted <- lapply(made[c("fit", "without")], stats::update, method = "REML")
      list(drop1(made$fit), anova(restricted[[1]], restricted[[2]], refit = TRUE))
    },
    check = function(tables) {
      expect_identical(rownames(tables[[1]]), c("<none>", "x"))
      expect_equal(tables[[1]]$LRT[2], tables[[2]]$Chisq[2], tolerance = 1e-9)
    }
  ),
  input_row(57, "drop1() uses the data of the fit, whatever they are called",
    function() {
      full <- d
      drop1(lmm(y ~ x + z + re(X), data = full))
    },
    check = function(table) expect_identical(rownames(table), c("<none>", "x", "z"))
  ),
  input_row(57, "do.call() with values",
    function() do.call(lmm, list(y ~ x + re(X), data = d)),
    check = function(fit) {
      expect_same_fit(fit, plain)
      expect_lt(nchar(printed(fit)), 1000)
      expect_identical(
        names(fixef(stats::update(fit, . ~ . + z))), c("(Intercept)", "x", "z")
      )
    }
  ),
  input_row(57, "do.call() does not put the function into the message",
    function() do.call(lmm, list(y ~ nowhere + re(X), data = d)),
    "bad_input", message = "nowhere"
  ),
  input_row(57, "a matrix put into the formula is not printed",
    function() eval(substitute(lmm(y ~ x + re(M), d), list(M = d$X))),
    check = function(fit) {
      expect_same_fit(fit, plain)
      expect_lt(nchar(printed(fit)), 1000)
    }
  ),
  input_row(57, "a fit holds its design once",
    function() plain,
    check = function(fit) {
      parts <- list(d$X, fit$frame, fit$internal$system)
      # names, text and the eigenvectors beside the design; held twice it would be 1.7
      expect_lt(length(serialize(fit, NULL)), 1.4 * length(serialize(parts, NULL)))
    }
  )
)
check_rows(names_and_scopes)

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

nonsense <- list(
  tol = list(-1, NaN, NA_real_, "a", c(1, 2), NULL, -Inf),
  max_iter = list(0, 1.5, Inf, NA, -3),
  draws = list(0, 1e9, 2.5), seed = list("a", 1e10, NA, 1.5),
  threads = list(0, -1, 1.5, "two"),
  progress = list(2, NA, "yes"), grid_step = list(0, 5, NaN)
)
check_rows(unlist(lapply(names(nonsense), function(name) {
  lapply(nonsense[[name]], function(value) {
    input_row(62, paste0("lmm_control(", name, " = ", deparse1(value), ")"),
      function() do.call("lmm_control", stats::setNames(list(value), name)),
      "bad_input", message = paste0("^`", name, "` must be .*; found ")
    )
  })
}), recursive = FALSE))
check_rows(list(
  input_row(62, "a control that is nonsense stops before anything is computed",
    function() lmm(y ~ x + re(X), d, control = lmm_control(tol = -1)),
    "bad_input", message = "`tol` must be"
  ),
  input_row(62, "blocks that are no factor over columns",
    function() lmm_control(blocks = c(1, NA)), "bad_input", message = "`blocks` must be a factor"
  ),
  input_row(62, "blocks over another number of columns",
    function() {
      lmm(y ~ x + re(X), d, method = "VB", control = lmm_control(blocks = 1:3))
    },
    "bad_input", message = "`blocks` has 3 values; `X` has 60 columns"
  ),
  input_row(62, "max_iter = NULL is each algorithm's own limit",
    function() lmm(y ~ x + re(X), d, control = lmm_control(max_iter = NULL)),
    check = same_as(plain)
  ),
  input_row(62, "a control that is a plain list",
    function() lmm(y ~ x + re(X), d, control = list(tol = 1)),
    "bad_input", message = "`control` must come from lmm_control\\(\\)"
  )
))

all_answers <- function(fit, data) {
  list(
    predict(fit, data[1:5, ], interval = "prediction"), fixef(fit), varcomp(fit),
    ranef(fit, se = TRUE), confint(fit, c("x", "pve")), loo(fit), pve(fit),
    coef(summary(fit)), anova(fit), as.numeric(logLik(fit))
  )
}

test_that("row 72: a fit that another process reads gives the same numbers", {
  skip_on_cran()
  files <- tempfile(c("fit", "answers"), fileext = ".rds")
  on.exit(unlink(files))
  saveRDS(list(fit = plain, data = d, ask = deparse(all_answers)), files[1])
  out <- run_in_child(c(
    sprintf("saved <- readRDS(%s)", deparse(files[1])),
    "ask <- eval(parse(text = saved$ask))",
    sprintf("saveRDS(ask(saved$fit, saved$data), %s)", deparse(files[2])),
    "cat(capture.output(print(summary(saved$fit))), sep = '\n')"
  ))
  expect_identical(readRDS(files[2]), all_answers(plain, d))
  expect_match(paste(out, collapse = " "), "REML log-likelihood -80.7766")
})

with_options <- function(new, run) {
  old <- options(new)
  on.exit(options(old))
  run()
}
odd_options <- list(OutDec = ",", digits = 3, scipen = -5)
print_everything <- function() {
  fit <- lmm(y ~ x + re(X), d)
  things <- list(
    fit, summary(fit), VarCorr(fit), pve(fit), anova(fit), profile(fit), loo(fit),
    ranef(fit),
    test_random(fit, draws = 20, seed = 1), lmm_control(), confint(fit, "pve"), grouped
  )
  c(
    lapply(things, function(thing) utils::capture.output(print(thing))),
    list(all_answers(fit, d))
  )
}

surroundings <- list(
  input_row(85, "OutDec, digits and scipen change no number and no name",
    function() with_options(odd_options, function() print_everything()),
    check = function(value) expect_identical(value[[13]], all_answers(plain, d))
  ),
  input_row(85, "they show in print() as they do in R",
    function() with_options(odd_options, function() printed(plain)),
    check = function(text) {
      expect_match(
        text, "Residual 1,46e\\+00.*40 rows|40 rows.*1,46e\\+00"
      )
    }
  ),
  input_row(85, "under warn = 2 nothing that works becomes an error",
    function() {
      with_options(list(warn = 2), function() {
        fit <- lmm(y ~ x + f + (1 | g), d)
        confint(fit, method = "wald")
        confint(fit, method = "boot", draws = 10, seed = 1)
        simulate(fit, 2, seed = 1)
        print_everything()
      })
    },
    check = function(value) expect_identical(value[[13]], all_answers(plain, d))
  ),
  input_row(85, "under warn = 2 a warning of the package is an error that names it",
    function() {
      with_options(list(warn = 2), function() {
        tryCatch(
          lmm(y ~ x + re(X), put(d, y = 3)), error = function(e) conditionMessage(e),
          warning = function(w) class(w)[1]
        )
      })
    },
    check = function(text) expect_match(text, "hdlmm_exact_fit|explained exactly")
  ),
  input_row(85, "a wide or narrow console breaks lines between words",
    function() {
      lapply(c(30, 200), function(width) {
        with_options(list(width = width), function() utils::capture.output(print(plain)))
      })
    },
    check = function(lines) {
      expect_true(all(nchar(lines[[1]]) <= 45))
      expect_match(
        paste(trimws(lines[[1]]), collapse = " "), "restricted maximum likelihood"
      )
    }
  ),
  input_row(86, "in local(), no device is opened and nothing is asked",
    function() {
      before <- grDevices::dev.list()
      local({
        inner <- d
        fit <- lmm(y ~ x + z + re(X), inner)
        stats::update(fit, . ~ . - z)
        list(drop1(fit), profile(fit), predict(fit, inner[1:2, ]))
      })
      identical(before, grDevices::dev.list())
    },
    check = function(same) expect_true(same)
  ),
  input_row(88, "anova() of fits to different rows",
    function() anova(plain, lmm(y ~ x + re(X), d[1:30, ])),
    "not_comparable", message = "the fits use 40 and 30 rows"
  ),
  input_row(88, "anova() of fits to different responses",
    function() anova(plain, lmm(y ~ x + re(X), put(d, y = d$y + d$z))),
    "not_comparable", message = "different responses"
  ),
  input_row(88, "anova() of REML fits with different fixed parts",
    function() anova(plain, lmm(y ~ x + z + re(X), d)),
    "not_comparable", message = "restricted likelihoods.*refit = TRUE"
  ),
  input_row(88, "anova() with a fit of another package",
    function() anova(plain, lm(y ~ x, d)),
    "bad_input", message = "must be a fit of lmm\\(\\); found .*lm"
  ),
  input_row(88, "AIC() of REML fits with different fixed parts",
    function() AIC(plain, lmm(y ~ x + z + re(X), d)),
    warning = "not_comparable", message = "restricted likelihood"
  ),
  input_row(88, "AIC() of fits to different rows warns, as it does in R",
    function() {
      tryCatch(AIC(plain, lmm(y ~ x + re(X), d[1:30, ])), warning = conditionMessage)
    },
    check = function(text) {
      expect_match(
        text, "same number of observations|40 and 30 rows"
      )
    }
  ),
  input_row(89, "standard errors at fitted rows and at new rows that equal them",
    function() {
      fits <- list(
        plain, grouped, by_kernel, sparse_fit, lmm(y ~ x, d),
        lmm(y ~ f + re(X, scale = TRUE, center = TRUE), d, weights = z + 0.5)
      )
      lapply(fits, function(fit) {
        list(
          predict(fit, se.fit = TRUE),
          predict(fit, put(d, halves = halves), se.fit = TRUE)
        )
      })
    },
    check = function(all) {
      for (pair in all) {
        expect_equal(pair[[1]]$fit, pair[[2]]$fit, tolerance = 1e-12)
        # roots of differences of prior and explained variance
        expect_equal(pair[[1]]$se.fit, pair[[2]]$se.fit, tolerance = 1e-9)
      }
    }
  ),
  input_row(90, "print(), summary() and str() of a large fit are short and quick",
    function() {
      many <- list(
        g = rep(seq_len(50000), 2), y = sin(seq_len(1e5)) + rep(cos(seq_len(50000)), 2)
      )
      fit <- lmm(y ~ (1 | g), many)
      time <- system.time(
        lines <- list(
          utils::capture.output(print(fit)), utils::capture.output(print(ranef(fit))),
          utils::capture.output(utils::str(fit))
        )
      )
      list(lines = lines, seconds = time[["elapsed"]])
    },
    check = function(value) {
      expect_lt(value$seconds, 5)  # 0.1 s here; vectors in full would be minutes of text
      expect_lt(length(value$lines[[1]]), 20)
      expect_lt(length(value$lines[[2]]), 15)
      expect_lt(sum(nchar(value$lines[[3]])), 3e4)
    }
  )
)
check_rows(surroundings)

test_that("row 85: a locale with a decimal comma changes no number", {
  old <- Sys.getlocale("LC_ALL")
  on.exit(suppressWarnings(Sys.setlocale("LC_ALL", old)))
  skip_if(
    suppressWarnings(Sys.setlocale("LC_ALL", "de_DE.UTF-8")) == "", "no German locale"
  )
  expect_identical(all_answers(lmm(y ~ x + re(X), d), d), all_answers(plain, d))
})
