# What the adversarial tests share: one data set, a recorder of conditions, a child
# process.

# Forty rows with an interior REML estimate (pve near 0.6), a factor and a grouping
# factor.
bad_input_data <- function(n = 40, p = 60) {
  set.seed(1)
  d <- data.frame(
    x = rnorm(n), z = runif(n), f = factor(rep(c("a", "b", "c", "d"), length.out = n)),
    g = factor(rep(1:10, each = n / 10))
  )
  d$X <- matrix(rnorm(n * p), n, dimnames = list(NULL, paste0("m", seq_len(p))))
  d$y <- 1 + d$x + drop(d$X %*% rnorm(p, sd = 0.2)) + rnorm(10)[d$g] + rnorm(n)
  d
}

# Fits of several kinds to these data, by the names that tests call them.
bad_input_fits <- function() {
  d <- bad_input_data()
  n <- nrow(d)
  plain <- lmm(y ~ x + re(X), d)
  grouped <- lmm(y ~ x + (1 | g), d)
  ols <- lmm(y ~ x + f, d)

  own <- lmm_prior(
    random = prior_half_t(3, 1), residual = prior_inverse_gamma(2, 1), fixed = prior_normal(0, 10)
  )
  bayes <- lmm(y ~ x + re(X), d, method = "Bayes")
  full <- lmm(y ~ x + re(X), d, method = "VB", prior = own)
  as.list(environment())
}

# Columns replaced or added whole; matrices and lists stay one column.
put <- function(data, ...) {
  new <- list(...)
  for (name in names(new)) data[[name]] <- new[[name]]
  data
}

# Some cells of one column replaced.
put_cells <- function(data, name, at, value) {
  data[[name]][at] <- value
  data
}

# y and a kernel diag(lambda) for which the likelihood over h is a sum: the referee is one
# line.
diagonal_case <- function(lambda, y) {
  list(data = list(y = y), kernel = diag(lambda), lambda = lambda)
}

fit_diagonal <- function(case, ...) {
  kernel <- case$kernel
  lmm(y ~ 0 + re(kernel = kernel), data = case$data, ...)
}

# Profiled log-likelihood of y ~ N(0, tau^2 (h / kappa lambda + 1 - h)) at one value of h.
diagonal_loglik <- function(case, h) {
  y <- case$data$y
  n <- length(y)
  kappa <- mean(case$lambda)
  v <- h / kappa * case$lambda + 1 - h
  -n / 2 * (log(2 * pi * mean(y^2 / v)) + 1) - sum(log(v)) / 2
}

# What run() does: an environment with value, error, warnings, notes; nothing escapes.
observe <- function(run) {
  seen <- new.env()
  seen$warnings <- list()
  seen$notes <- character()
  seen$value <- withCallingHandlers(
    tryCatch(run(), error = function(e) {
      seen$error <- e
      NULL
    }),
    warning = function(w) {
      seen$warnings <- c(seen$warnings, list(w))
      invokeRestart("muffleWarning")
    },
    message = function(m) {
      seen$notes <- c(seen$notes, conditionMessage(m))
      invokeRestart("muffleMessage")
    }
  )
  seen
}

# Laws of every condition of the package: its classes, a call that the user made, one
# sentence.
expect_condition_laws <- function(condition, what, kind) {
  classes <- paste0("hdlmm_", c(kind, what))
  expect_true(
    inherits(condition, classes[1]) && any(
      inherits(condition, classes[-1], which = TRUE) > 0
    ),
    info = paste0(class(condition)[1], ": ", conditionMessage(condition))
  )
  if (!inherits(condition, classes[1])) return(invisible())
  called <- conditionCall(condition)[[1]]
  expect_true(is.name(called), info = "the call names a function, it does not print one")
  if (is.name(called)) expect_true(is_public(as.character(called)), info = format(called))
  text <- conditionMessage(condition)
  expect_match(text, "[^.]\\.$")
  expect_false(grepl("``|\\.\\.MFclass|\\(weights\\)|\\(offset\\)", text), info = text)
}

