# Results in documents: tables of knitr, with the numbers of the accessors.

skip_if_not_installed("knitr")

boys <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)

cells <- function(text, row) {
  line <- grep(paste0("^\\|", row, " *\\|"), strsplit(text, "\n")[[1]], value = TRUE)
  trimws(strsplit(line, "|", fixed = TRUE)[[1]][-(1:2)])
}

test_that("tables of a document have the numbers of a fit", {
  text <- knitr::knit_print(boys)
  expect_s3_class(text, "knit_asis")
  expect_equal(as.numeric(cells(text, "age")), fixef(boys)[["age"]], tolerance = 1e-3)  # 4 digits
  shown <- knitr::knit_print(summary(boys))
  expect_equal(
    as.numeric(cells(shown, "age")[1:2]), unname(summary(boys)$coefficients["age", 1:2]),
    tolerance = 1e-3
  )
  expect_match(shown, "Formula: height ~ age", fixed = TRUE)
  test <- test_random(boys, "mixture")
  expect_equal(
    as.numeric(cells(knitr::knit_print(test), "Subject")[2]), test$statistic, tolerance = 1e-3
  )
})

test_that("every kind of result is a table, under its own class and as data frames are", {
  multi <- lmm(cbind(height, age) ~ 1 + (1 | Subject), data = nlme::Oxboys)
  cv <- cv_lmm(height ~ age + (1 | Subject), nlme::Oxboys, folds = 3, seed = 1)
  bayes <- update(boys, method = "Bayes")
  ols <- lmm(height ~ age, nlme::Oxboys)
  for (one in list(
    boys, ols, bayes, summary(bayes), VarCorr(boys), multi, cv,
    compare_methods(boys, c("REML", "ML"))
  )) {
    expect_match(knitr::knit_print(one), "\\|:?-+:?\\|")
  }
})

test_that("no table is wider than the page, and rows are told again", {
  table <- compare_methods(boys, c("REML", "ML", "VB"))
  lines <- strsplit(knitr::knit_print(table), "\n")[[1]]
  rows <- grep("^\\|", lines, value = TRUE)
  expect_lte(max(nchar(rows)), 90)
  expect_gt(sum(grepl("^\\|REML", rows)), 1)
})

test_that("the report runs for one and for several terms", {
  skip_on_cran()
  skip_if_not_installed("rmarkdown")
  skip_if_not(rmarkdown::pandoc_available("1.12.3"))
  skeleton <- system.file("rmarkdown/templates/report/skeleton/skeleton.Rmd", package = "hdlmm")
  expect_true(nzchar(skeleton))
  asked <- list(
    list(),
    list(data = "lme4::sleepstudy", formula = "Reaction ~ Days + (Days | Subject)"),
    list(data = "lme4::Penicillin", formula = "diameter ~ 1 + (1 | plate) + (1 | sample)")
  )
  for (params in asked) {
    directory <- tempfile("report")
    dir.create(directory)
    file.copy(skeleton, file.path(directory, "report.Rmd"))
    out <- rmarkdown::render(
      file.path(directory, "report.Rmd"), params = params, quiet = TRUE, envir = new.env()
    )
    html <- paste(readLines(out, warn = FALSE), collapse = "\n")
    expect_match(html, "Fixed effects")
    expect_match(html, "<caption>Variances</caption>")
    expect_false(grepl("Error in", html, fixed = TRUE))
    unlink(directory, recursive = TRUE)
  }
})
