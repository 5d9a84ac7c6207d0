# Missing and infinite cells.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)

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
