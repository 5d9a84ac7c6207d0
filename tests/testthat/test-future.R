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

test_that("every task reports its progress once", {
  skip_if_not_installed("progressr")
  steps <- 0
  counting <- progressr::make_progression_handler("count", reporter = list(
    update = function(config, state, progression, ...) steps <<- max(steps, state$step)
  ), interval = 0, enable = TRUE)
  progressr::with_progress(validate(), handlers = counting, enable = TRUE)
  expect_identical(as.numeric(steps), 8)
})
