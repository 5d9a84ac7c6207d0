# Cross-validation: every fold is a fit of the other rows.

set.seed(20)
n <- 60
d <- data.frame(
  x = rnorm(n), f = factor(sample(letters[1:3], n, TRUE)), g = factor(sample(1:12, n, TRUE)),
  id = sprintf("l%02d", sample(40, n, TRUE)), w = runif(n, 0.5, 2), o = rnorm(n)
)
d$M <- matrix(rbinom(n * 90, 2, 0.3), n)
colnames(d$M) <- paste0("m", 1:90)
K <- tcrossprod(matrix(rbinom(40 * 200, 2, 0.4), 40)) / 200
dimnames(K) <- rep(list(sprintf("l%02d", 1:40)), 2)
d$y <- d$x + 0.2 * drop(d$M %*% rnorm(90)) + rnorm(12)[d$g] + rnorm(n)

# The rows of a cross-validation by a fit of the other rows and predict().
refitted_rows <- function(rows, formula, data, ...) {
  out <- rows
  for (k in unique(rows$fold)) {
    held <- rows$row[rows$fold == k]
    data$kept <- !seq_len(nrow(data)) %in% held
    fit <- suppressMessages(suppressWarnings(
      do.call(lmm, list(formula, data = quote(data), subset = quote(kept), ...))
    ))
    p <- predict(
      fit, data[held, ], interval = "prediction", se.fit = TRUE, allow.new.levels = TRUE,
      weights = if (is.null(fit$weights)) 1 else data$w[held]
    )
    out[rows$fold == k, c("prediction", "lower", "upper")] <- p$fit
  }
  out
}

expect_law <- function(formula, ..., data = d, folds = 4) {
  cv <- suppressMessages(
    do.call(cv_lmm, list(formula, quote(data), ..., folds = folds, seed = 3))
  )
  rows <- as.data.frame(cv)
  again <- refitted_rows(rows, formula, data, ...)
  # the same fits: what differs is the order of a few sums
  for (name in c("prediction", "lower", "upper")) {
    expect_equal(rows[[name]], again[[name]], tolerance = 1e-8, label = name)
  }
  invisible(cv)
}

test_that("predictions and limits are those of lmm(subset = -fold), design by design", {
  expect_law(y ~ x + re(M))
  expect_law(y ~ x + re(M, center = TRUE, scale = TRUE))
  expect_law(y ~ x + f + (1 | g))
  expect_law(y ~ x + (x | g))
  expect_law(y ~ f + re(kernel = K, id = id))
  expect_law(y ~ x + re(Matrix::Matrix(M, sparse = TRUE)), method = "ML")
  expect_law(y ~ poly(x, 2) + re(M[, 1:20]))
  expect_law(y ~ x + f)
  expect_law(y ~ x + re(M) + (1 | g))
  expect_law(y ~ offset(o) + x + re(M), weights = quote(w))
})

test_that("every method predicts its folds as its own refit does", {
  for (method in c("ML", "MAP", "VB", "Bayes")) expect_law(y ~ x + re(M), method = method)
  cv <- cv_lmm(
    y ~ x + re(M), d, method = "Bayes", algorithm = "gibbs", folds = 3, seed = 1,
    control = lmm_control(draws = 50, warmup = 20, seed = 9)
  )
  rows <- as.data.frame(cv)
  held <- rows$row[rows$fold == 2]
  fit <- lmm(
    y ~ x + re(M), d, method = "Bayes", algorithm = "gibbs", subset = -held,
    control = lmm_control(draws = 50, warmup = 20, seed = 9)
  )
  # the same draws, as the seed is the user's
  expect_equal(
    rows$prediction[rows$fold == 2], unname(predict(fit, d[held, ])), tolerance = 1e-10
  )
})

test_that("means of missing cells are those of the training rows", {
  d$M[cbind(c(3, 10, 31), c(1, 5, 7))] <- NA
  expect_law(y ~ x + re(M, na = "mean"), data = d)
})

test_that("rows of the design are matched by name before they are dealt", {
  rownames(d) <- sprintf("r%02d", 1:n)
  X <- d$M[sample(n), ]
  rownames(X) <- rownames(d)[match(data.frame(t(X)), data.frame(t(d$M)))]
  d$M <- NULL
  ours <- as.data.frame(suppressMessages(cv_lmm(y ~ x + re(X), d, folds = 4, seed = 2)))
  X <- X[rownames(d), ]
  theirs <- as.data.frame(cv_lmm(y ~ x + re(X), d, folds = 4, seed = 2))
  expect_equal(ours$prediction, theirs$prediction, tolerance = 1e-12)
})

