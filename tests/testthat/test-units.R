# Units inside and the user's: every way has a way back, and powers of two are exact.

unit_problem <- function(y_unit = 1, x_unit = 1, weight_unit = 1, scale = FALSE) {
  set.seed(41)
  d <- list(
    y = rnorm(15, 3) * y_unit, z = rnorm(15), w = runif(15, 0.5, 2) * weight_unit,
    X = matrix(rnorm(60), 15) * x_unit
  )
  formula <- if (scale) y ~ z + re(X, scale = TRUE) else y ~ z + re(X)
  lmm(formula, d, weights = w)$internal$units
}

unit_sets <- list(
  unit_problem(), unit_problem(1e-9, 1e7, 1e3), unit_problem(1e120, 1e-130, 1e-40, scale = TRUE)
)

test_that("what is turned inside comes back as it was", {
  x <- c(0, 1, -3.7, 1e-5)
  for (units in unit_sets) {
    for (name in c("X", "Residual")) {
      inside <- hdlmm:::inside_variance(units, abs(x), name)
      expect_identical(hdlmm:::user_variance(units, inside, name), abs(x))
    }
    inside <- hdlmm:::inside_effects(units, x, "X")
    expect_identical(hdlmm:::user_effects(units, inside, "X"), x)
    inside <- hdlmm:::inside_effect_variances(units, abs(x), "X")
    expect_identical(hdlmm:::user_effect_variances(units, inside, "X"), abs(x))
    expect_identical(hdlmm:::user_inverse(units, hdlmm:::user_response(units, x)), x)
    some <- hdlmm:::user_effects(units, x[2:3], "X", 2:3)
    expect_identical(some, hdlmm:::user_effects(units, x, "X")[2:3])
  }
})

test_that("a density has the mass of the variance that it is of", {
  for (units in unit_sets[1:2]) {
    for (name in c("X", "Residual")) {
      width <- hdlmm:::user_variance(units, 2, name)
      height <- hdlmm:::user_variance_density(units, 0.5, name)
      expect_identical(width * height, 1)
      expect_equal(log(width / 2), hdlmm:::log_variance_unit(units, name), tolerance = 1e-15)
    }
  }
})

test_that("units of the data by powers of two move exponents and nothing else", {
  one <- unit_problem()
  other <- unit_problem(2^30, 2^-12, 2^8)
  expect_identical(other$response, one$response + 30)
  expect_identical(other$variance[["X"]], one$variance[["X"]] + 2 * (30 + 12))
  expect_identical(other$variance[["Residual"]], one$variance[["Residual"]] + 2 * 30 + 8)
  expect_identical(other$coefficients, one$coefficients + 30)
})
