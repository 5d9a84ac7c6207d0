# Results in documents of knitr and rmarkdown: the model in words as text, numbers as tables.

#' Results in documents
#'
#' In R Markdown and Quarto documents, whatever the page (HTML, PDF, Word) and `df_print`, fits and
#' results that stand alone in a chunk become text and tables of [knitr::kable()], with all numbers
#' that the console shows. Tables wider than a page go on below, with the names of their rows.
#' Where knitr writes no such page (`knitr::knit()` alone, `.Rnw`), and under the chunk option
#' `render = knitr::normal_print`, the document shows what the console shows.
#'
#' `rmarkdown::draft("report.Rmd", "report", "hdlmm")`, or *New File, R Markdown, From Template* in
#' RStudio, begins a report of a fit: data, model, variances, fixed effects, diagnostics, prediction
#' and the methods compared. Its parameters `data`, `formula` and `method` are R code as text.
#'
#' @param x a fit or a result.
#' @param digits significant digits.
#' @param ... nothing: `options` and `inline` of knitr change nothing, another argument is an error.
#' @return Text of class `"knit_asis"`; where there is no page, what `knitr::normal_print()` gives.
#' @section Errors: `hdlmm_bad_input`: an argument that is not used.
#' @examplesIf requireNamespace("knitr", quietly = TRUE)
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' page <- knitr::opts_knit$set(rmarkdown.pandoc.to = "html")  # as rmarkdown::render() does
#' cat(knitr::knit_print(fit))
#' knitr::opts_knit$set(page)
#' @name hdlmm-knitr
NULL

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm
#' @exportS3Method knitr::knit_print hdlmm
knit_print.hdlmm <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  estimate <- x$fixed$estimate
  on_page(
    page_text(describe_model(x)), page_variances(x, VarCorr.hdlmm(x), digits),
    page_table(frame_of(list(term = names(estimate), estimate = unname(estimate))), digits,
      if (has_posterior(x)) "Fixed effects (posterior means)" else "Fixed effects"),
    page_text(remarks(x))
  )
}

#' @rdname hdlmm-knitr
#' @method knit_print summary.hdlmm
#' @exportS3Method knitr::knit_print summary.hdlmm
knit_print.summary.hdlmm <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  fit <- x$fit
  words <- fit_words(fit)
  interval <- paste(percent(x$level), words$interval, "limits")
  page_named <- function(table, what, caption) {
    table <- as.matrix(table)
    page_table(frame_of(c(
      stats::setNames(list(value_or(rownames(table), character(nrow(table)))), what),
      columns_of(table)
    )), digits, caption)
  }
  on_page(
    page_text(c(describe_model(fit), loglik_line(x, digits))),
    if (!is.null(x$residuals)) page_table(
      frame_of(as.list(stats::setNames(x$residuals, quartile_names))), digits, "Scaled residuals"
    ),
    page_variances(fit, x$varcor, digits),
    if (has_random(fit)) page_table(
      x$pve, digits, paste0("Proportions of variance explained, ", interval)
    ),
    page_named(
      shown_coefficients(x), "term", paste0("Fixed effects (", sub("%s", x$ddf, words$fixed,
        fixed = TRUE), ")")
    ),
    page_text(utils::capture.output(print_evidence(fit, digits))), page_text(remarks(fit))
  )
}

#' @rdname hdlmm-knitr
#' @method knit_print VarCorr.hdlmm
#' @exportS3Method knitr::knit_print VarCorr.hdlmm
knit_print.VarCorr.hdlmm <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  on_page(page_components(x, digits))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_random_test
#' @exportS3Method knitr::knit_print hdlmm_random_test
knit_print.hdlmm_random_test <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  on_page(page_table(test_cells(x, digits), digits, "Likelihood-ratio tests of random terms"))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_comparison
#' @exportS3Method knitr::knit_print hdlmm_comparison
knit_print.hdlmm_comparison <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  on_page(
    page_table(comparison_cells(x, digits), digits, "Methods on one decomposition"),
    page_text(c(comparison_legend, comparison_notes(x)))
  )
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_cv
#' @exportS3Method knitr::knit_print hdlmm_cv
knit_print.hdlmm_cv <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  table <- measure_table(x$rows)
  if (nrow(x$models) == 1) table$model <- NULL
  on_page(page_text(cv_heading(x)), page_table(table, digits, "Measures"))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_multi
