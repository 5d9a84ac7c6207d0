# From one design and the fixed part to the marginal system that inference sees; see the core.
# needs: "vectors", or for large problems less: "values" of the spectrum with the data along its
# vectors, or what the "criterion" and its derivatives need, which may be a tridiagonal matrix in
# the place of eigenvalues. Without vectors it has for a while (`two_stage`) what P y takes.
# others: more responses in the rows of the core [n x m], which come back as `responses`.

build_system <- function(design, fixed, host, needs = "vectors", others = NULL) {
  require_system_memory(design, nrow(fixed$q))
  decompose <- function(core) {
    cpp_decompose(
      core, fixed$root, fixed$q, fixed$residual, design$mean_columns,
      constant_rows(design, fixed), needs, host, others
    )
  }
  out <- settle_decomposition(design, decompose(design$core), decompose)
  kappa <- weighted_kappa(design, fixed)
  if (!(kappa > 0)) kappa <- out$parts$trace / nrow(fixed$q)
  c(list(
    side = out$side, vectors = out$vectors, two_stage = out$two_stage,
    at_zero = out$at_zero, parts = out$parts, kappa = if (kappa > 0) kappa else 1,
    note = decomposition_note(design, out)
  ), if (!is.null(others)) out["responses"])
}

# Two matrices of the smaller side, but for grouping factors.
require_system_memory <- function(design, n) {
  side <- smaller_side(design, n)
  if (is.null(side)) return(invisible())
  require_memory(16 * as.double(side)^2, paste0(
    "the decomposition of ", backtick(design$label), ", two matrices of ", side, " x ", side
  ))
}

# o [n], what column means were taken out along: the constant in weighted rows; NULL when they were
# not.
constant_rows <- function(design, fixed) {
  if (!is.null(design$mean_columns)) value_or(fixed$root, rep(1, nrow(fixed$q)))
}

# list(py [n], effects [p] = sigma_b^2 S X'P y / tau^2, system) at a share. Where V is too near
# singular for a solve, the vectors are made after all.
project_response <- function(problem, delta, share, tau2) {
  design <- lone_design(problem)
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

# The system of a problem along the same vectors, for another response or baseline of it: O(n r).
rotated_system <- function(problem) {
  design <- lone_design(problem)
  fixed <- problem$fixed
  system <- problem$system
  system$parts <- cpp_rotate_data(
    design$core, fixed$root, system, fixed$q, fixed$residual, design$mean_columns,
    constant_rows(design, fixed)
  )
  system
}

# A design of which every column is zero.
is_all_zero <- function(system, design) {
  system$parts$trace == 0 && is.null(design$mean_columns) && !design$has_constant
}

# Whether the criterion of a method has one maximum: REML's where eigenvalues of K differ on the
# space that the fixed effects leave, the likelihood's where they differ at all. A posterior shows
# by itself whether it is proper, and bounds pay for every coefficient: those do not rest on the
# likelihood.
check_identified <- function(problem, criterion, rests_on_likelihood = TRUE) {
  design <- lone_design(problem)
  name <- backtick(design$label)
  system <- problem$system
  fixed <- problem$fixed
  total <- system$parts$trace
  trace <- system$at_zero[1]
  is_reml <- criterion == "REML"
  if (total == 0 || (is_reml && trace <= 1e-10 * total)) {
    abort(
      "not_identified", "the variance of ", name, " is not identified: its columns lie in the ",
      "span of the fixed effects."
    )
  }
  if (!rests_on_likelihood) return()
  # of a trace that is so small beside that of K the square is less than the rounding of K's
  if (trace <= 1e-7 * total) return()
  df <- nrow(fixed$q) - fixed$rank
  if (df * system$at_zero[2] - trace^2 > 1e-10 * trace^2) return()  # then they differ everywhere
  if (!is_reml && !is_proportional_to_identity(system$parts)) return()
  abort(
    "not_identified", "the variances of ", name, " and of the residual are not identified: ",
    identity_words(design, is_reml), "."
  )
}

# Whether a mode follows from the prior alone.
is_informative <- function(prior) {
  is_flat <- !is.null(prior$pve) && is_flat_share(prior$pve)
  !is_flat && length(setdiff(improper_parts(prior), c("fixed", "total"))) == 0
}

# The user's K, its column means put back, by tr(K) and tr(K K).
is_proportional_to_identity <- function(parts) {
  trace <- parts$trace
  trace2 <- if (length(parts$beside)) sum(parts$t_diagonal^2) + 2 * sum(parts$beside^2) else
    sum(parts$d^2)
  mean <- parts$mean
  if (length(mean) > 0) {
    along <- mean$constant_norm2 * mean$norm2
    across <- mean$constant_norm2 *
      sum(mean$coordinates^2 * if (length(parts$beside)) 1 else parts$d)
    trace <- trace + along
    trace2 <- trace2 + along^2 + 2 * across
  }
  parts$n * trace2 - trace^2 <= 1e-10 * trace^2
}

# Variances in the user's units from the internal total and share.
user_variances <- function(tau2, share, system, problem) {
  inside <- c(tau2 * share$h / system$kappa, tau2 * share$nu)
  names(inside) <- names(problem$units$variance)
  checked_variances(problem$units, inside)
}

# Constant that turns the criterion of the core into the log-likelihood of y as lme4 counts it.
loglik_constant <- function(fixed, criterion) {
  fixed$constants[[if (criterion == "REML") "REML" else "ML"]]
}
