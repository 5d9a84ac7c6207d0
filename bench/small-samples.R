# What 95 % limits of a new response cover in small samples, with and without the corrections of
# predict(correction = ): simulation from the model, REML.
#
#   Rscript bench/small-samples.R [replicates]
#
# Writes results/small-samples.txt; the standard error of a coverage is that of the replicates.

suppressMessages(library(hdlmm))
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])
replicates <- as.integer(c(commandArgs(TRUE), 2000)[1])
corrections <- c("none", "kackar-harville", "prasad-rao")

# n fitted rows and a last one to predict.
grouped <- function(n, groups) {
  g <- factor(c(rep_len(seq_len(groups), n), sample(groups, 1)), levels = seq_len(groups))
  d <- data.frame(x = rnorm(n + 1), g = g)
  d$y <- d$x + rnorm(groups)[d$g] + rnorm(n + 1)
  list(formula = y ~ x + (1 | g), data = d)
}

wide <- function(n, p) {
  d <- data.frame(x = rnorm(n + 1))
  d$X <- matrix(rnorm((n + 1) * p), n + 1)
  d$y <- d$x + drop(d$X %*% rnorm(p)) / sqrt(p) + rnorm(n + 1)
  list(formula = y ~ x + re(X), data = d)
}

# [2 x 3]: whether the limits cover, and their width, by correction.
one_replicate <- function(case) {
  last <- nrow(case$data)
  fit <- lmm(case$formula, case$data[-last, ])
  new <- case$data[last, ]
  vapply(corrections, function(correction) {
    # no correction where the covariance of the rows is singular
    limits <- tryCatch(
      predict(fit, new, interval = "prediction", correction = correction),
      hdlmm_unsupported = function(e) predict(fit, new, interval = "prediction")
    )
    c(limits[, "lwr"] <= new$y && new$y <= limits[, "upr"], limits[, "upr"] - limits[, "lwr"])
  }, numeric(2))
}

cases <- list(
  `12 rows, 4 groups` = function() grouped(12, 4), `20 rows, 5 groups` = function() grouped(20, 5),
  `50 rows, 10 groups` = function() grouped(50, 10),
  `20 rows, 60 columns` = function() wide(20, 60), `50 rows, 200 columns` = function() wide(50, 200)
)
set.seed(1)
rows <- lapply(names(cases), function(name) {
  values <- replicate(replicates, suppressWarnings(one_replicate(cases[[name]]())))
  data.frame(
    case = name, correction = corrections, coverage = rowMeans(values[1, , ]),
    width = rowMeans(values[2, , ])
  )
})
table <- do.call(rbind, rows)
table$coverage <- round(table$coverage, 4)
table$width <- round(table$width, 3)
lines <- c(
  paste("95 % limits of a new response,", replicates, "replicates, standard error of a coverage",
    round(sqrt(0.95 * 0.05 / replicates), 4)),
  capture.output(print(table, row.names = FALSE))
)
writeLines(lines, file.path(dirname(normalizePath(script)), "results", "small-samples.txt"))
writeLines(lines)
