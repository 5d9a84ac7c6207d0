# Work under a plan of futures has the bytes of work without one.

skip_if_not_installed("future")

with_plan <- function(strategy, code) {
  old <- future::plan(strategy, workers = 2)
  on.exit(future::plan(old))
  code
}

sets <- nlme::Oxboys
sampled <- lmm_control(draws = 30, warmup = 10)
validate <- function() {
  as.data.frame(cv_lmm(
    height ~ age + (1 | Subject), sets, method = c("REML", "Bayes/gibbs"), folds = 4, seed = 1,
    control = sampled
  ))
}
alone <- validate()

test_that("folds of a cross-validation are the same in other sessions and in forks", {
  expect_identical(with_plan(future::multisession, validate()), alone)
  skip_if(!future::supportsMulticore())
  expect_identical(with_plan(future::multicore, validate()), alone)
})

test_that("bootstrap limits and their generator are the same in other sessions", {
  one <- lmm(height ~ age + (1 | Subject), sets)
  several <- lmm(height ~ age + (age | Subject), sets)
  limits <- function() {
    set.seed(3)
    out <- list(
      seeded = confint(one, method = "boot", draws = 60, seed = 1),
      # R's generator goes on from where the draws leave it
      unseeded = confint(one, method = "boot", draws = 45), after = stats::runif(1),
      several = confint(several, method = "boot", draws = 6, seed = 1),
      test = test_random(several, "both", draws = 6, seed = 2)
    )
    out
  }
  expect_identical(with_plan(future::multisession, limits()), limits())
})

test_that("compared methods are the same in other sessions", {
  fit <- lmm(height ~ age + (1 | Subject), sets)
  compare <- function() {
    out <- compare_methods(
      fit, c("REML", "VB", "Bayes", "Bayes/gibbs"), control = lmm_control(draws = 40, seed = 1)
    )
    out[setdiff(names(out), "seconds")]
  }
  ours <- with_plan(future::multisession, compare())
  expect_identical(as.list(ours), as.list(compare()))
})

# A task that ends its process, once or always.
deadly <- function(shared, i) {
  if (i == 3 && !file.exists(shared)) {
    if (shared != "") file.create(shared)
    tools::pskill(Sys.getpid(), 9)
  }
  i^2
}
environment(deadly) <- globalenv()

test_that("tasks of a worker that was killed are run elsewhere", {
  skip_on_os("windows")
  found <- with_plan(future::multisession, suppressWarnings(run_tasks(6, deadly, tempfile())))
  expect_identical(found, lapply(1:6, function(i) list(value = i^2)))
})

test_that("a task that kills every worker is an error of its own, and no other task is lost", {
  skip_on_os("windows")
  found <- with_plan(future::multisession, suppressWarnings(run_tasks(6, deadly, "")))
  expect_identical(found[-3], lapply((1:6)[-3], function(i) list(value = i^2)))
  expect_s3_class(found[[3]]$error, "hdlmm_lost_worker")
})

many <- data.frame(x = rep(1:30, 2) / 10, g = gl(6, 10))
set.seed(8)
many$X <- matrix(rnorm(60 * 70), 60)
many$Y <- many$X %*% matrix(rnorm(350), 70) / 8 + matrix(rnorm(300), 60)
many$Y[cbind(c(2, 5, 9, 30), c(1, 1, 2, 3))] <- NA
many$Y[, 5] <- NA

# Steps that are done after each step, and how many there are.
progress_of <- function(code) {
  done <- total <- numeric()
  counting <- progressr::make_progression_handler("count", reporter = list(
    update = function(config, state, progression, ...) {
      done <<- c(done, state$step)
      total <<- config$max_steps
    }
  ), interval = 0, enable = TRUE)
  progressr::with_progress(code, handlers = counting, enable = TRUE)
  list(done = done, total = total)
}

test_that("folds and responses report their progress once each, to the end, under any plan", {
  skip_if_not_installed("progressr")
  cases <- list(
    # two methods on four folds; the first of four responses is what others are kept in terms of
    list(run = validate, tasks = 8),
    list(run = function() lmm(Y[, 1:4] ~ x + re(X), many, method = "MAP"), tasks = 3)
  )
  for (case in cases) {
    for (plan in list(future::sequential, future::multisession)) {
      old <- if (identical(plan, future::sequential)) future::plan(plan) else
        future::plan(plan, workers = 2)
      seen <- progress_of(case$run())
      future::plan(old)
      expect_identical(c(seen$total, max(seen$done)), c(case$tasks, case$tasks))
      expect_false(is.unsorted(seen$done))
    }
  }
})

