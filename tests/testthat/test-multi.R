test_that("a column of a fit of several responses is that of its own fit, cells missing or not", {
  for (missing in c(0, 0.01, 0.05, 0.3)) {
    d <- responses_data(missing = missing)
    fit <- lmm(Y ~ x + re(X), d)
    expect_s3_class(fit, "hdlmm_multi")
    expect_same_fits(fit, fits_alone(d, ~ x + re(X)), responses_data(10, seed = 2))
  }
})

test_that("the law holds for fewer columns than rows, with weights and offset, and for ML", {
  d <- responses_data(p = 20, missing = 0.05)
  d$X <- d$X[, 1:20]
  fit <- lmm(Y ~ x + f + re(X), d, weights = w, offset = 2 * x, method = "ML")
  own <- fits_alone(d, ~ x + f + re(X), weights = w, offset = 2 * x, method = "ML")
  expect_same_fits(fit, own)
})

test_that("the law holds for every method", {
  d <- responses_data(40, 15, 3, missing = 0.03)
  for (method in c("MAP", "VB", "Bayes", "OLS")) {
    formula <- if (method == "OLS") Y ~ x else Y ~ x + re(X)
    fit <- lmm(formula, d, method = method)
    expect_same_fits(fit, fits_alone(d, formula[-2], method = method))
  }
})

test_that("a level lost with missing cells, or the baseline, is that of the response's own fit", {
  d <- responses_data()
  d$Y[d$f == "d", 2] <- NA
  d$Y[d$f == "a", 3] <- NA
  fit <- lmm(Y ~ f + re(X), d)
  expect_same_fits(fit, fits_alone(d, ~ f + re(X)))
  expect_true(is.na(fixef(fit)["fd", 2]) && is.na(fixef(fit)["fb", 3]))
})

test_that("a basis that depends on the rows is that of a response's own rows", {
  d <- responses_data(missing = 0.1)
  fit <- lmm(Y ~ poly(x, 2) + re(X, scale = TRUE), d)
  expect_same_fits(fit, fits_alone(d, ~ poly(x, 2) + re(X, scale = TRUE)))
})

test_that("several random terms and grouping factors keep the law", {
  d <- responses_data(missing = 0.02)
  fit <- lmm(Y ~ x + (1 | f) + re(X), d)
  expect_same_fits(fit, fits_alone(d, ~ x + (1 | f) + re(X)))
  expect_same_fits(lmm(Y ~ x + (1 | f), d), fits_alone(d, ~ x + (1 | f)))
  expect_same_fits(lmm(Y ~ x + (w | f), d), fits_alone(d, ~ x + (w | f)))
})

test_that("responses that share a search have their own fits' numbers, missing cells or not", {
  # few cells each: rows are left out of one decomposition; a pattern of two: one of their own
  cases <- list(
    wide = responses_data(70, 120, 8), narrow = responses_data(90, 20, 8, seed = 4),
    kernel = responses_data(70, 120, 8, seed = 5)
  )
  for (case in names(cases)) {
    d <- cases[[case]]
    n <- nrow(d)
    # some maxima lie at a variance of 0, none where the residual variance is 0
    d$Y <- d$Y + 4 * rnorm(length(d$Y))
    for (k in 1:5) d$Y[seq(k, n, length.out = 1 + k), k] <- NA
    d$Y[1:30, 7:8] <- NA
    d$K <- tcrossprod(d$X) / ncol(d$X)
    formula <- if (case == "kernel") Y ~ x + re(kernel = K) else Y ~ x + re(X)
    for (method in c("REML", "ML")) {
      fit <- lmm(formula, d, weights = w, method = method)
      own <- fits_alone(d, formula[-2], weights = w, method = method)
      # what tables say comes from the search, what it leaves over from fits
      is_shared <- lengths(fit$own) == 0
      expect_gt(sum(is_shared), 1)
      # decompositions of few columns are cheaper than deletions
      if (case != "narrow") expect_gt(sum(is_shared[1:5]), 3)
      table <- as.data.frame(fit)
      for (k in seq_along(own)) {
        one <- own[[k]]
        expect_equal(fixef(fit)[, k], fixef(one), tolerance = 1e-8)
        expect_equal(varcomp(fit)[, k], varcomp(one), tolerance = 1e-8)
        expect_equal(unname(logLik(fit)[k]), as.numeric(logLik(one)), tolerance = 1e-8)
        expect_equal(vcov(fit)[[k]], vcov(one), tolerance = 1e-8)
        expect_equal(table$pve[k], unname(one$pve), tolerance = 1e-8)
        expect_equal(table$pve_se[k], pve(one, method = "wald")$se, tolerance = 1e-7)
        p <- test_random(one, method = "mixture")$p_value
        expect_equal(table$p_value[k], p, tolerance = 1e-6)
        expect_identical(table$boundary[k], one$boundary)
      }
    }
  }
})

