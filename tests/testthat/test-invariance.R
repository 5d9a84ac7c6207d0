# Laws that need no referee: what a change of the data does to a fit.

set.seed(20)
n <- 40
base <- data.frame(y = rnorm(n), age = rnorm(n), sex = factor(rep(c("f", "m"), n / 2)))
base$X <- matrix(rnorm(n * 60), n, dimnames = list(NULL, paste0("x", 1:60)))
base$L <- matrix(rnorm(n * 7), n, dimnames = list(NULL, paste0("t", 1:7)))
base$g <- factor(rep(letters[1:8], 5))
base$w <- runif(n, 0.5, 2)
signal <- base$X %*% rnorm(60, sd = 0.12) + base$L %*% rnorm(7, sd = 0.3)
base$y <- with(base, 1 + age + drop(signal) + rnorm(8)[g] + y)
new <- base[c(3, 1, 17), ]
new$age <- c(-1, 0, 2)

random_terms <- c("re(X)", "re(L)", "(1 | g)", "re(kernel = tcrossprod(X))")
methods <- c("REML", "ML")

fit_term <- function(term, method, data = base, fixed = "age + sex", ...) {
  formula <- as.formula(paste("y ~", fixed, "+", term), env = globalenv())
  call <- as.call(c(
    list(quote(lmm), formula, data = quote(data), method = method),
    as.list(substitute(list(...)))[-1]
  ))
  eval(call)
}

# The law for every random term and criterion; `law(fit, refit, label)` with refit(...)
# the same model on other data.
for_terms <- function(law, terms = random_terms) {
  for (term in terms) {
    for (method in methods) {
      refit <- function(...) fit_term(term, method, ...)
      law(refit(), refit, paste(term, method))
    }
  }
}

standard_errors <- function(fit) attr(ranef(fit, se = TRUE), "se")[[1]]

log_likelihood <- function(fit) as.numeric(logLik(fit))

# Equality of every number of two fits; tolerance for the place of the mode, which is
# flat: a relative change e of the likelihood moves it by sqrt(e), polished to 1e-10 in
# the log ratio.
expect_same_fit <- function(one, two, tolerance = 1e-8, label = "", effects = TRUE) {
  error <- c(
    varcomp = relative_error(varcomp(one), varcomp(two)),
    fixef = relative_error(fixef(one), fixef(two)),
    vcov = relative_error(vcov(one), vcov(two)),
    logLik = relative_error(logLik(one), logLik(two)),
    fitted = relative_error(fitted(one), fitted(two)),
    pve = relative_error(pve(one)$estimate, pve(two)$estimate),
    pve_se = relative_error(pve(one)$se, pve(two)$se),
    effects = if (effects) relative_error(ranef(one)[[1]], ranef(two)[[1]]),
    se = if (effects) relative_error(standard_errors(one), standard_errors(two))
  )
  expect_below(error, tolerance, label)
}

test_that("y -> a y + Z c moves fixed effects by a and c, and scales the rest", {
  a <- -7.3
  z <- model.matrix(~ age + sex, base)
  c <- c(11, -2, 5)
  data <- base
  data$y <- drop(a * base$y + z %*% c)
  for_terms(function(fit, refit, label) {
    moved <- refit(data)
    df <- nobs(fit) - if (fit$method == "REML") 3 else 0
    error <- c(
      varcomp = relative_error(varcomp(moved), a^2 * varcomp(fit)),
      fixef = relative_error(fixef(moved), a * fixef(fit) + c),
      vcov = relative_error(vcov(moved), a^2 * vcov(fit)),
      effects = relative_error(ranef(moved)[[1]], a * ranef(fit)[[1]]),
      fitted = relative_error(fitted(moved), a * fitted(fit) + z %*% c),
      logLik = relative_error(logLik(moved), log_likelihood(fit) - df * log(abs(a))),
      pve = relative_error(pve(moved)$estimate, pve(fit)$estimate)
    )
    expect_below(error, 1e-8, label)  # the mode is polished to 1e-10 in the log ratio
  })
})

test_that("the order of rows does not matter", {
  set.seed(21)
  order <- sample(n)
  data <- base[order, ]
  for_terms(function(fit, refit, label) {
    moved <- refit(data)
    error <- c(
      varcomp = relative_error(varcomp(moved), varcomp(fit)),
      logLik = relative_error(logLik(moved), logLik(fit)),
      fixef = relative_error(fixef(moved), fixef(fit)),
      fitted = relative_error(fitted(moved), fitted(fit)[order]),
      loo = relative_error(loo(moved)$table$variance, loo(fit)$table$variance[order])
    )
    expect_below(error, 1e-8, label)  # as above
  })
})

