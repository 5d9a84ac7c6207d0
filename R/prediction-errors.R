# Mean squared errors of predictions that count the estimation of the variances. With rho the
# weights of the predictor rho'y of z'omega + x'beta, k = Cov(y, x'beta), k_i and V_i derivatives by
# the variances, d rho / d sigma_i = P (k_i - V_i rho), and
#   sum_ij W_ij (k_i - V_i rho)' P (k_j - V_j rho)
# is the variance of what the estimates of the variances move (Kackar & Harville 1984, JASA 79,
# 853-862). Given the variances the error is estimated too small by about as much again, hence
# twice that (Prasad & Rao 1990, JASA 85, 163-171; Harville & Jeske 1992, JASA 87, 724-731).

correction_names <- c("none", "kackar-harville", "prasad-rao")

# The variance [m] of the mean with what the estimation of the variances adds, and the degrees of
# freedom of limits, those of the variance without it: list(variance, df). asked: as row_limits()
# has it, and `correction`.
counted_errors <- function(fit, rows, variance, asked) {
  if (asked$correction == "none") return(list(variance = variance, df = row_df(fit)))
  covariances <- small_sample(fit, "Errors that count the estimation of the variances")
  if (is.null(covariances)) return(list(variance = variance, df = row_df(fit)))
  units <- fit$internal$units
  out <- estimation_errors(fit, rows, used_labels(fit, asked$random), covariances)
  total <- variance
  if (asked$interval == "prediction") {
    total <- total + response_variance(fit, asked$weights, asked$random, rows)
    out$slopes <- out$slopes + response_slopes(fit, rows, asked, covariances)
  }
  inside <- inside_response_variance(units, total)
  times <- switch(asked$correction, `kackar-harville` = 1, `prasad-rao` = 2)
  # Satterthwaite's
  df <- 2 * inside^2 / rowSums((out$slopes %*% covariances$w) * out$slopes)
  df[is.nan(df)] <- Inf  # of a mean that nothing estimates
  list(variance = variance + user_response_variance(units, times * out$added), df = df)
}

# list(added [m], slopes [m x parameters]): what estimates of the variances move, and derivatives of
# Var(z'omega + x'beta | y) by them.
estimation_errors <- function(fit, rows, labels, covariances) {
  out <- list(
    added = numeric(rows$m), slopes = matrix(0, rows$m, length(covariances$sigma))
  )
  for (at in point_blocks(fit, rows$m)) {
    cpp_poll()
    own <- block_errors(fit, rows, at, labels, covariances)
    out$added[at] <- own$added
    out$slopes[at, ] <- own$slopes
  }
  out
}

# Derivatives of the variance of a new response about its mean [m x parameters].
response_slopes <- function(fit, rows, asked, covariances) {
  parameters <- covariances$parameters
  anew <- fresh_labels(fit, asked$random)
  fresh <- vapply(seq_along(parameters$labels), function(i) {
    label <- parameters$labels[i]
    if (!label %in% anew) return(numeric(rows$m))
    design <- fit$designs[[label]]
    unit <- user_block(fit$internal$units, design, parameters$units[[i]])
    inside_response_variance(
      fit$internal$units, explained_rows(design, term_rows(rows, design), unit, fit$internal)
    )
  }, numeric(rows$m))
  noise <- inside_noise(fit$internal$units, rep_len(asked$weights, rows$m))
  cbind(matrix(fresh, rows$m), noise)
}

block_errors <- function(fit, rows, at, labels, covariances) {
  own <- covariance_slopes(fit, covariances$parameters, rows, at, labels)
  k <- lapply(own, `[[`, "covariance")
  z <- t(basis_coordinates(fit$internal$fixed, rows$z[at, , drop = FALSE]))
  total <- Reduce(`+`, Map(`*`, k, covariances$sigma[seq_along(k)]))
  rho <- covariances$weights %*% z + cpp_crossprod(covariances$p, total)
  moved <- slope_products(covariances, rho)
  d <- Map(`-`, c(k, list(0)), moved)
  prior <- c(lapply(own, `[[`, "prior"), list(0))
  list(
    added = weighted_forms(covariances, d, diagonal_only = TRUE),
    # the predictor is the best at any variances: only its error moves with them
    slopes = mapply(function(v, k, prior) colSums(rho * v) - 2 * colSums(rho * k) + prior,
      moved, c(k, list(0 * rho)), prior, SIMPLIFY = TRUE
    )
  )
}
