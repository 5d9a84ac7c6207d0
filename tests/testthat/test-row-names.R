# Names of rows, where both sides have them, count.

named_case <- function(n = 40, p = 60) {
  set.seed(9)
  ids <- paste0("L", seq_len(n))
  x <- matrix(rnorm(n * p), n, dimnames = list(ids, NULL))
  d <- data.frame(
    y = drop(x %*% rnorm(p, 0, 0.2)) + rnorm(n), u = rnorm(n), line = ids, row.names = ids
  )
  list(x = x, k = tcrossprod(x) / p, d = d, order = sample(n), ids = ids)
}

# As if read without row names.
unname_rows <- function(d) {
  rownames(d) <- NULL
  d
}

test_that("rows of a kernel or a design in another order are matched by name, and it is said", {
  case <- named_case()
  x <- case$x
  k <- case$k
  shuffled <- case$d[case$order, ]
  sparse <- Matrix::Matrix(x, sparse = TRUE)
  for (formula in list(y ~ u + re(x), y ~ u + re(kernel = k), y ~ u + re(sparse))) {
    want <- lmm(formula, case$d)
    expect_length(want$notes, 0)
    expect_message(fit <- lmm(formula, shuffled), "by their names")
    expect_equal(varcomp(fit), varcomp(want), tolerance = 1e-10)  # sums in another order
    expect_equal(fitted(fit)[case$ids], fitted(want)[case$ids], tolerance = 1e-9)
    expect_equal(ranef(fit)[[1]], ranef(want)[[1]], tolerance = 1e-9)
    # rows that drop out do not change who is who
    want <- suppressMessages(lmm(formula, case$d, subset = u > -1))
    fit <- suppressMessages(lmm(formula, shuffled, subset = u > -1))
    expect_equal(varcomp(fit), varcomp(want), tolerance = 1e-10)
    shuffled$y[c(3, 9)] <- NA
    holes <- case$d
    holes[rownames(shuffled)[c(3, 9)], "y"] <- NA
    expect_equal(
      varcomp(suppressMessages(lmm(formula, shuffled))), varcomp(lmm(formula, holes)),
      tolerance = 1e-10
    )
    shuffled <- case$d[case$order, ]
  }
})

test_that("names of a response without data count as those of the data", {
  case <- named_case()
  k <- case$k
  y <- setNames(case$d$y, case$ids)
  want <- varcomp(lmm(y ~ re(kernel = k)))
  y <- y[case$order]
  expect_message(fit <- lmm(y ~ re(kernel = k)), "by their names")
  expect_equal(varcomp(fit), want, tolerance = 1e-10)
})

test_that("other names are an error that shows the first that differ", {
  case <- named_case()
  x <- case$x
  k <- case$k
  renamed <- case$d
  rownames(renamed)[3] <- "other"
  for (formula in list(y ~ re(x), y ~ re(kernel = k))) {
    error <- expect_error(lmm(formula, renamed), class = "hdlmm_bad_input")
    expect_match(conditionMessage(error), "\"L3\" and \"other\" (row 3)", fixed = TRUE)
  }
})

test_that("row numbers are no names, and columns of the data stay where they are", {
  case <- named_case()
  x <- case$x
  k <- case$k
  rownames(x) <- dimnames(k) <- NULL
  plain <- case$d
  rownames(plain) <- NULL
  plain$line <- NULL
  want <- varcomp(lmm(y ~ re(kernel = k), plain))
  named <- case$k
  fit <- lmm(y ~ re(kernel = named), plain)
  expect_length(fit$notes, 0)
  expect_equal(unname(varcomp(fit)), unname(want))
  # rows of a data frame that was cut have numbers, which say nothing of names
  cut <- rbind(plain[1:2, ], plain)[-(1:2), ]
  expect_equal(unname(varcomp(lmm(y ~ re(kernel = named), cut))), unname(want))
  # bootstrapped rows: those of X go along, their names are doubled or made unique
  d <- case$d
  d$X <- case$x
  drawn <- d[c(1, 1, 3:40), ]
  expect_no_error(suppressWarnings(lmm(y ~ re(X), drawn)))
  X <- case$x
  expect_error(lmm(y ~ re(X), drawn[names(drawn) != "X"]), class = "hdlmm_bad_input")
})

test_that("numbers count as names where they are the same ones", {
  case <- named_case()
  k <- unname(case$k)
  d <- unname_rows(case$d)
  dimnames(k) <- list(1:40, 1:40)
  want <- varcomp(lmm(y ~ re(kernel = k), d))
  expect_equal(
    varcomp(suppressMessages(lmm(y ~ re(kernel = k), d[case$order, ]))), want, tolerance = 1e-10
  )
})

