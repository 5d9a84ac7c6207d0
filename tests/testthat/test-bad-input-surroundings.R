# Options, locales, devices, repeated and parallel use.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)
plain <- lmm(y ~ x + re(X), d)
set.seed(2)
genotypes <- matrix(rbinom(n * p, 2, 0.3), n)
halves <- Matrix::Matrix(genotypes * (genotypes == 1), sparse = TRUE)
grouped <- lmm(y ~ x + (1 | g), d)
individuals <- crossprod(matrix(sin(1:70), 7)) + diag(10)
rownames(individuals) <- levels(d$g)
by_kernel <- lmm(y ~ x + re(kernel = individuals, id = g), d)
sparse_fit <- lmm(y ~ x + re(halves), d)

all_answers <- function(fit, data) {
  list(
    predict(fit, data[1:5, ], interval = "prediction"), fixef(fit), varcomp(fit),
    ranef(fit, se = TRUE), confint(fit, c("x", "pve")), loo(fit), pve(fit),
    coef(summary(fit)), anova(fit), as.numeric(logLik(fit))
  )
}

test_that("row 72: a fit that another process reads gives the same numbers", {
  skip_on_cran()
  files <- tempfile(c("fit", "answers"), fileext = ".rds")
  on.exit(unlink(files))
  saveRDS(list(fit = plain, data = d, ask = deparse(all_answers)), files[1])
  out <- run_in_child(c(
    sprintf("saved <- readRDS(%s)", deparse(files[1])),
    "ask <- eval(parse(text = saved$ask))",
    sprintf("saveRDS(ask(saved$fit, saved$data), %s)", deparse(files[2])),
    "cat(capture.output(print(summary(saved$fit))), sep = '\n')"
  ))
  expect_identical(readRDS(files[2]), all_answers(plain, d))
  expect_match(paste(out, collapse = " "), "REML log-likelihood -80.7766")
})

with_options <- function(new, run) {
  old <- options(new)
  on.exit(options(old))
  run()
}
odd_options <- list(OutDec = ",", digits = 3, scipen = -5)
print_everything <- function() {
  fit <- lmm(y ~ x + re(X), d)
  things <- list(
    fit, summary(fit), VarCorr(fit), pve(fit), anova(fit), profile(fit), loo(fit),
    ranef(fit),
    test_random(fit, draws = 20, seed = 1), lmm_control(), confint(fit, "pve"), grouped
  )
  c(
    lapply(things, function(thing) utils::capture.output(print(thing))),
    list(all_answers(fit, d))
  )
}