test_that("columns of X may be permuted, change sign and be rotated", {
  set.seed(22)
  for (name in c("X", "L")) {
    x <- base[[name]]
    p <- ncol(x)
    order <- sample(p)
    sign <- sample(c(-1, 1), p, replace = TRUE)
    rotation <- qr.Q(qr(matrix(rnorm(p^2), p)))
    for (method in methods) {
      fit <- fit_term(paste0("re(", name, ")"), method)
      moved <- function(x) {
        data <- base
        data[[name]] <- x
        fit_term(paste0("re(", name, ")"), method, data)
      }
      permuted <- moved(x[, order])
      expect_same_fit(permuted, fit, label = name, effects = FALSE)  # 1e-8: the mode
      expect_equal(ranef(permuted)[[1]], ranef(fit)[[1]][order], tolerance = 1e-8)
      flipped <- moved(x * rep(sign, each = n))
      expect_same_fit(flipped, fit, label = name, effects = FALSE)
      expect_equal(ranef(flipped)[[1]], sign * ranef(fit)[[1]], tolerance = 1e-8)
      rotated <- moved(x %*% rotation)
      expect_same_fit(rotated, fit, label = name, effects = FALSE)
      expect_equal(
        unname(ranef(rotated)[[1]]), drop(crossprod(rotation, ranef(fit)[[1]])),
        tolerance = 1e-8
      )
    }
  }
})

test_that("every column twice halves sigma_b^2 and its effects", {
  for (name in c("X", "L")) {
    for (method in methods) {
      term <- paste0("re(", name, ")")
      fit <- fit_term(term, method)
      data <- base
      data[[name]] <- cbind(base[[name]], base[[name]])
      twice <- fit_term(term, method, data)
      # 1e-8: the mode
      expect_equal(varcomp(twice), varcomp(fit) * c(0.5, 1), tolerance = 1e-8)
      expect_equal(log_likelihood(twice), log_likelihood(fit), tolerance = 1e-11)
      expect_equal(ranef(twice)[[1]], rep(ranef(fit)[[1]], 2) / 2, tolerance = 1e-8)
      expect_equal(pve(twice)$estimate, pve(fit)$estimate, tolerance = 1e-8)
    }
  }
})

test_that("X -> c X divides sigma_b^2 by c^2 and effects by c", {
  for (name in c("X", "L")) {
    for (method in methods) {
      for (c in c(1e-3, -17, 1e6)) {
        term <- paste0("re(", name, ")")
        fit <- fit_term(term, method)
        data <- base
        data[[name]] <- c * base[[name]]
        scaled <- fit_term(term, method, data)
        # 1e-8: the mode
        expect_equal(varcomp(scaled)[[1]] * c^2, varcomp(fit)[[1]], tolerance = 1e-8)
        expect_equal(varcomp(scaled)[[2]], varcomp(fit)[[2]], tolerance = 1e-8)
        expect_equal(c * ranef(scaled)[[1]], ranef(fit)[[1]], tolerance = 1e-8)
        expect_equal(log_likelihood(scaled), log_likelihood(fit), tolerance = 1e-11)
      }
    }
  }
})

test_that("columns of zeros change nothing but their own effects, which are zero", {
  for (name in c("X", "L")) {
    for (method in methods) {
      term <- paste0("re(", name, ")")
      fit <- fit_term(term, method)
      data <- base
      data[[name]] <- cbind(0, base[[name]], 0, 0)
      padded <- suppressMessages(fit_term(term, method, data))
      expect_same_fit(padded, fit, label = name, effects = FALSE)  # 1e-8: the mode
      p <- ncol(base[[name]])
      expect_identical(unname(ranef(padded)[[1]][c(1, p + 2:3)]), rep(0, 3))
      expect_equal(
        unname(ranef(padded)[[1]][1 + 1:p]), unname(ranef(fit)[[1]]), tolerance = 1e-8
      )
      # the prior is all that is known of a coefficient without data
      prior <- sqrt(varcomp(padded)[[1]])
      expect_equal(standard_errors(padded)[[1]], prior, tolerance = 1e-12)
    }
  }
})

