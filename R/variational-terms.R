# Factors of covariances under q in numbers and in words.

# Under IW(df, Psi) of Sigma [r x r] a variance is IG((df - r + 1)/2, Psi_aa/2).
marginal_factor <- function(fit, name) {
  if (name == "Residual") return(fit$q$residual)
  one <- fit$parameters[match(name, fit$parameters$name), ]
  factor <- fit$q$random[[one$term]]
  list(
    shape = (factor$df - nrow(factor$scale) + 1) / 2,
    scale = factor$scale[one$row, one$row] / 2
  )
}

# Covariance matrix of all parameters: terms are independent under q. Of an inverse Wishart, with
# m = df - r:
#   Cov(S_ij, S_kl) = [2 P_ij P_kl + (m - 1)(P_ik P_jl + P_il P_kj)] / (m (m - 1)^2 (m - 3))
# (Press 1982, Applied Multivariate Analysis, section 5.2).
factor_covariance <- function(fit) {
  parameters <- fit$parameters
  names <- parameters$name
  out <- matrix(0, length(names), length(names), dimnames = list(names, names))
  for (k in seq_along(fit$q$random)) {
    at <- which(parameters$term %in% k)
    out[at, at] <- wishart_covariance(fit$q$random[[k]], parameters$row[at], parameters$column[at])
  }
  last <- length(names)
  out[last, last] <- factor_sd(fit$q$residual)^2
  out
}

wishart_covariance <- function(factor, row, column) {
  psi <- factor$scale
  m <- factor$df - nrow(psi)
  if (m <= 3) return(if (m > 1) Inf else NA_real_)
  at <- function(i, j) psi[cbind(i, j)]
  out <- outer(seq_along(row), seq_along(row), function(a, b) {
    2 * at(row[a], column[a]) * at(row[b], column[b]) +
      (m - 1) * (at(row[a], row[b]) * at(column[a], column[b]) +
        at(row[a], column[b]) * at(row[b], column[a]))
  })
  out / m / (m - 1)^2 / (m - 3)
}

# Draws by a seed of their own, made once: quantiles and deviations of what has no closed form.
parameter_draws <- function(fit) {
  cache <- fit$internal$cache
  if (is.null(cache$factor_draws)) {
    cache$factor_draws <- with_seed(1, terms_factor_parameters(fit, 4000)$variances)
  }
  cache$factor_draws
}

# Of every share, and with several terms of their total.
share_draws <- function(fit) {
  shares <- drawn_shares(fit, parameter_draws(fit))
  if (ncol(shares) > 1) cbind(shares, total = rowSums(shares)) else shares
}

correlation_draws <- function(fit) {
  correlations_of(correlation_places(fit$parameters), parameter_draws(fit))
}

draw_limits <- function(draws, level) {
  unname(t(apply(draws, 2, stats::quantile, probs = tail_levels(level), names = FALSE)))
}

# The family of q and how near it comes to the posterior.
describe_several_bound <- function(x) {
  number <- function(value) formatC(value, digits = 2, format = "f")
  gap <- tryCatch(kl_gap(x), hdlmm_error = function(e) NULL)
  paste0(
    family_words(x), ": evidence bound ", number(x$elbo),
    if (!is.null(gap)) {
      paste0(", divergence ", number(gap), ", log evidence ", number(x$elbo + gap))
    }
  )
}

family_words <- function(x) {
  if (x$q$is_joint) return("One block of all coefficients")
  parts <- vapply(x$designs, function(design) {
    paste0(block_count_words(x$q$blocks[[design$label]], design), " of ", backtick(design$label))
  }, "")
  paste("Factorised over", enumerate(parts, Inf))
}

block_count_words <- function(choice, design) {
  r <- coefficient_width(design)
  if (is.factor(choice)) return(counted(nlevels(choice), "block"))
  if (identical(choice, "coefficients")) return(counted(design$n_cols, "coefficient"))
  if (r > 1) return(counted(design$n_cols / r, "level"))
  if (identical(choice, "terms") && is.null(unit_index(design))) return("1 block")
  counted(design$n_cols, "coefficient")
}
