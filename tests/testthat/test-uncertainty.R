# What a fit knows of its parameters answers the same verbs whatever its method: every class has
# every verb, every answer has the shape that uncertainty.R promises, and a class without a method
# of its own is a fit with held variances.

namespace <- asNamespace("hdlmm")

verbs_of_uncertainty <- function() {
  methods <- getNamespaceInfo("hdlmm", "S3methods")
  sort(methods[methods[, 2] == "hdlmm_uncertainty", 1])
}

# The classes of an object, from the particular to the general, by its first.
chains <- function() {
  own <- lapply(hdlmm:::engines, `[[`, "uncertainty")
  own <- c(own, list(
    c("several_terms", "likelihood"), c("several_mode", "several_terms", "mode"),
    c("full_variational", "variational"), c("terms_bound", "several_terms", "variational"),
    c("terms_factors", "terms_bound", "several_terms", "variational"),
    c("several_quadrature", "several_posterior", "posterior"),
    c("several_gibbs", "several_posterior", "posterior"),
    c("closed_variational", "closed"),
    c("closed_posterior", "closed")
  ))
  own <- unique(own)
  stats::setNames(lapply(own, c, "hdlmm_uncertainty"), vapply(own, `[[`, "", 1))
}

own_prior <- lmm_prior(random = prior_half_t(3, 1), residual = prior_inverse_gamma(2, 1))

# A fit by every method's first algorithm and by every other that has a class of its own, then those
# that no engine alone makes.
fits <- local({
  d <- contract_data()$d
  d$zero <- matrix(0, nrow(d), 3)
  d$h <- gl(3, 1, nrow(d))
  short <- lmm_control(draws = 50, warmup = 20, chains = 2, seed = 1)
  engines <- hdlmm:::engines
  engines <- engines[!duplicated(lapply(engines, `[`, c("method", "uncertainty")))]
  names(engines) <- vapply(engines, function(one) paste(one$method, one$algorithm), "")
  own <- lapply(engines, function(engine) {
    formula <- if (hdlmm:::takes_random(engine)) y ~ x + (1 | g) else y ~ x
    lmm(formula, d, method = engine$method, algorithm = engine$algorithm, control = short)
  })
  suppressMessages(suppressWarnings(c(own, list(
    proper = lmm(y ~ x + (1 | g), d, method = "Bayes", prior = own_prior),
    several = lmm(y ~ x + (1 | g) + (1 | h), d),
    several_ml = lmm(y ~ x + (x | g), d, method = "ML"),
    several_mode = lmm(y ~ x + (x | g), d, method = "MAP"),
    pair = lmm(y ~ x + (1 | g) + (1 | h), d, method = "Bayes"),
    sampled = sampled_fit(lmm(y ~ x + (1 | g) + (1 | h), d, method = "Bayes"), 100),
    full = lmm(y ~ x + (1 | g), d, method = "VB", prior = own_prior),
    bound = lmm(y ~ x + (x | g) + (1 | h), d, method = "VB"),
    factors = lmm(y ~ x + (x | g) + (1 | h), d, method = "VB", prior = own_prior),
    null_bound = lmm(y ~ x + re(zero), d, method = "VB"),
    null_posterior = lmm(y ~ x + re(zero), d, method = "Bayes")
  ))))
})

test_that("every function that asks the uncertainty is a verb that every class has", {
  functions <- Filter(is.function, as.list(namespace))
  asks <- Filter(function(name) {
    all(c("UseMethod", "uncertainty") %in% all.names(body(functions[[name]])))
  }, names(functions))
  on_itself <- c("is_point_when_exact", "rests_on_likelihood", "in_closed_form")
  expect_setequal(c(asks, on_itself), verbs_of_uncertainty())
  methods <- getNamespaceInfo("hdlmm", "S3methods")
  methods <- methods[methods[, 1] %in% verbs_of_uncertainty(), ]
  by_class <- split(methods[, 1], methods[, 2])
  for (chain in chains()) expect_setequal(unlist(by_class[chain]), verbs_of_uncertainty())
  arguments <- function(name) names(formals(functions[[name]]))
  expect_identical(lapply(methods[, 3], arguments), lapply(methods[, 1], arguments))
})

