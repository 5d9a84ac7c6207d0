# compare_methods(): the rows are the fits, made on one decomposition.

compare_data <- function() {
  set.seed(71)
  n <- 30
  d <- data.frame(x = rnorm(n), w = runif(n, 0.5, 2), g = gl(6, 5))
  d$X <- matrix(rnorm(n * 40), n) + 2
  d$y <- 1 + d$x + drop(d$X %*% rnorm(40, sd = 0.25)) + rnorm(6)[d$g] + rnorm(n)
  d
}

d <- compare_data()
on_variances <- lmm_prior(
  random = prior_half_t(3, 0.5), residual = prior_inverse_gamma(2, 1)
)
proper <- lmm_prior(
  random = prior_half_t(3, 0.5), residual = prior_inverse_gamma(2, 1),
  fixed = prior_normal(c(0, 1), c(10, 2))
)
every <- c(
  "OLS", "REML", "REML/em", "ML", "ML/pxem", "MAP", "MAP/em", "VB", "VB/cavi", "Bayes",
  "Bayes/gibbs"
)
control <- lmm_control(draws = 200, warmup = 100, seed = 3)

# The fit of one row by itself.
separate <- function(formula, name, prior, control, ...) {
  parts <- strsplit(name, "/", fixed = TRUE)[[1]]
  call <- list(
    formula, d, method = parts[1], algorithm = if (length(parts) > 1) parts[2],
    control = control, ...
  )
  if (parts[1] %in% c("MAP", "Bayes") || (parts[1] == "VB" && is.null(prior$pve))) {
    call$prior <- prior
  }
  if (parts[1] == "OLS") call[[1]] <- y ~ x
  suppressWarnings(do.call(lmm, call))
}

expect_rows_are_fits <- function(table, formula, prior, methods, ...) {
  label <- attr(table, "label")
  fits <- attr(table, "fits")
  for (i in seq_along(methods)) {
    alone <- separate(formula, methods[i], prior, control, ...)
    row <- table[i, ]
    # iterations that start from another rotation of the same data stop within their tolerance,
    # 1e-5 in the logarithms of the variances
    tolerance <- if (grepl("em|cavi", methods[i])) 1e-4 else 1e-7
    variances <- if (methods[i] == "OLS") c(0, varcomp(alone)) else varcomp(alone)
    expect_equal(
      c(row[[label]], row$Residual), unname(variances), tolerance = tolerance, label = methods[i]
    )
    share <- if (methods[i] == "OLS") 0 else pve(alone)$estimate
    expect_equal(row$pve, share, tolerance = tolerance, label = methods[i])
    expect_equal(unname(fixef(fits[[i]])), unname(fixef(alone)), tolerance = tolerance)
    expect_identical(c(row$method, row$algorithm), c(alone$method, alone$algorithm))
    evidence <- tryCatch(log_evidence(alone), hdlmm_improper_prior = function(e) NA_real_)
    expect_equal(row$log_evidence, evidence, tolerance = 1e-6, label = methods[i])
    if (alone$method == "VB") {
      expect_equal(row$elbo, elbo(alone), tolerance = 1e-7)
    } else {
      expect_true(is.na(row$elbo) && is.na(row$kl_gap))
    }
  }
}

test_that("every row is the fit by that method alone", {
  for (formula in list(y ~ x + re(X), y ~ x + (1 | g))) {
    base <- lmm(formula, d, weights = d$w)
    table <- compare_methods(base, every, control = control)
    expect_identical(nrow(table), length(every))
    expect_rows_are_fits(table, formula, lmm_prior(), every, weights = d$w)
  }
})

test_that("so it is under priors of the variances and of the fixed effects, whatever fit begins", {
  some <- c("OLS", "REML", "MAP", "VB", "VB/cavi", "Bayes")
  bases <- list(lmm(y ~ x + re(X), d), lmm(y ~ x + re(X), d, method = "Bayes"))
  priors <- list(proper, on_variances)
  for (k in 1:2) {
    table <- compare_methods(bases[[k]], some, prior = priors[[k]], control = control)
    expect_rows_are_fits(table, y ~ x + re(X), priors[[k]], some)
  }
  # a decomposition without centred columns serves flat priors as well
  normal <- lmm(y ~ x + re(X), d, method = "MAP", prior = proper)
  table <- compare_methods(normal, c("REML", "ML"), prior = lmm_prior(), control = control)
  expect_rows_are_fits(table, y ~ x + re(X), lmm_prior(), c("REML", "ML"))
})

test_that("the prior of the fit is the default", {
  base <- lmm(y ~ x + re(X), d, method = "MAP", prior = proper)
  table <- compare_methods(base, c("MAP", "Bayes"))
  # the same fit on the same decomposition
  expect_equal(table$X[1], varcomp(base)[["X"]], tolerance = 1e-8)
  alone <- lmm(y ~ x + re(X), d, method = "Bayes", prior = proper)
  expect_equal(table$log_evidence[2], log_evidence(alone), tolerance = 1e-8)
})