test_that("a level of a fixed factor that only a fold has is NA, one of a grouping factor is not", {
  d$f <- factor(rep(c("a", "b"), length.out = n))
  levels(d$f) <- c("a", "b", "c")
  d$f[7] <- "c"
  fold <- rep(1:3, length.out = n)
  cv <- cv_lmm(y ~ f + (1 | g), d, folds = fold)
  rows <- as.data.frame(cv)
  expect_identical(rows$row[is.na(rows$prediction)], 7L)
  expect_output(print(cv), "1 row without a prediction: the rest of the data lacks levels")
  expect_false(any(grepl("without a prediction", capture.output(print(cv_lmm(y ~ x, d))))))
  own <- as.data.frame(cv_lmm(y ~ x + (1 | g), d, folds = d$g))
  expect_false(anyNA(own$prediction))
  # of an unseen level nothing is known but the fixed part
  fit <- lmm(y ~ x + (1 | g), d, subset = g != "3")
  expect_equal(
    own$prediction[own$fold == "3"], unname(predict(fit, d[d$g == "3", ], random = FALSE)),
    tolerance = 1e-8
  )
})

test_that("rows with missing values, of weight zero and outside of `subset` are in no fold", {
  d$y[5] <- NA
  d$w[9] <- 0
  rows <- as.data.frame(suppressMessages(
    cv_lmm(y ~ x + re(M), d, weights = w, subset = 1:50, folds = 4, seed = 1)
  ))
  expect_setequal(rows$row, setdiff(1:50, c(5, 9)))
})

test_that("folds are of equal size and follow the seed alone", {
  deal <- function(...) as.data.frame(cv_lmm(y ~ x, d, ...))
  one <- deal(folds = 7, repeats = 3, seed = 5)
  sizes <- table(one$`repeat`, one$fold)
  expect_true(all(sizes %in% 8:9))
  set.seed(99)
  expect_identical(deal(folds = 7, repeats = 3, seed = 5), one)
  expect_false(identical(deal(folds = 7, repeats = 3, seed = 6)$row, one$row))
  per_repeat <- split(one, one$`repeat`)
  for (own in per_repeat) expect_identical(sort(own$row), 1:n)
  expect_false(identical(per_repeat[[1]]$row, per_repeat[[2]]$row))
  set.seed(4)
  first <- deal(folds = 3)
  set.seed(4)
  expect_identical(deal(folds = 3), first)
})

test_that("groups stay together, in folds of sizes as equal as they allow", {
  sizes <- c(20, 10, 9, 8, 5, 4, 2, 1, 1)
  d$family <- factor(sample(rep(seq_along(sizes), sizes)))
  rows <- as.data.frame(cv_lmm(y ~ x, d, folds = 3, groups = family, seed = 1))
  family <- d$family[rows$row]
  expect_true(all(tapply(rows$fold, family, function(x) length(unique(x))) == 1))
  # 20, 10 + 9 + .., 8 + ..: greedy by size ends within one of 60 / 3
  expect_true(all(table(rows$fold) == 20))
  expect_error(
    cv_lmm(y ~ x, d, folds = 30, groups = family), "levels of `groups`", class = "hdlmm_bad_input"
  )
})

test_that("a vector of folds is taken as it is, with NA for rows that are never left out", {
  fold <- rep(c("north", "south", NA), length.out = n)
  rows <- as.data.frame(cv_lmm(y ~ x + re(M), d, folds = fold))
  expect_setequal(rows$row, which(!is.na(fold)))
  expect_identical(rows$fold, fold[rows$row])
  north <- lmm(y ~ x + re(M), d, subset = is.na(fold) | fold != "north")
  at <- which(fold == "north")
  expect_equal(
    rows$prediction[rows$fold == "north"], unname(predict(north, d[at, ])), tolerance = 1e-8
  )
  both <- as.data.frame(cv_lmm(y ~ x, d, folds = cbind(rep(1:2, 30), rep(1:3, 20))))
  expect_identical(unique(both[c("repeat", "fold")])$fold, c(1L, 2L, 1L, 2L, 3L))
})