#' @exportS3Method knitr::knit_print hdlmm_multi
knit_print.hdlmm_multi <- function(x, digits = 4, ...) {
  check_dots(document_settings)
  if (!has_page()) return(knitr::normal_print(x))
  table <- as.data.frame.hdlmm_multi(x)
  on_page(
    page_text(utils::capture.output(print.hdlmm_multi(x, digits))),
    page_table(utils::head(table, 50), digits, paste0(
      "Responses", if (nrow(table) > 50) paste0(", the first 50 of ", nrow(table))
    ))
  )
}

# Harmless in knit_print(): what print() takes, and what knitr hands on.
document_settings <- c(print_settings, list(options = NULL, inline = NULL))

# Whether the document becomes a page by pandoc, which reads the tables.
has_page <- function() !is.null(knitr::pandoc_to())

on_page <- function(...) {
  knitr::asis_output(paste0("\n\n", paste(unlist(list(...)), collapse = "\n\n"), "\n\n"))
}

# Verbatim, in lines that a page holds.
page_text <- function(lines) {
  lines <- lines[nzchar(lines)]
  if (length(lines) == 0) return(NULL)
  is_long <- nchar(lines, "width") > page_width
  lines[is_long] <- vapply(lines[is_long], function(line) {
    paste(strwrap(line, page_width, exdent = 2), collapse = "\n")
  }, "", USE.NAMES = FALSE)
  paste0("```\n", paste(lines, collapse = "\n"), "\n```")
}

page_variances <- function(fit, table, digits) {
  if (has_random(fit)) return(page_components(table, digits))
  page_text(residual_line(fit, digits))
}

page_components <- function(x, digits) {
  page_table(
    frame_of(c(list(term = printed_names(x)), columns_of(printed_variances(x, digits)))), digits,
    if (isTRUE(attr(x, "is_posterior"))) "Variances (posterior means and s.d.)" else "Variances"
  )
}

# Characters of a line that is verbatim, and of one in the narrower letters of tables.
page_width <- 80
table_width <- 90

# Tables that a page holds by its width, each with the first column: [m] strings.
page_table <- function(table, digits, caption) {
  if (nrow(table) == 0) return(page_text(paste0(caption, ": none")))
  is_blank <- vapply(table, function(column) all(is.na(column)), NA)
  table <- table[!is_blank | seq_along(table) <= 2]
  # numbers to the right, be they text or not; "-" stands for one that is missing
  is_text <- vapply(table, function(x) !is.numeric(x) && any(grepl("^[^-+<. 0-9]", x)), NA)
  table[] <- lapply(table, page_cells, digits)
  width <- pmax(nchar(names(table)), vapply(table, function(x) max(nchar(x)), 0L)) + 3
  room <- max(table_width - width[1], width[-1])
  add <- function(used, w) if (used + w > room) w else used + w
  used <- Reduce(add, width[-1], accumulate = TRUE)
  columns <- split(seq_along(table)[-1], cumsum(used == width[-1]))
  vapply(unname(columns), function(own) {
    shown <- c(1, own)
    paste(knitr::kable(
      table[shown], "pipe", align = ifelse(is_text[shown], "l", "r"), row.names = FALSE,
      caption = if (own[1] == 2) caption
    ), collapse = "\n")
  }, "")
}

# Text of cells, in which no character is markup.
page_cells <- function(x, digits) {
  text <- if (is.numeric(x)) vapply(x, format, "", digits = digits) else trimws(x)
  # kable() sees to "|"
  ifelse(is.na(x), "", gsub("([][\\\\`*_{}<>~^$@&#\"'])", "\\\\\\1", text))
}
