# Draws of all parameters as an object: see posterior_sample().

new_sample <- function(omega, variances, pve, beta) {
  structure(
    list(omega = omega, variances = variances, pve = pve, beta = beta),
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
