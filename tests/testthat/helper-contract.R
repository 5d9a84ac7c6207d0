# One small fit of every kind: 24 rows, 6 groups of 4.

contract_data <- function() {
  set.seed(20)
  n <- 24
  d <- data.frame(x = rnorm(n), g = gl(6, 4, labels = letters[1:6]), e = rnorm(n))
  d$wide <- matrix(rnorm(n * 40), n, dimnames = list(NULL, paste0("v", 1:40)))
  d$narrow <- matrix(rnorm(n * 5), n)
  d$y <- 1 + d$x + drop(d$wide %*% rnorm(40, 0, 0.3)) + rnorm(6)[d$g] + d$e
  # nothing between groups: sigma_b^2 = 0; nothing but x; nothing but the span of X
  within <- d$e - ave(d$e, d$g)
  d$flat <- 2 + within
  d$exact <- 2 - 3 * d$x
  d$spanned <- drop(d$narrow %*% c(1, -2, 1, 0, 1))
  sparse <- Matrix::rsparsematrix(n, 30, 0.2)
  kernel <- crossprod(matrix(rnorm(36), 6)) + diag(6)
  dimnames(kernel) <- list(letters[1:6], letters[1:6])
  list(d = d, sparse = sparse, kernel = kernel)
}

# Fitted inside a function: what refits must find the data where the formula was written.
contract_fits <- function() {
  data <- contract_data()
  d <- data$d
  holed <- d
  holed$y[3] <- NA
  sparse <- data$sparse
  kernel <- data$kernel
  list(
    group = lmm(y ~ x + (1 | g), d), ml = lmm(y ~ x + (1 | g), d, method = "ML"),
    dense = lmm(y ~ x + re(wide), d), sparse = lmm(y ~ x + re(sparse), d),
    kernel = lmm(y ~ x + re(kernel = kernel, id = g), d), ols = lmm(y ~ x, d),
    boundary = lmm(flat ~ x + (1 | g), d),
    exact = suppressWarnings(lmm(exact ~ x + (1 | g), d)),
    spanned = suppressWarnings(lmm(spanned ~ 1 + re(narrow), d)),
    no_fixed = lmm(y ~ 0 + re(wide), d),
    weighted = lmm(y ~ x + (1 | g), d, weights = 1 + x^2),
    padded = lmm(y ~ x + (1 | g), holed, na.action = na.exclude)
  )
}

# Fits by every other way of inference, on the same data. Made inside a function: what refits must
# find the data where the formula was written.
inference_fits <- function() {
  data <- contract_data()
  d <- data$d
  holed <- d
  holed$y[3] <- NA
  sparse <- data$sparse
  kernel <- data$kernel
  own <- lmm_prior(
    random = prior_half_t(3, 1), residual = prior_inverse_gamma(2, 1),
    fixed = prior_normal(0, 10)
  )
  short <- lmm_control(draws = 50, warmup = 20, chains = 2, seed = 1)
  list(
    reml_em = lmm(y ~ x + (1 | g), d, algorithm = "em"),
    ml_pxem = lmm(y ~ x + re(wide), d, method = "ML", algorithm = "pxem"),
    map = lmm(y ~ x + (1 | g), d, method = "MAP"),
    map_normal = lmm(y ~ x + re(wide), d, method = "MAP", prior = own, weights = 1 + x^2),
    map_em = lmm(y ~ x + re(sparse), d, method = "MAP", algorithm = "em", prior = own),
    map_boundary = lmm(flat ~ x + (1 | g), d, method = "MAP"),
    vb = lmm(y ~ x + re(wide), d, method = "VB"),
    vb_group = lmm(y ~ x + (1 | g), d, method = "VB"),
    vb_boundary = lmm(flat ~ x + (1 | g), d, method = "VB"),
    cavi = lmm(y ~ x + re(sparse), d, method = "VB", algorithm = "cavi"),
    full_vb = lmm(y ~ x + re(wide), d, method = "VB", prior = own),
    full_padded = lmm(
      y ~ x + (1 | g), holed, method = "VB", prior = own, na.action = na.exclude
    ),
    full_cavi = lmm(y ~ x + re(narrow), d, method = "VB", algorithm = "cavi", prior = own),
    bayes = lmm(y ~ x + (1 | g), d, method = "Bayes"),
    bayes_normal = lmm(y ~ x + re(wide), d, method = "Bayes", prior = own),
    bayes_kernel = lmm(y ~ x + re(kernel = kernel, id = g), d, method = "Bayes"),
    bayes_padded = lmm(
      y ~ x + re(sparse), holed, method = "Bayes", na.action = na.exclude, weights = 1 + x^2
    ),
    bayes_no_fixed = lmm(y ~ 0 + re(wide), d, method = "Bayes"),
    bayes_null = lmm(flat ~ x + (1 | g), d, method = "Bayes"),
    gibbs = lmm(
      y ~ x + (1 | g), d, method = "Bayes", algorithm = "gibbs", control = short
    ),
    gibbs_normal = lmm(
      y ~ x + re(wide), d, method = "Bayes", algorithm = "gibbs", prior = own, control = short
    )
  )
}