# How often a function of the package is called by `code`.
count_calls <- function(name, code) {
  calls <- 0
  suppressMessages(trace(
    name, function() calls <<- calls + 1, where = asNamespace("hdlmm"), print = FALSE
  ))
  on.exit(suppressMessages(untrace(name, where = asNamespace("hdlmm"))))
  force(code)
  calls
}

test_that("effects, fitted values and predictions of a shared search need no fits", {
  cases <- list(
    list(d = responses_data(70, 120, 8), formula = Y ~ x + f + re(X)),
    list(d = responses_data(70, 120, 8, seed = 5), formula = Y ~ 0 + x + re(X)),
    list(d = responses_data(90, 20, 8, seed = 4), formula = Y ~ x + re(X, center = TRUE)),
    list(d = responses_data(70, 120, 8, seed = 6), formula = Y ~ x + re(kernel = K, id = id)),
    list(d = responses_data(80, 20, 8, seed = 7), formula = Y ~ x + (1 | f))
  )
  for (case in cases) {
    d <- case$d
    n <- nrow(d)
    d$Y <- d$Y + 2 * rnorm(length(d$Y)) + rnorm(4)[d$f]
    d$id <- sprintf("r%03d", seq_len(n))
    K <- tcrossprod(d$X) / ncol(d$X)
    dimnames(K) <- list(d$id, d$id)
    is_deleted <- !deparse1(case$formula) %in% c("Y ~ x + re(X, center = TRUE)", "Y ~ x + (1 | f)")
    if (is_deleted) for (k in 1:5) d$Y[seq(k, n, length.out = 1 + k), k] <- NA
    environment(case$formula) <- environment()
    for (method in c("REML", "ML")) {
      fit <- suppressMessages(lmm(case$formula, d, weights = w, method = method))
      is_shared <- lengths(fit$own) == 0
      expect_gt(sum(is_shared), 4)
      ask <- function() {
        list(
          ranef = ranef(fit)[[1]], fitted = fitted(fit), residuals = residuals(fit),
          new = predict(fit, d[1:6, ]), AIC = AIC(fit), k = AIC(fit, k = 3), BIC = BIC(fit),
          df = df.residual(fit), deviance = if (method == "ML") deviance(fit),
          se = attr(ranef(fit, se = TRUE), "se")[[1]], hat = hatvalues(fit), loo = loo(fit)
        )
      }
      # the fit of one reads the new rows; those that the search left over have theirs already
      expect_lte(count_calls("fit_in_block", ours <- ask()), 1)
      # limits next to 1 are those of a fit
      expect_lt(count_calls("fit_in_block", ours$pve <- pve(fit)), sum(is_shared))
      ours$narrow <- pve(fit, level = 0.8)
      for (k in seq_len(8)) {
        d$y <- d$Y[, k]
        formula <- stats::update(case$formula, y ~ .)
        environment(formula) <- environment()
        one <- suppressMessages(lmm(formula, d, weights = w, method = method))
        at <- which(!is.na(d$y))
        same <- function(found, wanted) {
          expect_equal(unname(found), unname(wanted), tolerance = 1e-7)
        }
        same(ours$ranef[, k], ranef(one)[[1]])
        same(ours$fitted[at, k], fitted(one))
        same(ours$residuals[at, k], residuals(one))
        expect_true(all(is.na(ours$residuals[-at, k])))
        same(ours$new[, k], predict(one, d[1:6, ]))
        same(c(ours$AIC[k], ours$k[k], ours$BIC[k]), c(AIC(one), AIC(one, k = 3), BIC(one)))
        expect_equal(ours$df[[k]], df.residual(one), tolerance = 0)
        if (method == "ML") same(ours$deviance[k], deviance(one))
        same(ours$se[, k], attr(ranef(one, se = TRUE), "se")[[1]])
        same(ours$hat[at, k], hatvalues(one))
        for (part in c("pve", "narrow")) {
          own <- pve(one, level = if (part == "pve") 0.95 else 0.8)
          same(as.matrix(ours[[part]][k, -(1:2)]), as.matrix(own[-1]))
        }
        own <- loo(one)
        for (part in c("prediction", "variance", "residual", "log_density")) {
          same(ours$loo[[part]][at, k], own$table[[part]])
          expect_true(all(is.na(ours$loo[[part]][-at, k])))
        }
        same(unlist(ours$loo$table[k, -1]), unlist(own[c("elpd", "se_elpd", "rmse", "r2")]))
      }
    }
  }
  expect_error(deviance(lmm(Y ~ x + re(X), responses_data())), class = "hdlmm_undefined")
})