test_that("splits of rsample are held by their assessment and fitted by their analysis rows", {
  skip_if_not_installed("rsample")
  set.seed(1)
  splits <- rsample::vfold_cv(d, v = 4, repeats = 2)
  rows <- as.data.frame(cv_lmm(y ~ x + re(M), d, folds = splits))
  own <- rows[rows$`repeat` == 2 & rows$fold == "Fold3", ]
  expect_setequal(own$row, as.integer(splits$splits[[7]], data = "assessment"))
  ahead <- rsample::rolling_origin(d, initial = 40, assess = 5, skip = 4)
  rows <- as.data.frame(cv_lmm(y ~ x, d, folds = ahead))
  ols <- lm(y ~ x, d[1:40, ])
  # least squares by two decompositions
  expect_equal(rows$prediction[1:5], unname(predict(ols, d[41:45, ])), tolerance = 1e-10)
  expect_error(
    cv_lmm(y ~ x, d, folds = rsample::bootstraps(d, 3)), "repeatedly", class = "hdlmm_bad_input"
  )
})

test_that("formulas and methods share their folds, on the rows that all of them keep", {
  d$x[4] <- NA
  cv <- suppressMessages(cv_lmm(
    list(mean = y ~ 1, both = y ~ x + (1 | g)), d, method = c("REML", "ML"), folds = 3, seed = 1
  ))
  rows <- as.data.frame(cv)
  expect_identical(
    unique(rows$model), c("mean, OLS", "both, REML", "both, ML")
  )
  by_model <- split(rows, rows$model)
  for (own in by_model) expect_identical(own[c("row", "fold")], by_model[[1]][c("row", "fold")],
    ignore_attr = TRUE)
  expect_false(4L %in% rows$row)
  expect_message(cv_lmm(list(y ~ 1, y ~ x), d, folds = 3), "1 row that not every model keeps")
})

test_that("measures are what their names say", {
  cv <- cv_lmm(y ~ x + re(M), d, folds = 4, repeats = 3, seed = 1)
  rows <- as.data.frame(cv)
  measures <- summary(cv, h2 = 0.49)$measures
  value <- function(name) measures$estimate[measures$measure == name]
  each <- function(f) vapply(split(rows, rows$`repeat`), f, 0)
  within <- each(function(own) {
    mean(vapply(split(own, own$fold), function(x) cor(x$observed, x$prediction), 0))
  })
  expect_equal(value("correlation"), mean(within))
  expect_equal(measures$sd[measures$measure == "correlation"], sd(within))
  expect_equal(value("accuracy"), mean(within) / 0.7)
  expect_equal(value("pooled"), mean(each(function(own) cor(own$observed, own$prediction))))
  line <- sapply(split(rows, rows$`repeat`), function(own) {
    coef(lm(observed ~ prediction, own))
  })
  expect_equal(c(value("intercept"), value("slope")), unname(rowMeans(line)))
  expect_equal(value("rmse"), mean(each(function(own) {
    sqrt(mean((own$observed - own$prediction)^2))
  })))
  trained <- function(own) {
    ave(own$row, own$fold, FUN = function(at) mean(d$y[-at]))
  }
  expect_equal(value("r2"), mean(each(function(own) {
    1 - sum((own$observed - own$prediction)^2) / sum((own$observed - trained(own))^2)
  })))
  expect_equal(value("log_score"), mean(each(function(own) {
    mean(dnorm(own$observed, own$prediction, own$se, log = TRUE))
  })))
  expect_equal(value("coverage"), mean(each(function(own) {
    mean(abs(own$observed - own$prediction) <= qnorm(0.975) * own$se)
  })))
  expect_true(is.na(summary(cv_lmm(y ~ x, d, folds = 3, seed = 1))$measures$sd[1]))
})

test_that("the log score of a posterior is the density that its intervals come from", {
  cv <- as.data.frame(cv_lmm(y ~ x + re(M), d, method = "Bayes", folds = 3, seed = 1))
  held <- cv$row[cv$fold == 1]
  fit <- lmm(y ~ x + re(M), d, method = "Bayes", subset = -held)
  at <- held[1]
  limit <- function(p) {
    predict(fit, d[at, ], interval = "prediction", level = abs(2 * p - 1))[, if (p < 0.5) 2 else 3]
  }
  # the density is the slope of the distribution function: central difference in p around y
  p <- uniroot(function(p) limit(p) - d$y[at], c(0.02, 0.98), tol = 1e-12)$root
  slope <- 2e-5 / (limit(p + 1e-5) - limit(p - 1e-5))
  # of the difference, 1e-10, and of the quantiles, 1e-11 over 1e-5
  expect_equal(cv$log_density[1], log(slope), tolerance = 1e-5)
})

