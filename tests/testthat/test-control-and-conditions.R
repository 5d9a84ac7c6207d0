# lmm_control(), lmm_methods() and the conditions.

d <- bad_input_data()
n <- nrow(d)
plain <- lmm(y ~ x + re(X), d)
grouped <- lmm(y ~ x + (1 | g), d)
ols <- lmm(y ~ x + f, d)

test_that("lmm_control() keeps what it is given and prints every component", {
  control <- lmm_control(
    tol = 1e-6, max_iter = 7, draws = 50, warmup = 20, chains = 2, thin = 3, seed = 3,
    threads = 1, progress = FALSE, accelerate = "squarem", blocks = c("a", "b", "a"),
    sweep = "random", system = "row"
  )
  expect_s3_class(control, "lmm_control")
  expect_identical(
    unclass(control),
    list(
      tol = 1e-6, max_iter = 7, draws = 50, warmup = 20, chains = 2, thin = 3, seed = 3,
      threads = 1, progress = FALSE, grid_step = 0.5, accelerate = "squarem",
      blocks = factor(c("a", "b", "a")), sweep = "random", system = "row"
    )
  )
  text <- utils::capture.output(shown <- print(control))
  expect_identical(shown, control)
  expect_match(text[1], "^Control of an lmm\\(\\) fit$")
  for (name in names(control)) expect_match(
    text, paste0("^  ", name, " +\\S+( blocks)?$"), all = FALSE
  )
  expect_match(utils::capture.output(print(lmm_control())), "^  seed +NULL$", all = FALSE)
})

test_that("a fit keeps its control, and later answers use it", {
  fit <- lmm(y ~ x + re(X), d, control = lmm_control(draws = 15, seed = 4))
  expect_identical(fit$control$draws, 15)
  expect_identical(
    confint(fit, "pve", method = "boot"),
    confint(plain, "pve", method = "boot", draws = 15, seed = 4)
  )
  expect_identical(
    test_random(fit, "exact")$p_value,
    test_random(plain, "exact", draws = 15, seed = 4)$p_value
  )
})

test_that("a seed gives the same draws whatever the generator, and puts its state back", {
  old <- RNGkind()
  on.exit(do.call(RNGkind, as.list(old)))
  ask <- function() {
    list(
      confint(plain, "x", method = "boot", draws = 9, seed = 5),
      test_random(plain, "exact", draws = 9, seed = 5)$p_value,
      simulate(plain, 2, seed = 5)[[2]]
    )
  }
  set.seed(1)
  state <- .Random.seed
  first <- ask()
  expect_identical(.Random.seed, state)
  suppressWarnings(RNGkind("Wichmann-Hill", "Box-Muller", "Rounding"))
  set.seed(2)
  expect_identical(ask(), first)
  expect_identical(RNGkind()[1:2], c("Wichmann-Hill", "Box-Muller"))
  rm(".Random.seed", envir = globalenv())
  expect_identical(ask(), first)
  expect_false(exists(".Random.seed", envir = globalenv(), inherits = FALSE))
})

test_that("without a seed the draws are those of set.seed()", {
  draw <- function() {
    set.seed(11)
    test_random(plain, "exact", draws = 20)$p_value
  }
  expect_identical(draw(), draw())
})

test_that("results do not depend on the number of threads", {
  one <- lmm(y ~ x + re(X), d, control = lmm_control(threads = 1))
  four <- lmm(y ~ x + re(X), d, control = lmm_control(threads = 4))
  expect_identical(varcomp(one), varcomp(four))
  expect_identical(ranef(one, se = TRUE), ranef(four, se = TRUE))
})

test_that("OMP_THREAD_LIMIT bounds the threads, two are the default", {
  old <- Sys.getenv("OMP_THREAD_LIMIT", unset = NA)
  on.exit(
    if (is.na(old)) Sys.unsetenv("OMP_THREAD_LIMIT") else Sys.setenv(
      OMP_THREAD_LIMIT = old
    )
  )
  Sys.unsetenv("OMP_THREAD_LIMIT")
  expect_identical(hdlmm:::n_threads(lmm_control()), 2L)
  expect_identical(hdlmm:::n_threads(lmm_control(threads = 8)), 8L)
  Sys.setenv(OMP_THREAD_LIMIT = "1")
  expect_identical(hdlmm:::n_threads(lmm_control(threads = 8)), 1L)
  Sys.setenv(OMP_THREAD_LIMIT = "many")
  expect_identical(hdlmm:::n_threads(lmm_control(threads = 3)), 3L)
})

