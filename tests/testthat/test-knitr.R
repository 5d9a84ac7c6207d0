# Results in documents: tables of knitr, with the numbers of the console.

skip_if_not_installed("knitr")

boys <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)

page <- function(x) strsplit(page_of(x), "\n")[[1]]

cells <- function(lines, row) {
  line <- grep(paste0("^\\|", row, " *\\|"), lines, value = TRUE)[1]
  trimws(strsplit(line, "|", fixed = TRUE)[[1]][-(1:2)])
}

results <- local({
  multi <- lmm(cbind(height, age) ~ 1 + (1 | Subject), data = nlme::Oxboys)
  bayes <- update(boys, method = "Bayes")
  list(
    fit = boys, ols = lmm(height ~ age, nlme::Oxboys), bayes = bayes, summary = summary(boys),
    posterior = summary(bayes), variances = VarCorr(boys), multi = multi,
    cv = cv_lmm(height ~ age + (1 | Subject), nlme::Oxboys, folds = 3, seed = 1),
    compared = compare_methods(boys, c("REML", "ML", "VB")), test = test_random(boys, "mixture"),
    slopes = summary(lmm(height ~ age + (age | Subject), nlme::Oxboys))
  )
})

test_that("tables of a document have the numbers of a fit", {
  expect_equal(as.numeric(cells(page(boys), "age")), fixef(boys)[["age"]], tolerance = 1e-3)
  shown <- page(results$summary)
  # four digits
  expect_equal(
    as.numeric(cells(shown, "age")[1:2]), unname(coef(results$summary)["age", 1:2]),
    tolerance = 1e-3
  )
  expect_match(shown, "Formula: height ~ age", fixed = TRUE, all = FALSE)
  expect_equal(
    as.numeric(cells(page(results$test), "Subject")[1]), results$test$statistic, tolerance = 1e-3
  )
})

test_that("a page shows every number of the console, in tables", {
  local_reproducible_output(width = 80)
  old <- options(show.signif.stars = FALSE)  # their legend has numbers
  on.exit(options(old))
  numbers <- function(lines) {
    found <- regmatches(lines, gregexpr("-?[0-9]+[.][0-9]+(e-?[0-9]+)?", lines))
    as.numeric(unlist(found))
  }
  for (name in names(results)) {
    lines <- page(results[[name]])
    expect_match(lines, "^\\|:?-+:?\\|", all = FALSE, label = name)
    on_page <- numbers(lines)
    console <- numbers(capture.output(print(results[[name]])))
    # of a share the console may show less digits, and the page four of all
    near <- vapply(console, function(x) {
      any(abs(on_page - x) <= pmax(0.006 * abs(x), 5e-4) | abs(100 * on_page - x) < 0.06)
    }, NA)
    expect_identical(console[!near], numeric(), label = name)
  }
})

test_that("where there is no page a document shows what the console shows", {
  for (one in results) {
    shown <- capture.output(knitr::knit_print(one))
    expect_identical(shown, capture.output(print(one)))
  }
})

test_that("no table is wider than the page, and rows keep their names", {
  wide <- lmm(
    cbind(Sepal.Length, Sepal.Width) ~ Petal.Length * Petal.Width + (1 | Species), iris
  )
  lines <- page(wide)
  rows <- grep("^\\|", lines, value = TRUE)
  expect_lte(max(nchar(rows)), 100)
  expect_gt(sum(grepl("^\\|Sepal[.]Width", rows)), 1)
  names <- lapply(strsplit(grep("^\\|response", rows, value = TRUE), "|", fixed = TRUE), trimws)
  expect_identical(
    setdiff(unlist(names), ""), names(Filter(function(x) !all(is.na(x)), as.data.frame(wide)))
  )
})

test_that("names are no markup", {
  skip_if_not_installed("rmarkdown")
  skip_if_not(rmarkdown::pandoc_available("1.12.3"))
  d <- data.frame(y = nlme::Oxboys$height, `a_b*c|d^2^` = nlme::Oxboys$age, check.names = FALSE)
  lines <- page(lmm(y ~ ., d))
  from <- tempfile(fileext = ".md")
  on.exit(unlink(from))
  writeLines(lines, from)
  rmarkdown::pandoc_convert(from, "html", output = to <- tempfile(fileext = ".html"))
  html <- gsub("\n", " ", paste(readLines(to), collapse = "\n"))
  expect_match(html, ">`a_b*c|d^2^`<", fixed = TRUE)
})

test_that("the report is written, for one and for several coefficients of a term", {
  skip_on_cran()
  skip_if_not_installed("rmarkdown")
  skip_if_not(rmarkdown::pandoc_available("1.12.3"))
  asked <- list(
    list(), list(data = "lme4::sleepstudy", formula = "Reaction ~ Days + (Days | Subject)"),
    list(data = "lme4::Penicillin", formula = "diameter ~ 1 + (1 | plate) + (1 | sample)")
  )
  for (i in seq_along(asked)) {
    directory <- tempfile("report")
    dir.create(directory)
    draft <- rmarkdown::draft(
      file.path(directory, "report.Rmd"), "report", "hdlmm", edit = FALSE
    )
    out <- rmarkdown::render(
      draft, output_options = list(df_print = c("default", "paged", "kable")[i]),
      params = asked[[i]], quiet = TRUE, envir = new.env()
    )
    html <- paste(readLines(out, warn = FALSE), collapse = "\n")
    for (part in c(
      "Data", "Model", "Variances", "Fixed effects", "Diagnostics", "Prediction",
      "Methods compared"
    )) {
      expect_match(html, paste0(">", part, "</h1>"), fixed = TRUE)
    }
    captions <- c("Variances", "95 % limits", "Likelihood-ratio tests of random terms",
      "Methods on one decomposition")
    for (caption in captions) {
      expect_match(html, paste0("<caption>", caption, "</caption>"), fixed = TRUE)
    }
    expect_gte(lengths(regmatches(html, gregexpr("<img ", html))), 5)
    expect_false(grepl("<code>(## )?(Error|Warning)", html))
    unlink(directory, recursive = TRUE)
  }
})