test_that("fits have the classes that their engines name", {
  found <- lapply(unname(fits), function(fit) class(fit$uncertainty))
  expect_setequal(unique(found), unname(chains()))
  for (fit in fits) expect_true(fit$uncertainty$criterion %in% c("REML", "ML"))
  known <- unique(unlist(chains()))
  methods <- getNamespaceInfo("hdlmm", "S3methods")
  registered <- methods[methods[, 1] %in% verbs_of_uncertainty(), 2]
  expect_setequal(registered, c(known))
})

expect_flag <- function(x) expect_true(isTRUE(x) || isFALSE(x))
expect_pair <- function(x) {
  expect_type(x, "double")
  expect_length(x, 2)
  if (!anyNA(x)) expect_lte(x[1], x[2])
}
design_of <- function(fit) fit$designs[[1]]
asked_of <- function(fit, interval) {
  list(
    random = length(fit$designs) > 0, interval = interval, level = 0.9, weights = 1,
    df = hdlmm:::row_df(fit)
  )
}

rows_of <- function(fit) hdlmm:::fitted_points(fit)
# Verbs that have no answer for a fit say so by an error of ours.
or_refuses <- function(expr) tryCatch(expr, hdlmm_error = function(e) NULL)

# One line a verb: what it answers for a fit.
laws <- list(
  is_point_when_exact = function(verb, fit) {
    expect_flag(verb(fit$uncertainty, fit$internal$fixed))
    expect_true(verb(fit$uncertainty, list(prior_precision = NULL)))  # flat priors leave a point
  },
  rests_on_likelihood = function(verb, fit) {
    expect_flag(verb(fit$uncertainty, if (is.null(fit$prior)) lmm_prior() else fit$prior))
  },
  in_closed_form = function(verb, fit) {
    closed <- verb(fit$uncertainty)
    expect_s3_class(closed, "hdlmm_uncertainty")
    expect_identical(closed$criterion, fit$uncertainty$criterion)
    expect_identical(verb(closed), closed)
  },
  at_maximum = function(verb, fit) expect_identical(verb(fit), !is.na(attr(logLik(fit), "df"))),
  has_posterior = function(verb, fit) {
    expect_flag(verb(fit))
    if (verb(fit)) expect_false(hdlmm:::at_maximum(fit))
  },
  has_effect_posterior = function(verb, fit) {
    if (hdlmm:::has_posterior(fit)) expect_true(verb(fit)) else expect_flag(verb(fit))
  },
  is_reference = function(verb, fit) expect_flag(verb(fit)),
  is_below_evidence = function(verb, fit) expect_flag(verb(fit)),
  has_bound = function(verb, fit) {
    found <- or_refuses(hdlmm:::evidence_bound(fit, "it"))
    expect_identical(verb(fit), !is.null(found))
  },
  fit_words = function(verb, fit) {
    expected <- c(
      "method", "criterion", "objective", "curve", "loglik", "fixed", "interval", "limits", "panel",
      "compare"
    )
    expect_setequal(names(verb(fit)), expected)
    expect_true(all(lengths(verb(fit)) == 1) && is.character(unlist(verb(fit))))
  },
  describe_approximation = function(verb, fit) {
    out <- verb(fit)
    expect_true(is.null(out) || is.character(out))
  },
  print_evidence = function(verb, fit) expect_type(capture.output(verb(fit, 4)), "character"),
  variance_covariance = function(verb, fit) {
    out <- verb(fit)
    expect_identical(dimnames(out), list(names(varcomp(fit)), names(varcomp(fit))))
    expect_equal(out, t(out), tolerance = 1e-12)  # rounding of products in both orders
    expect_true(all(diag(out) >= 0, na.rm = TRUE))
  },
  boundary_words = function(verb, fit) {
    on_boundary <- !identical(fit$boundary, "none") && length(fit$boundary) > 0
    expect_identical(length(verb(fit)) > 0, on_boundary)
  },
  variance_rows = function(verb, fit) {
    out <- verb(fit)
    expect_named(out, c(
      "grp", "var1", "var2", "vcov", "sdcor", "se", "se_sdcor", "parameter", "coefficient", "size"
    ))
    expect_identical(out$vcov, unname(varcomp(fit)))
    expect_true(all(out$parameter %in% names(hdlmm:::variance_kinds(fit))))
  },
  variance_kinds = function(verb, fit) {
    kinds <- verb(fit)
    expect_true(all(kinds %in% c("variance", "covariance", "correlation", "pve")))
    expect_identical(names(kinds)[seq_along(varcomp(fit))], names(varcomp(fit)))
  },
  shares = function(verb, fit) {
    if (length(fit$designs) > 0) expect_identical(names(verb(fit)), pve(fit)$term)
  },
  pve_se = function(verb, fit) {
    expect_length(verb(fit), max(1, length(hdlmm:::shares(fit))))
    expect_true(all(is.na(verb(fit)) | verb(fit) >= 0))
  },
  pve_limits = function(verb, fit) {
    if (length(fit$designs) == 0) return()
    narrow <- matrix(verb(fit, 0.5), ncol = 2)
    wide <- matrix(verb(fit, 0.9), ncol = 2)
    expect_identical(nrow(wide), length(hdlmm:::shares(fit)))
    for (i in seq_len(nrow(wide))) {
      expect_pair(wide[i, ])
      if (!anyNA(narrow[i, ])) expect_lt(diff(narrow[i, ]), diff(wide[i, ]))
    }
  },
  exact_pve_limits = function(verb, fit) {
    if (length(fit$designs) > 0) or_refuses(expect_pair(verb(fit, 0.9, 50, 1)))
  },
  variance_df = function(verb, fit) {
    expect_true(verb(fit) %in% (nobs(fit) - c(0, length(fixef(fit)))))
  },
  parameter_limits = function(verb, fit) {
    by <- function(kind) c(hdlmm:::limit_methods(fit, kind), "own")[1:2]
    for (i in 1:2) {
      limits <- verb(fit, names(fixef(fit)), "fixed", 0.9, by("fixed")[i])
      expect_identical(dim(limits), c(length(fixef(fit)), 2L))
      expect_true(all(limits[, 1] < fixef(fit) & fixef(fit) < limits[, 2]))
      # each as by itself
      alone <- c(verb(fit, "x", "fixed", 0.9, by("fixed")[i]))
      expect_equal(unname(limits)[2, ], alone, tolerance = 1e-12)
      expect_pair(c(verb(fit, "Residual", "variance", 0.9, by("variance")[i])))
      kinds <- hdlmm:::variance_kinds(fit)
      for (name in names(kinds)[kinds == "pve"]) {
        expect_pair(c(verb(fit, name, "pve", 0.9, by("pve")[i])))
      }
    }
  },
  limit_methods = function(verb, fit) {
    kinds <- hdlmm:::parameter_kinds(fit)
    for (name in names(kinds)) {
      own <- verb(fit, kinds[[name]])
      expect_identical(own, intersect(c("profile", "wald"), own))
      for (method in c("profile", "wald")) {
        limits <- function() suppressWarnings(c(confint(fit, name, method = method)))
        if (method %in% own) expect_pair(limits()) else
          expect_error(limits(), class = "hdlmm_unsupported")
      }
    }
  },
  contrast_df = function(verb, fit) expect_gt(verb(fit, c(0, 1)), 0),
  small_sample = function(verb, fit) {
    out <- or_refuses(verb(fit, "Tests"))
    if (is.null(out)) return()
    # as many directions as parameters, and an information that is that of positive variances
    expect_length(out$sigma, nrow(out$w))
    expect_true(all(diag(out$w) > 0))
    expect_equal(out$p %*% fit$internal$fixed$q, 0 * fit$internal$fixed$q, tolerance = 1e-10)
  },
  effect_se = function(verb, fit) {
    if (length(fit$designs) == 0) return()
    all <- verb(fit, design_of(fit))
    expect_length(all, fit$dims$p[[1]])
    # the same numbers, each by itself
    expect_equal(verb(fit, design_of(fit), 2:3), unname(all)[2:3], tolerance = 1e-8)
  },
  mean_variance = function(verb, fit) {
    for (random in unique(c(FALSE, length(fit$designs) > 0))) {
      out <- verb(fit, rows_of(fit), random)
      expect_length(out, nobs(fit))
      expect_true(all(out >= 0))
    }
  },
  row_limits = function(verb, fit) {
    rows <- rows_of(fit)
    random <- length(fit$designs) > 0
    variance <- hdlmm:::mean_variance(fit, rows, random)
    asked <- asked_of(fit, "confidence")
    mean <- verb(fit, rows, fit$fitted, variance, asked)
    asked$interval <- "prediction"
    new <- verb(fit, rows, fit$fitted, variance, asked)
    expect_identical(dim(mean), c(nobs(fit), 2L))
    expect_true(all(new[, 1] < mean[, 1]) && all(mean[, 2] < new[, 2]))
  },
  row_log_densities = function(verb, fit) {
    rows <- rows_of(fit)
    random <- length(fit$designs) > 0
    variance <- hdlmm:::mean_variance(fit, rows, random)
    asked <- asked_of(fit, "prediction")
    limits <- hdlmm:::row_limits(fit, rows, fit$fitted, variance, asked)
    total <- variance + hdlmm:::response_variance(fit, 1, random, rows)
    # between the limits lies what their level says: Simpson's rule, error below 1e-5
    u <- seq(0, 1, length.out = 21)
    simpson <- c(1, rep(c(4, 2), length.out = 19), 1) / 60
    width <- limits[, 2] - limits[, 1]
    density <- vapply(u, function(u) {
      exp(verb(fit, rows, fit$fitted, total, limits[, 1] + u * width, asked))
    }, numeric(nobs(fit)))
    expect_equal(unname(drop(density %*% simpson) * width), rep(0.9, nobs(fit)), tolerance = 1e-4)
  },
  row_df = function(verb, fit) expect_gt(verb(fit), 0),
  row_projection = function(verb, fit) {
    out <- or_refuses(verb(fit))
    # y'P(P y) is positive, and P has a positive diagonal
    if (!is.null(out)) expect_true(all(out$diagonal > 0) && length(out$py) == nobs(fit))
  },
  leverages = function(verb, fit) {
    # less than 1 but for rounding; where a prior holds the fixed effects, too
    expect_true(all(verb(fit) > -1e-12 & verb(fit) < 1 + 1e-12))
  },
  likelihood_at_estimate = function(verb, fit) {
    criterion <- fit$uncertainty$criterion
    if (hdlmm:::at_maximum(fit)) expect_equal(verb(fit, criterion), fit$loglik, tolerance = 1e-10)
    expect_true(is.finite(verb(fit, "REML")))
  },
  bootstrap_values = function(verb, fit) {
    if (!hdlmm:::at_maximum(fit)) return()
    out <- verb(fit, 3, 1)
    expect_identical(colnames(out), names(hdlmm:::parameter_kinds(fit)))
    expect_identical(nrow(out), 3L)
  },
  random_test = function(verb, fit) {
    if (!hdlmm:::at_maximum(fit) || length(fit$designs) == 0) return()
    out <- verb(fit, NULL, "both", 5, 1)
    expect_named(out, c("term", "method", "statistic", "p_value", "se"))
    expect_true(all(out$p_value > 0 & out$p_value <= 1))
  },
  loo_rows = function(verb, fit) {
    out <- verb(fit)
    expect_identical(names(out)[1:2], c("table", "is_integrated"))
    # one number a row, where there are some
    if (!is.null(out$effective)) expect_length(out$effective, nobs(fit))
    expect_named(
      out$table, c("observed", "prediction", "variance", "residual", "log_density")
    )
    expect_equal(nrow(out$table), nobs(fit))
  },
  draw_sample = function(verb, fit) {
    out <- verb(fit, 5, FALSE)
    expect_s3_class(out, "hdlmm_sample")
    expect_identical(colnames(out$variances), names(varcomp(fit)))
    expect_identical(dim(out$omega), c(5L, length(fixef(fit))))
  },
  draw_latent = function(verb, fit) {
    for (random in unique(c(FALSE, length(fit$designs) > 0))) {
      out <- verb(fit, rows_of(fit), random, 5)
      expect_identical(dim(out$value), c(nobs(fit), 5L))
      expect_true(length(out$noise) == 5 && all(out$noise > 0))
    }
  },
  draw_nodes = function(verb, fit) {
    if (length(fit$designs) == 0) return()  # there is no share
    out <- or_refuses(verb(fit, 5))
    if (is.null(out)) return(expect_gt(length(varcomp(fit)), 2))
    if (length(varcomp(fit)) > 2) {
      expect_named(out, c("half", "sigma2"))
      expect_identical(dim(out$half), c(length(varcomp(fit)) - 1L, 5L))
      return(expect_true(length(out$sigma2) == 5 && all(out$sigma2 > 0)))
    }
    expect_named(out, c("core", "node", "tau2"))
    expect_true(length(out$tau2) == 5 && all(out$node %in% seq_along(out$core$h)))
  },
  profile_at = function(verb, fit) {
    or_refuses(expect_length(verb(fit, c(0.2, 0.5)), 2))
  },
  objective_curve = function(verb, fit) or_refuses(expect_length(verb(fit, c(-1, 1)), 2)),
  parameter_profiles = function(verb, fit) {
    out <- or_refuses(verb(fit, "Residual", 4))
    if (is.null(out)) return()
    expect_named(out, c("parameter", "value", "root", "relative"))
    expect_false(is.unsorted(out$value))
  },
  profile_modes = function(verb, fit) {
    out <- or_refuses(verb(fit))
    if (is.null(out)) return(expect_gt(length(varcomp(fit)), 2))
    expect_true(out$boundary %in% c("none", "random", "residual") && out$pole %in% c(0, 1))
  },
  share_panel = function(verb, fit) {
    if (length(fit$designs) == 0) return()
    out <- verb(fit, pve(fit))
    if (is.null(out)) return(expect_false(hdlmm:::is_one_variance(fit)))  # shares with limits
    if (!is.null(out$note)) return(expect_length(out$note, 1))
    expect_true(all(c("pve", "relative") %in% names(out$curve)))
    expect_flag(out$is_density)
  },
  density_curve = function(verb, fit) {
    out <- verb(fit, "Residual", 50)
    if (is.null(out)) return(expect_false(hdlmm:::has_posterior(fit)))
    expect_true(hdlmm:::has_posterior(fit))
    # a density on nearly all of its range, by trapezoids
    expect_equal(sum(diff(out$x) * (out$y[-1] + out$y[-length(out$y)]) / 2), 1, tolerance = 0.05)
  },
  evidence_of = function(verb, fit) or_refuses(expect_true(is.finite(verb(fit)))),
  evidence_bound = function(verb, fit) {
    or_refuses(expect_lte(verb(fit, "it"), hdlmm:::bounded_evidence(fit)))
  },
  bound_gap = function(verb, fit) {
    # what is left of a subtraction of two logs
    or_refuses(expect_equal(
      verb(fit, "it"), hdlmm:::bounded_evidence(fit) - hdlmm:::evidence_bound(fit, "it"),
      tolerance = 1e-8
    ))
  },
  bounded_evidence = function(verb, fit) or_refuses(expect_true(is.finite(verb(fit)))),
  own_criterion = function(verb, fit) {
    out <- verb(fit)
    if (hdlmm:::at_maximum(fit) || is.null(out)) return(expect_null(out))
    expect_identical(dim(out), c(1L, 1L))
  },
  fit_deviance = function(verb, fit) {
    out <- verb(fit)
    if (!hdlmm:::at_maximum(fit)) expect_null(out)
  },
  require_posterior = function(verb, fit) {
    if (is.null(fit$posterior)) return(expect_error(verb(fit, "it"), class = "hdlmm_unsupported"))
    expect_identical(verb(fit, "it"), fit)
  },
  fixed_at_nodes = function(verb, fit) {
    out <- or_refuses(verb(fit, 1:2))
    if (is.null(out)) return(expect_null(fit$posterior))
    expect_true(nrow(out$mean) == 2 && identical(dim(out$mean), dim(out$sd)))
  },
  effects_at_nodes = function(verb, fit) {
    out <- or_refuses(verb(fit, design_of(fit), 2:3))
    if (is.null(out)) return(expect_null(fit$posterior))
    expect_true(nrow(out$mean) == 2 && identical(dim(out$mean), dim(out$sd)))
  },
  rows_at_nodes = function(verb, fit) {
    out <- or_refuses(verb(fit, rows_of(fit), TRUE, 1))
    if (is.null(out)) return(expect_null(fit$posterior))
    expect_true(nrow(out$mean) == nobs(fit) && identical(dim(out$mean), dim(out$sd)))
  },
  parameter_law = function(verb, fit) {
    fine <- function(fit) if (length(varcomp(fit)) == 2) hdlmm:::fine_of(fit)
    out <- or_refuses(verb(fit, "Residual", "variance", fine(fit)))
    if (is.null(out)) return(expect_null(fit$posterior))
    expect_named(out, c("mean", "sd", "quantiles", "density"))
    expect_pair(out$quantiles(c(0.1, 0.9)))
    expect_named(out$density(5), c("x", "y"))
  },
  evidence_as_it_stands = function(verb, fit) or_refuses(expect_true(is.finite(verb(fit)))),
  log_bayes_factors = function(verb, fit) {
    out <- or_refuses(verb(fit))
    if (length(out) > 1) expect_named(out, names(ranef(fit)))
    expect_true(all(is.finite(out)))
  },
  share_quantiles = function(verb, fit) or_refuses(expect_pair(verb(fit, c(0.1, 0.9)))),
  variance_quantiles = function(verb, fit) {
    or_refuses(expect_pair(verb(fit, "residual", c(0.1, 0.9))))
  }
)

