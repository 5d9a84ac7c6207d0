set.seed(3)
mixed_data <- data.frame(x = rnorm(48), f = gl(3, 16), h = gl(2, 1, 48))
mixed_data$g <- gl(12, 4, labels = letters[1:12])
mixed_data$X <- matrix(rnorm(48 * 60), 48, dimnames = list(NULL, paste0("m", 1:60)))
mixed_data$y <- with(mixed_data, x + as.integer(f) + rnorm(12)[g] + rnorm(48))
grouped <- lmm(y ~ x + f + (1 | g), mixed_data)
wide <- lmm(y ~ x + re(X), mixed_data)
ols <- lmm(y ~ x + f, mixed_data)

test_that("attaching the package loads none of those that it only answers to", {
  code <- paste0(
    ".libPaths(", deparse1(c(dirname(system.file(package = "hdlmm")), .libPaths())), ");",
    "library(hdlmm); cat(intersect(loadedNamespaces(), ",
    "c('emmeans', 'generics', 'insight', 'lme4', 'loo', 'tibble', 'knitr')))"
  )
  rscript <- file.path(R.home("bin"), "Rscript")
  expect_identical(system2(rscript, c("-e", shQuote(code)), stdout = TRUE), character())
})

# emmeans --------------------------------------------------------------------------------

test_that("marginal means of a linear model are those of lm()", {
  skip_if_not_installed("emmeans")
  for (formula in list(y ~ x + f * h, log(y^2) ~ poly(x, 2) + f, y ~ f + offset(x))) {
    ours <- suppressMessages(emmeans::emmeans(lmm(formula, mixed_data), ~f))
    theirs <- suppressMessages(emmeans::emmeans(lm(formula, mixed_data), ~f))
    # two QR decompositions of well-conditioned designs
    expect_equal(as.data.frame(ours), as.data.frame(theirs), tolerance = 1e-9,
                 ignore_attr = TRUE)
  }
})

test_that("degrees of freedom are the strata's in a balanced split-plot design", {
  skip_if_not_installed("emmeans")
  d <- mixed_data
  d$y <- d$y + rnorm(12, 0, 3)[d$g]
  fit <- lmm(y ~ f * h + (1 | g), d)
  expect_gt(varcomp(fit)[["g"]], 0)
  contrasts <- function(specs) {
    means <- suppressMessages(emmeans::emmeans(fit, specs))
    as.data.frame(emmeans::contrast(means, "pairwise"))
  }
  between <- contrasts(~f)
  within <- contrasts(~h)
  # closed forms 12 - 3 and 48 - 12 - 3; Satterthwaite's are exact here, up to the optimum
  expect_equal(between$df, rep(9, 3), tolerance = 1e-6)
  expect_equal(within$df, 33, tolerance = 1e-6)
})

test_that("what aliased coefficients leave open is not estimable, as for lm()", {
  skip_if_not_installed("emmeans")
  d <- mixed_data[!(mixed_data$f == "3" & mixed_data$h == "2"), ]
  ours <- suppressMessages(lmm(y ~ f * h, d))
  ours <- as.data.frame(emmeans::emmeans(ours, ~ f + h))
  theirs <- as.data.frame(emmeans::emmeans(lm(y ~ f * h, d), ~ f + h))
  expect_identical(which(is.na(ours$emmean)), which(is.na(theirs$emmean)))
  expect_equal(sum(is.na(ours$emmean)), 1)
  expect_equal(ours$SE, theirs$SE, tolerance = 1e-9)  # two QR decompositions
})

test_that("trends are the slope, its standard error and its degrees of freedom", {
  skip_if_not_installed("emmeans")
  out <- as.data.frame(emmeans::emtrends(wide, ~1, var = "x"))
  row <- coef(summary(wide))["x", ]
  # emtrends() differentiates numerically: a difference over a thousandth of the range
  expect_equal(
    c(out$x.trend, out$SE, out$df), unname(row[1:3]), tolerance = 1e-6
  )
})

