# Several responses on the same folds: each is cross-validated as it is alone.

set.seed(21)
n <- 90
d <- data.frame(
  x = rnorm(n), f = factor(sample(letters[1:3], n, TRUE)), w = runif(n, 0.5, 2),
  g = factor(sample(1:12, n, TRUE))
)
d$M <- matrix(rbinom(n * 150, 2, 0.3), n)
d$Y <- d$x + d$M %*% matrix(rnorm(600), 150) / 8 + matrix(rnorm(n * 4), n)
colnames(d$Y) <- paste0("t", 1:4)
missing <- d
# few rows, which are left out of the common decomposition, and many
missing$Y[cbind(c(3, 9, 50, 51, 80), c(1, 1, 2, 3, 3))] <- NA
missing$Y[1:40, 4] <- NA
tenths <- replicate(2, sample(rep_len(1:10, n)))
quarters <- rep_len(1:4, n)

# The rows and fits of a response of several, as those of one have them.
own_tables <- function(cv, response) {
  lapply(list(rows = as.data.frame(cv), folds = summary(cv)$folds), function(table) {
    table <- table[table$response == response, -1]
    rownames(table) <- NULL
    # columns that other responses have alone
    table[vapply(table, function(column) !all(is.na(column)), NA)]
  })
}

expect_as_alone <- function(formula, ..., folds, data = d) {
  call <- list(data = quote(data), folds = quote(folds), seed = 3, ...)
  cv <- suppressMessages(do.call(cv_lmm, c(list(formula), call)))
  for (response in colnames(data$Y)) {
    data$y <- data$Y[, response]
    one <- suppressMessages(do.call(cv_lmm, c(list(stats::update(formula, y ~ .)), call)))
    ours <- own_tables(cv, response)
    rows <- as.data.frame(one)
    expect_identical(ours$rows[1:5], rows[1:5])
    # the root of a slope by two routes, and sums in another order
    expect_equal(ours$rows, rows, tolerance = 1e-8, label = paste(deparse1(formula), response))
    # variances move with the root's tolerance times their condition
    expect_equal(ours$folds, summary(one)$folds, tolerance = 1e-6)
  }
  invisible(cv)
}

test_that("a response of several is cross-validated as alone, cells missing or not", {
  for (data in list(d, missing)) {
    for (reestimate in c(TRUE, FALSE)) {
      expect_as_alone(Y ~ x + re(M), reestimate = reestimate, folds = tenths, data = data)
      expect_as_alone(
        Y ~ x + (1 | g), reestimate = reestimate, folds = quarters, data = data,
        weights = quote(w)
      )
    }
    expect_as_alone(Y ~ x + f + re(M, scale = TRUE), folds = quarters, data = data)
    expect_as_alone(Y ~ x + re(M[, 1:20]), folds = quarters, data = data)
    expect_as_alone(Y ~ x + re(M) + (1 | g), folds = quarters, data = data)
    expect_as_alone(Y ~ poly(x, 2), folds = quarters, data = data)
  }
})

test_that("every method cross-validates its responses as alone", {
  for (method in c("ML", "MAP", "VB", "Bayes")) {
    expect_as_alone(Y ~ x + re(M), method = method, folds = quarters, data = missing)
  }
  expect_as_alone(
    Y ~ x + re(M), method = "ML", reestimate = FALSE, folds = quarters, data = missing
  )
  expect_as_alone(
    Y ~ x + (1 | g), method = "Bayes", algorithm = "gibbs", folds = quarters, data = missing,
    control = quote(lmm_control(draws = 20, warmup = 5))
  )
})