test_that("every verb has a law", {
  expect_setequal(names(laws), verbs_of_uncertainty())
})

for (name in names(laws)) {
  test_that(paste0(name, "() answers for every class of uncertainty"), {
    verb <- get(name, namespace)
    for (kind in names(fits)) {
      set.seed(1)
      tryCatch(
        laws[[name]](verb, fits[[kind]]),
        error = function(e) fail(paste0(kind, ": ", conditionMessage(e)))
      )
    }
    succeed()
  })
}

# A method that no file of the package knows: half of the variance for the random effects.
fit_toy <- function(problem, engine, control) {
  share <- list(h = 0.5, nu = 0.5)
  e <- hdlmm:::cpp_evaluate(problem$system, 0.5, 0.5)
  tau2 <- e$rss / length(problem$model$y)
  result <- hdlmm:::assemble_result(problem, e, share, tau2, engine$criterion)
  c(result, list(
    loglik = hdlmm:::likelihood_value(e, tau2, problem$system$kappa, problem$fixed),
    boundary = "none", is_unbounded = FALSE, is_converged = TRUE, reason = "nothing to do",
    convergence = data.frame(iteration = 1L, objective = NA_real_)
  ))
}

toy_engine <- list(
  method = "toy", algorithm = "half", run = fit_toy, uncertainty = "plain_toy", needs = "vectors",
  prior = "none", criterion = "ML"
)