# F tests by Kenward and Roger are for REML.
tests_of <- function(fit) c("Chisq", if (hdlmm:::is_restricted(fit$uncertainty)) "F")

prints <- function(value) expect_gt(length(capture.output(print(value))), 0)

# Every fit gives what `call` expects, or an error of ours where its kind is among those announced.
expect_kept <- function(call, fits, refused) {
  for (kind in names(fits)) {
    if (kind %in% refused) {
      expect_error(call(fits[[kind]]), class = "hdlmm_error", label = kind)
    } else {
      tryCatch(
        call(fits[[kind]]), error = function(e) fail(paste0(kind, ": ", conditionMessage(e)))
      )
    }
  }
}

# Answers to other packages' generics, which hold for a fit of any kind.
foreign_answers <- list(
  autoplot = function(fit) {
    skip_if_not_installed("ggplot2")
    expect_true(ggplot2::is.ggplot(suppressMessages(ggplot2::autoplot(fit))))
  },
  get_predicted = function(fit) {
    skip_if_not_installed("insight")
    expect_equal(
      as.numeric(insight::get_predicted(fit, ci = NULL)), unname(predict(fit)), tolerance = 1e-10
    )
  },
  r2 = function(fit) {
    skip_if_not_installed("performance")
    expect_true(all(unlist(performance::r2(fit)) <= 1 + 1e-8, na.rm = TRUE))
  },
  model_performance = function(fit) {
    skip_if_not_installed("performance")
    prints(performance::model_performance(fit))
  },
  p_value = function(fit) {
    skip_if_not_installed("parameters")
    expect_identical(parameters::p_value(fit)$Parameter, names(fixef(fit)))
  },
  ci = function(fit) {
    skip_if_not_installed("bayestestR")
    out <- bayestestR::ci(fit)
    expect_true(all(out$CI_low <= out$CI_high, na.rm = TRUE))
  },
  model_parameters = function(fit) {
    skip_if_not_installed("parameters")
    prints(parameters::model_parameters(fit))
  },
  getData = function(fit) expect_s3_class(nlme::getData(fit), "data.frame"),
  getVarCov = function(fit) {
    label <- names(ranef(fit))[1]
    expect_true(is.matrix(nlme::getVarCov(fit, group = label)))
  },
  intervals = function(fit) prints(nlme::intervals(fit)),
  influence = influence, dfbeta = function(fit) {
    expect_identical(dim(dfbeta(fit)), c(length(residuals(fit)), ncol(vcov(fit))))
  },
  dfbetas = function(fit) expect_identical(dim(dfbetas(fit)), dim(dfbeta(fit))),
  cooks.distance = function(fit) expect_named(cooks.distance(fit), names(residuals(fit))),
  rstandard = function(fit) expect_named(rstandard(fit), names(residuals(fit))),
  rstudent = function(fit) expect_named(rstudent(fit), names(residuals(fit))),
  posterior_epred = function(fit) expect_draws(fit, "posterior_epred"),
  posterior_linpred = function(fit) expect_draws(fit, "posterior_linpred"),
  log_lik = function(fit) expect_draws(fit, "log_lik"),
  bayes_R2 = function(fit) {
    skip_if_not_installed("rstantools")
    out <- rstantools::bayes_R2(fit, draws = 20, seed = 1)
    expect_length(out, 20)
    expect_true(all(out >= 0 & out <= 1))
  },
  pp_check = function(fit) {
    skip_if_not_installed("bayesplot")
    expect_true(ggplot2::is.ggplot(bayesplot::pp_check(fit, draws = 5, seed = 1)))
  },
  knit_print = function(fit) {
    skip_if_not_installed("knitr")
    expect_match(page_of(fit), describes(fit), fixed = TRUE)
    expect_match(page_of(summary(fit)), describes(fit), fixed = TRUE)
  }
)