test_that("evidence is bound plus gap in every row that has a bound", {
  base <- lmm(y ~ x + re(X), d)
  for (prior in list(lmm_prior(), proper)) {
    table <- compare_methods(base, c("VB", "VB/cavi", "Bayes"), prior = prior)
    with_bound <- !is.na(table$elbo)
    expect_identical(with_bound, c(TRUE, TRUE, FALSE))
    expect_equal(
      table$log_evidence[with_bound], (table$elbo + table$kl_gap)[with_bound], tolerance = 1e-10
    )  # three numbers of order 100
    expect_true(all(table$kl_gap[with_bound] >= 0))
  }
  # both fully variational rows and Bayes speak of one evidence
  expect_equal(diff(range(table$log_evidence)), 0, tolerance = 1e-7)
})

test_that("distances are estimate less posterior mean in posterior standard deviations", {
  base <- lmm(y ~ x + re(X), d)
  exact <- lmm(y ~ x + re(X), d, method = "Bayes", prior = on_variances)
  for (methods in list(c("REML", "MAP", "Bayes"), c("REML", "MAP"))) {
    table <- compare_methods(base, methods, prior = on_variances)
    spread <- VarCorr(exact)$se
    share <- pve(exact)
    # two quadratures of one posterior
    expect_equal(table$distance_pve, (table$pve - share$estimate) / share$se, tolerance = 1e-6)
    expect_equal(
      table$distance_X, (table$X - varcomp(exact)[["X"]]) / spread[1], tolerance = 1e-5
    )
    expect_equal(
      table$distance_Residual, (table$Residual - varcomp(exact)[["Residual"]]) / spread[2],
      tolerance = 1e-5
    )
  }
  expect_equal(compare_methods(base, "Bayes")$distance_pve, 0)
})

test_that("the fits are fits: they predict as those made alone", {
  base <- lmm(y ~ x + re(X), d)
  fits <- attr(compare_methods(base, c("ML", "VB", "Bayes"), prior = proper), "fits")
  expect_named(fits, c("ML/direct", "VB/collapsed", "Bayes/quadrature"))
  new <- list(x = c(0, 1), X = d$X[2:3, ])
  alone <- list(
    lmm(y ~ x + re(X), d, method = "ML"),
    lmm(y ~ x + re(X), d, method = "VB", prior = proper),
    lmm(y ~ x + re(X), d, method = "Bayes", prior = proper)
  )
  for (k in 1:3) {
    # iterations of VB end within 1e-8 of each other
    expect_equal(
      predict(fits[[k]], new, interval = "prediction"),
      predict(alone[[k]], new, interval = "prediction"), tolerance = 1e-6
    )
    expect_equal(fitted(fits[[k]]), fitted(alone[[k]]), tolerance = 1e-6)
    expect_equal(vcov(fits[[k]]), vcov(alone[[k]]), tolerance = 1e-5)
  }
})

test_that("the table prints within 80 columns, and returns itself", {
  base <- lmm(y ~ x + re(X), d)
  for (prior in list(lmm_prior(), proper)) {
    table <- compare_methods(base, every, prior = prior, control = control)
    lines <- utils::capture.output(shown <- withVisible(print(table)))
    expect_lte(max(nchar(lines)), 80)
    expect_identical(shown$value, table)
    expect_false(shown$visible)
    for (name in unique(table$method)) expect_match(lines, name, all = FALSE, fixed = TRUE)
  }
})

test_that("a method without an answer leaves a row that says why", {
  base <- lmm(y ~ x + re(X), d)
  bad <- lmm_prior(random = prior_jeffreys(), residual = prior_jeffreys())
  table <- compare_methods(base, c("REML", "MAP", "Bayes"), prior = bad)
  expect_identical(is.na(table$pve), c(FALSE, TRUE, TRUE))
  expect_match(table$note[2], "infinite")
  expect_match(table$note[3], "cannot be normalised")
  expect_true(all(is.na(table$distance_pve)))
  lines <- utils::capture.output(print(table))
  expect_match(lines, "MAP.*infinite", all = FALSE)
  expect_lte(max(nchar(lines)), 80)
})

test_that("a comparison begins from a boundary fit, a saved fit, and one without fixed effects", {
  flat <- d
  flat$y <- ave(d$y, d$g) - mean(d$y) - ave(d$y, d$g) + rnorm(30)
  flat$y <- flat$y - ave(flat$y, d$g)
  boundary <- lmm(y ~ 1 + (1 | g), flat)
  table <- compare_methods(boundary, c("REML", "MAP", "VB", "Bayes"))
  expect_identical(table$pve[1:3], c(0, 0, 0))
  expect_gt(table$pve[4], 0)  # a posterior mean is never on the boundary
  none <- lmm(y ~ 0 + re(X), d)
  expect_gt(min(compare_methods(none, c("REML", "MAP", "VB", "Bayes"))$pve), 0)
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(none, file)
  again <- compare_methods(readRDS(file), c("REML", "Bayes"))
  # the same numbers but for the clock
  expect_equal(again$pve, compare_methods(none, c("REML", "Bayes"))$pve, tolerance = 1e-12)
})