test_that("a method of its own needs nothing but a result", {
  toy <- hdlmm:::method_fit(toy_engine, fits[["REML direct"]], lmm_prior(), lmm_control())$fit
  expect_s3_class(toy$uncertainty, "plain_toy")
  expect_output(print(toy), "Linear mixed model, method \"toy\"", fixed = TRUE)
  out <- capture.output(print(summary(toy)))
  expect_match(out, "Log-likelihood at the estimates", all = FALSE)
  expect_match(out, "estimates; standard errors given the variances", all = FALSE)
  expect_identical(pve(toy)$estimate, 0.5)
  limits <- confint(toy)
  expect_true(all(limits[, 1] < c(fixef(toy), varcomp(toy), pve(toy)$estimate)))
  expect_true(all(c(fixef(toy), varcomp(toy), pve(toy)$estimate) < limits[, 2]))
  expect_equal(dim(predict(toy, interval = "prediction")), c(24, 3))
  expect_true(all(attr(ranef(toy, se = TRUE), "se")$g > 0))
  expect_true(is.finite(loo(toy)$elpd))
  expect_equal(dim(simulate(toy, 2, seed = 1)), c(24, 2))
  expect_equal(dim(posterior_predict(toy, draws = 3, seed = 1)), c(3, 24))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_identical(plot(toy), toy)
  expect_error(AIC(toy), class = "hdlmm_undefined")
  expect_error(profile(toy), class = "hdlmm_unsupported")
  expect_error(elbo(toy), class = "hdlmm_unsupported")
  skip_if_not_installed("generics")
  expect_equal(nrow(generics::tidy(toy, conf.int = TRUE)), 4)
  expect_true(is.na(generics::glance(toy)$AIC))
})

test_that("a method of its own says what it likes in its own words", {
  # where dispatch looks last; a method that is registered stays for the rest of the session
  assign("fit_words.spoken_toy", function(fit) {
    utils::modifyList(NextMethod(), list(method = "half and half"))
  }, globalenv())
  on.exit(rm("fit_words.spoken_toy", envir = globalenv()))
  toy_engine$uncertainty <- "spoken_toy"
  toy <- hdlmm:::method_fit(toy_engine, fits[["REML direct"]], lmm_prior(), lmm_control())$fit
  expect_output(print(toy), "Linear mixed model, half and half")
})
