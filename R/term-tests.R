# F tests of the terms of one fit: which hypotheses about the coefficients a type stands for.
#
# Hypotheses a'omega = 0 are compared in the parameters b of the redundant model, which has one
# column for every level and every combination of levels: nothing there depends on a coding or a
# reference level.

anova_terms <- function(fit, type, tests) {
  labels <- attr(fit$terms, "term.labels")
  model <- list(assign = attr(model.matrix.hdlmm(fit), "assign")[fit$fixed$kept])
  is_simple <- all(attr(fit$terms, "order") == 1) && !anyDuplicated(model$assign[model$assign > 0])
  if (!is_simple) model <- redundant_model(fit)
  rows <- lapply(seq_along(labels), function(term) {
    contrasts <- term_contrasts(fit, model, term, type)
    if (nrow(contrasts) > 0) tests$joint(contrasts)
  })
  is_there <- !vapply(rows, is.null, NA)
  table <- as.data.frame(do.call(rbind, rows))
  if (!any(is_there)) table <- as.data.frame(matrix(numeric(), 0, 4))
  names(table) <- c("Df", "Den Df", "F value", "Pr(>F)")
  rownames(table) <- labels[is_there]
  structure(
    table, class = c("anova", "data.frame"),
    heading = paste0(
      "Type ", type, " tests of fixed effects",
      if (has_random(fit)) paste0(" (", tests$name, "'s degrees of freedom)"), "\n",
      "Response: ", deparse1(fit$formula[[2]])
    )
  )
}

# list(assign [c], g [c x R], unit [c], wide_assign [R], contains, relates [terms x terms]): the
# redundant columns are Z G for the estimated columns of Z over `unit`, so that a'omega = (G'a)'b.
# contains[i, j]: term j has the factors of term i and more, and the same covariates; relates: as
# car::Anova() has it, where a covariate is no different.
redundant_model <- function(fit) {
  frame <- fit$frame
  in_term <- attr(fit$terms, "factors") > 0
  # its rows are code, in which odd names stand between backticks
  rownames(in_term) <- variable_names(fit$terms)
  is_factor <- vapply(frame[rownames(in_term)], function(x) {
    is.factor(x) || is.character(x) || is.logical(x)
  }, NA)
  is_factor[attr(fit$terms, "response")] <- FALSE  # model.matrix() drops it on the right-hand side
  factors <- rownames(in_term)[is_factor]
  for (name in factors) frame[[name]] <- with_indicators(frame[[name]])
  wide <- stats::model.matrix(fit$terms, frame)
  z <- model.matrix.hdlmm(fit)
  assign <- attr(z, "assign")[fit$fixed$kept]
  z <- z[, fit$fixed$kept, drop = FALSE]
  wide_assign <- attr(wide, "assign")
  is_estimated <- wide_assign %in% assign
  wide <- wide[, is_estimated, drop = FALSE]
  wide_assign <- wide_assign[is_estimated]
  # one unit for all columns of the same covariates, whose parameters are compared with each other
  covariates <- c("", apply(in_term, 2, function(x) paste(which(x & !is_factor), collapse = ":")))
  for (at in split(seq_along(wide_assign), covariates[wide_assign + 1])) {
    wide[, at] <- wide[, at] / max(abs(wide[, at]), .Machine$double.xmin)
  }
  largest <- pmax(apply(abs(z), 2, max, 0), .Machine$double.xmin)  # squares may be no numbers
  unit <- largest * sqrt(colSums((z / rep(largest, each = nrow(z)))^2))
  relates <- crossprod(in_term, !in_term) == 0 & !diag(TRUE, ncol(in_term))
  covered <- !is_factor & in_term
  list(
    assign = assign, unit = unit, wide_assign = wide_assign, relates = relates,
    g = qr.coef(qr(z / rep(unit, each = nrow(z)), tol = 1e-14), wide),
    contains = relates & crossprod(covered, !covered) == 0 & crossprod(!covered, covered) == 0
  )
}

# Coded by one column a level, though there be one level alone, where `contrasts<-` stops.
with_indicators <- function(x) {
  x <- as.factor(x)
  attr(x, "contrasts") <- `dimnames<-`(diag(1, nlevels(x)), list(levels(x), levels(x)))
  x
}

# Rows of hypotheses [q x c], orthonormal in the redundant parameters: the degrees of freedom of
# the denominator depend on the rows and not on what they span alone.
term_contrasts <- function(fit, model, term, type) {
  at <- which(model$assign == term)
  own <- diag(1, length(model$assign))[, at, drop = FALSE]
  if (length(at) == 0 || is.null(model$g)) return(t(own))
  if (type == "II") {
    own <- nested_contrasts(fit, model, own, at, term)
  } else if (any(model$contains[term, ])) {
    own <- marginal_contrasts(model, term)
  }
  t(orthonormal(own, model$g) * model$unit)
}

# Type III: estimable functions without parameters of terms that do not contain the term, at right
# angles to those of the containing terms alone (SAS/STAT, The Four Types of Estimable Functions).
marginal_contrasts <- function(model, term) {
  g <- model$g
  is_own <- model$wide_assign == term
  others <- !model$wide_assign %in% c(term, which(model$contains[term, ]))
  own <- orthonormal(null_space(t(g[, others, drop = FALSE])), g)
  above <- orthonormal(null_space(t(g[, others | is_own, drop = FALSE])), g)
  own %*% null_space(crossprod(crossprod(g, above), crossprod(g, own)))
}

# Type II: the coefficients of the term where those of the terms that contain it are zero.
nested_contrasts <- function(fit, model, own, at, term) {
  above <- which(model$assign %in% which(model$relates[term, ]))
  if (length(above) == 0) return(own)
  covariance <- fit$fixed$vcov * outer(model$unit, model$unit)
  # of an exact fit that of least squares, times 0
  if (any(diagonal(covariance) == 0)) covariance <- solve(tcrossprod(model$g))
  own[above, ] <- -solve(
    covariance[above, above, drop = FALSE], covariance[above, at, drop = FALSE]
  )
  own
}

# Columns a with orthonormal G'a.
orthonormal <- function(a, g) {
  if (ncol(a) == 0) return(a)
  factor <- qr(crossprod(g, a), tol = 1e-14)
  a[, factor$pivot, drop = FALSE] %*% backsolve(qr.R(factor), diag(1, ncol(a)))
}

# Orthonormal columns a with m a = 0; cells of m are of order one.
null_space <- function(m) {
  if (nrow(m) == 0 || ncol(m) == 0) return(diag(1, ncol(m)))
  s <- svd(m, nu = 0, nv = ncol(m))
  s$v[, seq_len(ncol(m)) > sum(s$d > 1e-9 * max(1, s$d[1])), drop = FALSE]
}