fit_many <- function() {
  suppressWarnings(list(
    lmm(Y ~ x + re(X), many, method = "MAP"), lmm(Y ~ x + re(X), many, method = "Bayes"),
    lmm(Y ~ x + (1 | g) + re(X), many), lmm(Y ~ x + re(X), many)
  ))
}

# Everything that a fit of many responses answers by the fit of each.
ask_many <- function(fit) {
  list(
    as.data.frame(fit), ranef(fit, se = TRUE), fitted(fit), predict(fit, many[1:3, ]),
    predict(fit, interval = "prediction"), loo(fit), pve(fit), confint(fit, "x"),
    simulate(fit, 2, seed = 1)
  )
}

test_that("fits of many responses and their answers are the same in other sessions and in forks", {
  plans <- c(list(future::multisession), if (future::supportsMulticore()) list(future::multicore))
  fits <- fit_many()
  alone <- lapply(fits, ask_many)
  for (plan in plans) {
    expect_identical(with_plan(plan, lapply(fits, ask_many)), alone)
    again <- with_plan(plan, fit_many())
    expect_identical(lapply(again, ask_many), alone)
    # what is kept of each is no more than in one process
    for (i in seq_along(fits)) {
      kept <- function(fit) length(serialize(fit[c("base", "own", "facts", "blocks")], NULL))
      expect_equal(kept(again[[i]]), kept(fits[[i]]), tolerance = 0.01)
    }
  }
})

# Forks inherit it.
trace_tasks <- function(tracer, name = "fit_task") {
  suppressMessages(trace(name, tracer, where = asNamespace("hdlmm"), print = FALSE))
}

test_that("a fold whose worker was killed is fitted elsewhere, or is named and no other is lost", {
  skip_if(!future::supportsMulticore())
  main <- Sys.getpid()
  marker <- tempfile()
  on.exit(suppressMessages(untrace("run_fold_task", where = asNamespace("hdlmm"))))
  trace_tasks(name = "run_fold_task", bquote(
    if (i == 3 && Sys.getpid() != .(main) && !file.exists(.(marker))) {
      file.create(.(marker))
      tools::pskill(Sys.getpid(), 9)
    }
  ))
  expect_identical(with_plan(future::multicore, suppressWarnings(validate())), alone)
  expect_true(file.exists(marker))
  trace_tasks(name = "run_fold_task", bquote(
    if (i == 3 && Sys.getpid() != .(main)) tools::pskill(Sys.getpid(), 9)
  ))
  said <- NULL
  found <- with_plan(future::multicore, withCallingHandlers(validate(), warning = function(w) {
    if (inherits(w, "hdlmm_fold_failed")) said <<- w
    invokeRestart("muffleWarning")
  }))
  # the first method's third fold, and nothing else
  is_lost <- alone$model == alone$model[1] & alone$fold == 3
  expect_match(conditionMessage(said), "fold 3 of .*REML.* has no predictions: its worker was lost")
  expect_identical(found[!is_lost, ], alone[!is_lost, ])
  expect_true(all(is.na(found$prediction[is_lost])))
  expect_identical(found[is_lost, 1:5], alone[is_lost, 1:5])
})

test_that("a response whose worker was killed is fitted elsewhere, or is an error of its own", {
  skip_if(!future::supportsMulticore())
  fit_four <- function() lmm(Y[, 1:4] ~ x + re(X), many, method = "MAP")
  alone <- as.data.frame(fit_four())
  main <- Sys.getpid()
  marker <- tempfile()
  on.exit(suppressMessages(untrace("fit_task", where = asNamespace("hdlmm"))))
  # kills once; the functions of a task take the trace along
  trace_tasks(bquote(
    if (i == 2 && Sys.getpid() != .(main) && !file.exists(.(marker))) {
      file.create(.(marker))
      tools::pskill(Sys.getpid(), 9)
    }
  ))
  killed <- function() with_plan(future::multicore, suppressWarnings(fit_four()))
  expect_identical(as.data.frame(killed()), alone)
  expect_true(file.exists(marker))
  trace_tasks(bquote(
    if (i == 2 && Sys.getpid() != .(main)) tools::pskill(Sys.getpid(), 9)
  ))
  fit <- killed()
  lost <- which(lengths(fit$errors) > 0)
  expect_length(lost, 1)
  expect_error(fit[[lost]], class = "hdlmm_lost_worker")
  expect_identical(as.data.frame(fit)[-lost, ], alone[-lost, ])
})
