# The engine of parsnip, in the real tidymodels.

library(hdlmm)
skip_if_not_installed("parsnip")
data(wheat, package = "hdlmm", envir = environment())
rows <- tibble::as_tibble(wheat[1:150, c("yield1", "yield2", "set")])
rows$X <- wheat$markers[1:150, 1:200]
new <- rows[1:20, ]
new$X <- wheat$markers[201:220, 1:200]

engine <- function(...) {
  parsnip::set_engine(parsnip::linear_reg(), "hdlmm", ...)
}
fit_quietly <- function(...) suppressWarnings(suppressMessages(parsnip::fit(...)))
lmm_quietly <- function(...) suppressWarnings(suppressMessages(lmm(...)))

test_that("fits and predictions by the engine are those of lmm(), for every method", {
  ways <- list(
    list(), list(method = "ML"), list(method = "ML", algorithm = "em"),
    list(method = "VB", control = lmm_control(blocks = "all")), list(method = "Bayes")
  )
  for (way in ways) {
    fit <- fit_quietly(do.call(engine, way), yield1 ~ yield2 + re(X), data = rows)
    own <- do.call(lmm_quietly, c(list(yield1 ~ yield2 + re(X), quote(rows)), way))
    found <- parsnip::extract_fit_engine(fit)
    expect_s3_class(found, class(own), exact = TRUE)
    expect_identical(varcomp(found), varcomp(own))
    expect_identical(predict(fit, new)$.pred, unname(predict(own, new)))
    for (interval in c("confidence", "prediction")) {
      type <- c(confidence = "conf_int", prediction = "pred_int")[[interval]]
      limits <- predict(own, new, interval = interval, level = 0.8)
      got <- predict(fit, new, type = type, level = 0.8)
      expect_named(got, c(".pred_lower", ".pred_upper"))
      expect_identical(as.matrix(got), unname(limits[, 2:3]), ignore_attr = TRUE)
      got <- predict(fit, new, type = type, std_error = TRUE)
      expect_identical(got$.std_error, unname(predict(own, new, se.fit = TRUE)$se.fit))
    }
    raw <- predict(fit, new, type = "raw", opts = list(random = FALSE))
    expect_identical(raw, predict(own, new, random = FALSE))
  }
})

test_that("case weights are the weights of lmm(), and its errors come through", {
  skip_if_not_installed("hardhat")
  w <- rep(1:3, 50)
  fit <- fit_quietly(
    engine(), yield1 ~ re(X), data = rows, case_weights = hardhat::importance_weights(w)
  )
  own <- lmm_quietly(yield1 ~ re(X), rows, weights = w)
  expect_identical(logLik(parsnip::extract_fit_engine(fit)), logLik(own))
  expect_error(parsnip::fit(engine(family = "poisson"), yield1 ~ re(X), data = rows), "family")
  expect_error(
    parsnip::fit(engine(method = "lasso"), yield1 ~ re(X), data = rows), class = "hdlmm_bad_input"
  )
  by_columns <- parsnip::fit_xy(engine(), x = rows[c("yield2", "set")], y = rows$yield1)
  expect_equal(
    predict(by_columns, new)$.pred,
    unname(predict(stats::lm(yield1 ~ yield2 + set, rows), new)), tolerance = 1e-10
  )
})

test_that("generics of tidymodels answer through the engine", {
  fit <- fit_quietly(engine(), yield1 ~ yield2 + re(X), data = rows)
  own <- parsnip::extract_fit_engine(fit)
  expect_identical(generics::tidy(fit), generics::tidy(own))
  expect_identical(generics::glance(fit), generics::glance(own))
  expect_identical(parsnip::augment(fit, new)$.resid, new$yield1 - unname(predict(own, new)))
})

test_that("registering twice leaves one engine of each kind", {
  engines <- parsnip::get_from_env("linear_reg_predict")
  register_engine()
  expect_identical(parsnip::get_from_env("linear_reg_predict"), engines)
  expect_identical(sum(parsnip::get_from_env("linear_reg")$engine == "hdlmm"), 1L)
})

test_that("in a workflow a matrix is one predictor, of variables or of a recipe", {
  skip_if_not_installed("workflows")
  skip_if_not_installed("recipes", "1.1.0")
  own <- lmm_quietly(yield1 ~ yield2 + re(X), rows, method = "ML")
  with_model <- function(flow) {
    flow <- workflows::add_model(
      flow, engine(method = "ML"), formula = yield1 ~ yield2 + re(X)
    )
    fit_quietly(flow, rows)
  }
  by_variables <- with_model(workflows::add_variables(
    workflows::workflow(), outcomes = "yield1", predictors = c("yield2", "X")
  ))
  expect_identical(predict(by_variables, new)$.pred, unname(predict(own, new)))
  recipe <- recipes::recipe(rows, vars = c("yield1", "yield2", "X"))
  recipe <- recipes::update_role(recipe, "yield1", new_role = "outcome")
  recipe <- recipes::update_role(recipe, "yield2", "X", new_role = "predictor")
  recipe <- recipes::step_normalize(recipe, "yield2")
  by_recipe <- with_model(workflows::add_recipe(workflows::workflow(), recipe))
  # another coding of the same fixed space
  expect_equal(predict(by_recipe, new)$.pred, unname(predict(own, new)), tolerance = 1e-8)
})

test_that("re(.) takes the columns that a recipe leaves as predictors", {
  skip_if_not_installed("workflows")
  skip_if_not_installed("recipes", "1.1.0")
  spread <- function(d) tibble::as_tibble(data.frame(d[c("yield1", "yield2", "set")], d$X))
  wide <- spread(rows)
  recipe <- recipes::recipe(yield1 ~ ., wide[0, ])
  recipe <- recipes::update_role(recipe, "set", new_role = "group")
  recipe <- recipes::step_zv(recipe, recipes::all_numeric_predictors())
  flow <- workflows::add_recipe(workflows::workflow(), recipe)
  flow <- workflows::add_model(flow, engine(), formula = yield1 ~ yield2 + re(.))
  fit <- fit_quietly(flow, wide)
  own <- lmm_quietly(yield1 ~ yield2 + re(X), rows)
  # columns of zeros are left out by the recipe, and add nothing in the other
  expect_equal(predict(fit, spread(new))$.pred, unname(predict(own, new)), tolerance = 1e-6)
})

test_that("a grid over methods on an rset has the errors of cv_lmm()", {
  skip_if_not_installed("tune")
  skip_if_not_installed("rsample")
  set.seed(1)
  folds <- rsample::vfold_cv(rows, 4)
  methods <- c("REML", "ML", "Bayes")
  formula <- yield1 ~ yield2 + re(X)
  flow <- workflows::add_variables(
    workflows::workflow(), outcomes = "yield1", predictors = c("yield2", "X")
  )
  flow <- workflows::add_model(flow, engine(method = tune::tune()), formula = formula)
  rmse <- yardstick::metric_set(yardstick::rmse)
  tuned <- suppressMessages(tune::tune_grid(
    flow, folds, grid = data.frame(method = methods), metrics = rmse
  ))
  by_fold <- tune::collect_metrics(tuned, summarize = FALSE)
  cv <- as.data.frame(suppressMessages(cv_lmm(formula, rows, folds = folds, method = methods)))
  squares <- tapply((cv$observed - cv$prediction)^2, cv[c("fold", "model")], mean)
  found <- with(by_fold, tapply(.estimate, list(id, method), mean))
  # folds are predicted from one decomposition, whose sums go in another order
  expect_equal(sqrt(squares)[, methods], found[, methods], tolerance = 1e-6, ignore_attr = TRUE)
})
