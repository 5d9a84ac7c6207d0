# Kernels and designs that were stored with less than the digits of a double.

in_single <- function(x) {
  x[] <- readBin(writeBin(as.double(x), raw(), size = 4), "double", length(x), size = 4)
  x
}

stored <- list(
  single = in_single, decimals_6 = function(x) round(x, 6), digits_6 = function(x) signif(x, 6),
  digits_8 = function(x) signif(x, 8), digits_10 = function(x) signif(x, 10),
  single_of_5_digits = function(x) in_single(signif(x, 5)),
  # one triangle rounded up and the other one down
  asymmetric = function(x) {
    x <- in_single(x)
    upper <- upper.tri(x)
    x[upper] <- in_single(x[upper] * (1 + 2^-23))
    x
  }
)

centred_case <- function(n, p, seed = 1, sd = 0.05) {
  set.seed(seed)
  z <- scale(matrix(rbinom(n * p, 2, 0.3), n))
  list(k = tcrossprod(z) / p, y = rnorm(n) + drop(z %*% rnorm(p, 0, sd)), z = z)
}

fit_kernel <- function(k, case, ...) {
  suppressMessages(lmm(y ~ re(kernel = k), data = list(y = case$y, k = k), ...))
}

warning_classes <- function(run) {
  seen <- character()
  withCallingHandlers(run(), warning = function(w) {
    seen <<- c(seen, class(w)[1])
    invokeRestart("muffleWarning")
  })
  seen
}

test_that("a rounded kernel gives the answer and the warnings of the exact one", {
  cases <- list(
    "p > n" = centred_case(80, 300), "n = 30" = centred_case(30, 100, 2),
    "rank 100 of 200" = centred_case(200, 100, 3)
  )
  for (label in names(cases)) {
    case <- cases[[label]]
    for (method in c("ML", "REML", "MAP")) {
      exact <- suppressWarnings(fit_kernel(case$k, case, method = method))
      expected <- warning_classes(function() fit_kernel(case$k, case, method = method))
      for (how in names(stored)) {
        k <- stored[[how]](case$k)
        what <- paste(label, method, how)
        expect_identical(
          warning_classes(function() fit_kernel(k, case, method = method)), expected, label = what
        )
        fit <- suppressWarnings(fit_kernel(k, case, method = method))
        # the variances move by about the relative error of the cells, 5e-6 for six digits, times
        # the condition of the problem
        tolerance <- if (grepl("5_digits", how)) 2e-3 else 2e-4
        expect_equal(varcomp(fit), varcomp(exact), tolerance = tolerance, label = what)
        expect_equal(logLik(fit)[1], logLik(exact)[1], tolerance = tolerance, label = what)
        expect_equal(fitted(fit), fitted(exact), tolerance = 10 * tolerance, label = what)
        # effects go by way of the kernel, fitted values by its spectrum
        expect_equal(
          unname(fixef(fit) + ranef(fit)[[1]]), unname(fitted(fit)), tolerance = tolerance,
          label = what
        )
      }
    }
  }
})

test_that("posteriors and loo() under a rounded kernel are those of the exact one", {
  case <- centred_case(60, 150, 4)
  exact <- fit_kernel(case$k, case, method = "Bayes")
  for (how in c("single", "decimals_6", "asymmetric")) {
    fit <- fit_kernel(stored[[how]](case$k), case, method = "Bayes")
    expect_equal(varcomp(fit), varcomp(exact), tolerance = 2e-4, label = how)
    expect_equal(loo(fit)$estimates, loo(exact)$estimates, tolerance = 2e-4, label = how)
  }
})

test_that("kernels whose cells repeat err alike, and their zero is found all the same", {
  # families of unequal size: few distinct numbers, so rounding is the same in every row
  family <- rep(1:40, times = rep(3:6, 10))
  n <- length(family)
  a <- 0.5 * diag(n) + 0.5 * outer(family, family, `==`)
  centre <- diag(n) - 1 / n
  set.seed(2)
  case <- list(k = centre %*% a %*% centre, y = 2 * rnorm(n) + rnorm(40)[family])
  exact <- suppressWarnings(fit_kernel(case$k, case, method = "ML"))
  for (how in c("single", "decimals_6", "digits_6")) {
    expect_warning(
      fit <- fit_kernel(stored[[how]](case$k), case, method = "ML"),
      class = "hdlmm_unbounded_likelihood"
    )
    expect_equal(varcomp(fit), varcomp(exact), tolerance = 1e-4, label = how)
  }
})

