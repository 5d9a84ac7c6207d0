# What the panels say is read from the text operators of an uncompressed PDF.
drawn_text <- function(code, ...) {
  file <- tempfile(fileext = ".pdf")
  on.exit(unlink(file))
  grDevices::pdf(file, compress = FALSE, useKerning = FALSE, ...)
  device <- grDevices::dev.cur()
  tryCatch(force(code), finally = grDevices::dev.off(device))
  lines <- readLines(file, warn = FALSE, encoding = "latin1")
  shown <- grep(") Tj$", lines, value = TRUE, useBytes = TRUE)
  gsub("\\\\([()])", "\\1", sub("^[^(]*\\((.*)\\) Tj$", "\\1", shown, useBytes = TRUE))
}

# In a layout of two figures a page every panel counts for half of one.
pages <- function(code, mfrow = c(2, 1)) {
  files <- file.path(tempfile("pages"), "p%03d.pdf")
  dir.create(dirname(files))
  on.exit(unlink(dirname(files), recursive = TRUE))
  grDevices::pdf(files, onefile = FALSE)
  device <- grDevices::dev.cur()
  graphics::par(mfrow = mfrow)
  tryCatch(force(code), finally = grDevices::dev.off(device))
  length(list.files(dirname(files)))
}

set.seed(1)
plot_data <- data.frame(x = rnorm(40), e = rnorm(40))
plot_data$g <- gl(10, 4, labels = letters[1:10])
plot_data$X <- matrix(rnorm(40 * 60), 40)
plot_data$y <- plot_data$x + rnorm(10)[plot_data$g] + plot_data$e
plot_data$flat <- plot_data$e - ave(plot_data$e, plot_data$g)
plot_data$line <- 1 + 2 * plot_data$x

grouped <- lmm(y ~ x + (1 | g), plot_data)
wide <- lmm(y ~ x + re(X), plot_data)
ols <- lmm(y ~ x, plot_data)
boundary <- lmm(flat ~ 1 + (1 | g), plot_data)
exact <- suppressWarnings(lmm(line ~ x + (1 | g), plot_data))

test_that("panels share the page, or follow each other in a layout of the user's", {
  for (fit in list(grouped, wide, boundary, exact)) {
    expect_equal(pages(plot(fit, which = 1:6), c(1, 1)), 1)
    expect_equal(pages(plot(fit, which = 1:6)), 3)
  }
  expect_equal(pages(plot(grouped)), 2)
  expect_equal(pages(plot(grouped, which = c(2, 2))), 1)
})

test_that("the fit is returned invisibly and graphical parameters are left alone", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  graphics::par(mfrow = c(2, 3), mar = c(3, 5, 1, 2))
  before <- graphics::par("mfrow", "mar", "las", "xpd", "cex", "ask")
  expect_invisible(plot(wide, which = 1:6))
  expect_identical(plot(wide, which = 4), wide)
  expect_identical(graphics::par("mfrow", "mar", "las", "xpd", "cex", "ask"), before)
})

test_that("coordinates of a panel stay valid for what the user adds to it", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  plot(grouped, which = 2)
  limits <- graphics::par("usr")
  expect_lt(limits[1], min(fitted(grouped)))
  expect_gt(limits[4], max(plot_data$y))
})

test_that("a fit without random term has its QQ plot in the place of the profile", {
  expect_message(shown <- drawn_text(plot(ols)), "panel 4 left out")
  expect_true("Normal QQ of residuals" %in% shown)
  expect_false(any(grepl("pve", shown)))
  expect_message(expect_equal(pages(plot(ols, which = 1:6)), 2), "panels 4 and 6")
  expect_silent(pages(plot(ols, which = c(1, 3, 5))))
  expect_error(plot(ols, which = c(4, 6)), class = "hdlmm_no_random_term")
})

test_that("a variance of zero is said where the effects would be", {
  for (which in c(4, 6)) {
    shown <- paste(drawn_text(plot(boundary, which = which)), collapse = " ")
    expect_match(shown, "All effects of g are 0: its variance is estimated as 0")
  }
  expect_true(any(grepl("^pve 0 \\(boundary\\), 95% interval 0 to",
                        drawn_text(plot(boundary, which = 3)))))
})

test_that("an exact fit has residuals on their own scale and says it has no profile", {
  expect_true("residual (sigma is 0)" %in% drawn_text(plot(exact, which = 1)))
  shown <- paste(drawn_text(plot(exact, which = 3)), collapse = " ")
  expect_match(shown, "explained exactly: its likelihood has no profile")
})

test_that("the profile's caption states estimate and interval of pve()", {
  table <- pve(wide, level = 0.8)
  expected <- paste0(
    "pve ", format(table$estimate, digits = 3), ", 80% interval ",
    format(table$lower, digits = 3), " to ", format(table$upper, digits = 3)
  )
  shown <- drawn_text(plot(wide, which = 3, level = 0.8))
  expect_true(expected %in% sub(" \\(boundary\\)", "", shown))
})

test_that("an unbounded likelihood is said, and its interior mode is marked", {
  d <- plot_data
  d$X <- scale(d$X, scale = FALSE)
  d$strong <- d$y + 3 * d$X[, 1]
  fit <- suppressWarnings(lmm(strong ~ 1 + re(X), d, method = "ML"))
  expect_true(fit$is_unbounded)
  expect_true(any(grepl("unbounded at 1$", drawn_text(plot(fit, which = 3)))))
})

