# The factors of q as curves and in words.

factor_curve <- function(fit, name) {
  p <- seq(0.0005, 0.9995, length.out = 400)
  if (name == "pve") {
    h <- factor_share(fit$q, fit$kappa, p)
    return(list(x = (h[-1] + h[-400]) / 2, y = diff(p) / diff(h)))
  }
  factor <- fit$q[[variance_role(name)]]
  x <- factor_quantile(factor, p)
  list(x = x, y = inverse_gamma_density(x, factor$shape, factor$scale))
}

# The family of q and how near it comes to the posterior.
describe_bound <- function(x) {
  family <- if (x$q$family == "blocks") {
    paste("Factorised over", counted(length(q_blocks(x)), "block"), "of coefficients")
  } else {
    paste("Mean field over", counted(length(x$q$effect_variance), "coefficient"))
  }
  number <- function(value) formatC(value, digits = 2, format = "f")
  gap <- tryCatch(kl_gap(x), hdlmm_error = function(e) NULL)
  paste0(
    family, ": evidence bound ", number(x$elbo),
    if (!is.null(gap)) {
      paste0(", divergence ", number(gap), ", log evidence ", number(x$elbo + gap))
    }
  )
}
