# From one design and the fixed part to the marginal system that inference sees; see the core.
# needs: "vectors", or for large problems less: "values" of the spectrum with the data along its
# vectors, or what the "criterion" and its derivatives need, which may be a tridiagonal matrix in
# the place of eigenvalues. Without vectors it has for a while (`two_stage`) what P y takes.

build_system <- function(design, fixed, host, needs = "vectors") {
  out <- cpp_decompose(
    design$core, fixed$root, fixed$q, fixed$residual, design$mean_columns,
    constant_rows(design, fixed), needs, host
  )
  largest <- out$largest
  if (out$min_computed < -1e-8 * largest || (design$kind == "kernel" && largest == 0)) {
    bad_input(
      backtick(design$label), " is not a covariance matrix: it has ",
      if (largest > 0) {
        ratio <- out$min_computed / largest
        if (ratio > -1e3) {
          paste("an eigenvalue of", format(ratio, digits = 3), "times the largest")
        } else {
          "negative eigenvalues and none that counts as positive"
        }
      } else {
        "no positive eigenvalue"
      }, "."
    )
  }
  kappa <- times_two_to(design$kappa_scaled, 2 * fixed$kw)
  if (!is.finite(kappa) || (kappa < .Machine$double.xmin && design$kappa_scaled > 0)) {
    abort("overflow", "the weights are too far from one for a double; divide them by their mean.")
  }
  if (!(kappa > 0)) kappa <- out$parts$trace / nrow(fixed$q)
  list(
    type = "spectral", side = out$side, vectors = out$vectors, two_stage = out$two_stage,
    at_zero = out$at_zero, parts = out$parts, kappa = if (kappa > 0) kappa else 1
  )
}

# o [n], what column means were taken out along: the constant in weighted rows; NULL when they were
# not.
constant_rows <- function(design, fixed) {
  if (!is.null(design$mean_columns)) value_or(fixed$root, rep(1, nrow(fixed$q)))
}

# The system of a fit with eigenvalues, made when something first asks for them and kept.
spectral_system <- function(fit) {
  system <- fit$internal$system
  if (length(system$parts$beside) == 0) return(system)
  cache <- fit$internal$cache
  if (is.null(cache$spectral)) {
    system$parts <- cpp_diagonalise(system, make_host(fit$control))
    cache$spectral <- system
  }
  cache$spectral
}

# The system of a fit with its eigenvectors, made when something first asks for them and kept: a
# spectrum with another basis, so nothing that is along one may be used with the other.
full_system <- function(fit) {
  system <- fit$internal$system
  if (!is.null(system$vectors)) return(system)
  cache <- fit$internal$cache
  if (is.null(cache$system)) {
    fixed <- fit$internal$fixed
    own <- build_system(designs_of(fit)[[1]], fixed, make_host(fit$control))
    cache$system <- at_total(own, fixed$prior_root, fit$internal$tau2)
  }
  cache$system
}

# list(py [n], effects [p] = sigma_b^2 S X'P y / tau^2, system) at a share. Where V is too near
# singular for a solve, the vectors are made after all.
project_response <- function(problem, delta, share, tau2) {
  design <- problem$designs[[1]]
  fixed <- problem$fixed
  system <- problem$system
  if (is.null(system$vectors)) {
    constant <- constant_rows(design, fixed)
    if (!is.null(constant)) {
      # delta holds the means of X there, of any size, and P y nothing: X'Q delta would keep the
      # rounding of X'o times them
      o <- drop(crossprod(fixed$q, constant))
      delta <- delta - o * (sum(o * delta) / sum(o^2))
    }
    rest <- fixed$residual - drop(fixed$q %*% delta)
    if (!is.null(constant)) rest <- rest - constant * (sum(constant * rest) / sum(constant^2))
    solved <- cpp_solve_response(
      design$core, fixed$root, system, as.double(delta), rest, share$h, share$nu, problem$host
    )
    if (!is.null(solved)) return(c(solved, list(system = system)))
    own <- build_system(design, fixed, problem$host)
    system <- at_total(own, fixed$prior_root, tau2)
  }
  at <- cpp_project_response(
    design$core, fixed$root, system, share$h, share$nu, problem$host
  )
  c(at, list(system = system))
}

# Whether the two variances can be told apart at all; sets of equal restricted eigenvalues cannot.
check_identified <- function(system, design, fixed) {
  total <- system$parts$trace
  delayedAssign("name", backtick(design$label))
  if (total == 0 && is.null(design$mean_columns) && !design$has_constant) return("zero")
  trace <- system$at_zero[1]
  trace2 <- system$at_zero[2]
  if (total == 0 || trace <= 1e-10 * total) {
    abort(
      "not_identified", "the variance of ", name, " is not identified: its columns lie in the ",
      "span of the fixed effects."
    )
  }
  df <- nrow(fixed$q) - fixed$rank
  if (df * trace2 - trace^2 <= 1e-10 * trace^2) {
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

# kappa in the user's units of X.
user_kappa <- function(design) {
  out <- rescale_variance(
    design$kappa_scaled, -2 * design$exponent, "average squared deviation of the columns of `X`"
  )
  stats::setNames(out, design$label)
}

# Constant that turns the criterion of the core into the log-likelihood of y as lme4 counts it.
loglik_constant <- function(fixed, criterion) {
  fixed$constants[[if (criterion == "REML") "REML" else "ML"]]
}
