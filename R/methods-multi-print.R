# Fits of several responses in few lines, however many there are: quantiles over responses.

#' @rdname hdlmm_multi
#' @export
as.data.frame.hdlmm_multi <- function(x, row.names = NULL, optional = FALSE, ...) {
  check_dots()
  fixed <- fixef.hdlmm_multi(x)
  variances <- varcomp.hdlmm_multi(x)
  rownames(variances) <- variance_labels(
    rownames(variances), unlist(facts_of(x, "covariances"))
  )
  share <- bind_responses(facts_of(x, "shares"))
  share_se <- bind_responses(Map(function(value, of) {
    if (!is.null(of)) stats::setNames(value, names(of))
  }, facts_of(x, "share_se"), facts_of(x, "shares")))
  is_one <- nrow(share) == 1
  rownames(share) <- if (is_one) "pve" else paste0("pve_", rownames(share), recycle0 = TRUE)
  rownames(share_se) <- if (is_one) "pve_se" else
    paste0("pve_se_", rownames(share_se), recycle0 = TRUE)
  columns <- c(
    list(response = x$responses, nobs = nobs.hdlmm_multi(x)),
    columns_of(t(fixed)), columns_of(t(variances)), columns_of(t(share)), columns_of(t(share_se)),
    list(
      logLik = logLik.hdlmm_multi(x), p_value = mixture_p_values(x),
      boundary = boundary_of_each(x), converged = is_converged_each(x)
    )
  )
  frame_of(lapply(columns, unname))
}

boundary_of_each <- function(x) {
  vapply(x$facts, function(one) if (is.null(one)) NA_character_ else boundary_text(one), "")
}

is_converged_each <- function(x) vapply(facts_of(x, "is_converged"), value_or, NA, NA)

mixture_p_values <- function(x) {
  out <- number_of_facts(x, "p_value")
  for (k in which(is.na(out) & lengths(x$errors) == 0)) out[k] <- mixture_p_value(x[[k]])
  out
}

# p of sigma_b^2 = 0 where it is at hand.
mixture_p_value <- function(fit) {
  is_tested <- has_random(fit) && at_maximum(fit) && is_one_variance(fit) && !is_exact_fit(fit) &&
    is.finite(fit$loglik)
  if (is_tested) test_one_variance(fit, "mixture", NULL, NULL)$p_value else NA_real_
}

#' @rdname hdlmm_multi
#' @export
summary.hdlmm_multi <- function(object, ...) {
  check_dots()
  structure(
    list(fit = object, table = as.data.frame.hdlmm_multi(object)), class = "summary.hdlmm_multi"
  )
}

#' @rdname hdlmm_multi
#' @export
print.hdlmm_multi <- function(x, digits = max(3, getOption("digits") - 3), ...) {
  check_dots(print_settings)
  own <- shown_fit(x)
  counts <- range(nobs.hdlmm_multi(x), na.rm = TRUE)
  cat_lines(c(
    paste0(
      if (has_random(own)) "Linear mixed model" else "Linear model", " of ",
      counted(x$dims$n_responses, "response"), ", ", fit_words(own)$method
    ),
    paste0("Formula: ", shortened(short_text(x$formula), 800)),
    paste0(
      counted(x$dims$n, "row"),
      if (counts[1] < x$dims$n) paste0(", from ", counts[1], " to ", counts[2], " in a response"),
      paste0(
        vapply(own$designs, function(design) paste0(", ", describe_design(design)), ""),
        collapse = ""
      ),
      if (!is.null(x$weights)) ", weighted"
    )
  ))
  cat("\nOver responses:\n")
  variances <- varcomp.hdlmm_multi(x)
  rownames(variances) <- paste0("variance(", rownames(variances), ")")
  share <- bind_responses(facts_of(x, "shares"))
  rownames(share) <- if (nrow(share) == 1) "pve" else
    paste0("pve(", rownames(share), ")", recycle0 = TRUE)
  print_quantiles(as.data.frame(t(rbind(fixef.hdlmm_multi(x), variances, share))), digits)
  cat_lines(c("", multi_remarks(x)))
  invisible(x)
}

#' @rdname hdlmm_multi
#' @export
print.summary.hdlmm_multi <- function(x, digits = max(3, getOption("digits") - 3), ...) {
  check_dots(print_settings)
  print.hdlmm_multi(x$fit, digits)
  is_number <- vapply(x$table, is.numeric, NA) & !grepl("^pve$|^var_", names(x$table)) &
    !names(x$table) %in% rownames(fixef.hdlmm_multi(x$fit))
  cat("\n")
  print_quantiles(x$table[is_number], digits)
  invisible(x)
}

#' @export
print.hdlmm_multi_loo <- function(x, digits = 4, ...) {
  check_dots(print_settings)
  cat("Leave-one-out prediction of", counted(nrow(x$table), "response"), "\n")
  print_quantiles(x$table[-1], digits)
  invisible(x)
}

# One line a number: its quartiles over responses.
print_quantiles <- function(table, digits) {
  out <- t(vapply(table, function(column) {
    stats::quantile(column, na.rm = TRUE, names = FALSE)
  }, numeric(5)))
  colnames(out) <- quartile_names
  print(out, digits = digits)
}

multi_remarks <- function(x) {
  boundary <- boundary_of_each(x)
  lost <- lengths(x$errors) > 0
  converged <- is_converged_each(x)
  at_boundary <- !lost & !boundary %in% c("none", NA)
  is_slow <- !lost & !converged
  named <- function(is, what) {
    if (any(is)) paste0(what, ": ", sum(is), " (", enumerate(backtick(x$responses[is])), ").")
  }
  c(
    paste0("At a boundary of the parameters: ", sum(at_boundary), "; not converged: ",
      sum(is_slow), "."),
    named(is_slow, "Not converged"), named(lost, "Without a fit"),
    if (length(x$notes)) paste0(capitalise(x$notes), ".")
  )
}
