# Responses and optima at the edge: constant, exact, unbounded, on a boundary.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)

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

test_that("an exact fit predicts new rows of every design, without uncertainty", {
  flat <- put(d, y = -1e15 + 0 * d$y, one = matrix(1, n, 1), two = matrix(2:3, n, 2, byrow = TRUE))
  flat$S <- Matrix::Matrix(flat$two, sparse = TRUE)
  for (formula in c(
    y ~ 1 + re(one), y ~ 1 + re(one, scale = TRUE), y ~ 1 + re(two), y ~ x + re(S), y ~ 1 + re(X),
    y ~ 1 + (1 | g)
  )) {
    fit <- suppressWarnings(suppressMessages(lmm(formula, flat)))
    found <- predict(fit, put(flat)[2:1, ], se.fit = TRUE, interval = "confidence")
    expect_identical(unname(found$se.fit), c(0, 0))
    expect_equal(unname(found$fit), matrix(-1e15, 2, 3), ignore_attr = TRUE)
  }
})
