# Sums over random terms, on models that lmm() cannot fit yet: two fits to the same rows, side by
# side, are a fit of two terms to whatever goes by each_term() and sum_terms().

pair_data <- local({
  set.seed(51)
  n <- 18
  list(
    y = rnorm(n), g = factor(sample(letters[1:5], n, TRUE), letters[1:5]),
    X = matrix(rnorm(n * 7), n)
  )
})

pair <- local({
  one <- lmm(y ~ 0 + re(X), pair_data)
  two <- lmm(y ~ 0 + (1 | g), pair_data)
  designs <- c(one$designs, two$designs)
  list(
    designs = designs, effects = c(one$effects, two$effects),
    internal = list(
      fixed = one$internal$fixed, units = hdlmm:::new_units(one$internal$fixed, designs)
    )
  )
})

pair_rows <- list(x = NULL, m = 18, is_fitted = TRUE)
z <- outer(as.integer(pair_data$g), 1:5, `==`) * 1
both <- cbind(pair_data$X, z)

# Rows as new_rows() makes them of new data.
new_pair_rows <- list(
  x = list(X = pair_data$X, g = structure(as.integer(pair_data$g), unseen = rep(FALSE, 18))),
  m = 18, is_fitted = FALSE
)

test_that("coefficients of all terms stand side by side in the order of the terms", {
  columns <- hdlmm:::each_term(pair, function(design) hdlmm:::term_columns(pair, design))
  expect_identical(columns, list(X = as.numeric(1:7), g = as.numeric(8:12)))
  expect_identical(hdlmm:::all_effect_names(pair), c(as.character(1:7), letters[1:5]))
  found <- hdlmm:::find_effect(pair, c("b", "e"))
  expect_identical(found$design$label, "g")
  expect_identical(found$index, c(2L, 5L))
})

test_that("values of effects are those of the columns of all terms", {
  beta <- matrix(rnorm(24), 12)
  for (rows in list(pair_rows, new_pair_rows)) {
    # sums of twelve products
    expect_equal(hdlmm:::drawn_effects(pair, rows, beta), both %*% beta, tolerance = 1e-13)
  }
  predicted <- drop(both %*% unlist(pair$effects))
  expect_equal(unname(hdlmm:::random_mean(pair, new_pair_rows)), predicted, tolerance = 1e-13)
})

test_that("fresh effects have the sum of the terms' variances", {
  wanted <- 2 * rowSums(pair_data$X^2) + 3
  pair$variances <- list(X = 2, g = 3)
  for (rows in list(pair_rows, new_pair_rows)) {
    found <- hdlmm:::fresh_variances(pair, rows)
    expect_equal(found, wanted, tolerance = 1e-12)
  }
  set.seed(7)
  draws <- hdlmm:::fresh_values(pair, pair_rows, list(X = rep(2, 4000), g = rep(3, 4000)))
  # a variance of 4000 draws has a relative standard error of 2.2 %, the largest of 18 about 5 %
  expect_equal(apply(draws, 1, var) / wanted, rep(1, 18), tolerance = 0.1)
  expect_identical(hdlmm:::unseen_values(pair, new_pair_rows, list(X = 2, g = 3)), 0)
})

test_that("what the core does for one term only says so for two", {
  expect_error(hdlmm:::lone_design(pair), class = "hdlmm_unsupported")
})
