# Tests of fixed effects by Kenward & Roger (1997, Biometrics 53, 983-997): the covariance of omega
# hat counts that the variances are estimated, and F is scaled so that its first two moments are
# those of an F distribution. The variances enter V linearly, so that second derivatives vanish.

# list(vcov, covariance, slopes, w, fixed): the adjusted covariance in the user's units;
# (Q'V^-1 Q)^-1 on the coordinates of Q, and its derivatives G'V_i G.
kenward_roger <- function(fit, covariances) {
  turned <- slope_products(covariances, covariances$weights)
  fixed <- fit$internal$fixed
  list(
    vcov = unscale_covariance(fixed, covariances$inner + 2 * weighted_forms(covariances, turned)),
    covariance = covariances$inner, w = covariances$w, fixed = fixed,
    slopes = lapply(turned, function(own) crossprod(covariances$weights, own))
  )
}

# c(df, scale) of the F statistic of hypotheses [q x c] in the user's coefficients.
kenward_roger_law <- function(parts, contrasts) {
  l <- contrasts %*% coefficient_map(parts$fixed)
  q <- nrow(l)
  half <- backsolve(chol(l %*% parts$covariance %*% t(l)), l, transpose = TRUE)
  inside <- lapply(parts$slopes, function(slope) half %*% slope %*% t(half))
  traces <- vapply(inside, function(m) sum(diag(m)), 0)
  products <- vapply(inside, function(a) vapply(inside, function(b) sum(a * b), 0), traces)
  a1 <- drop(traces %*% parts$w %*% traces)
  a2 <- sum(parts$w * products)
  b <- (a1 + 6 * a2) / (2 * q)
  g <- ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
  rest <- 3 * q + 2 * (1 - g)
  v0 <- 1 + b * g / rest
  v1 <- 1 - b * (q - g) / rest
  v2 <- 1 - b * (q + 2 - g) / rest
  if (abs(v0) < 1e-10) v0 <- 0
  # both vanish together in balanced designs
  ratio <- if (abs(1 - a2 / q) < 1e-14 && abs(v1) < 1e-14) 1 else (1 - a2 / q) / v1
  rho <- ratio^2 * v0 / v2 / q
  df <- 4 + (q + 2) / (q * rho - 1)
  c(df = df, scale = if (abs(df - 2) < 0.01) 1 else df * (1 - a2 / q) / (df - 2))
}