test_that("a kernel whose row and column names contradict each other is refused", {
  case <- named_case()
  k <- case$k
  for (names in list(rev(case$ids), replace(case$ids, 5, "x"))) {
    colnames(k) <- names
    expect_error(lmm(y ~ re(kernel = k), case$d), "contradict", class = "hdlmm_bad_input")
    expect_error(
      lmm(y ~ re(kernel = k, id = line), case$d), "contradict", class = "hdlmm_bad_input"
    )
  }
  # what reading a file does to names of columns is no contradiction
  k <- case$k
  want <- varcomp(lmm(y ~ re(kernel = k), case$d))
  colnames(k) <- paste0("V", 1:40)
  expect_equal(varcomp(lmm(y ~ re(kernel = k), case$d)), want)
  rownames(k) <- sub("L", "L-", case$ids)
  colnames(k) <- make.names(rownames(k))
  d <- case$d
  rownames(d) <- rownames(k)
  expect_equal(varcomp(lmm(y ~ re(kernel = k), d)), want)
})

test_that("names on one side of a kernel are those of both", {
  case <- named_case()
  k <- case$k
  want <- varcomp(lmm(y ~ re(kernel = k), case$d))
  rownames(k) <- NULL
  shuffled <- case$d[case$order, ]
  expect_equal(
    varcomp(suppressMessages(lmm(y ~ re(kernel = k), shuffled))), want, tolerance = 1e-10
  )
  expect_equal(varcomp(lmm(y ~ re(kernel = k, id = line), shuffled)), want, tolerance = 1e-10)
  expect_equal(varcomp(lmm(y ~ re(kernel = k, id = 1:40), case$d)), want)
})

test_that("a note names `id =` where a column of the data holds the names of the kernel", {
  case <- named_case()
  k <- case$k
  d <- unname_rows(case$d)
  expect_message(lmm(y ~ re(kernel = k), d), "id = line")
  expect_message(lmm(y ~ re(kernel = k), d[case$order, ]), "in another order.*id = line")
  d$line <- factor(d$line)
  expect_message(lmm(y ~ re(kernel = k), as.list(d)), "id = line")
  expect_error(lmm(y ~ re(kernel = k), rbind(d, d)), "id = line", class = "hdlmm_bad_input")
})

test_that("`id` is matched as text, and by row number only where there are no names", {
  case <- named_case()
  k <- unname(case$k)
  d <- unname_rows(case$d)
  want <- varcomp(lmm(y ~ re(kernel = k), d))
  number <- 100000 * 40:1
  text <- format(number, scientific = FALSE, trim = TRUE)
  dimnames(k) <- list(text, text)
  for (id in list(number, as.integer(number), text, factor(text))) {
    d$id <- id
    expect_equal(varcomp(lmm(y ~ re(kernel = k, id = id), d)), want)
  }
  k <- unname(k)
  error <- expect_error(lmm(y ~ re(kernel = k, id = line), d), class = "hdlmm_bad_input")
  expect_match(conditionMessage(error), "has no row names, so `id` must hold row numbers")
  d$id <- 1:40 + 0.5
  expect_error(lmm(y ~ re(kernel = k, id = id), d), "1.5", class = "hdlmm_bad_input")
  k <- case$k
  dimnames(k) <- list(rep("a", 40), rep("a", 40))
  expect_error(
    lmm(y ~ re(kernel = k, id = rep("a", 40)), d), "several rows", class = "hdlmm_bad_input"
  )
})

test_that("new rows of a design are matched to the names of new data", {
  case <- named_case()
  d <- case$d
  d$X <- unname(case$x)
  fit <- lmm(y ~ re(X), d)
  new <- d[1:5, ]
  new$X <- case$x[5:1, ]
  expect_message(by_name <- predict(fit, new), "by their names")
  expect_equal(by_name, fitted(fit)[1:5], tolerance = 1e-9)
})

test_that("numbers that R gives the rows of an expression reorder nothing", {
  set.seed(3)
  d <- data.frame(x = rnorm(30), b = rnorm(30))
  d$y <- d$x + rnorm(30)
  turned <- d[30:1, ]
  for (formula in list(
    y ~ re(cbind(x, b)), y ~ re(data.frame(x, b)), y ~ re(model.matrix(~ 0 + x + b)),
    y ~ re(Matrix::Matrix(model.matrix(~ 0 + x + b), sparse = TRUE))
  )) {
    fit <- lmm(formula, d)
    # the same rows in another order; the optimum is polished to 1e-8
    expect_equal(varcomp(lmm(formula, turned)), varcomp(fit), tolerance = 1e-6)
    expect_equal(predict(fit, turned), rev(fitted(fit)), tolerance = 1e-9)
  }
})
