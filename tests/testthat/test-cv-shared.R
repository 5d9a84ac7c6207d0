# Folds that share products of rows or a decomposition equal fits of their own.

set.seed(21)
n <- 90
d <- data.frame(
  x = rnorm(n), f = factor(sample(letters[1:3], n, TRUE)), w = runif(n, 0.5, 2), o = rnorm(n),
  id = sprintf("l%02d", sample(70, n, TRUE))
)
d$M <- matrix(rbinom(n * 150, 2, 0.3), n)
K <- tcrossprod(matrix(rnorm(70 * 100), 70)) / 100
dimnames(K) <- rep(list(sprintf("l%02d", 1:70)), 2)
d$z <- d$x + drop(t(chol(K)) %*% rnorm(70))[match(d$id, rownames(K))] + rnorm(n) / 2
d$y <- d$x + drop(d$M %*% rnorm(150)) / 8 + rnorm(n)

# What folds share: "nothing", "products" of rows or a "decomposition".
route_of <- function(formula, data, ...) {
  seen <- "nothing"
  mark <- function(name, value) {
    suppressMessages(trace(
      name, function() seen <<- value, where = asNamespace("hdlmm"), print = FALSE
    ))
  }
  mark("user_products", "products")
  mark("normal_rows", "decomposition")
  on.exit(suppressMessages({
    untrace("user_products", where = asNamespace("hdlmm"))
    untrace("normal_rows", where = asNamespace("hdlmm"))
  }))
  cv <- suppressMessages(do.call(cv_lmm, list(formula, quote(data), ...)))
  list(route = seen, cv = cv)
}

expect_refits <- function(formula, route, ..., data = d, folds = 10) {
  found <- route_of(formula, data, ..., folds = folds, seed = 3)
  expect_identical(found$route, route, label = deparse1(formula))
  rows <- as.data.frame(found$cv)
  facts <- summary(found$cv)$folds
  for (k in c(1, 4, 10)[c(1, 4, 10) <= folds]) {
    data$kept <- !seq_len(nrow(data)) %in% rows$row[rows$fold == k]
    fit <- suppressMessages(do.call(
      lmm, list(formula, quote(data), subset = quote(kept), ...)
    ))
    own <- rows[rows$fold == k, ]
    p <- predict(
      fit, data[own$row, ], interval = "prediction",
      weights = if (is.null(fit$weights)) 1 else data$w[own$row]
    )
    # the root of a slope by two routes, and sums in another order
    expect_equal(own$prediction, unname(p[, 1]), tolerance = 1e-8, label = deparse1(formula))
    expect_equal(own$upper, unname(p[, 3]), tolerance = 1e-8, label = deparse1(formula))
    fact <- facts[facts$fold == k, ]
    # variances move with the root's tolerance times their condition
    expect_equal(fact$pve, unname(fit$pve), tolerance = 1e-6)
    expect_equal(
      unlist(fact[names(varcomp(fit))]), varcomp(fit), tolerance = 1e-6, ignore_attr = TRUE
    )
  }
}

test_that("small folds of wide columns and of kernels go by deletion from one decomposition", {
  expect_refits(y ~ x + re(M), "decomposition")
  expect_refits(y ~ x + re(M, center = TRUE), "decomposition")
  expect_refits(y ~ f + offset(o) + re(M), "decomposition", weights = quote(w))
  expect_refits(y ~ 0 + x + re(M), "decomposition")
  expect_refits(z ~ x + re(kernel = K, id = id), "decomposition")
  expect_refits(z ~ x + re(kernel = K, id = id), "decomposition", weights = quote(w))
})

test_that("larger folds and maximum likelihood share products of rows alone", {
  expect_refits(y ~ x + re(M), "products", folds = 5)
  expect_refits(y ~ x + re(M), "products", method = "ML")
})

test_that("what depends on the rows of a fold is computed in it", {
  expect_refits(y ~ x + re(M, scale = TRUE), "nothing")
  d$M[5, 7] <- NA
  expect_refits(y ~ x + re(M, na = "mean"), "nothing", data = d)
})

test_that("columns far from zero keep their digits", {
  d$M <- d$M + 1000
  expect_refits(y ~ x + re(M), "decomposition", data = d)
  expect_refits(y ~ x + re(M), "nothing", method = "ML", data = d)
})

test_that("a fold whose maximum lies at a boundary is fitted by itself", {
  # along the smallest eigenvectors of X X' alone
  vectors <- eigen(tcrossprod(scale(d$M, scale = FALSE)), symmetric = TRUE)$vectors
  d$y <- drop(vectors[, 60:89] %*% rnorm(30))
  cv <- cv_lmm(y ~ re(M), d, folds = 10, seed = 1)
  folds <- summary(cv)$folds
  expect_true(any(folds$pve == 0))
  rows <- as.data.frame(cv)
  k <- folds$fold[folds$pve == 0][1]
  held <- rows$row[rows$fold == k]
  expect_equal(
    rows$prediction[rows$fold == k],
    unname(predict(lmm(y ~ re(M), d, subset = -held), d[held, ])), tolerance = 1e-8
  )
})
