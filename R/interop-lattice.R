# Pictures of random effects by lattice, as of lme4's.

#' @rdname ranef.hdlmm
#' @method dotplot ranef.hdlmm
#' @exportS3Method lattice::dotplot ranef.hdlmm
dotplot.ranef.hdlmm <- function(x, data, main = TRUE, ...) {
  by_term(x, main, function(d, title, names) {
    d$level <- stats::reorder(d$level, d$value)
    lattice::dotplot(
      level ~ value | column, d, main = title, xlab = "predicted effect", ylab = "",
      scales = list(x = list(relation = "free")),
      layout = c(length(names), 1), ...
    )
  })
}

#' @rdname ranef.hdlmm
#' @method qqmath ranef.hdlmm
#' @exportS3Method lattice::qqmath ranef.hdlmm
qqmath.ranef.hdlmm <- function(x, data, main = TRUE, ...) {
  by_term(x, main, function(d, title, names) {
    lattice::qqmath(
      ~ value | column, d, main = title, xlab = "standard normal quantile",
      ylab = "predicted effect", scales = list(y = list(relation = "free")),
      layout = c(length(names), 1), ...
    )
  })
}

# A picture for every term, of a data frame (level, column, value).
by_term <- function(x, main, draw) {
  terms <- stats::setNames(nm = names(x))
  lapply(terms, function(label) {
    value <- as.matrix(x[[label]])
    names <- value_or(colnames(value), label)
    d <- data.frame(
      level = rep(value_or(rownames(value), seq_len(nrow(value))), ncol(value)),
      column = factor(rep(names, each = nrow(value)), names), value = as.vector(value)
    )
    draw(d, if (isTRUE(main)) label else if (is.character(main)) main, names)
  })
}
