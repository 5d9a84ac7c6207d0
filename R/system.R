# From one design and the fixed part to the marginal system that inference sees; see the core.

build_system <- function(design, fixed, host) {
  constant <- if (!is.null(design$mean_columns)) value_or(fixed$root, rep(1, nrow(fixed$q)))
  out <- cpp_decompose(
    design$core, fixed$root, fixed$q, fixed$residual, design$mean_columns, constant, host
  )
  largest <- if (length(out$parts$d)) max(out$parts$d) else 0
  if (out$min_computed < -1e-8 * largest || (design$kind == "kernel" && largest == 0)) {
    bad_input(
      backtick(design$label), " is not a covariance matrix: it has ",
      if (largest > 0) {
        ratio <- format(out$min_computed / largest, digits = 3)
        paste("an eigenvalue of", ratio, "times the largest")
      } else {
        "no positive eigenvalue"
      }, "."
    )
  }
  kappa <- design$kappa_scaled * 4^fixed$kw
  if (!(kappa > 0)) kappa <- sum(out$parts$d) / nrow(fixed$q)
  list(
    type = "spectral", side = out$side, vectors = out$vectors, parts = out$parts,
    kappa = if (kappa > 0) kappa else 1
  )
}

# Whether the two variances can be told apart at all; sets of equal restricted eigenvalues cannot.
check_identified <- function(system, design, fixed) {
  total <- sum(system$parts$d)
  name <- backtick(design$label)
  if (total == 0 && is.null(design$mean_columns) && !design$has_constant) return("zero")
  e <- cpp_evaluate(system, 0, 1)
  if (total == 0 || e$tr_pk <= 1e-10 * total) {
    abort(
      "not_identified", "the variance of ", name, " is not identified: its columns lie in the ",
      "span of the fixed effects."
    )
  }
  df <- nrow(fixed$q) - fixed$rank
  if (df * e$tr_pkpk - e$tr_pk^2 <= 1e-10 * e$tr_pk^2) {
    abort(
      "not_identified", "the variances of ", name, " and of the residual are not identified: ",
      switch(design$kind,
        grouped = paste("every level of", name, "has one row"),
        kernel = paste(name, "is proportional to the identity on the residual space"),
        paste(name, "times its transpose is proportional to the identity on the residual space")
      ), "."
    )
  }
  "identified"
}

# Variances in the user's units from the internal total and share.
user_variances <- function(tau2, share, system, design, fixed) {
  inside <- c(tau2 * share$h / system$kappa, tau2 * share$nu)
  out <- c(
    rescale_variance(inside[1], 2 * (design$exponent - fixed$ky), "variance of the random effects"),
    rescale_variance(inside[2], -2 * (fixed$kw + fixed$ky), "residual variance")
  )
  stats::setNames(out, c(design$label, "Residual"))
}

# Constant that turns the criterion of the core into the log-likelihood of y as lme4 counts it.
loglik_constant <- function(fixed, criterion) {
  n <- nrow(fixed$q)
  root <- if (is.null(fixed$root)) 0 else sum(log(fixed$root))
  out <- root + n * fixed$ky * log(2)
  if (criterion == "REML" && fixed$rank > 0) {
    out <- out - fixed$rank * fixed$ky * log(2) + sum(fixed$kz) * log(2) -
      sum(log(abs(diag(fixed$r))))
  }
  out
}