test_that("a fit made inside a function, with transformed variables, has means", {
  skip_if_not_installed("emmeans")
  inside <- function() {
    local_data <- mixed_data
    local_data$y[5] <- NA
    w <- local_data$x^2 + 1
    lmm(y ~ exp(x) + f + (1 | g), local_data, weights = w)
  }
  fit <- inside()
  out <- as.data.frame(emmeans::emmeans(fit, ~f, at = list(x = 0)))
  by_hand <- fixef(fit)[["(Intercept)"]] + fixef(fit)[["exp(x)"]] +
    c(0, fixef(fit)[["f2"]], fixef(fit)[["f3"]])
  expect_equal(out$emmean, by_hand, tolerance = 1e-12)  # one sum
})

test_that("a grid holds neither the fit nor its design", {
  skip_if_not_installed("emmeans")
  sizes <- vapply(c(60, 6000), function(p) {
    set.seed(1)
    d <- mixed_data
    d$X <- matrix(rnorm(48 * p), 48)
    length(serialize(emmeans::emmeans(lmm(y ~ f + re(X), data = d), ~f)@dfargs, NULL))
  }, 0)
  expect_lt(sizes[2], 2 * sizes[1])
})

test_that("marginal means of a fit without fixed effects are refused", {
  skip_if_not_installed("emmeans")
  fit <- lmm(y ~ 0 + re(X), mixed_data)
  expect_error(emmeans::emmeans(fit, ~1), "fixed effects", class = "hdlmm_error")
})

# lme4 -----------------------------------------------------------------------------------

test_that("getME() has lme4's elements with lme4's values", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  peer <- lme4::lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  for (name in c("n", "N", "p", "q", "n_rtrms", "is_REML", "REML")) {
    expect_equal(lme4::getME(fit, name), lme4::getME(peer, name), ignore_attr = TRUE)
  }
  for (name in c("X", "y", "flist", "cnms", "offset", "lower")) {
    expect_equal(lme4::getME(fit, name), lme4::getME(peer, name), ignore_attr = TRUE)
  }
  expect_equal(as.matrix(lme4::getME(fit, "Z")), as.matrix(lme4::getME(peer, "Z")),
               ignore_attr = TRUE)
  for (name in c("beta", "fixef", "theta", "sigma", "mu")) {
    # lmer()'s optimum is good to 1e-6 in theta
    expect_equal(lme4::getME(fit, name), lme4::getME(peer, name), tolerance = 1e-5)
  }
  b <- as.numeric(lme4::getME(peer, "b"))
  expect_equal(lme4::getME(fit, "b"), b, tolerance = 1e-5)
  expect_equal(lme4::ngrps(fit), lme4::ngrps(peer))
  expect_identical(lme4::isREML(fit), TRUE)
  expect_identical(lme4::isSingular(fit), FALSE)
})

test_that("X beta + Z b + offset is the fitted mean for every kind of design", {
  skip_if_not_installed("lme4")
  d <- mixed_data
  d$holes <- replace(d$X, cbind(c(1, 9), c(4, 30)), NA)
  counts <- Matrix::rsparsematrix(48, 30, 0.2)
  K <- crossprod(matrix(rnorm(144), 12))
  dimnames(K) <- list(letters[1:12], letters[1:12])
  quiet <- function(...) suppressMessages(lmm(...))
  fits <- list(
    grouped, wide, lmm(y ~ x + offset(2 * x) + re(kernel = K, id = g), d),
    lmm(y ~ re(counts), d), lmm(y ~ re(counts, center = TRUE, scale = TRUE), d),
    lmm(y ~ re(counts, scale = TRUE), d, subset = x > -1),
    lmm(y ~ re(X, center = TRUE, scale = TRUE), d, subset = x > -1, weights = 1 + x^2),
    quiet(y ~ re(holes, na = "mean", center = TRUE), d), lmm(y ~ re(round(X) > 0), d)
  )
  for (fit in fits) {
    e <- lme4::getME(fit, c("X", "Z", "Zt", "beta", "b", "offset", "mu"))
    mean <- drop(e$X %*% e$beta) + drop(as.matrix(e$Z %*% e$b)) + e$offset
    # the fit centres and scales inside
    expect_equal(unname(mean), e$mu, tolerance = 1e-9)
    expect_equal(as.matrix(e$Zt), t(as.matrix(e$Z)))
  }
})

