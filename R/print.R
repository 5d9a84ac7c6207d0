# Printed output: the model in words, then numbers.

#' @export
print.hdlmm <- function(x, digits = max(3, getOption("digits") - 3), ...) {
  check_dots(print_settings)
  cat_lines(describe_model(x))
  cat("\n")
  print_variances(x, digits)
  cat(if (has_posterior(x)) "\nFixed effects (posterior means):\n" else "\nFixed effects:\n")
  if (length(x$fixed$estimate) > 0) {
    print(x$fixed$estimate, digits = digits)
  } else {
    cat("  none\n")
  }
  print_remarks(x)
  invisible(x)
}

describe_model <- function(x) {
  title <- if (has_random(x)) "Linear mixed model" else "Linear model"
  c(
    paste0(title, ", ", fit_words(x)$method),
    paste0("Formula: ", shortened(short_text(x$formula), 800)),
    describe_sizes(x), describe_dropped(x), describe_approximation(x)
  )
}

describe_sizes <- function(x) {
  aliased <- length(x$fixed$aliased)
  out <- paste0(
    counted(x$dims$n, "row"), ", ", counted(x$dims$n_fixed, "fixed effect"),
    if (aliased > 0) paste0(" (", aliased, " more aliased)")
  )
  for (design in x$designs) out <- paste0(out, ", ", describe_design(design))
  if (!is.null(x$weights)) out <- paste0(out, ", weighted")
  out
}

describe_dropped <- function(x) {
  dropped <- x$dropped
  parts <- c(
    if (dropped$missing > 0) paste(dropped$missing, "by missing values"),
    if (dropped$zero_weight > 0) paste(dropped$zero_weight, "by weight zero")
  )
  left_out <- x$dims$n_total - x$dims$n - dropped$missing - dropped$zero_weight
  if (left_out > 0) parts <- c(parts, paste(left_out, "by subset"))
  if (length(parts) == 0) return(NULL)
  paste0("Rows dropped: ", paste(parts, collapse = ", "))
}

print_variances <- function(x, digits, table = VarCorr.hdlmm(x)) {
  if (!has_random(x)) {
    cat_lines(residual_line(x, digits))
    return(invisible())
  }
  what <- if (has_posterior(x)) " (posterior mean and standard deviation)"
  cat("Variances", what, ":\n", sep = "")
  print(table, digits = digits)
}

residual_line <- function(x, digits) {
  paste0(
    "Residual standard deviation: ", format(sigma.hdlmm(x), digits = digits), " on ",
    counted(df.residual.hdlmm(x), "degree"), " of freedom"
  )
}

remarks <- function(x) {
  criterion <- fit_words(x)$criterion
  condition <- basis_condition(x$internal$fixed$r)
  c(
    boundary_words(x),
    if (x$is_unbounded) paste0(
      "The ", criterion, " is unbounded as the residual variance tends to 0",
      if (identical(x$boundary, "none")) "; this is its interior mode." else "."
    ),
    if (!is.null(x$modes) && nrow(x$modes) > 1) paste0(
      "The ", criterion, " has ", nrow(x$modes), " modes, at pve = ",
      enumerate(shown_share(x$modes$pve), Inf), "; the first is the highest."
    ),
    if (length(x$certificate$modes) > 1) paste0(
      "The ", criterion, " has ", length(x$certificate$modes), " modes, of log-likelihood ",
      enumerate(format(x$certificate$modes, digits = 7), Inf), "; the first is the highest."
    ),
    if (!x$is_converged) paste0("Not converged: ", x$reason, "."),
    if (condition > 1e7) paste0(
      "The fixed effects are nearly collinear: condition number ", format(condition, digits = 2),
      "."
    ),
    if (length(x$notes)) paste0(capitalise(x$notes), ".")
  )
}

# Of one random term at most.
one_boundary_words <- function(x) {
  label <- enumerate(backtick(term_labels(x)))
  switch(x$boundary,
    random = if (has_random(x)) paste0(
      "The estimate lies on the boundary: the variance of ", label, " is exactly 0."
    ),
    residual = paste0(
      "The estimate lies on the boundary: the residual variance is exactly 0, ", label,
      " and the fixed effects explain every row."
    ),
    exact = "The response is explained exactly by the fixed part: all variances are 0."
  )
}

print_remarks <- function(x) {
  lines <- remarks(x)
  if (length(lines) > 0) {
    cat("\n")
    cat_lines(lines)
  }
}
