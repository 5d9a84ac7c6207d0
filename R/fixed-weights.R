# What every row contributes to the fixed effects, the variances held.

# Derivatives of the fixed effects by the response in the user's units [n x c]:
# V^-1 Z (Z'V^-1 Z)^-1.
fixed_weights <- function(fit) {
  fixed <- fit$internal$fixed
  if (fixed$rank == 0) return(matrix(0, fit$dims$n, 0))
  solved <- fixed$q
  inner <- diag(1, fixed$rank)
  if (has_random(fit)) {
    solved <- relative_solve(fit, fixed$q)
    inner <- solve(cpp_crossprod(fixed$q, solved))
  }
  # y of the core is y times its root and a power of two
  out <- t(unscale_changes(fixed, inner %*% t(solved))) * inside_response(fixed, rep(1, fit$dims$n))
  dimnames(out) <- list(rownames(fit$frame), rownames(fit$fixed$vcov))
  out
}

# V^-1 b per unit of the residual variance, b [n x m] in the rows of the core.
relative_solve <- function(fit, b) {
  if (!is.null(fit$internal$relative)) return(terms_solve(fit, b))
  ratio <- q_ratio(fit)
  if (!is.finite(ratio)) {
    abort("unsupported", "the residual variance is 0: every row is fitted whatever the others say.")
  }
  host <- make_host(fit$control)
  system <- build_terms_system(
    list(designs = fit$designs, fixed = fit$internal$fixed), fit$control, host
  )
  cpp_terms_solve(system, list(matrix(ratio)), b, host)
}