test_that("small eigenvalues of a kernel of doubles, or of few exact digits, are kept", {
  set.seed(3)
  n <- 70
  q <- qr.Q(qr(matrix(rnorm(n^2), n)))
  y <- rnorm(n)
  k <- q %*% (c(rep(1e-9, 20), seq(0.1, 2, length.out = 50)) * t(q))
  k <- (k + t(k)) / 2
  fit <- lmm(y ~ re(kernel = k), method = "ML")
  expect_length(fit$notes, 0)
  expect_equal(attr(logLik(fit), "nobs"), n)
  # counts over ten thousand: four decimals that are exact, many eigenvalues within their rounding
  m <- matrix(rbinom(n * 75, 1, 0.5), n)
  counts <- tcrossprod(m) / 10000
  scaled <- tcrossprod(m)
  # the same kernel in other units
  expect_equal(
    unname(varcomp(lmm(y ~ re(kernel = counts), method = "ML"))) / c(10000, 1),
    unname(varcomp(lmm(y ~ re(kernel = scaled), method = "ML"))), tolerance = 1e-9
  )
})

test_that("a negative eigenvalue beyond the tolerance is refused with what to do", {
  set.seed(4)
  n <- 80
  q <- qr.Q(qr(matrix(rnorm(n^2), n)))
  y <- rnorm(n)
  k <- q %*% (c(-1e-3, seq(0.1, 1, length.out = n - 1)) * t(q))
  error <- expect_error(lmm(y ~ re(kernel = k)), class = "hdlmm_bad_input")
  expect_match(conditionMessage(error), "-0.001 times the largest")
  expect_match(conditionMessage(error), "tol")
  expect_error(lmm(y ~ re(kernel = k, tol = 1e-4)), class = "hdlmm_bad_input")
  positive <- q %*% (c(0, seq(0.1, 1, length.out = n - 1)) * t(q))
  # 2e-6: the eigenvector of -1e-3 is known to rounding over the gap
  expect_equal(
    unname(varcomp(lmm(y ~ re(kernel = k, tol = 2e-3)))),
    unname(varcomp(lmm(y ~ re(kernel = positive, tol = 0)))), tolerance = 2e-6
  )
  # the tolerance is symmetric
  small <- q %*% (c(1e-3, seq(0.1, 1, length.out = n - 1)) * t(q))
  expect_equal(
    unname(varcomp(lmm(y ~ re(kernel = small, tol = 2e-3)))),
    unname(varcomp(lmm(y ~ re(kernel = positive)))), tolerance = 2e-6
  )
})

test_that("`tol` is checked, and belongs to a kernel", {
  d <- bad_input_data()
  k <- tcrossprod(d$X)
  for (tol in list(-1, 0.9, "a", NA_real_, c(0.1, 0.2))) {
    expect_error(lmm(y ~ re(kernel = k, tol = tol), d), class = "hdlmm_bad_input")
  }
  expect_error(lmm(y ~ re(X, tol = 1e-3), d), "kernel", class = "hdlmm_bad_input")
  slanted <- k
  slanted[1, 2] <- slanted[1, 2] * (1 + 1e-4)
  expect_error(lmm(y ~ re(kernel = slanted), d), "not symmetric", class = "hdlmm_bad_input")
  expect_equal(
    unname(varcomp(lmm(y ~ re(kernel = slanted, tol = 1e-3), d))),
    unname(varcomp(lmm(y ~ re(kernel = k), d))), tolerance = 1e-4
  )
})

test_that("a design that is centred but for its digits has the unbounded likelihood of it", {
  case <- centred_case(80, 300)
  z <- case$z
  exact <- suppressWarnings(lmm(y ~ re(z), data = list(y = case$y, z = z), method = "ML"))
  for (round_to in list(in_single, function(x) round(x, 6), function(x) round(x, 2))) {
    rounded <- round_to(z)
    d <- list(y = case$y, z = rounded)
    expect_warning(
      expect_message(fit <- lmm(y ~ re(z), data = d, method = "ML"), "taken as exactly centred"),
      class = "hdlmm_unbounded_likelihood"
    )
    # two decimals: the cells are wrong by 0.3 %
    expect_equal(varcomp(fit), varcomp(exact), tolerance = 0.01)
    expect_equal(unname(predict(fit, d)), unname(fitted(fit)), tolerance = 1e-8)
  }
})