test_that("both criteria are invariant to the basis of Z, but for REML's constant", {
  set.seed(23)
  z <- model.matrix(~ age + sex, base)
  turn <- matrix(rnorm(9), 3)
  data <- base
  data$zt <- z %*% turn
  for_terms(function(fit, refit, label) {
    turned <- refit(data, fixed = "0 + zt")
    shift <- if (fit$method == "REML") -log(abs(det(turn))) else 0
    error <- c(
      varcomp = relative_error(varcomp(turned), varcomp(fit)),
      logLik = relative_error(logLik(turned), log_likelihood(fit) + shift),
      fixef = relative_error(turn %*% fixef(turned), fixef(fit)),
      vcov = relative_error(turn %*% vcov(turned) %*% t(turn), vcov(fit)),
      fitted = relative_error(fitted(turned), fitted(fit)),
      effects = relative_error(ranef(turned)[[1]], ranef(fit)[[1]])
    )
    expect_below(error, 1e-8, label)  # 1e-8: the mode
  })
})

test_that("REML is invariant to centring X, and so are the effects", {
  for (name in c("X", "L")) {
    far <- base
    means <- seq(-5, 5, length.out = ncol(base[[name]]))
    far[[name]] <- base[[name]] + rep(means, each = n)
    raw <- fit_term(paste0("re(", name, ")"), "REML", far)
    inside <- fit_term(paste0("re(", name, ", center = TRUE)"), "REML", far)
    far[[name]] <- scale(far[[name]], scale = FALSE)
    outside <- fit_term(paste0("re(", name, ")"), "REML", far)
    # 1e-8: the mode; the intercept moves by the means times the effects
    for (two in list(inside, outside)) {
      expect_equal(unname(varcomp(two)), unname(varcomp(raw)), tolerance = 1e-8)
      expect_equal(log_likelihood(two), log_likelihood(raw), tolerance = 1e-11)
      expect_equal(unname(ranef(two)[[1]]), unname(ranef(raw)[[1]]), tolerance = 1e-8)
      expect_equal(fixef(two)[-1], fixef(raw)[-1], tolerance = 1e-8)
      expect_equal(fitted(two), fitted(raw), tolerance = 1e-8)
      expect_equal(unname(loo(two)$table), unname(loo(raw)$table), tolerance = 1e-8)
    }
  }
})

# Units ----------------------------------------------------------------------------------

# Numbers of a fit that scale with y, divided by their scale.
in_units <- function(fit, scale) {
  list(
    varcomp = varcomp(fit) / scale / scale, fixef = fixef(fit) / scale,
    vcov = vcov(fit) / scale / scale, effects = ranef(fit)[[1]] / scale,
    se = standard_errors(fit) / scale, fitted = fitted(fit) / scale,
    pve = unlist(pve(fit)[c("estimate", "se")]),
    prediction = predict(fit, new, interval = "prediction") / scale,
    loo = loo(fit)$table$variance / scale / scale, logLik = log_likelihood(fit)
  )
}

test_that("y times a power of two is exactly equivariant", {
  for_terms(terms = random_terms[1:3], function(fit, refit, label) {
    ours <- in_units(fit, 1)
    df <- nobs(fit) - if (fit$method == "REML") 3 else 0
    for (k in c(1, -30, 200, -200)) {
      data <- base
      data$y <- base$y * 2^k
      scaled <- refit(data)
      theirs <- in_units(scaled, 2^k)
      # 1e-10: limits are roots of a difference of log-likelihoods that hold k log 2
      expect_equal(pve(scaled), pve(fit), tolerance = 1e-10, info = paste(label, k))
      # 1e-14: k log 2 is rounded
      expect_equal(theirs$logLik, ours$logLik - df * k * log(2), tolerance = 1e-14)
      theirs$logLik <- ours$logLik
      expect_identical(theirs, ours, label = paste(label, k))
    }
  })
})

test_that("y times 1e150 or 1e-150 is equivariant to rounding", {
  for_terms(terms = random_terms[1:3], function(fit, refit, label) {
    ours <- in_units(fit, 1)
    df <- nobs(fit) - if (fit$method == "REML") 3 else 0
    for (scale in c(1e150, 1e-150)) {
      data <- base
      data$y <- base$y * scale
      theirs <- in_units(refit(data), scale)
      expect_equal(theirs$logLik, ours$logLik - df * log(scale), tolerance = 1e-12)
      theirs$logLik <- ours$logLik
      # 1e-8: y is rounded anew, which moves the mode by as much as its polish
      expect_equal(theirs, ours, tolerance = 1e-8, info = paste(label, scale))
    }
  })
})

