# NIST Statistical Reference Datasets: correct digits against certified values.

# Wampler1 and 2 are reproduced exactly, which is said; that is not the point here.
exact_or_not <- function(formula, data) {
  suppressWarnings(lmm(formula, data), classes = "hdlmm_exact_fit")
}

test_that("the generator of the SmLs sets has their certified mean squares", {
  for (i in seq_len(nrow(smls_sets))) {
    set <- smls_sets[i, ]
    d <- smls_data(set$r, set$constant)
    tenths <- round(10 * (d$y - set$constant))  # whole numbers: sums are exact
    means <- tapply(tenths, d$treatment, mean)
    between <- set$r * sum((means - mean(tenths))^2) / 8
    within <- sum((tenths - means[d$treatment])^2) / (9 * set$r - 9)
    expect_identical(nrow(d), as.integer(9 * set$r))
    # 1e-12: rounding of the means; certified MSB = r / 100, MSW = 0.01, F = r
    expect_equal(between / 100, set$r / 100, tolerance = 1e-12)
    expect_equal(within / 100, 0.01, tolerance = 1e-12)
  }
})

test_that("REML of the balanced SmLs sets has the certified digits", {
  for (i in seq_len(nrow(smls_sets))) {
    set <- smls_sets[i, ]
    fit <- lmm(y ~ 1 + (1 | treatment), smls_data(set$r, set$constant))
    # balanced: sigma_e^2 = MSW, sigma_b^2 = (MSB - MSW) / r
    digits <- correct_digits(unname(varcomp(fit)), c((set$r / 100 - 0.01) / set$r, 0.01))
    # the digits that reading the data as doubles leaves
    floor <- c(12, 9.5, 3.5)[match(set$constant, c(1, 1e6, 1e12))]
    expect_below(stats::setNames(floor - digits, c("sigma_b^2", "sigma_e^2")), 0, set$set)
    # the mean is .4 beyond the constant, exactly one of the values
    expect_equal(unname(fixef(fit)), set$constant + 0.4, tolerance = 1e-15)
  }
})

test_that("linear least squares has at least the digits of lm()", {
  sets <- c(
    list(Longley = nist_longley(), Filip = nist_filip()),
    stats::setNames(lapply(1:5, nist_wampler), paste0("Wampler", 1:5))
  )
  for (name in names(sets)) {
    set <- sets[[name]]
    fit <- exact_or_not(set$formula, set$data)
    peer <- stats::lm(set$formula, set$data)
    certified <- list(
      coefficient = set$coefficients, se = set$se, sigma = set$sigma
    )
    ours <- list(coefficient = fixef(fit), se = sqrt(diag(vcov(fit))), sigma = sigma(fit))
    # lm() warns of an essentially perfect fit, which Wampler1 and Wampler2 are
    theirs <- suppressWarnings(list(
      coefficient = stats::coef(peer), se = sqrt(diag(stats::vcov(peer))),
      sigma = stats::sigma(peer)
    ))
    for (what in names(certified)) {
      digits <- correct_digits(unname(ours[[what]]), certified[[what]])
      peer_digits <- correct_digits(unname(theirs[[what]]), certified[[what]])
      peer_digits[is.na(peer_digits)] <- 0  # a column that lm() drops
      # beyond 13 digits the last rounding decides, and certified values have 15
      lacking <- stats::setNames(pmin(peer_digits, 13) - digits, seq_along(digits))
      expect_below(lacking, 0, paste(name, what))
    }
  }
})

test_that("linear least squares has the digits that the data leave", {
  # one below what is measured; Filip's powers of x are themselves rounded
  floors <- list(
    Longley = c(12, 13, 13), Filip = c(7, 6.5, 8), Wampler1 = c(16, 16, 16),
    Wampler2 = c(12, 16, 16), Wampler3 = c(15, 12.5, 13.5), Wampler4 = c(15, 12.5, 13.5),
    Wampler5 = c(15, 12.5, 13.5)
  )
  for (name in names(floors)) {
    set <- switch(name,
      Longley = nist_longley(), Filip = nist_filip(),
      nist_wampler(as.integer(substring(name, 8)))
    )
    fit <- exact_or_not(set$formula, set$data)
    digits <- c(
      coefficient = min(correct_digits(fixef(fit), set$coefficients)),
      se = min(correct_digits(sqrt(diag(vcov(fit))), set$se)),
      sigma = correct_digits(sigma(fit), set$sigma)
    )
    expect_below(floors[[name]] - digits, 0, name)
    expect_equal(df.residual(fit), nrow(set$data) - length(set$coefficients), info = name)
  }
})
