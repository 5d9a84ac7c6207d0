# Draws are made and used by blocks; nothing may depend on where a block ends.

blocks_case <- dense_case(3, n = 25, p = 40)
blocks_fit <- fit_case(blocks_case, "REML")
tall_case <- dense_case(6, n = 40, p = 6)
tall_fit <- fit_case(tall_case, "REML")

test_that("the first draws of many are the draws of a short run", {
  for (fit in list(blocks_fit, tall_fit)) {
    system <- hdlmm:::spectral_system(fit)
    host <- hdlmm:::make_host(fit$control)
    refit <- function(draws) {
      set.seed(1)
      hdlmm:::cpp_refit(
        system, "REML", hdlmm:::search_options(fit$control), 0.3, 0.7, draws, 0, host
      )
    }
    expect_identical(refit(40)[1:7, ], refit(7))
    null <- hdlmm:::null_draws(fit, 5000, 2, is_reused = FALSE)
    # a block is 65536 cells: the run crosses several
    few <- replace(null, "draws", 3)
    some <- replace(null, "draws", 2600)
    all <- hdlmm:::null_statistics(fit, null, 0.2)
    # 1e-12: products of blocks of other widths round otherwise
    expect_equal(all[1:3], hdlmm:::null_statistics(fit, few, 0.2), tolerance = 1e-12)
    expect_equal(all[1:2600], hdlmm:::null_statistics(fit, some, 0.2), tolerance = 1e-12)
  }
})

test_that("draws that are held and draws that are made anew give the same statistics", {
  for (fit in list(blocks_fit, tall_fit)) {
    held <- hdlmm:::null_draws(fit, 4000, 7, is_reused = TRUE)
    anew <- hdlmm:::null_draws(fit, 4000, 7, is_reused = FALSE)
    expect_gt(nrow(held$chi2), 0)
    expect_identical(nrow(anew$chi2), 0L)
    for (h in c(0, 0.4)) {
      expect_identical(
        hdlmm:::null_statistics(fit, held, h), hdlmm:::null_statistics(fit, anew, h)
      )
    }
  }
})

test_that("without a seed a large exact interval still shares its draws between null values", {
  set.seed(3)
  large <- hdlmm:::null_draws(blocks_fit, 2e5, NULL, is_reused = TRUE)
  expect_identical(nrow(large$chi2), 0L)
  large$draws <- 50
  expect_identical(
    hdlmm:::null_statistics(blocks_fit, large, 0.1),
    hdlmm:::null_statistics(blocks_fit, large, 0.1)
  )
})

test_that("R's generator gives the normals and chi-squares that it gives to rnorm()", {
  for (kind in c("Inversion", "Box-Muller", "Ahrens-Dieter")) {
    withr_kind <- RNGkind(normal.kind = kind)
    set.seed(4)
    ours <- list(hdlmm:::cpp_normals(7, 3), hdlmm:::cpp_chi_squares(5, 2.5), stats::runif(1))
    set.seed(4)
    theirs <- list(matrix(stats::rnorm(21), 7), stats::rchisq(5, 2.5), stats::runif(1))
    RNGkind(normal.kind = withr_kind[2])
    expect_identical(ours, theirs)
  }
})

test_that("the bootstrap has the distribution of refits of responses drawn row by row", {
  # wide; tall with a null space that the fixed effects reach and one that they do not
  for (case in list(blocks_case, tall_case)) {
    fit <- fit_case(case, "REML")
    quick <- hdlmm:::bootstrap(fit, 2000, 1)
    set.seed(2)
    v <- varcomp(fit)
    root <- t(chol(v[1] * case$dense$gram + diag(v[2], nrow(case$dense$gram))))
    centre <- drop(case$dense$z %*% fixef(fit)) + case$offset
    slow <- t(replicate(300, {
      case$data$y <- centre + drop(root %*% stats::rnorm(nrow(root)))
      again <- fit_case(case, "REML")
      c(fixef(again), varcomp(again), pve(again)$estimate)
    }))
    for (j in seq_len(ncol(slow))) {
      p <- suppressWarnings(stats::ks.test(slow[, j], quick[, j])$p.value)  # ties at pve = 0
      expect_gt(p, 1e-4)
    }
  }
})