test_that("folds that are dealt are those of all responses, whatever they miss", {
  cv <- cv_lmm(Y ~ x + (1 | g), missing, folds = 3, repeats = 2, groups = g, seed = 5)
  rows <- as.data.frame(cv)
  key <- paste(rows$row, rows$`repeat`)
  expect_true(all(tapply(rows$fold, key, function(x) length(unique(x))) == 1))
  expect_true(all(tapply(rows$fold, paste(rows$`repeat`, d$g[rows$row]), function(x) {
    length(unique(x))
  }) == 1))
  expect_identical(
    c(table(rows$response)), 2L * apply(!is.na(missing$Y), 2, sum)
  )
  skip_if_not_installed("rsample")
  splits <- rsample::vfold_cv(d, v = 4)
  expect_as_alone(Y ~ x + (1 | g), folds = splits, data = missing)
  ahead <- rsample::rolling_origin(d, initial = 60, assess = 10, skip = 9)
  expect_as_alone(Y ~ x + re(M), folds = ahead, data = missing)
})

test_that("responses share decompositions", {
  count <- function(...) {
    calls <- 0
    suppressMessages(trace(
      "cpp_decompose", function() calls <<- calls + 1, where = asNamespace("hdlmm"), print = FALSE
    ))
    on.exit(suppressMessages(untrace("cpp_decompose", where = asNamespace("hdlmm"))))
    suppressMessages(cv_lmm(..., seed = 1))
    calls
  }
  # maxima far from 0
  set.seed(1)
  n <- 150
  d <- data.frame(x = rnorm(n))
  d$M <- matrix(rbinom(n * 160, 2, 0.3), n)
  d$Y <- d$M %*% matrix(rnorm(480), 160) / 5 + matrix(rnorm(n * 3), n)
  # one for all folds, and no other where few cells are missing
  d$Y[1:5, 2] <- NA
  expect_identical(count(Y ~ x + re(M), d, folds = 20), 1)
  expect_identical(count(Y ~ x + re(M), d, folds = 20, reestimate = FALSE), 1)
  # one a fold
  expect_identical(count(Y[, -2] ~ x + re(M), d, folds = 4), 4)
  expect_identical(count(Y[, -2] ~ x + re(M), d, folds = 4, method = "VB"), 4)
})

test_that("formulas and methods are compared response by response, on the same cells", {
  d$v <- d$x
  d$v[4] <- NA
  cv <- suppressMessages(cv_lmm(
    list(mean = cbind(a = Y[, 1], b = Y[, 2]) ~ 1, v = cbind(a = Y[, 1], b = log(v)) ~ x), d,
    folds = 3, seed = 1
  ) |> suppressWarnings())
  rows <- as.data.frame(cv)
  by_unit <- split(rows$row, paste(rows$response, rows$model))
  expect_identical(by_unit[["a mean"]], by_unit[["a v"]])
  # log() of a negative number is missing, for both
  expect_setequal(by_unit[["b mean"]], which(d$v > 0))
  expect_setequal(by_unit[["b v"]], which(d$v > 0))
  expect_error(
    cv_lmm(list(Y ~ 1, Y[, 1:2] ~ x), d), "must have the same responses",
    class = "hdlmm_bad_input"
  )
  expect_error(
    cv_lmm(list(Y ~ 1, x ~ 1), d), "call cv_lmm() once for each", fixed = TRUE,
    class = "hdlmm_bad_input"
  )
})

