# Random terms of a fit. What is said of rows and effects is a sum over terms, or a list with one
# part a term: no verb knows how many there are.

has_random <- function(fit) length(fit$designs) > 0

# f(design) of every term, by label.
each_term <- function(fit, f, ...) lapply(fit$designs, f, ...)

sum_terms <- function(fit, f) Reduce(`+`, each_term(fit, f))

term_labels <- function(fit) names(fit$designs)

# Rows as those of one term; see R/design.R.
term_rows <- function(rows, design) {
  rows["x"] <- list(rows$x[[design$label]])
  rows
}

# Which of the coefficients of all terms side by side are those of a term.
term_columns <- function(fit, design) {
  counts <- vapply(fit$designs, `[[`, 0, "n_cols")
  before <- sum(counts[seq_len(match(design$label, names(counts)) - 1)])
  before + seq_len(counts[[design$label]])
}

# Names of all coefficients side by side.
all_effect_names <- function(fit) unlist(each_term(fit, effect_names), use.names = FALSE)

# The term and the place in it of coefficients by these names, those of one term at a time.
find_effect <- function(fit, name) {
  for (design in fit$designs) {
    index <- match(name, effect_names(design))
    if (!anyNA(index)) return(list(design = design, index = index))
  }
}

# Sum of x'beta over the terms at new rows, beta as predicted.
random_mean <- function(fit, rows) {
  sum_terms(fit, function(design) {
    effect_mean(design, term_rows(rows, design), fit$effects[[design$label]])
  })
}

# The same at the fitted rows.
fitted_random <- function(fit) {
  sum_terms(fit, function(design) {
    drop(fitted_effects(design, as.matrix(fit$effects[[design$label]]), fit$internal))
  })
}

# The same at any rows for draws of all coefficients side by side, beta [p x draws].
drawn_effects <- function(fit, rows, beta) {
  sum_terms(fit, function(design) {
    own <- beta[term_columns(fit, design), , drop = FALSE]
    effect_values(design, term_rows(rows, design), own, fit$internal)
  })
}

# Effects drawn anew from their prior at rows [m x draws]. variances: by label, one a draw, or of
# blocks [r x r x draws].
fresh_values <- function(fit, rows, variances) {
  sum_terms(fit, function(design) {
    own <- variances[[design$label]]
    if (length(dim(own)) == 3) {
      return(fresh_blocks(design, term_rows(rows, design), own, fit$internal))
    }
    sd <- sqrt(own)
    if (rows$is_fitted && all(sd == 0)) return(cpp_zeros(rows$m, length(sd)))
    fresh_effects(design, term_rows(rows, design), sd, fit$internal)
  })
}

fresh_blocks <- function(design, rows, covariances, inside) {
  out <- cpp_zeros(rows$m, dim(covariances)[3])
  for (s in seq_len(ncol(out))) {
    out[, s] <- fresh_block(design, rows, as.matrix(covariances[, , s]), 1, inside)
  }
  out
}

# Effects of levels that the fit does not know [m x draws]; 0 where there are none.
unseen_values <- function(fit, rows, variances) {
  sum_terms(fit, function(design) {
    unseen_effects(design, term_rows(rows, design), sqrt(variances[[design$label]]))
  })
}

# Covariance of the coefficients of one level of a term, a variance as 1 x 1 matrix.
covariance_of <- function(fit, label) {
  value_or(fit$covariances[[label]], matrix(fit$variances[[label]]))
}

# Effects drawn anew at rows with the estimated covariances [m x draws].
fresh_held <- function(fit, rows, draws) {
  sum_terms(fit, function(design) {
    covariance <- covariance_of(fit, design$label)
    if (rows$is_fitted && all(covariance == 0)) return(cpp_zeros(rows$m, draws))
    fresh_block(design, term_rows(rows, design), covariance, draws, fit$internal)
  })
}

# Those of levels that the fit does not know; 0 where there are none.
unseen_held <- function(fit, rows, draws) {
  sum_terms(fit, function(design) {
    unseen_block(design, term_rows(rows, design), covariance_of(fit, design$label), draws)
  })
}

# Variance of all random effects at every row, drawn anew [m].
fresh_variances <- function(fit, rows) {
  sum_terms(fit, function(design) {
    covariance <- covariance_of(fit, design$label)
    covariance[is.na(covariance)] <- Inf
    explained_rows(design, term_rows(rows, design), covariance, fit$internal)
  })
}

# A fit that stands for some of its terms: sums go over these alone.
with_terms <- function(fit, labels) {
  fit$all_designs <- value_or(fit$all_designs, fit$designs)
  fit$designs <- fit$designs[intersect(names(fit$designs), labels)]
  fit
}

# Labels of the terms whose predicted effects are used; random: TRUE, FALSE or labels.
used_labels <- function(fit, random) {
  if (is.character(random)) return(intersect(term_labels(fit), random))
  if (random) term_labels(fit) else character()
}

# Of the others, whose effects a new row draws anew.
fresh_labels <- function(fit, random) setdiff(term_labels(fit), used_labels(fit, random))