test_that("a finer grid finds the same mode", {
  fine <- lmm(y ~ x + re(X), d, control = lmm_control(grid_step = 0.05))
  # polished to 1e-10 in log ratio
  expect_equal(varcomp(fine), varcomp(plain), tolerance = 1e-9)
})

test_that("lmm_methods() lists what lmm() takes, each method's default first", {
  table <- lmm_methods()
  expect_identical(names(table), c("method", "algorithm", "description"))
  known <- c("OLS", "REML", "ML", "MAP", "VB", "Bayes")
  expect_identical(utils::head(unique(table$method), length(known)), known)
  expect_identical(anyDuplicated(table[c("method", "algorithm")]), 0L)
  expect_true(all(nzchar(table$description)))
  for (method in setdiff(table$method, "OLS")) {
    fit <- lmm(y ~ x + re(X), d, method = method)
    expect_identical(fit$algorithm, table$algorithm[match(method, table$method)])
    expect_identical(fit$method, method)
  }
})

test_that("an unknown method or algorithm is answered with those that exist", {
  methods <- unique(lmm_methods()$method)
  for (bad in list("reml", 3, NULL, NA_character_, c("ML", "REML")[0])) {
    error <- expect_error(lmm(y ~ re(X), d, method = bad), class = "hdlmm_bad_input")
    for (method in methods) expect_match(
      conditionMessage(error), paste0("\"", method, "\"")
    )
  }
  expect_error(
    lmm(y ~ re(X), d, method = "REML", algorithm = "gradient"),
    "`algorithm` for method \"REML\" must be .*\"direct\".*; found \"gradient\"",
    class = "hdlmm_bad_input"
  )
})

test_that("conditions can be caught by what they are, by kind, and as R's own", {
  catch <- function(class, run) {
    handler <- stats::setNames(list(function(e) "caught"), class)
    do.call(tryCatch, c(list(quote(run())), handler))
  }
  stops <- function() lmm(y ~ x, put_cells(d, "y", 1, Inf))
  warns <- function() lmm(y ~ x + re(X), put(d, y = 3))
  for (class in c("hdlmm_bad_input", "hdlmm_error", "error", "condition")) {
    expect_identical(catch(class, stops), "caught")
  }
  for (class in c("hdlmm_exact_fit", "hdlmm_warning", "warning", "condition")) {
    expect_identical(catch(class, warns), "caught")
  }
})

test_that("a condition shows the call that the user made", {
  calls <- list(
    lmm = function() lmm(y ~ re(X), d, method = "reml"),
    predict = function() predict(plain, 3),
    update = function() update(plain, method = "reml"),
    lmm_control = function() lmm_control(tol = -1),
    confint = function() confint(plain, "nothing")
  )
  for (name in names(calls)) {
    call <- conditionCall(observe(calls[[name]])$error)
    expect_identical(as.character(call[[1]]), name)
  }
  expect_identical(
    conditionCall(observe(function() lmm(y ~ re(X), d, method = "reml"))$error),
    quote(lmm(y ~ re(X), d, method = "reml"))
  )
})

test_that("a call made by do.call() is shown by name and without its data", {
  arguments <- list(y ~ re(X), data = d, method = "reml")
  error <- observe(function() do.call("lmm", arguments))$error
  expect_identical(as.character(conditionCall(error)[[1]]), "lmm")
  expect_lt(sum(nchar(deparse(conditionCall(error)))), 200)
})

test_that("the parts of messages are English", {
  expect_identical(hdlmm:::enumerate(character()), character())
  expect_identical(hdlmm:::enumerate("a"), "a")
  expect_identical(hdlmm:::enumerate(c("a", "b")), "a and b")
  expect_identical(hdlmm:::enumerate(letters[1:3]), "a, b and c")
  expect_identical(hdlmm:::enumerate(1:8), "1, 2, 3, 4, 5 and 3 more")
  expect_identical(hdlmm:::counted(1, "row"), "1 row")
  expect_identical(hdlmm:::counted(0, "row"), "0 rows")
  expect_identical(hdlmm:::counted(2, "entry", "entries"), "2 entries")
})

test_that("a large count is written out", {
  many <- data.frame(y = rep(c(1, 2, Inf), c(60000, 60000, 100000)))
  expect_error(lmm(y ~ 1, many), "100000 infinite values", class = "hdlmm_bad_input")
})
