# What every row contributes to the fixed effects, the variances held.

# Derivatives of the fixed effects by the response in the user's units [n x c]:
# V^-1 Z (Z'V^-1 Z)^-1.
fixed_weights <- function(fit) {
  fixed <- fit$internal$fixed
  if (fixed$rank == 0) return(matrix(0, fit$dims$n, 0))
  solved <- held_solve(fit, held_system(fit), fixed$q[, 0, drop = FALSE])
  changes <- unscale_changes(fixed, tcrossprod(solved$inverse, solved$q))
  # y of the core is y times its root and a power of two
  out <- t(changes) * inside_response(fixed, rep(1, fit$dims$n))
  dimnames(out) <- list(rownames(fit$frame), rownames(fit$fixed$vcov))
  out
}
