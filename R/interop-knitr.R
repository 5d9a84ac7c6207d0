# Results in documents of knitr and rmarkdown: the model in words as text, numbers as tables.

#' Results in documents
#'
#' In documents of knitr and rmarkdown, whatever the format and `df_print`, fits and results that
#' stand alone in a chunk become the text that they print with and tables of [knitr::kable()].
#' Tables that are wider than a page go on below with the same rows.
#'
#' `rmarkdown::draft("report.Rmd", "report", "hdlmm")`, or *New File, R Markdown, From Template* in
#' RStudio, begins a report of a fit: data, model, variances, fixed effects, diagnostics, prediction
#' and the methods compared.
#'
#' @param x a result.
#' @param digits significant digits.
#' @param ... nothing that is used: knitr hands on the options of the chunk.
#' @return Text of class `"knit_asis"`.
#' @examplesIf requireNamespace("knitr", quietly = TRUE)
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' cat(knitr::knit_print(summary(fit)))
#' @name hdlmm-knitr
NULL

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm
#' @exportS3Method knitr::knit_print hdlmm
knit_print.hdlmm <- function(x, digits = 4, ...) {
  estimate <- x$fixed$estimate
  knit_parts(
    knit_text(describe_model(x)), knit_variances(x, VarCorr.hdlmm(x), digits),
    knit_table(
      data.frame(term = names(estimate), estimate = unname(estimate)), digits, fixed_heading(x)
    ), knit_text(remarks(x))
  )
}

fixed_heading <- function(x) {
  if (has_posterior(x)) "Fixed effects (posterior means)" else "Fixed effects"
}

#' @rdname hdlmm-knitr
#' @method knit_print summary.hdlmm
#' @exportS3Method knitr::knit_print summary.hdlmm
knit_print.summary.hdlmm <- function(x, digits = 4, ...) {
  fit <- x$fit
  fixed <- x$coefficients
  if (!at_maximum(fit)) fixed <- cbind(fixed[, 1:2, drop = FALSE], x$limits)
  words <- fit_words(fit)
  knit_parts(
    knit_text(describe_model(fit)), knit_variances(fit, x$varcor, digits),
    if (has_random(fit)) knit_table(
      x$pve, digits, paste0("Proportions of variance explained, ", percent(x$level), " limits")
    ),
    knit_table(
      with_names(fixed, "term"), digits,
      paste0("Fixed effects (", sub("%s", x$ddf, words$fixed, fixed = TRUE), ")")
    ), knit_text(remarks(fit))
  )
}

#' @rdname hdlmm-knitr
#' @method knit_print VarCorr.hdlmm
#' @exportS3Method knitr::knit_print VarCorr.hdlmm
knit_print.VarCorr.hdlmm <- function(x, digits = 4, ...) {
  knit_parts(knit_table(as.data.frame(x), digits, "Variances"))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_random_test
#' @exportS3Method knitr::knit_print hdlmm_random_test
knit_print.hdlmm_random_test <- function(x, digits = 4, ...) {
  knit_parts(knit_table(as.data.frame(x), digits, "Likelihood-ratio tests of random terms"))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_comparison
#' @exportS3Method knitr::knit_print hdlmm_comparison
knit_print.hdlmm_comparison <- function(x, digits = 4, ...) {
  table <- as.data.frame(x)
  notes <- paste0(table$method, "/", table$algorithm, ": ", table$note)[table$note != ""]
  table$note <- NULL
  knit_parts(knit_table(table, digits, "Methods on one decomposition"), knit_text(notes))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_cv
#' @exportS3Method knitr::knit_print hdlmm_cv
knit_print.hdlmm_cv <- function(x, digits = 4, ...) {
  knit_parts(knit_text(cv_heading(x)), knit_table(measure_table(x$rows), digits, "Measures"))
}

#' @rdname hdlmm-knitr
#' @method knit_print hdlmm_multi
#' @exportS3Method knitr::knit_print hdlmm_multi
knit_print.hdlmm_multi <- function(x, digits = 4, ...) {
  table <- as.data.frame.hdlmm_multi(x)
  shown <- utils::head(table, 50)
  knit_parts(
    knit_text(c(
      paste0("Formula: ", short_text(x$formula)), counted(x$dims$n_responses, "response"),
      if (nrow(table) > 50) paste("the first 50 of", nrow(table), "responses")
    )), knit_table(shown, digits, "Responses")
  )
}

knit_parts <- function(...) {
  parts <- unlist(list(...))
  knitr::asis_output(paste0("\n\n", paste(parts, collapse = "\n\n"), "\n\n"))
}

# Text as it is printed.
knit_text <- function(lines) {
  if (length(lines) == 0) return(NULL)
  # verbatim lines are not wrapped by the page
  paste0("```\n", paste(strwrap(lines, 80, exdent = 2), collapse = "\n"), "\n```")
}

knit_variances <- function(fit, table, digits) {
  if (!has_random(fit)) {
    sigma <- format(sigma.hdlmm(fit), digits = digits)
    return(knit_text(paste("Residual standard deviation:", sigma)))
  }
  heading <- if (has_posterior(fit)) "Variances (posterior means and s.d.)" else "Variances"
  knit_table(as.data.frame(table), digits, heading)
}

with_names <- function(table, name) {
  names <- stats::setNames(list(rownames(table)), name)
  frame_of(c(names, columns_of(as.matrix(table))))
}

page_width <- 84  # characters

# Tables that fit the page by width, each with the first column.
knit_table <- function(table, digits, caption) {
  if (nrow(table) == 0) return(knit_text(paste0(caption, ": none")))
  is_blank <- vapply(table, function(column) all(is.na(column)), NA)
  table <- table[!is_blank]
  is_number <- vapply(table, is.numeric, NA)
  table[] <- lapply(table, shown_column, digits = digits)
  width <- pmax(nchar(names(table)), vapply(table, function(x) max(nchar(x)), 0L)) + 3
  room <- max(page_width - width[1], max(width[-1], 0))
  block <- 1
  used <- 0
  blocks <- vapply(width[-1], function(w) {
    if (used + w > room) {
      block <<- block + 1
      used <<- 0
    }
    used <<- used + w
    block
  }, 0)
  columns <- if (length(blocks) == 0) list(integer()) else split(seq_along(blocks) + 1, blocks)
  vapply(seq_along(columns), function(i) {
    shown <- c(1, columns[[i]])
    lines <- knitr::kable(
      table[shown], "pipe", align = ifelse(is_number[shown], "r", "l"), row.names = FALSE,
      caption = if (i == 1) caption
    )
    paste(lines, collapse = "\n")
  }, "")
}

shown_column <- function(x, digits) {
  if (!is.numeric(x)) return(ifelse(is.na(x), "", gsub("|", "\\|", as.character(x), fixed = TRUE)))
  out <- vapply(x, function(value) format(value, digits = digits), "")
  ifelse(is.na(x), "", out)
}