test_that("units that variances cannot be written in are refused, never Inf or 0", {
  scaled <- function(name, scale) {
    data <- base
    data[[name]] <- data[[name]] * scale
    data
  }
  for (method in methods) {
    # sigma^2 of order 1e400 or 1e-600
    large <- scaled("y", 1e200)
    small <- scaled("y", 1e-300)
    expect_error(fit_term("re(X)", method, large), class = "hdlmm_overflow")
    expect_error(fit_term("re(X)", method, small), class = "hdlmm_overflow")
    expect_error(fit_term("(1 | g)", method, large), class = "hdlmm_overflow")
    expect_error(lmm(y ~ age, large), class = "hdlmm_overflow")
    expect_error(lmm(y ~ age, small), class = "hdlmm_overflow")
  }
})

test_that("X in extreme units scales exactly while sigma_b^2 is a normal number", {
  fit <- fit_term("re(X)", "REML")
  for (k in c(498, -498)) {  # 2^498 = 8e149
    data <- base
    data$X <- base$X * 2^k
    scaled <- fit_term("re(X)", "REML", data)
    expect_identical(varcomp(scaled)[[1]] * 2^k * 2^k, varcomp(fit)[[1]])
    expect_identical(varcomp(scaled)[[2]], varcomp(fit)[[2]])
    expect_identical(ranef(scaled)[[1]] * 2^k, ranef(fit)[[1]])
    expect_identical(fixef(scaled), fixef(fit))
    expect_identical(logLik(scaled), logLik(fit))
    expect_identical(
      predict(scaled, data[1:3, ], se.fit = TRUE),
      predict(fit, base[1:3, ], se.fit = TRUE)
    )
  }
  for (c in c(1e150, 1e-150)) {
    data <- base
    data$X <- base$X * c
    scaled <- fit_term("re(X)", "REML", data)
    # 1e-8: X is rounded anew, which moves the mode by as much as its polish
    expect_equal(varcomp(scaled)[[1]] * c * c, varcomp(fit)[[1]], tolerance = 1e-8)
    expect_equal(ranef(scaled)[[1]] * c, ranef(fit)[[1]], tolerance = 1e-8)
  }
  data <- base
  data$X <- base$X * 1e160  # sigma_b^2 of order 1e-322 is no normal number
  expect_error(fit_term("re(X)", "REML", data), class = "hdlmm_overflow")
})

test_that("y + 1e6 moves the intercept alone", {
  data <- base
  data$y <- base$y + 1e6
  for_terms(function(fit, refit, label) {
    moved <- refit(data)
    # y itself is rounded to 1e-10 / 2, a relative 1e-10 of its spread
    error <- c(
      varcomp = relative_error(varcomp(moved), varcomp(fit)),
      fixef = max(abs(fixef(moved) - fixef(fit) - c(1e6, 0, 0))),
      effects = relative_error(ranef(moved)[[1]], ranef(fit)[[1]]),
      logLik = relative_error(logLik(moved), logLik(fit))
    )
    expect_below(error, 1e-8, label)
  })
})

test_that("weights times a constant scale sigma_e^2 and nothing else", {
  data <- base
  for (constant in c(4, 1e-3, 1e100)) {
    data$v <- base$w * constant
    for_terms(terms = random_terms[1:3], function(fit, refit, label) {
      plain <- refit(weights = w)
      scaled <- refit(data, weights = v)
      error <- c(
        random = abs(varcomp(scaled)[[1]] / varcomp(plain)[[1]] - 1),
        residual = abs(varcomp(scaled)[[2]] / constant / varcomp(plain)[[2]] - 1),
        fixef = relative_error(fixef(scaled), fixef(plain)),
        effects = relative_error(ranef(scaled)[[1]], ranef(plain)[[1]]),
        logLik = relative_error(logLik(scaled), logLik(plain)),
        loo = relative_error(loo(scaled)$table$variance, loo(plain)$table$variance)
      )
      expect_below(error, 1e-8, paste(label, constant))  # 1e-8: the mode
    })
  }
})

test_that("weights of one are no weights, and weight zero is a row left out", {
  data <- base
  data$one <- 1
  data$some <- ifelse(seq_len(n) %% 5 == 0, 0, 1)
  for_terms(terms = random_terms[1:3], function(fit, refit, label) {
    # 1e-8: weighted sums round otherwise, which moves the mode
    expect_same_fit(refit(data, weights = one), fit, 1e-8, label)
    kept <- suppressMessages(refit(data, weights = some))
    expect_same_fit(kept, refit(data, subset = some > 0), 1e-8, label)
  })
})

