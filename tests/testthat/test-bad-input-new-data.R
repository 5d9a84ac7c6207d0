# New data for prediction.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)
plain <- lmm(y ~ x + re(X), d)
set.seed(2)
genotypes <- matrix(rbinom(n * p, 2, 0.3), n)
halves <- Matrix::Matrix(genotypes * (genotypes == 1), sparse = TRUE)
columns <- function(k) d$X[, seq_len(k), drop = FALSE]
grouped <- lmm(y ~ x + (1 | g), d)
by_factor <- lmm(y ~ f + re(X), d)
individuals <- crossprod(matrix(sin(1:70), 7)) + diag(10)
rownames(individuals) <- levels(d$g)
by_kernel <- lmm(y ~ x + re(kernel = individuals, id = g), d)

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