test_that("getME() refuses names that it does not know and random parts of none", {
  skip_if_not_installed("lme4")
  expect_error(lme4::getME(grouped, "RX"), "RX", class = "hdlmm_bad_input")
  expect_error(lme4::getME(ols, "Z"), class = "hdlmm_no_random_term")
  expect_length(lme4::getME(ols, "theta"), 0)
  expect_identical(lme4::isLMM(ols), FALSE)
})

test_that("a fit on the boundary is singular to lme4", {
  skip_if_not_installed("lme4")
  d <- mixed_data
  d$flat <- d$y - ave(d$y, d$g)
  expect_true(lme4::isSingular(lmm(flat ~ 1 + (1 | g), d)))
})

test_that("refit() to a response is a fit of that response, for every kind of design", {
  skip_if_not_installed("lme4")
  K <- crossprod(matrix(rnorm(144), 12))
  dimnames(K) <- list(letters[1:12], letters[1:12])
  d <- mixed_data
  d$w <- 1 + d$x^2
  counts <- Matrix::rsparsematrix(48, 30, 0.2)
  formulas <- list(
    y ~ x + (1 | g), y ~ x + re(X), y ~ re(X, center = TRUE, scale = TRUE), y ~ x + f,
    y ~ re(kernel = K, id = g), y ~ x + offset(x) + re(counts)
  )
  for (formula in formulas) {
    # under ML centred columns as many as rows have no maximum, and say so
    centred <- any(grepl("center", formula))
    for (method in if (centred) "REML" else c("REML", "ML")) {
      one <- lmm(formula, d, method = method, weights = w, subset = x < 1.5)
      new <- simulate(one, 1, seed = 8)
      again <- lme4::refit(one, new)
      e <- d[d$x < 1.5, ]
      e$y <- new[[1]]
      direct <- if (any(grepl("counts", formula))) {
        d$y <- replace(d$y, d$x < 1.5, new[[1]])
        lmm(formula, d, method = method, weights = w, subset = x < 1.5)
      } else {
        lmm(formula, e, method = method, weights = w)
      }
      # the optimum is polished to 1e-10 in the log-ratio; rows were taken out in another
      # way
      expect_equal(varcomp(again), varcomp(direct), tolerance = 1e-7)
      expect_equal(fixef(again), fixef(direct), tolerance = 1e-7)
      expect_equal(unname(fitted(again)), unname(fitted(direct)), tolerance = 1e-7)
      expect_equal(c(logLik(again)), c(logLik(direct)), tolerance = 1e-9)
    }
  }
})

test_that("refit() agrees with lme4's and keeps what is not the response", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  peer <- lme4::lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  y <- rev(lme4::sleepstudy$Reaction)
  ours <- lme4::refit(fit, y)
  # optimum of lmer()
  expect_equal(fixef(ours), lme4::fixef(lme4::refit(peer, y)), tolerance = 1e-5)
  expect_identical(model.frame(ours)$Reaction, y)
  expect_identical(ours$call, fit$call)
  new <- data.frame(Days = 3, Subject = "308")
  expect_equal(
    predict(ours, new), predict(lmm(y ~ Days + (1 | Subject), lme4::sleepstudy), new),
    tolerance = 1e-8  # the same fit
  )
})