# Storage --------------------------------------------------------------------------------

test_that("the storage of X does not matter", {
  set.seed(27)
  for (p in c(12, 70)) {
    x <- matrix(rbinom(n * p, 1, 0.3), n, dimnames = list(NULL, paste0("x", seq_len(p))))
    x[1, ] <- 1L
    data <- base
    data$y <- drop(1 + x %*% rnorm(p, sd = 2.5 / sqrt(p)) + rnorm(n))
    twin <- function(x, method) lmm(y ~ age + re(x), data, method)
    double <- x + 0
    as_raw <- x
    as_raw[] <- 0L
    storage.mode(as_raw) <- "raw"
    as_raw[] <- as.raw(x)
    twins <- list(
      integer = x, logical = x == 1, raw = as_raw, data_frame = as.data.frame(x),
      dense_matrix = Matrix::Matrix(double, sparse = FALSE),
      sparse = Matrix::Matrix(double, sparse = TRUE),
      pattern = as(Matrix::Matrix(double, sparse = TRUE), "nMatrix"),
      triplet = as(Matrix::Matrix(double, sparse = TRUE), "TsparseMatrix"),
      row_sparse = as(Matrix::Matrix(double, sparse = TRUE), "RsparseMatrix")
    )
    for (method in methods) {
      plain <- twin(double, method)
      expect_identical(profile(plain)$boundary, "none")
      for (kind in names(twins)) {
        other <- twin(twins[[kind]], method)
        # cells convert exactly; a sparse Gram matrix sums in another order: 1e-8 by the
        # mode
        is_exact <- kind %in% c("integer", "logical", "raw", "data_frame", "dense_matrix")
        tolerance <- if (is_exact) 0 else 1e-8
        expect_same_fit(other, plain, tolerance, paste(kind, p, method))
        expect_identical(names(ranef(other)[[1]]), colnames(x), info = kind)
      }
    }
  }
})

test_that("(1 | g) is re() of its indicator matrix and a kernel that of its rows", {
  data <- base
  data$G <- model.matrix(~ 0 + g, base)
  for (method in methods) {
    grouped <- fit_term("(1 | g)", method)
    designed <- fit_term("re(G)", method, data)
    expect_same_fit(designed, grouped, label = method)  # 1e-8: the mode
    kernel <- fit_term("re(kernel = tcrossprod(L))", method)
    expect_same_fit(kernel, fit_term("re(L)", method), label = method, effects = FALSE)
    # effects of rows are X beta
    expect_equal(
      unname(ranef(kernel)[[1]]), drop(base$L %*% ranef(fit_term("re(L)", method))[[1]]),
      tolerance = 1e-7
    )
  }
})

test_that("the data may be a data frame, a list, an environment or the workspace", {
  formula <- y ~ age + sex + re(X)
  fit <- lmm(formula, base)
  expect_same_fit(lmm(formula, as.list(base)), fit, 0)
  expect_same_fit(lmm(formula, list2env(as.list(base))), fit, 0)
  y <- base$y
  age <- base$age
  sex <- base$sex
  X <- base$X
  expect_same_fit(lmm(y ~ age + sex + re(X)), fit, 0)
})

test_that("a list of data may hold a sparse matrix or a kernel of other size", {
  sparse <- as(Matrix::Matrix(base$X, sparse = TRUE), "dgCMatrix")
  data <- c(as.list(base[c("y", "age", "sex")]), list(X = sparse))
  # 1e-8: a sparse Gram matrix sums in another order, which moves the mode
  expect_same_fit(lmm(y ~ age + sex + re(X), data), fit_term("re(X)", "REML"), 1e-8)
  kernel <- diag(8)
  rownames(kernel) <- levels(base$g)
  data <- c(as.list(base[c("y", "age", "sex", "g")]), list(K = kernel))
  expect_same_fit(
    lmm(y ~ age + sex + re(kernel = K, id = g), data), fit_term("(1 | g)", "REML"), 1e-8
  )
})