test_that("numbers of a shared search do not depend on threads, nor on the other responses", {
  d <- responses_data(60, 90, 5, missing = 0.02)
  one <- as.data.frame(lmm(Y ~ x + re(X), d, control = lmm_control(threads = 1)))
  two <- as.data.frame(lmm(Y ~ x + re(X), d, control = lmm_control(threads = 2)))
  expect_identical(one, two)
  d$Y <- d$Y[, 5:1]
  back <- as.data.frame(lmm(Y ~ x + re(X), d))[5:1, ]
  # products of matrices have other blocks
  expect_equal(back, one, tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("a fit made of a shared search keeps its rows, its padding and its new data", {
  d <- responses_data(60, 90, 5)
  for (k in 1:4) d$Y[k + 1:2, k] <- NA
  fit <- lmm(Y ~ x + re(X), d, na.action = na.exclude)
  one <- fit[["g2"]]
  own <- lmm(Y[, "g2"] ~ x + re(X), d, na.action = na.exclude)
  expect_equal(fitted(one), fitted(own), tolerance = 1e-7)
  expect_identical(names(fitted(one)), names(fitted(own)))
  expect_identical(which(is.na(residuals(one))), which(is.na(residuals(own))))
  new <- responses_data(5, seed = 3)
  expect_equal(predict(one, new), predict(own, new), tolerance = 1e-7)
  expect_equal(varcomp(update(one, method = "ML")), varcomp(update(own, method = "ML")))
})

test_that("a fit of one of several responses is its own fit, to the intervals and tests", {
  d <- responses_data(missing = 0.02)
  fit <- lmm(Y ~ x + re(X), d)
  own <- fits_alone(d, ~ x + re(X))[[3]]
  one <- fit[["g3"]]
  expect_s3_class(one, "hdlmm")
  expect_identical(one$effects, fit[[3]]$effects)
  # limits are roots of the likelihood, to 1e-8 of a step
  expect_equal(confint(one), confint(own), tolerance = 1e-6)
  table <- confint(fit)
  expect_named(table, c("response", "parameter", "2.5 %", "97.5 %"))
  expect_equal(
    as.matrix(table[table$response == "g3", 3:4]), confint(own), tolerance = 1e-6,
    ignore_attr = TRUE
  )
  tests <- test_random(fit, method = "mixture")
  expect_equal(
    tests$p_value[tests$response == "g3"], test_random(own, method = "mixture")$p_value,
    tolerance = 1e-7
  )
  expect_equal(deparse1(formula(one)), "Y[, \"g3\"] ~ x + re(X)")
  expect_equal(fixef(update(one, method = "ML")), fixef(lmm(Y[, 3] ~ x + re(X), d, method = "ML")))
  expect_error(fit[["g9"]], "there is no response", class = "hdlmm_bad_input")
  expect_error(fit[[5]], "from 1 to 4", class = "hdlmm_bad_input")
})

test_that("cbind() names its columns and leaves them out of the dot", {
  d <- responses_data()
  d <- data.frame(a = d$Y[, 1], b = d$Y[, 4], x = d$x, w = d$w)
  fit <- lmm(cbind(a, log(b^2), second = b) ~ ., d)
  expect_identical(fit$responses, c("a", "log(b^2)", "second"))
  expect_equal(fixef(fit)[, "a"], fixef(lmm(a ~ x + w, d)), tolerance = 1e-12)
  expect_equal(fixef(fit)[, 2], fixef(lmm(log(b^2) ~ x + w, d)), tolerance = 1e-12)
})

test_that("data come as a data frame, a list, an environment or from around the formula", {
  d <- responses_data(missing = 0.02)
  wanted <- varcomp(lmm(Y ~ x + re(X), d))
  expect_equal(varcomp(lmm(Y ~ x + re(X), as.list(d))), wanted)
  expect_equal(varcomp(lmm(Y ~ x + re(X), list2env(as.list(d)))), wanted)
  expect_equal(varcomp(with(d, lmm(Y ~ x + re(X)))), wanted)
  part <- lmm(Y ~ x + re(X), d, subset = w > 1, na.action = na.exclude)
  expect_equal(varcomp(part), varcomp(lmm(Y ~ x + re(X), d[d$w > 1, ])))
})

test_that("rows that miss everything are padded under na.exclude, others are NA where they miss", {
  d <- responses_data()
  d$Y[3, ] <- NA
  d$Y[5, 2] <- NA
  d$x[7] <- NA
  fit <- lmm(Y ~ x + re(X), d, na.action = na.exclude)
  expect_identical(dim(fitted(fit)), c(60L, 4L))
  expect_identical(which(unname(is.na(residuals(fit)[, 1]))), c(3L, 7L))
  expect_identical(which(unname(is.na(residuals(fit)[, 2]))), c(3L, 5L, 7L))
  expect_identical(nrow(fitted(lmm(Y ~ x + re(X), d))), 58L)
})

test_that("fits of several terms are printed and tabulated, at a boundary and inside", {
  d <- responses_data(missing = 0.02)
  d$h <- factor(rep(1:12, each = 5))
  fit <- lmm(Y ~ x + (1 | f) + (1 | h), d)
  for (k in 1:4) {
    own <- fit[[k]]$boundary
    expect_identical(
      as.data.frame(fit)$boundary[k], if (length(own)) paste(own, collapse = ", ") else "none"
    )
  }
  expect_setequal(as.data.frame(fit)$boundary == "none", c(TRUE, FALSE))
  expect_output(print(summary(fit)), "At a boundary of the parameters: [1-3];")
  expect_output(print(lmm(Y ~ x + (x | f), d, method = "VB")), "variational")
})

test_that("a matrix that is no response is refused as one response is", {
  d <- responses_data()
  d$text <- as.character(d$f)
  expect_error(lmm(cbind(Y, text) ~ x, d), "must be numeric", class = "hdlmm_bad_input")
  expect_error(lmm(cbind(x, 1i) ~ x, d), "must be numeric", class = "hdlmm_bad_input")
  short <- d$Y[1:7, ]
  expect_error(lmm(short ~ x + re(X), d), "lengths differ", class = "hdlmm_bad_input")
  expect_error(lmm(rbind(Y, Y) ~ x, d), "lengths differ", class = "hdlmm_bad_input")
})

test_that("a response without a fit leaves the others theirs", {
  d <- responses_data()
  d$Y[, 2] <- NA
  d$Y[4, 3] <- Inf
  expect_warning(fit <- lmm(Y ~ x + re(X), d), "2 responses of 4", class = "hdlmm_no_fit")
  expect_equal(fixef(fit)[, 4], fixef(lmm(Y[, 4] ~ x + re(X), d)))
  expect_true(all(is.na(varcomp(fit)[, 2:3])))
  expect_error(fit[["g2"]], class = "hdlmm_bad_input")
  expect_output(print(fit), "Without a fit: 2")
})

test_that("a response without an answer, though it has a fit, leaves the others theirs", {
  d <- responses_data()
  wanted <- lmm(Y[, 4] ~ f + re(X), d)
  d$Y[, 2] <- 3
  fit <- suppressWarnings(lmm(Y ~ f + re(X), d), classes = "hdlmm_exact_fit")
  expect_warning(left <- loo(fit), "`g2`: rows that are fitted exactly", class = "hdlmm_no_answer")
  expect_equal(left$prediction[, 4], loo(wanted)$table$prediction, ignore_attr = TRUE)
  expect_true(all(is.na(left$prediction[, 2])) && is.na(left$table$elpd[2]))
  expect_warning(tests <- test_random(fit, "mixture"), "`g2`", class = "hdlmm_no_answer")
  expect_identical(tests$response, c("g1", "g3", "g4"))
  # new data with a level that only some responses know
  d <- responses_data()
  d$Y[d$f == "d", 2] <- NA
  fit <- lmm(Y ~ f + re(X), d)
  for (ask in list(list(), list(se.fit = TRUE), list(interval = "prediction"))) {
    ask_new <- function(fit) do.call(predict, c(list(fit, d[1:4, ]), ask))
    expect_warning(new <- ask_new(fit), "new levels d", class = "hdlmm_no_answer")
    one <- ask_new(fit[["g3"]])
    if (is.null(ask$se.fit)) {
      ours <- if (is.matrix(one)) new[, , 3] else new[, 3]
      expect_equal(ours, one, ignore_attr = TRUE)
      expect_true(all(is.na(if (is.matrix(one)) new[, , 2] else new[, 2])))
    } else {
      expect_equal(new$se.fit[, 3], one$se.fit, ignore_attr = TRUE)
    }
  }
  d$f <- as.character(d$f)
  d$f[1] <- "other"
  expect_error(predict(fit, d[1, ]), "new level other", class = "hdlmm_bad_input")
})

test_that("a response whose numbers no double holds leaves the others theirs", {
  d <- responses_data()
  wanted <- varcomp(lmm(Y ~ x + re(X), d))
  for (scale in c(1e-300, 1e300)) {
    own <- d
    own$Y[, 2] <- d$Y[, 2] * scale
    expect_warning(fit <- lmm(Y ~ x + re(X), own), "`g2`: the variance", class = "hdlmm_no_fit")
    expect_equal(varcomp(fit)[, -2], wanted[, -2], tolerance = 1e-10)
    expect_error(fit[["g2"]], class = "hdlmm_overflow")
  }
  # scales by themselves change nothing
  scale <- rep(2^c(-500, -200, 200, 500), each = 60)
  own$Y <- d$Y * scale
  expect_identical(fitted(lmm(Y ~ x + re(X), own)), fitted(lmm(Y ~ x + re(X), d)) * scale)
})

test_that("rows that `subset` takes twice are two rows", {
  d <- responses_data(missing = 0.02)
  at <- c(1:50, 3:8)
  fit <- lmm(Y ~ x + re(X[, 1:20]), d, subset = at)
  for (k in c(1, 3)) {
    one <- lmm(Y[, k] ~ x + re(X[, 1:20]), d, subset = at)
    kept <- !is.na(d$Y[at, k])
    for (ask in list(fitted, residuals, hatvalues, predict)) {
      expect_equal(unname(ask(fit)[kept, k]), unname(ask(one)), tolerance = 1e-7)
    }
    expect_equal(loo(fit)$variance[kept, k], loo(one)$table$variance, tolerance = 1e-7,
      ignore_attr = TRUE)
  }
})

test_that("missing cells are refused or kept where na.action says so", {
  d <- responses_data(missing = 0.02)
  fit <- function(...) lmm(Y ~ x + re(X), d, ...)
  expect_error(fit(na.action = na.fail), "missing values in object", class = "hdlmm_bad_input")
  expect_error(fit(na.action = "na.fail"), "missing values in object", class = "hdlmm_bad_input")
  for (keep in list(na.pass, NULL)) {
    expect_error(eval(bquote(fit(na.action = .(keep)))), "na.action kept",
      class = "hdlmm_bad_input")
  }
  expect_error(cv_lmm(Y ~ x, d, na.action = na.fail), "missing values", class = "hdlmm_bad_input")
  expect_equal(varcomp(fit(na.action = function(x, ...) na.omit(x))), varcomp(fit()))
  old <- options(na.action = "na.fail")
  on.exit(options(old))
  expect_error(fit(), "missing values in object", class = "hdlmm_bad_input")
  d <- responses_data()
  for (action in list(na.fail, na.pass)) expect_equal(
    varcomp(eval(bquote(fit(na.action = .(action))))), varcomp(fit(na.action = na.omit))
  )
})

test_that("tables have one row a response, print has quantiles and no block a response", {
  d <- responses_data(missing = 0.02)
  fit <- lmm(Y ~ x + re(X), d)
  table <- as.data.frame(fit)
  expect_identical(table$response, fit$responses)
  expect_equal(table$var_X, unname(varcomp(fit)["X", ]))
  own <- fit[["g4"]]
  expect_equal(table$pve_se[4], pve(own, method = "wald")$se)
  expect_equal(table$p_value[4], test_random(own, method = "mixture")$p_value)
  text <- capture.output(print(fit))
  expect_lt(length(text), 16)
  expect_match(text, "4 responses", all = FALSE)
  expect_match(text, "At a boundary of the parameters: [0-4]; not converged: 0", all = FALSE)
  expect_output(print(summary(fit)), "logLik")
  expect_output(print(loo(fit)), "4 responses")
})

test_that("simulated responses are drawn one after the other from one seed", {
  d <- responses_data(missing = 0.02)
  fit <- lmm(Y ~ x + re(X), d)
  draws <- simulate(fit, seed = 3)
  expect_equal(na.omit(draws[, 1]), simulate(fit[[1]], seed = 3)[, 1], ignore_attr = TRUE)
  expect_lt(abs(cor(draws[, 1], draws[, 4], use = "complete.obs")), 1)
  expect_identical(dim(simulate(fit, 3, seed = 1)), c(60L, 3L, 4L))
  interval <- predict(fit, responses_data(5), interval = "prediction")
  expect_equal(interval[, , 4], predict(fit[[4]], responses_data(5), interval = "prediction"))
  errors <- predict(fit, se.fit = TRUE)
  expect_equal(na.omit(errors$se.fit[, 2]), predict(fit[[2]], se.fit = TRUE)$se.fit,
    ignore_attr = TRUE)
})

test_that("what is for one response stops and says how to take one", {
  fit <- lmm(Y ~ x + re(X), responses_data())
  verbs <- list(
    anova, add1, drop1, profile, model.frame, model.matrix, extractAIC, posterior_predict,
    posterior_sample, posterior_summary, compare_methods, bayes_factor
  )
  for (verb in verbs) expect_error(verb(fit), "fit\\[\\[\"g1\"\\]\\]", class = "hdlmm_unsupported")
  # every method for one response has one for several
  methods <- as.character(utils::.S3methods(class = "hdlmm", envir = asNamespace("hdlmm")))
  generics <- unique(sub("[.]hdlmm$", "", grep("[.]hdlmm$", methods, value = TRUE)))
  generics <- setdiff(generics, c("$<-", "terms"))
  expect_gt(length(generics), 40)
  several <- as.character(utils::.S3methods(class = "hdlmm_multi", envir = asNamespace("hdlmm")))
  expect_identical(setdiff(generics, sub("[.]hdlmm_multi$", "", several)), character())
})

test_that("a fit is kept without copies of what responses share, and saves and updates whole", {
  d <- responses_data(80, 200, 6)
  fit <- lmm(Y ~ x + re(X), d)
  one <- length(serialize(fit[[1]], NULL))
  expect_lt(length(serialize(fit, NULL)), 2 * one)
  back <- unserialize(serialize(fit, NULL))
  expect_identical(predict(back[[5]], d), predict(fit[[5]], d))
  expect_equal(varcomp(update(fit, . ~ . - x)), varcomp(lmm(Y ~ re(X), d)))
  expect_equal(varcomp(update(fit, method = "ML")), varcomp(lmm(Y ~ x + re(X), d, method = "ML")))
})
