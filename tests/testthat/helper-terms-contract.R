# One small fit of every kind with several variances of random effects.

terms_contract_fits <- function() {
  d <- small_terms_data()
  holed <- d
  holed$y[3] <- NA
  holed$x[9] <- NA
  flat <- d
  flat$y <- residuals(lm(y ~ a, d)) + d$x
  line <- d
  line$y <- 1 + 2 * d$x
  kernel <- crossprod(matrix(rnorm(49), 7)) + diag(7)
  dimnames(kernel) <- list(letters[1:7], letters[1:7])
  list(
    crossed = lmm(y ~ x + (1 | a) + (1 | b), d), slope = lmm(y ~ x + (x | a), d),
    ml = lmm(y ~ x + (x | a) + (1 | b), d, method = "ML"),
    independent = lmm(y ~ x + (x || a), d),
    singular = lmm(y ~ x + (1 | a) + (1 | b), flat),
    weighted = lmm(y ~ x + (x | a) + (1 | b), d, weights = w),
    padded = lmm(y ~ x + offset(x / 2) + (1 | a) + (1 | b), holed, na.action = na.exclude),
    wide = lmm(y ~ x + re(X) + (1 | a), d),
    kernel = lmm(y ~ x + re(kernel = kernel, id = a) + (1 | b), d),
    no_fixed = lmm(y ~ 0 + (1 | a) + (1 | b), d),
    exact = suppressWarnings(lmm(y ~ x + (x | a) + (1 | b), line))
  )
}