test_that("results do not depend on the number of threads", {
  set.seed(25)
  wide <- matrix(rnorm(150 * 700), 150)
  tall <- matrix(rnorm(700 * 90), 700)
  for (x in list(wide, tall)) {
    data <- data.frame(y = drop(x %*% rnorm(ncol(x), sd = 0.05)) + rnorm(nrow(x)))
    data$x <- x
    formula <- y ~ re(x)
    fits <- lapply(1:2, function(threads) {
      lmm(formula, data, control = lmm_control(threads = threads))
    })
    fits[[2]]$control <- fits[[1]]$control
    fits[[2]]$call <- fits[[1]]$call
    fits <- lapply(fits, function(fit) {
      fit$internal$cache <- new.env()  # where the formula was written is no result
      fit
    })
    expect_identical(fits[[2]], fits[[1]])
    se <- lapply(1:2, function(threads) {
      fits[[1]]$control <- lmm_control(threads = threads)
      standard_errors(fits[[1]])
    })
    expect_identical(se[[2]], se[[1]])
  }
})

# Another process ------------------------------------------------------------------------

test_that("a saved fit predicts and summarises the same in another R process", {
  folder <- tempfile("hdlmm")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  sparse <- as(Matrix::Matrix(base$L, sparse = TRUE), "dgCMatrix")
  fits <- list(
    wide = lmm(y ~ age + sex + re(X), base, weights = w),
    tall = lmm(y ~ poly(age, 2) + re(L), base),
    group = lmm(y ~ age + (1 | g), base, "ML"), sparse = lmm(y ~ sex + re(sparse), base),
    ols = lmm(y ~ age + sex, base)
  )
  newdata <- as.list(new)
  newdata$sparse <- sparse[1:3, ]
  answers <- function(fits, newdata) {
    lapply(fits, function(fit) {
      fit_summary <- summary(fit)
      list(
        predict(fit, newdata, se.fit = TRUE, interval = "prediction"), predict(fit),
        fit_summary[c("coefficients", "pve", "residuals", "logLik", "AIC", "BIC")],
        unclass(fit_summary$varcor), utils::capture.output(print(fit_summary)),
        loo(fit)$table, hatvalues(fit), stats::simulate(fit, seed = 1)
      )
    })
  }
  here <- answers(fits, newdata)
  saveRDS(list(fits = fits, newdata = newdata), file.path(folder, "in.rds"))
  dump("answers", file.path(folder, "answers.R"), envir = environment())
  library <- dirname(system.file(package = "hdlmm"))
  script <- c(
    paste0(".libPaths(", deparse1(.libPaths()), ")"),
    paste0("library(hdlmm, lib.loc = ", deparse1(library), ")"),
    "setwd(commandArgs(trailingOnly = TRUE))",
    "input <- readRDS('in.rds')", "source('answers.R')",
    "options(width = 80, useFancyQuotes = FALSE)",
    "saveRDS(answers(input$fits, input$newdata), 'out.rds')"
  )
  writeLines(script, file.path(folder, "run.R"))
  rscript <- file.path(R.home("bin"), "Rscript")
  log_file <- file.path(folder, "log.txt")
  status <- system2(
    rscript, c("--vanilla", shQuote(file.path(folder, "run.R")), shQuote(folder)),
    stdout = log_file, stderr = log_file
  )
  log <- paste(readLines(log_file), collapse = "\n")
  expect_identical(status, 0L, info = log)
  there <- readRDS(file.path(folder, "out.rds"))
  expect_identical(there, here)
})

test_that("a constant added to X of more rows than columns moves the intercept alone", {
  # 64 columns and more: no eigenvectors, so the BLUPs come from a solve with the columns' side
  set.seed(71)
  n <- 300
  x <- matrix(rnorm(n * 80), n)
  y <- drop(x %*% rnorm(80)) / 5 + rnorm(n)
  fit <- lmm(y ~ re(x))
  moved <- lmm(y ~ re(x + 1e6))
  expect_equal(unname(varcomp(moved)), unname(varcomp(fit)), tolerance = 1e-8)
  # x + 1e6 is rounded to 1e-10; with the means times X'1 left in, the BLUPs were off by 5e-4
  expect_equal(unname(ranef(moved)[[1]]), unname(ranef(fit)[[1]]), tolerance = 1e-8)
})

test_that("an S4 class that extends matrix is a dense design like the matrix in it", {
  where <- environment()
  labelled <- methods::setClass("labelled_matrix", contains = "matrix", where = where)
  on.exit(methods::removeClass("labelled_matrix", where = where))
  set.seed(11)
  x <- matrix(rnorm(30 * 8), 30)
  y <- drop(x %*% rnorm(8)) + rnorm(30)
  expect_same_fit(lmm(y ~ re(labelled(x))), lmm(y ~ re(x)), 0)
})
