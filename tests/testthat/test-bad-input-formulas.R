# What a formula may say.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
plain <- lmm(y ~ x + re(X), d)

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
  input_row(49, "a random term given twice is two that cannot be told apart",
    function() lmm(y ~ x + re(X) + re(X), d), "not_identified",
    message = "`X` and `X.1` are not identified"
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