# E(y_F | rest) and its variances by dense matrices.
dense_folds <- function(rows, y, z, v) {
  for (k in unique(rows$fold)) {
    held <- rows$row[rows$fold == k]
    inverse <- solve(v[-held, -held])
    zi <- z[-held, , drop = FALSE]
    unscaled <- solve(crossprod(zi, inverse %*% zi))
    gain <- v[held, -held] %*% inverse
    beta <- unscaled %*% crossprod(zi, inverse %*% y[-held])
    rest <- z[held, , drop = FALSE] - gain %*% zi
    rows[rows$fold == k, c("prediction", "se")] <- cbind(
      z[held, , drop = FALSE] %*% beta + gain %*% (y[-held] - zi %*% beta),
      sqrt(diag(v[held, held] - gain %*% v[-held, held] + rest %*% unscaled %*% t(rest)))
    )
  }
  rows
}

test_that("with variances held folds equal the conditional distribution by dense matrices", {
  z <- cbind(1, d$x)
  members <- model.matrix(~ g - 1, d)
  check <- function(formula, covariance, ...) {
    fit <- suppressMessages(do.call(lmm, list(formula, quote(d), ...)))
    ours <- as.data.frame(
      do.call(cv_lmm, list(formula, quote(d), folds = 5, reestimate = FALSE, seed = 1, ...))
    )
    theirs <- dense_folds(ours, d$y, z, covariance(varcomp(fit)))
    # two solves with matrices of condition 1e3
    expect_equal(ours$prediction, theirs$prediction, tolerance = 1e-10)
    expect_equal(ours$se, theirs$se, tolerance = 1e-10)
  }
  check(y ~ x + re(M), function(s) s[[1]] * tcrossprod(d$M) + diag(s[["Residual"]], n))
  check(y ~ x + re(M), function(s) s[[1]] * tcrossprod(d$M) + diag(s[["Residual"]], n),
    method = "ML")
  check(y ~ x + (1 | g), function(s) s[[1]] * tcrossprod(members) + diag(s[["Residual"]] / d$w),
    weights = quote(w))
  check(y ~ x + re(M) + (1 | g), function(s) {
    s[["M"]] * tcrossprod(d$M) + s[["g"]] * tcrossprod(members) + diag(s[["Residual"]], n)
  })
  check(y ~ x, function(s) diag(s[["Residual"]], n))
  # p < n, by rows of the same covariance
  d$M <- d$M[, 1:20]
  check(y ~ x + re(M), function(s) s[[1]] * tcrossprod(d$M) + diag(s[["Residual"]], n))
})

test_that("leaving out one row at a time with variances held is loo()", {
  fit <- lmm(y ~ x + re(M), d)
  one <- as.data.frame(cv_lmm(y ~ x + re(M), d, folds = n, reestimate = FALSE))
  at <- order(one$row)
  # spectral coordinates there, a Cholesky factor here
  expect_equal(one$prediction[at], loo(fit)$table$prediction, tolerance = 1e-9)
  expect_equal(one$log_density[at], loo(fit)$table$log_density, tolerance = 1e-9)
})

test_that("with variances held a level that only a fold has takes its rows and no others", {
  d$f <- factor(rep(c("a", "b"), length.out = n), c("a", "b", "c"))
  d$f[c(7, 10)] <- "c"
  fold <- rep(1:3, length.out = n)
  ours <- as.data.frame(cv_lmm(y ~ f + re(M), d, folds = fold, reestimate = FALSE))
  expect_identical(sort(ours$row[is.na(ours$prediction)]), c(7L, 10L))
  s <- varcomp(lmm(y ~ f + re(M), d))
  v <- s[[1]] * tcrossprod(d$M) + diag(s[["Residual"]], n)
  rest <- ours[!ours$row %in% c(7, 10) & ours$fold == 1, ]
  at <- c(rest$row, which(fold != 1))
  z <- model.matrix(~ f, d)[at, 1:2]
  theirs <- dense_folds(transform(rest, row = seq_len(nrow(rest))), d$y[at], z, v[at, at])
  expect_equal(rest$prediction, theirs$prediction, tolerance = 1e-10)
})