test_that("bootstrap and exact tests do not depend on the number of threads", {
  for (n_threads in c(1, 3)) {
    fit <- blocks_fit
    fit$control$threads <- n_threads
    expect_identical(
      confint(fit, method = "boot", draws = 30, seed = 1),
      confint(blocks_fit, method = "boot", draws = 30, seed = 1)
    )
    expect_identical(
      unclass(test_random(fit, draws = 300, seed = 1)),
      unclass(test_random(blocks_fit, draws = 300, seed = 1))
    )
  }
})

test_that("variances of predictions do not depend on the blocks of their rows", {
  many <- lapply(blocks_case$new, function(x) {
    at <- rep(seq_len(NROW(x)), length.out = 600)
    if (is.null(dim(x))) x[at] else x[at, , drop = FALSE]
  })
  all <- predict(blocks_fit, many, se.fit = TRUE)
  few <- predict(blocks_fit, blocks_case$new, se.fit = TRUE)
  # 1e-12: products of other widths
  expect_equal(unname(all$se.fit), rep(unname(few$se.fit), 150), tolerance = 1e-12)
})

test_that("responses of several terms are drawn by blocks, from one stream of numbers", {
  d <- small_terms_data()
  for (formula in list(y ~ x + (1 | a) + (1 | b), y ~ x + (x | a), y ~ x + re(X) + (1 | a))) {
    fit <- lmm(formula, d)
    model <- list(
      designs = fit$designs, sigma2 = fit$internal$tau2, relative = fit$internal$relative
    )
    widths <- integer()
    column <- function(shared, i) {
      widths <<- c(widths, ncol(shared$y))
      shared$y[1:2, i]
    }
    draws <- 20000
    found <- matrix(hdlmm:::of_drawn_responses(fit, model, draws, 1, column), 2)
    expect_identical(ncol(found), 20000L)
    # a million numbers of sixty rows
    expect_identical(unique(widths), c(17476L, 2524L))
    expect_identical(anyDuplicated(found[1, ]), 0L)
    expect_identical(found, matrix(hdlmm:::of_drawn_responses(fit, model, draws, 1, column), 2))
    # the covariance of two rows: 0.06 is five standard errors of 20,000 draws
    v <- lapply(fit$designs, function(design) {
      x <- user_matrix(design, 60)[1:2, ]
      s <- fit$covariances[[design$label]]
      x %*% kronecker(diag(ncol(x) / nrow(s)), s) %*% t(x)
    })
    wanted <- Reduce(`+`, v) + diag(sigma(fit)^2, 2)
    scale <- hdlmm:::user_response_variance(fit$internal$units, 1)
    expect_lt(max(abs(scale * cov(t(found)) - wanted)) / max(diag(wanted)), 0.06)
  }
})

test_that("bootstrap limits and tests of several terms hold few draws at a time", {
  # garbage that waits in a process with other tests would count too
  lines <- run_in_child(c(
    "set.seed(2)", "n <- 20000",
    "d <- data.frame(a = gl(20, n / 20), b = factor(sample(15, n, TRUE)))",
    "d$y <- rnorm(20)[d$a] + rnorm(15)[d$b] + rnorm(n)",
    "fit <- lmm(y ~ 1 + (1 | a) + (1 | b), d)",
    "model <- list(designs = fit$designs, sigma2 = fit$internal$tau2,",
    "  relative = fit$internal$relative)",
    "gc(reset = TRUE)", "before <- gc()[2, 6]",
    "hdlmm:::of_drawn_responses(fit, model, 500, 1, function(shared, i) shared$y[1, i])",
    "cat('MB', gc()[2, 6] - before, '\\n')"
  ))
  used <- as.numeric(sub("MB ", "", grep("^MB", lines, value = TRUE)))
  # all at once are 80 MB, ten times that while they are drawn
  expect_lt(used, 100)
})