surroundings <- list(
  input_row(85, "OutDec, digits and scipen change no number and no name",
    function() with_options(odd_options, function() print_everything()),
    check = function(value) expect_identical(value[[13]], all_answers(plain, d))
  ),
  input_row(85, "they show in print() as they do in R",
    function() with_options(odd_options, function() printed(plain)),
    check = function(text) {
      expect_match(
        text, "Residual 1,46e\\+00.*40 rows|40 rows.*1,46e\\+00"
      )
    }
  ),
  input_row(85, "under warn = 2 nothing that works becomes an error",
    function() {
      with_options(list(warn = 2), function() {
        fit <- lmm(y ~ x + f + (1 | g), d)
        confint(fit, method = "wald")
        confint(fit, method = "boot", draws = 10, seed = 1)
        simulate(fit, 2, seed = 1)
        print_everything()
      })
    },
    check = function(value) expect_identical(value[[13]], all_answers(plain, d))
  ),
  input_row(85, "under warn = 2 a warning of the package is an error that names it",
    function() {
      with_options(list(warn = 2), function() {
        tryCatch(
          lmm(y ~ x + re(X), put(d, y = 3)), error = function(e) conditionMessage(e),
          warning = function(w) class(w)[1]
        )
      })
    },
    check = function(text) expect_match(text, "hdlmm_exact_fit|explained exactly")
  ),
  input_row(85, "a wide or narrow console breaks lines between words",
    function() {
      lapply(c(30, 200), function(width) {
        with_options(list(width = width), function() utils::capture.output(print(plain)))
      })
    },
    check = function(lines) {
      expect_true(all(nchar(lines[[1]]) <= 45))
      expect_match(
        paste(trimws(lines[[1]]), collapse = " "), "restricted maximum likelihood"
      )
    }
  ),
  input_row(86, "in local(), no device is opened and nothing is asked",
    function() {
      before <- grDevices::dev.list()
      local({
        inner <- d
        fit <- lmm(y ~ x + z + re(X), inner)
        stats::update(fit, . ~ . - z)
        list(drop1(fit), profile(fit), predict(fit, inner[1:2, ]))
      })
      identical(before, grDevices::dev.list())
    },
    check = function(same) expect_true(same)
  ),
  input_row(88, "anova() of fits to different rows",
    function() anova(plain, lmm(y ~ x + re(X), d[1:30, ])),
    "not_comparable", message = "the fits use 40 and 30 rows"
  ),
  input_row(88, "anova() of fits to different responses",
    function() anova(plain, lmm(y ~ x + re(X), put(d, y = d$y + d$z))),
    "not_comparable", message = "different responses"
  ),
  input_row(88, "anova() of REML fits with different fixed parts",
    function() anova(plain, lmm(y ~ x + z + re(X), d)),
    "not_comparable", message = "restricted likelihoods.*refit = TRUE"
  ),
  input_row(88, "anova() with a fit of another package",
    function() anova(plain, lm(y ~ x, d)),
    "bad_input", message = "must be a fit of lmm\\(\\); found .*lm"
  ),
  input_row(88, "AIC() of REML fits with different fixed parts",
    function() AIC(plain, lmm(y ~ x + z + re(X), d)),
    warning = "not_comparable", message = "restricted likelihood"
  ),
  input_row(88, "AIC() of fits to different rows warns, as it does in R",
    function() {
      tryCatch(AIC(plain, lmm(y ~ x + re(X), d[1:30, ])), warning = conditionMessage)
    },
    check = function(text) {
      expect_match(
        text, "same number of observations|40 and 30 rows"
      )
    }
  ),
  input_row(89, "standard errors at fitted rows and at new rows that equal them",
    function() {
      fits <- list(
        plain, grouped, by_kernel, sparse_fit, lmm(y ~ x, d),
        lmm(y ~ f + re(X, scale = TRUE, center = TRUE), d, weights = z + 0.5)
      )
      lapply(fits, function(fit) {
        list(
          predict(fit, se.fit = TRUE),
          predict(fit, put(d, halves = halves), se.fit = TRUE)
        )
      })
    },
    check = function(all) {
      for (pair in all) {
        expect_equal(pair[[1]]$fit, pair[[2]]$fit, tolerance = 1e-12)
        # roots of differences of prior and explained variance
        expect_equal(pair[[1]]$se.fit, pair[[2]]$se.fit, tolerance = 1e-9)
      }
    }
  ),
  input_row(90, "print(), summary() and str() of a large fit are short and quick",
    function() {
      many <- list(
        g = rep(seq_len(50000), 2), y = sin(seq_len(1e5)) + rep(cos(seq_len(50000)), 2)
      )
      fit <- lmm(y ~ (1 | g), many)
      time <- system.time(
        lines <- list(
          utils::capture.output(print(fit)), utils::capture.output(print(ranef(fit))),
          utils::capture.output(utils::str(fit))
        )
      )
      list(lines = lines, seconds = time[["elapsed"]])
    },
    check = function(value) {
      expect_lt(value$seconds, 5)  # 0.1 s here; vectors in full would be minutes of text
      expect_lt(length(value$lines[[1]]), 20)
      expect_lt(length(value$lines[[2]]), 15)
      expect_lt(sum(nchar(value$lines[[3]])), 3e4)
    }
  )
)
check_rows(surroundings)

test_that("row 85: a locale with a decimal comma changes no number", {
  old <- Sys.getlocale("LC_ALL")
  on.exit(suppressWarnings(Sys.setlocale("LC_ALL", old)))
  skip_if(
    suppressWarnings(Sys.setlocale("LC_ALL", "de_DE.UTF-8")) == "", "no German locale"
  )
  expect_identical(all_answers(lmm(y ~ x + re(X), d), d), all_answers(plain, d))
})