test_that("a comparison of nonsense is refused", {
  base <- lmm(y ~ x + re(X), d)
  asked <- list(
    quote(compare_methods(3)), quote(compare_methods(base, "REMLX")),
    quote(compare_methods(base, "ML/x")), quote(compare_methods(base, character())),
    quote(compare_methods(base, 3)), quote(compare_methods(base, prior = 3)),
    quote(compare_methods(base, control = list()))
  )
  for (one in asked) expect_error(eval(one), class = "hdlmm_bad_input", label = deparse1(one))
  expect_error(
    compare_methods(lmm(y ~ x, d)), "needs a random term", class = "hdlmm_no_random_term"
  )
})

test_that("plots of a comparison draw and change nothing", {
  table <- compare_methods(lmm(y ~ x + re(X), d), c("REML", "VB", "Bayes"), prior = proper)
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (which in list(1, 2, 3, 4, 1:4)) {
    expect_identical(suppressMessages(plot(table, which = which)), table)
  }
})

test_that("a posterior with densities and no mean is drawn with the others", {
  set.seed(1)
  d <- data.frame(x = rnorm(24), y = rnorm(24))
  d$one <- matrix(rnorm(24), 24)
  heavy <- lmm_prior(random = prior_half_t(1, 2.5), residual = prior_half_t(1, 2.5))
  base <- lmm(y ~ x + re(one), d, method = "MAP", prior = heavy)
  table <- compare_methods(base, c("REML", "VB", "Bayes"))
  expect_true(anyNA(table$one))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_no_error(plot(table))
})

# Several random terms ---------------------------------------------------------------------

expect_several_rows <- function(formula, data, prior, methods) {
  base <- lmm(formula, data)
  control <- lmm_control(draws = 100, warmup = 50, seed = 3, chains = 2)
  table <- compare_methods(base, methods, prior = prior, control = control)
  for (i in seq_along(methods)) {
    parts <- strsplit(methods[i], "/", fixed = TRUE)[[1]]
    takes_prior <- parts[1] %in% c("MAP", "Bayes") || (parts[1] == "VB" && is.null(prior$pve))
    call <- list(
      formula, data, method = parts[1], algorithm = if (length(parts) > 1) parts[2],
      control = control
    )
    if (takes_prior) call$prior <- prior
    own <- suppressWarnings(do.call(lmm, call))
    expect_equal(
      unlist(table[i, names(varcomp(own))]), varcomp(own), tolerance = 1e-10,
      info = methods[i]
    )
    shares <- unname(hdlmm:::shares(own))
    expect_equal(table$pve[i], shares[length(shares)], tolerance = 1e-10)
    if (!is.na(table$elbo[i])) expect_equal(table$elbo[i], elbo(own), tolerance = 1e-10)
  }
  table
}

test_that("rows of several random terms are the fits, with shares by term and in total", {
  table <- expect_several_rows(
    diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin, on_variances,
    c("REML", "ML", "ML/em", "MAP", "VB", "VB/cavi", "Bayes", "Bayes/gibbs")
  )
  expect_equal(table$pve, table$pve.plate + table$pve.sample, tolerance = 1e-12)
  expect_identical(table$distance_sample[table$method == "Bayes"][1], 0)
  expect_output(print(table), "plate and sample")
  file <- tempfile(fileext = ".png")
  grDevices::png(file)
  on.exit(unlink(file))
  expect_silent(plot(table))
  grDevices::dev.off()
})

test_that("blocks of coefficients are compared by all methods but quadrature, which says why", {
  prior <- lmm_prior(random = prior_half_t(3, 20), residual = prior_inverse_gamma(2, 500))
  table <- expect_several_rows(
    Reaction ~ Days + (Days | Subject), lme4::sleepstudy, prior,
    c("REML", "ML", "MAP", "VB", "Bayes/gibbs")
  )
  expect_true(all(is.na(table$distance_pve)))
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy)
  table <- compare_methods(fit, c("OLS", "REML", "Bayes"))
  expect_identical(table$Subject.Days[1], 0)
  expect_true(is.na(table$pve[3]))
  expect_match(table$note[3], "gibbs")
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_silent(plot(table))
})

test_that("a fully variational fit of two terms lies below the evidence by its divergence", {
  formula <- diameter ~ 1 + (1 | plate) + (1 | sample)
  prior <- lmm_prior(
    random = prior_half_t(3, 1), residual = prior_inverse_gamma(2, 1),
    fixed = prior_normal(20, 10)
  )
  vb <- lmm(formula, lme4::Penicillin, method = "VB", prior = prior)
  exact <- lmm(formula, lme4::Penicillin, method = "Bayes", prior = prior)
  expect_equal(log_evidence(vb), log_evidence(exact), tolerance = 1e-9)
  expect_equal(elbo(vb) + kl_gap(vb), log_evidence(vb), tolerance = 1e-12)
  expect_gt(kl_gap(vb), 0)
  # where one block holds all coefficients only the variances are held apart
  one <- lmm(
    formula, lme4::Penicillin, method = "VB", prior = prior, control = lmm_control(blocks = "all")
  )
  expect_lt(kl_gap(one), kl_gap(vb))
})