# An exported function, or a generic for which the package has a method.
is_public <- function(name) {
  space <- asNamespace("hdlmm")
  name %in% getNamespaceExports(space) ||
    !is.null(utils::getS3method(name, "hdlmm", optional = TRUE, envir = space))
}

# One row of a table: what is done, and what must come of it.
# error, warning: the class after "hdlmm_" (any of several), NULL for none; message, note:
# regular expressions for the condition and for message()s; check: expectations on the
# value.
input_row <- function(number, says, run, error = NULL, warning = NULL, message = NULL,
                      note = NULL, check = NULL) {
  list(
    name = sprintf("row %02d: %s", number, says), run = run, error = error,
    warning = warning,
    message = message, note = note, check = check
  )
}

check_row <- function(row) {
  seen <- observe(row$run)
  texts <- vapply(seen$warnings, conditionMessage, "")
  found <- if (!is.null(seen$error)) conditionMessage(seen$error)
  if (is.null(row$error)) {
    expect_null(found)
  } else {
    expect_false(is.null(found), info = "an error is expected")
    if (!is.null(found)) {
      expect_condition_laws(seen$error, row$error, "error")
      if (inherits(seen$error, "hdlmm_error")) expect_match(found, row$message)
    }
  }
  if (is.null(row$warning)) {
    expect_identical(texts, character())
  } else {
    expect_length(texts, 1)
    for (one in seen$warnings) expect_condition_laws(one, row$warning, "warning")
    if (is.null(row$error) && length(texts)) expect_match(
      paste(texts, collapse = " "), row$message
    )
  }
  notes <- paste(seen$notes, collapse = "")
  if (is.null(row$note)) expect_identical(notes, "") else expect_match(notes, row$note)
  if (!is.null(row$check) && is.null(found)) row$check(seen$value)
}

check_rows <- function(rows) {
  for (one in rows) {
    test_that(one$name, {
      check_row(one)
    })
  }
}

# Printed lines as one string with single blanks, whatever the width of the console.
printed <- function(x, ...) {
  lines <- utils::capture.output(print(x, ...))
  trimws(gsub("[[:space:]]+", " ", paste(lines, collapse = " ")))
}

# Lines that another R process prints after library(hdlmm); memory limited to limit_kb if
# given.
run_in_child <- function(code, limit_kb = NULL) {
  skip_on_os(c("windows", "mac", "solaris"))
  home <- dirname(system.file(package = "hdlmm"))
  skip_if_not(
    file.exists(file.path(home, "hdlmm", "Meta", "package.rds")), "hdlmm is not installed"
  )
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  paths <- paste(deparse(unique(c(home, .libPaths()))), collapse = "")
  writeLines(c(sprintf(".libPaths(%s)", paths), "library(hdlmm)", code), script)
  command <- paste(
    shQuote(file.path(R.home("bin"), "Rscript")), "--vanilla", shQuote(script)
  )
  if (!is.null(limit_kb)) {
    command <- paste("ulimit -v", format(limit_kb, scientific = FALSE), "&&", command)
  }
  out <- suppressWarnings(
    system2("sh", c("-c", shQuote(command)), stdout = TRUE, stderr = TRUE)
  )
  as.vector(out)
}

# Estimates of two fits agree: 1e-10 because both modes are polished to 1e-10 in log
# ratio.
expect_same_fit <- function(fit, other, tolerance = 1e-10) {
  expect_equal(unname(varcomp(fit)), unname(varcomp(other)), tolerance = tolerance)
  expect_equal(unname(fixef(fit)), unname(fixef(other)), tolerance = tolerance)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(other)), tolerance = tolerance)
  expect_identical(nobs(fit), nobs(other))
}

same_as <- function(other, tolerance = 1e-10) {
  function(fit) expect_same_fit(fit, other, tolerance)
}
