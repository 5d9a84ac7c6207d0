# A normal prior of the fixed effects, as the core counts it.

# A normal prior of the fixed effects: y is counted from its mean, and its precision is that of the
# coefficients of Q. With a flat prior the fixed part stays as it is.
apply_fixed_prior <- function(fixed, model, prior) {
  density <- prior$fixed
  if (density$kind == "flat" || fixed$rank == 0) return(fixed)
  count <- length(fixed$omega)
  for (name in c("mean", "sd")) {
    if (!length(density[[name]]) %in% c(1, count)) {
      bad_input(
        "prior_normal() has ", length(density[[name]]), " values of `", name, "`; the model has ",
        counted(count, "fixed effect"), "."
      )
    }
  }
  mean <- rep_len(density$mean, count)[fixed$kept]
  sd <- rep_len(density$sd, count)[fixed$kept]
  expected <- drop(model$z[, fixed$kept, drop = FALSE] %*% mean)
  residual <- model$y - value_or(model$offset, 0) - expected
  fixed$residual <- inside_response(fixed, residual)
  fixed$omega[fixed$kept] <- mean
  # Lambda^1/2 on delta: diag(1 / sd) times the coefficients' dependence on delta
  root <- coefficient_map(fixed) / sd
  # both: the root of a precision that was squared has lost half of its digits
  fixed$prior_root <- root
  fixed$prior_precision <- crossprod(root)
  if (any(!is.finite(fixed$prior_precision))) {
    abort(
      "overflow", "prior_normal() is so narrow beside the response and its columns that its ",
      "precision cannot be held by a double; change the units of `y` or of the columns."
    )
  }
  far <- max(abs(fixed$residual), abs(root %*% crossprod(fixed$q, fixed$residual)))
  if (!is.finite(length(fixed$residual) * far^2)) {
    abort(
      "overflow", "the response, less its offset, is so far from the mean of prior_normal() that ",
      "squares of the distance cannot be held by a double."
    )
  }
  fixed
}