# Conditional covariances where variances are estimated and not all is explained.
expect_conditional <- function(fit) {
  has_random <- length(fit$designs) > 0
  if (has_random && (hdlmm:::has_posterior(fit) || varcomp(fit)[["Residual"]] == 0)) {
    expect_error(ranef(fit, condVar = TRUE), class = "hdlmm_error")
    return(invisible())
  }
  out <- ranef(fit, condVar = TRUE)
  prints(out)
  for (term in names(out)) {
    covariance <- attr(out[[term]], "postVar")
    expect_identical(dim(covariance)[-1], c(NCOL(out[[term]]), NROW(out[[term]])))
    expect_true(all(apply(covariance, 3, diag) >= 0))
  }
  expect_false(anyNA(as.data.frame(out)$condsd))
}

expect_draws <- function(fit, generic) {
  skip_if_not_installed("rstantools")
  out <- getExportedValue("rstantools", generic)(fit, draws = 5, seed = 1)
  expect_identical(dim(out), dim(posterior_predict(fit, draws = 5)))
  expect_false(anyNA(out))
}

# What knitr hands to pandoc where `x` stands in a document, as rmarkdown::render() sets it.
page_of <- function(x) {
  old <- knitr::opts_knit$set(rmarkdown.pandoc.to = "html")
  on.exit(knitr::opts_knit$set(old))
  as.character(knitr::knit_print(x))
}

describes <- function(fit) capture.output(print(fit))[1]

# Shapes ---------------------------------------------------------------------------------

n_rows <- function(fit) length(residuals(fit))

expect_rows <- function(x, fit) {
  expect_type(x, "double")
  expect_length(x, n_rows(fit))
  expect_named(x, names(fitted(fit)))
}

fixed_names <- function(fit) colnames(model.matrix(fit))

variance_names <- function(fit) {
  c(vapply(fit$designs, `[[`, "", "label", USE.NAMES = FALSE), "Residual")
}

expect_coefficients <- function(x, fit) {
  expect_type(x, "double")
  expect_identical(as.character(names(x)), as.character(fixed_names(fit)))
}

expect_limits <- function(x, names) {
  expect_identical(rownames(x), names)
  expect_identical(colnames(x), c("2.5 %", "97.5 %"))
  known <- stats::complete.cases(x)
  expect_true(all(x[known, 1] <= x[known, 2]))
}

expect_shares <- function(out, fit) {
  expect_named(out, c("term", "estimate", "se", "lower", "upper"))
  expect_equal(nrow(out), length(fit$designs))
  expect_true(all(out$estimate >= 0 & out$estimate <= 1))
  if (nrow(out) > 0 && !anyNA(out$lower)) expect_lte(out$lower, out$estimate)
  if (nrow(out) > 0 && !anyNA(out$upper)) expect_gte(out$upper, out$estimate)
}

# Fits whose variances have a distribution.
is_posterior <- function(fit) fit$method == "Bayes" || isTRUE(fit$q$is_full)

# One name for one parameter, whatever the fit.
expect_parameters <- function(draws, fit) {
  expect_true(posterior::is_draws(draws))
  variances <- paste0("var_", variance_names(fit))
  expected <- c(fixed_names(fit), variances, if (length(fit$designs)) "pve")
  expect_identical(posterior::variables(draws), expected)
}

all_parameters <- function(fit) {
  c(fixed_names(fit), variance_names(fit), if (length(fit$designs) > 0) "pve")
}

# What marginaleffects asks fits for; whether it is there or not, as few versions of R have it.
own_method <- function(generic) get(paste0(generic, ".hdlmm"), asNamespace("hdlmm"))

marginal_contract <- list(
  get_coef = function(fit) {
    estimate <- fixef(fit)
    expect_identical(own_method("get_coef")(fit), estimate[!is.na(estimate)])
  },
  set_coef = function(fit) {
    moved <- own_method("set_coef")(fit, own_method("get_coef")(fit) + 1)
    expect_equal(own_method("get_coef")(moved), own_method("get_coef")(fit) + 1)
  },
  get_vcov = function(fit) {
    found <- own_method("get_vcov")(fit)
    expect_identical(rownames(found), names(own_method("get_coef")(fit)))
    expect_null(own_method("get_vcov")(fit, FALSE))
    expect_error(own_method("get_vcov")(fit, "HC3"), class = "hdlmm_bad_input")
  },
  get_predict = function(fit) {
    rows <- own_method("getData")(fit)
    # a matrix that is no column of the data has to be in those of a prediction
    wanted <- tryCatch(predict(fit, rows), hdlmm_bad_input = function(e) NULL)
    if (is.null(wanted)) {
      expect_error(own_method("get_predict")(fit, rows), class = "hdlmm_bad_input")
    } else {
      expect_equal(own_method("get_predict")(fit, rows)$estimate, unname(wanted))
    }
    fixed <- own_method("get_predict")(fit, rows, re.form = NA)
    expect_equal(fixed$estimate, unname(predict(fit, rows, random = FALSE)))
  }
)