test_that("the drawn profile is 0 at its maximum and at the cut at the interval's ends", {
  interval <- pve(grouped)
  curve <- hdlmm:::profile_curve(grouped, interval)
  # the mode is one of the points
  expect_equal(max(curve$relative), 0, tolerance = 1e-10)
  at <- stats::approx(curve$pve, curve$relative, c(interval$lower, interval$upper))$y
  # linear between 300 points: error h^2 / 8 times a curvature of order 100
  expect_equal(at, rep(-qchisq(0.95, 1) / 2, 2), tolerance = 1e-2)
})

test_that("the caterpillar shows the n largest effects, by name", {
  effects <- ranef(grouped)$g
  largest <- names(sort(-abs(effects)))[1:3]
  shown <- drawn_text(plot(grouped, which = 4, n = 3))
  expect_true("The 3 largest of 10 random effects" %in% shown)
  expect_setequal(intersect(levels(plot_data$g), shown), largest)
  expect_true("Random effects" %in% drawn_text(plot(grouped, which = 4)))
})

test_that("standard errors of the effects shown are those of ranef()", {
  K <- tcrossprod(plot_data$X) / 60
  fits <- list(
    grouped, wide, lmm(y ~ x + (1 | g), plot_data, weights = 1 + x^2),
    lmm(y ~ x + re(kernel = K), plot_data),
    lmm(y ~ re(X, center = TRUE, scale = TRUE), plot_data),
    lmm(y ~ re(Matrix::Matrix(X * (X > 1), sparse = TRUE)), plot_data)
  )
  at <- c(7, 2, 9)
  for (fit in fits) {
    all <- attr(ranef(fit, se = TRUE), "se")[[1]]
    some <- hdlmm:::effect_se(fit, fit$designs[[1]], at)
    expect_equal(some, unname(all[at]), tolerance = 1e-10)  # the same sums in blocks
  }
})

test_that("long names keep both ends and fit the length", {
  names <- c("short", "a rather long name ending in 1", "a rather long name ending in 2")
  cut <- hdlmm:::shorten(names, 12)
  expect_identical(cut[1], "short")
  expect_true(all(nchar(cut) <= 12))
  expect_identical(anyDuplicated(cut), 0L)
  d <- plot_data
  levels(d$g) <- paste(strrep("long ", 20), 1:10)
  shown <- drawn_text(plot(lmm(y ~ x + (1 | g), d), which = 4))
  expect_equal(length(grep("^lo.*g  ?([1-9]|10)$", shown)), 10)
})

test_that("a thinned QQ plot keeps the tails whole and its ranks in order", {
  expect_identical(hdlmm:::qq_ranks(20000), seq_len(20000))
  ranks <- hdlmm:::qq_ranks(1e6)
  expect_equal(ranks[1:2000], 1:2000)
  expect_equal(rev(ranks)[1:2000], 1e6 - 0:1999)
  expect_false(is.unsorted(ranks, strictly = TRUE))
  expect_lte(length(ranks), 10000)
})

test_that("rows beyond three scaled residuals are labelled by name, three at most", {
  set.seed(4)
  d <- data.frame(x = rnorm(60), row.names = paste0("row", 1:60))
  d$y <- d$x + rnorm(60) + c(14, 15, 16, 17, rep(0, 56))
  fit <- lmm(y ~ x, d)
  far <- names(which(abs(residuals(fit, "scaled")) > 3))
  labelled <- intersect(rownames(d), drawn_text(plot(fit, which = 1)))
  expect_lte(length(labelled), 3)
  expect_true(length(labelled) == min(3, length(far)) && all(labelled %in% far))
})

test_that("graphical parameters of the user win", {
  for (which in 1:6) {
    expect_true("My title" %in% drawn_text(plot(grouped, which, main = "My title")))
  }
  expect_true("my axis" %in% drawn_text(plot(grouped, which = 1, xlab = "my axis")))
  expect_true("My title" %in% drawn_text(plot(boundary, which = 4, main = "My title")))
})

test_that("panels for fits of one or two groups, and of many rows, can be drawn", {
  tiny <- lmm(y ~ 1 + (1 | g), data.frame(y = c(1, 2.2, 5.1, 6.4), g = c(1, 1, 2, 2)))
  expect_equal(pages(plot(tiny, which = 1:6)), 3)
  set.seed(2)
  many <- data.frame(g = sample(50, 3e4, TRUE))
  many$y <- rnorm(50)[many$g] + rnorm(3e4)
  expect_equal(pages(plot(lmm(y ~ (1 | g), many), which = c(1, 5))), 1)
})

test_that("wrong arguments are refused before anything is drawn", {
  open <- grDevices::dev.list()
  for (which in list(0, 7, "1", NA, NULL, 1.5)) {
    expect_error(plot(grouped, which = which), class = "hdlmm_bad_input")
  }
  expect_error(plot(grouped, level = 1), class = "hdlmm_bad_input")
  expect_error(plot(grouped, n = 0), class = "hdlmm_bad_input")
  expect_error(plot(grouped, ask = NA), class = "hdlmm_bad_input")
  expect_identical(grDevices::dev.list(), open)
})