test_that("a centred kernel that was rounded and then scaled has the zero of the exact one", {
  case <- centred_case(80, 300)
  exact <- suppressWarnings(fit_kernel(case$k, case, method = "ML"))
  scaled <- in_single(case$k) / 1.0374
  expect_warning(
    fit <- fit_kernel(scaled, case, method = "ML"), class = "hdlmm_unbounded_likelihood"
  )
  expect_match(fit$notes, "count as zero")
  # 1e-5: the rounding of single precision times the condition of the problem
  expect_equal(varcomp(fit) * c(1 / 1.0374, 1), varcomp(exact), tolerance = 1e-5)
  # a small eigenvalue in another direction is none of these
  set.seed(5)
  q <- qr.Q(qr(matrix(rnorm(6400), 80)))
  regular <- q %*% (c(1e-8, seq(0.1, 1, length.out = 79)) * t(q))
  expect_length(fit_kernel((regular + t(regular)) / 2, case, method = "ML")$notes, 0)
})

# A kernel beside other terms, where no decomposition of all is made.

beside <- list(
  "a factor" = quote((1 | g)), slopes = quote((x | g)), columns = quote(re(z)),
  "another kernel" = quote(re(kernel = other))
)

beside_data <- function(n = 60) {
  case <- centred_case(n, 150, 6, 0.1)
  other <- centred_case(n, 90, 7)
  set.seed(8)
  d <- list(x = rnorm(n), g = gl(6, n / 6), z = other$z[, 1:5], other = other$k, k = case$k)
  d$y <- case$y + rnorm(6)[d$g] + 1.5 * rnorm(n)
  d
}

fit_beside <- function(term, d, ...) {
  formula <- eval(bquote(y ~ x + re(kernel = k) + .(term)))
  suppressMessages(lmm(formula, d, ...))
}

test_that("beside other terms what is no covariance is refused, by every method", {
  d <- beside_data()
  u <- eigen(d$k, symmetric = TRUE)
  bent <- u$vectors %*% (replace(u$values, 30, -1e-3 * u$values[1]) * t(u$vectors))
  kernels <- list(
    zero = 0 * d$k, negative = -d$k, indefinite = d$k - diag(0.3, 60), bent = (bent + t(bent)) / 2,
    single = in_single(bent + t(bent)) / 2
  )
  for (term in beside) {
    for (k in kernels) {
      d$k <- k
      expect_error(fit_beside(term, d), "is not a covariance matrix", class = "hdlmm_bad_input")
    }
  }
  d$k <- kernels$bent
  for (method in c("ML", "MAP", "Bayes")) {
    expect_error(
      fit_beside(beside[[1]], d, method = method), "-0.001 times the largest",
      class = "hdlmm_bad_input"
    )
  }
  # what no row is of is not judged
  d <- beside_data()
  d$i <- rep(2:16, 4)
  d$k <- diag(c(-1, rep(1, 20)))
  formula <- y ~ x + re(kernel = k, id = i) + (1 | g)
  fit <- lmm(formula, d)
  d$k <- diag(21)
  expect_equal(unname(varcomp(fit)), unname(varcomp(lmm(formula, d))), tolerance = 1e-8)
})

test_that("beside other terms a rounded kernel gives the answer of the exact one", {
  d <- beside_data()
  for (term in beside) {
    exact <- fit_beside(term, d)
    expect_length(exact$notes, 0)
    for (how in setdiff(names(stored), "single_of_5_digits")) {
      own <- d
      own$k <- stored[[how]](d$k)
      fit <- fit_beside(term, own)
      # the relative error of the cells, 5e-6 for six digits, times the condition of the problem
      expect_equal(varcomp(fit), varcomp(exact), tolerance = 2e-4, label = how)
      expect_equal(logLik(fit)[1], logLik(exact)[1], tolerance = 2e-5, label = how)
      expect_match(fit$notes, "count as zero", label = how)
      expect_equal(unname(predict(fit)), unname(fitted(fit)), tolerance = 1e-8, label = how)
    }
  }
  # the tolerance is symmetric, and that of a kernel alone
  u <- eigen(d$k, symmetric = TRUE)
  at <- function(small) {
    k <- u$vectors %*% (replace(u$values, 60, small * u$values[1]) * t(u$vectors))
    own <- replace(d, "k", list((k + t(k)) / 2))
    lmm(y ~ x + re(kernel = k, tol = 2e-3) + (1 | g), own)
  }
  for (small in c(-1e-3, 1e-3)) {
    expect_equal(varcomp(suppressMessages(at(small))), varcomp(at(0)), tolerance = 2e-6)
  }
})

test_that("two rounded centred kernels leave ML as unbounded as the exact ones", {
  d <- beside_data()
  for (how in c("single", "decimals_6", "digits_8")) {
    own <- d
    own[c("k", "other")] <- lapply(d[c("k", "other")], stored[[how]])
    expect_warning(
      fit_beside(beside[["another kernel"]], own, method = "ML"),
      class = "hdlmm_unbounded_likelihood"
    )
  }
})