test_that("refit() takes responses with and without the rows that na.action dropped", {
  skip_if_not_installed("lme4")
  d <- mixed_data
  d$y[7] <- NA
  fit <- lmm(y ~ x + (1 | g), d)
  new <- rnorm(48)
  expect_identical(
    fitted(lme4::refit(fit, new)), fitted(lme4::refit(fit, new[-7]))
  )
  bad <- "hdlmm_bad_input"
  expect_error(lme4::refit(fit, new[1:5]), "5 values.*47 rows and 1 dropped", class = bad)
  expect_error(lme4::refit(fit, replace(new, 1, NA)), "missing", class = bad)
  expect_error(lme4::refit(fit, letters), "numeric", class = bad)
  expect_error(lme4::refit(fit, data.frame(new, new)), "2 columns", class = bad)
})

# insight --------------------------------------------------------------------------------

test_that("insight finds in a fit what it finds in lmer()'s", {
  skip_if_not_installed("lme4")
  skip_if_not_installed("insight")
  ours <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  theirs <- lme4::lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  same <- list(
    insight::find_random, insight::find_predictors, insight::find_response,
    insight::find_terms, insight::find_variables, insight::is_mixed_model,
    insight::n_grouplevels, insight::n_obs, insight::is_converged,
    function(x) insight::find_random(x, flatten = TRUE),
    function(x) names(insight::get_random(x)),
    function(x) names(insight::get_predictors(x)),
    function(x) insight::model_info(x)$is_mixed,
    function(x) attr(insight::get_statistic(x), "statistic"),
    function(x) lapply(insight::find_formula(x), deparse1)
  )
  for (f in same) expect_equal(f(ours), f(theirs), ignore_attr = TRUE)
  close <- list(
    insight::get_statistic, insight::get_variance, insight::get_sigma,
    insight::get_df, function(x) insight::get_df(x, "model"),
    function(x) c(insight::get_loglikelihood(x)), insight::get_varcov,
    function(x) insight::get_variance(x, "random"),
    function(x) length(insight::get_variance(x, "slope"))
  )
  # lmer()'s optimum is good to 1e-6 in theta
  for (f in close) expect_equal(f(ours), f(theirs), tolerance = 1e-5, ignore_attr = TRUE)
  expect_identical(insight::get_df(ours, "normal"), Inf)
})

test_that("the parts of get_variance() are the variances of the model", {
  skip_if_not_installed("insight")
  out <- insight::get_variance(wide)
  slope <- fixef(wide)[["x"]]
  # one variance, one product
  expect_equal(out$var.fixed, slope^2 * var(mixed_data$x), tolerance = 1e-12)
  expect_equal(out$var.random / (out$var.random + out$var.residual), pve(wide)$estimate,
               tolerance = 1e-10)  # pve is searched, the variances follow from it
  expect_null(out$var.intercept)
  expect_identical(insight::get_variance(ols)$var.random, 0)
  expect_error(insight::get_variance(wide, "all of it"), class = "hdlmm_bad_input")
})

test_that("a fit without random term is no mixed model to insight", {
  skip_if_not_installed("insight")
  expect_null(insight::find_random(ols))
  expect_false(insight::is_mixed_model(ols))
  # the same residual sum of squares by two decompositions
  expect_equal(insight::get_deviance(ols), deviance(lm(y ~ x + f, mixed_data)),
               tolerance = 1e-10)
  expect_identical(insight::find_random(wide), list(random = "X"))
})

# knitr ----------------------------------------------------------------------------------

test_that("a document shows exactly what the console shows, without escape codes", {
  skip_if_not_installed("knitr")
  document <- c("```{r, echo=FALSE}", "grouped", "summary(wide)", "```")
  shown <- knitr::knit(text = document, quiet = TRUE, envir = environment())
  lines <- sub("^## ?", "", grep("^##", strsplit(shown, "\n")[[1]], value = TRUE))
  local_reproducible_output()
  console <- function(x) capture.output(print(x))
  said <- function(x) trimws(x[nzchar(x)], "right")
  expect_identical(said(lines), said(c(console(grouped), console(summary(wide)))))
  expect_false(any(grepl("\033", lines, fixed = TRUE)))
  expect_lte(max(nchar(lines)), 80)
})
