# Draws of all parameters as an object: see posterior_sample().

# shares, correlations [draws x ..]: of several terms and of blocks, NULL for others.
new_sample <- function(omega, variances, pve, beta, shares = NULL, correlations = NULL) {
  structure(
    list(
      omega = omega, variances = variances, pve = pve, beta = beta, shares = shares,
      correlations = correlations
    ),
    class = "hdlmm_sample"
  )
}

sample_matrix <- function(fit, draws) {
  names <- names(fit$fixed$estimate)
  matrix(NA_real_, draws, length(names), dimnames = list(NULL, names))
}

named_effects <- function(design, beta) {
  out <- t(beta)
  colnames(out) <- effect_names(design)
  out
}