test_that("tables, words and pictures go by response", {
  cv <- cv_lmm(Y ~ x, missing, folds = 3, repeats = 2, seed = 1)
  measures <- summary(cv, h2 = 0.5)$measures
  expect_identical(names(measures), c("response", "model", "measure", "estimate", "sd"))
  expect_identical(unique(measures$response), colnames(d$Y))
  one <- as.data.frame(cv)
  one <- one[one$response == "t3" & one$`repeat` == 1, ]
  two <- as.data.frame(cv)
  two <- two[two$response == "t3" & two$`repeat` == 2, ]
  rmse <- function(rows) sqrt(mean((rows$observed - rows$prediction)^2))
  expect_equal(
    measures$estimate[measures$response == "t3" & measures$measure == "rmse"],
    mean(c(rmse(one), rmse(two)))
  )
  found <- function(h2) {
    own <- summary(cv, h2 = h2)$measures
    own$estimate[own$measure == "correlation"] / own$estimate[own$measure == "accuracy"]
  }
  expect_equal(found(c(t4 = 0.1, t3 = 0.2, t2 = 0.3, t1 = 0.4)), sqrt(c(0.4, 0.3, 0.2, 0.1)))
  expect_error(summary(cv, h2 = c(0.1, 0.2)), "4 responses", class = "hdlmm_bad_input")
  expect_error(summary(cv, h2 = c(a = 1, b = 1, t1 = 1, t2 = 1)), "responses are `?t1",
    class = "hdlmm_bad_input")
  expect_error(summary(cv, h2 = rep(0, 4)), "above 0", class = "hdlmm_bad_input")
  expect_output(print(cv), "2 times, 4 responses of 50 to 89\\s+rows")
  expect_output(print(cv), "\nt4 ")
  expect_output(print(summary(cv)), "Fits:\n response")
  pdf(NULL)
  on.exit(dev.off())
  expect_identical(plot(cv, response = c("t2", "t4")), cv)
  expect_error(plot(cv, response = "t9"), "there are \"t1\"", class = "hdlmm_bad_input")
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::autoplot(cv, response = "t4")
  is_point <- vapply(drawn$layers, function(layer) inherits(layer$geom, "GeomPoint"), NA)
  points <- do.call(rbind, ggplot2::ggplot_build(drawn)$data[is_point])
  rows <- as.data.frame(cv)
  rows <- rows[rows$response == "t4" & rows$`repeat` == 1, ]
  expect_equal(sort(points$x), sort(rows$prediction))
  skip_if_not_installed("generics")
  table <- generics::glance(cv)
  expect_identical(table$response, colnames(d$Y))
  expect_identical(as.integer(table$nobs), as.integer(colSums(!is.na(missing$Y))))
  expect_equal(table$rmse, measures$estimate[measures$measure == "rmse"])
  expect_identical(as.data.frame(generics::tidy(cv)), summary(cv)$measures)
})

test_that("of many responses a printed table has the quartiles", {
  set.seed(2)
  many <- data.frame(x = d$x)
  many$Y <- matrix(rnorm(n * 25), n)
  cv <- cv_lmm(Y ~ x, many, folds = 3, seed = 1)
  measures <- summary(cv)$measures
  out <- capture.output(print(cv, digits = 4))
  expect_true(any(grepl("^Over responses:", out)))
  line <- scan(text = sub("^ *rmse", "", grep("^ *rmse", out, value = TRUE)), quiet = TRUE)
  wanted <- quantile(measures$estimate[measures$measure == "rmse"], names = FALSE)
  expect_equal(line, wanted, tolerance = 1e-2)  # printed digits
})

test_that("a response without an answer does not take the others' away", {
  d$Y[, 1] <- 3
  d$Y[, 2] <- NA
  d$Y[d$f != "a", 3] <- NA
  fold <- ifelse(d$f == "a", 1, quarters)
  expect_warning(
    expect_warning(
      cv <- cv_lmm(Y ~ x + re(M), d, folds = fold), "`t2` has no rows",
      class = "hdlmm_fold_failed"
    ),
    "every fold of `t3` has no predictions", class = "hdlmm_fold_failed"
  )
  rows <- as.data.frame(cv)
  expect_false("t2" %in% rows$response)
  expect_true(all(is.na(rows$prediction[rows$response == "t3"])))
  folds <- summary(cv)$folds
  expect_match(folds$note[folds$response == "t3"], "no row to fit")
  d$y <- d$Y[, 4]
  # the root of a slope by two routes
  expect_equal(
    rows$prediction[rows$response == "t4"],
    as.data.frame(cv_lmm(y ~ x + re(M), d, folds = fold))$prediction, tolerance = 1e-8
  )
})

test_that("what responses share is the same in other sessions", {
  skip_if_not_installed("future")
  run <- function() as.data.frame(cv_lmm(Y ~ x + re(M), missing, folds = 10, seed = 1))
  alone <- run()
  old <- future::plan(future::multisession, workers = 2)
  on.exit(future::plan(old))
  expect_identical(run(), alone)
})