test_that("posteriors have no variances to hold", {
  expect_error(
    cv_lmm(y ~ x + re(M), d, method = "Bayes", reestimate = FALSE), "posterior",
    class = "hdlmm_unsupported"
  )
})

test_that("a fold without an answer is NA and named, and the others are kept", {
  d$f <- factor(rep(c("a", "b"), c(20, 40)))
  fold <- rep(1:3, each = 20)
  fold[21] <- 1
  # without fold 1 one level is left
  expect_warning(
    cv <- cv_lmm(y ~ f, d, folds = fold), "fold 1 has no predictions",
    class = "hdlmm_fold_failed"
  )
  rows <- as.data.frame(cv)
  expect_identical(is.na(rows$prediction), rows$fold == 1)
  expect_match(summary(cv)$folds$note[1], "only one level")
  expect_error(cv_lmm(y ~ f, d, folds = d$f), "only one level", class = "hdlmm_bad_input")
})

test_that("a cross-validation needs no data afterwards and says what it was", {
  cv <- cv_lmm(y ~ x + re(M), d, folds = 3, repeats = 2, seed = 1)
  file <- tempfile()
  saveRDS(cv, file)
  again <- readRDS(file)
  expect_identical(capture.output(print(again)), capture.output(print(cv)))
  expect_match(capture.output(print(cv))[1], "60 rows: 3 folds, 2 times")
  expect_output(print(summary(cv)), "Fits:")
  skip_if_not_installed("generics")
  expect_identical(nrow(generics::glance(cv)), 1L)
  expect_equal(
    as.numeric(generics::glance(cv)$rmse), summary(cv)$measures$estimate[6], tolerance = 0
  )
  expect_identical(names(generics::tidy(cv)), c("model", "measure", "estimate", "sd"))
})

test_that("plots draw what they say", {
  cv <- cv_lmm(list(a = y ~ x, b = y ~ x + re(M)), d, folds = 3, seed = 1)
  pdf(NULL)
  on.exit(dev.off())
  expect_identical(plot(cv), cv)
  expect_error(plot(cv, which = 3), class = "hdlmm_bad_input")
  expect_error(plot(cv, model = "c"), "there are \"a\" and \"b\"", class = "hdlmm_bad_input")
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::autoplot(cv)
  is_point <- vapply(drawn$layers, function(layer) inherits(layer$geom, "GeomPoint"), NA)
  points <- do.call(rbind, ggplot2::ggplot_build(drawn)$data[is_point])
  rows <- as.data.frame(cv)
  expect_equal(sort(points$x), sort(rows$prediction))
  shares <- ggplot2::ggplot_build(ggplot2::autoplot(cv, which = 2, model = "b"))$data[[2]]
  own <- rows[rows$model == "b", ]
  half <- abs(own$observed - own$prediction) <= qnorm(0.75) * own$se
  expect_equal(shares$y[shares$x == 0.5], mean(half))
})

test_that("what cannot be folded is an error that says what was found", {
  bad <- function(text, ...) {
    expect_error(cv_lmm(y ~ x, d, ...), text, class = "hdlmm_bad_input")
  }
  bad("from 2 to", folds = 1)
  bad("at most the number of fitted rows, 60", folds = 61)
  bad("must be a number of folds", folds = 1:3)
  bad("same fold", folds = rep(1, n))
  bad("goes with a number", folds = rep(1:2, 30), repeats = 2)
  bad("goes with a number", folds = rep(1:2, 30), groups = g)
  bad("one value a row", groups = 1:3)
  bad("cannot evaluate `groups`", groups = nowhere)
  bad("`seed`", seed = 1.5)
  bad("`reestimate`", reestimate = NA)
  bad("no argument `fold`", fold = 3)
  expect_error(cv_lmm(y ~ x, d, method = "lasso"), class = "hdlmm_bad_input")
  expect_error(cv_lmm(data = d), "`formula` is missing", class = "hdlmm_bad_input")
  expect_error(cv_lmm(), "`formula` is missing", class = "hdlmm_bad_input")
})

test_that("calls inside functions find what they were given", {
  run <- function(data, k, ...) cv_lmm(y ~ x, data, folds = k, ...)
  ours <- run(d, 3, seed = 1, weights = w, groups = g)
  theirs <- cv_lmm(y ~ x, d, weights = w, folds = 3, groups = d$g, seed = 1)
  expect_identical(as.data.frame(ours), as.data.frame(theirs))
})
