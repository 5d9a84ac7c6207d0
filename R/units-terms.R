# Covariances of several random terms between the user's units and those of the core. There all of
# them stand side by side as parameters: the lower triangles of Sigma_k, column by column, then
# sigma_e^2.

# Names and places of the parameters: data frame(name, term, row, column), the residual last with
# term NA. A block goes by the names of lme4: g.(Intercept), g.x.(Intercept) for a covariance, g.x.
terms_parameters <- function(designs) {
  rows <- lapply(seq_along(designs), function(k) {
    design <- designs[[k]]
    r <- coefficient_width(design)
    if (r == 1) return(parameter_rows(design$label, k, 1L, 1L))
    at <- which(lower.tri(diag(r), TRUE), arr.ind = TRUE)
    parameter_rows(cell_names(design, at), k, at[, 1], at[, 2])
  })
  do.call(rbind, c(rows, list(parameter_rows("Residual", NA_integer_, 1L, 1L))))
}

# Of cells [m x 2] of a block, as lme4 names them.
cell_names <- function(design, at) {
  own <- block_names(design)
  second <- ifelse(at[, 1] == at[, 2], "", paste0(".", own[at[, 2]]))
  paste0(design$label, ".", own[at[, 1]], second)
}

parameter_rows <- function(name, term, row, column) {
  data.frame(name = name, term = term, row = unname(row), column = unname(column))
}

# Whether a parameter stands beside the diagonal of its block.
is_covariance <- function(parameters) parameters$row != parameters$column

# Names of variances and covariances in tables that hold other numbers beside them.
variance_labels <- function(names, covariances) {
  paste0(ifelse(names %in% covariances, "cov_", "var_"), names, recycle0 = TRUE)
}

covariance_names <- function(fit) {
  parameters <- terms_parameters(fit$designs)
  parameters$name[is_covariance(parameters)]
}

# data frame(name, at, a, b) of the correlations of blocks: `at` is the place of the covariance
# among the parameters, a and b those of its variances.
correlation_places <- function(parameters) {
  at <- which(is_covariance(parameters))
  place <- function(term, i) {
    which(parameters$term %in% term & parameters$row == i & parameters$column == i)
  }
  data.frame(
    name = if (length(at)) paste0("cor.", parameters$name[at]) else character(), at = at,
    a = as.integer(unlist(mapply(place, parameters$term[at], parameters$row[at]))),
    b = as.integer(unlist(mapply(place, parameters$term[at], parameters$column[at])))
  )
}

# Correlations [N x places] of variances and covariances [N x parameters].
correlations_of <- function(places, variances) {
  out <- variances[, places$at, drop = FALSE] / sqrt(variances[, places$a, drop = FALSE]) /
    sqrt(variances[, places$b, drop = FALSE])
  dimnames(out) <- list(NULL, places$name)
  out
}

# log2 of the unit of every parameter: the user's number is 2^k times the one inside.
parameter_units <- function(units, designs, parameters) {
  vapply(seq_len(nrow(parameters)), function(i) {
    one <- parameters[i, ]
    if (is.na(one$term)) return(units$variance[["Residual"]])
    k <- coefficient_units(units, designs[[one$term]])
    k[one$row] + k[one$column]
  }, 0)
}

# The same of the coefficients of one level [r].
coefficient_units <- function(units, design) design$exponent + units$response

# One of them, `one` a row of the parameters.
user_parameter <- function(units, designs, one, x) {
  times_two_to(x, parameter_units(units, designs, one))
}

# Numbers that a double can hold, or an error.
user_parameters <- function(units, designs, parameters, x) {
  k <- parameter_units(units, designs, parameters)
  out <- vapply(seq_along(x), function(i) {
    what <- if (is.na(parameters$term[i])) "residual variance" else
      "variance of the random effects"
    sign(x[i]) * rescale_variance(abs(x[i]), k[i], what)
  }, 0)
  stats::setNames(out, parameters$name)
}

# The same of points of a search [parameters x points], of which no number is checked.
user_parameter_points <- function(units, designs, parameters, x) {
  times_two_to(x, rep(parameter_units(units, designs, parameters), ncol(x)))
}

user_parameter_covariance <- function(units, designs, parameters, covariance) {
  k <- parameter_units(units, designs, parameters)
  times_two_to(times_two_to(covariance, k), rep(k, each = length(k)))
}

# Sigma_k of the user from that of the core.
user_block <- function(units, design, sigma) {
  scale_block(sigma, rep_len(coefficient_units(units, design), nrow(sigma)))
}

inside_block <- function(units, design, sigma) {
  scale_block(sigma, -rep_len(coefficient_units(units, design), nrow(sigma)))
}

# Lower triangles, column by column, of all terms.
half_vectors <- function(blocks) {
  unlist(lapply(blocks, function(s) s[lower.tri(s, TRUE)]), use.names = FALSE)
}

# Per unit of the residual variance inside.
relative_block <- function(design, sigma, residual) {
  scale_block(sigma / residual, -rep_len(design$exponent, nrow(sigma)))
}

scale_block <- function(m, k) times_two_to(times_two_to(m, k), rep(k, each = length(k)))

# The moments of a term in the user's units.
user_moments <- function(design) scale_block(term_moments(design), -design$exponent)

# The same per unit of what the noise is measured in inside; see weighted_kappa().
inside_moments <- function(units, design) times_two_to(term_moments(design), units$weights)

# Variances of the coefficients of one level [r], one number for all or one each.
inside_coefficient_variances <- function(units, design, x) {
  k <- coefficient_units(units, design)
  times_two_to(rep_len(x, length(k)), -2 * k)
}
