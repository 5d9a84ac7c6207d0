# Variational inference: q(beta) factorises over the columns of X, or over blocks of them. Under
# estimated variances the bound is the log-likelihood less a gap of determinants; with priors of
# the variances they have factors of their own.

fit_vb <- function(problem, engine, control) {
  require_columns(lone_design(problem), engine$method)
  columns <- vb_columns(problem, control)
  if (!is.null(problem$prior)) {
    prior <- check_vb_prior(internal_prior(problem))
    return(fit_full_vb(problem, engine, control, columns, prior))
  }
  switch(engine$algorithm,
    collapsed = fit_collapsed_vb(problem, control, columns),
    cavi = fit_cavi(problem, control, columns)
  )
}

# The columns of the user's design and the blocks over which q(beta) factorises; see the glue.
vb_columns <- function(problem, control) {
  design <- lone_design(problem)
  fixed <- problem$fixed
  blocks <- single_blocks(control, design)
  list(
    design = design$core, row_scale = fixed$root, means = design$mean_columns,
    constant = constant_rows(design, fixed),
    block = if (!is.null(blocks)) as.integer(blocks) - 1L,
    n_blocks = if (!is.null(blocks)) nlevels(blocks)
  )
}

# Estimated variances --------------------------------------------------------------------

fit_collapsed_vb <- function(problem, control, columns) {
  search <- cpp_search_bound(problem$system, columns, search_options(control), make_host(control))
  best <- choose_bound_mode(search, lone_design(problem))
  result <- vb_result(problem, best$q, columns, list(
    trace = best$trace, modes = best$modes, grid = best$grid, is_unbounded = best$is_unbounded,
    boundary = switch(best$mode$kind, zero = "random", one = "residual", "none"),
    is_converged = best$mode$termination == "converged",
    reason = if (best$mode$kind == "interior") termination_reason(best$mode$termination) else
      "the maximum lies on the boundary",
    notes = collapse_note(problem, control, columns, best$q)
  ))
  warn_not_converged(result)
  result
}

# The highest mode of the bound. It has no maximum only where no column is left to pay for a
# residual variance of 0: fewer columns than rows, and a response that they reproduce.
choose_bound_mode <- function(search, design) {
  modes <- search$modes
  if (nrow(modes) == 0) stop_unbounded_bound("and has no interior mode")
  if (search$is_unbounded) warn_unbounded_bound(design)
  list(
    mode = modes[1, ], modes = modes, trace = search$traces[[1]], grid = search$grid,
    is_unbounded = search$is_unbounded, q = search$q
  )
}

stop_unbounded_bound <- function(what) {
  abort(
    "unbounded_likelihood", "the evidence bound tends to infinity as the residual variance ",
    "tends to 0 ", what, "; use method = \"REML\"."
  )
}

warn_unbounded_bound <- function(design) {
  warn(
    "unbounded_likelihood", "the fixed effects and ", backtick(design$label), " reproduce the ",
    "response exactly, so the evidence bound tends to infinity as the residual variance tends ",
    "to 0. A mode below is returned; REML does not have this defect."
  )
}

# Of the total variance: below, nothing but rounding is left of the response.
vanished_noise <- 1e-28

# Coordinate ascent. At the variances where it stops, the means of q and omega are finished by
# their closed form, so that the bound is exactly the evidence less the gap.
fit_cavi <- function(problem, control, columns, start_h = 0.5) {
  model <- list(
    prior = NULL, fixed_precision = NULL, start = start_variances(problem$system, start_h)
  )
  out <- cpp_ascend(
    problem$system, columns, problem$fixed$q, problem$fixed$residual, model,
    ascent_options(control), make_host(control)
  )
  if (out$is_unbounded) {
    if (!isTRUE(out$q$nu > vanished_noise)) stop_unbounded_bound("and coordinate ascent goes there")
    warn_unbounded_bound(lone_design(problem))
  }
  result <- vb_result(problem, out$q, columns, c(
    list(trace = bound_trace(out$trace, problem$system), is_unbounded = out$is_unbounded),
    list(boundary = "none", notes = collapse_note(problem, control, columns, out$q)),
    ascent_state(out)
  ))
  warn_not_converged(result)
  result
}

# Variances at a share, with the total variance that maximises the likelihood there.
start_variances <- function(system, h) {
  e <- cpp_evaluate(system, h, 1 - h)
  tau2 <- e$rss / system$parts$n
  c(tau2 * h / system$kappa, tau2 * (1 - h))
}

ascent_options <- function(control) {
  list(
    tol = as.double(control$tol), max_iter = as.integer(value_or(control$max_iter, 10000)),
    sweep = control$sweep, seed = abs(as.double(value_or(control$seed, 1)))
  )
}

ascent_state <- function(out) {
  list(
    is_converged = out$is_converged,
    reason = if (out$is_converged) "the projected gain of the bound fell below `tol`" else
      "`max_iter` sweeps were made"
  )
}

# The trace of the core with shares in the place of variances, as trace_table() takes it.
bound_trace <- function(trace, system) {
  explained <- system$kappa * trace$random
  tau2 <- explained + trace$residual
  data.frame(value = trace$elbo, h = explained / tau2, nu = trace$residual / tau2, tau2 = tau2)
}

# The fit at the variances of q: posterior means, GLS, evidence, bound and gap. `state` has what
# depends on the algorithm.
vb_result <- function(problem, q, columns, state) {
  fixed <- problem$fixed
  system <- problem$system
  share <- list(h = q$h, nu = q$nu)
  e <- cpp_evaluate(system, share$h, share$nu)
  constant <- loglik_constant(fixed, "ML")
  value <- -0.5 * (nrow(fixed$q) * log(2 * pi * q$tau2) + e$log_det_v + e$rss / q$tau2)
  modes <- if (is.null(state$modes)) {
    structure(
      data.frame(pve = q$h, logLik = q$bound + constant, where = "interior"),
      phi = log(q$h / q$nu) - log(system$kappa)
    )
  } else {
    mode_table(state$modes, fixed, "ML")
  }
  c(assemble_result(problem, e, share, q$tau2, "ML"), list(
    loglik = value + constant, value = value, boundary = state$boundary,
    is_unbounded = state$is_unbounded, modes = modes, grid = state$grid,
    convergence = trace_table(state$trace, system, problem, "ML"),
    is_converged = state$is_converged, reason = state$reason, notes = state$notes,
    q = list(
      family = vb_family(columns), is_full = FALSE,
      effect_variance = effect_variances(q, q$tau2 * q$h / system$kappa, problem),
      omega_vcov = NULL, random = NULL, residual = NULL
    ),
    elbo = q$bound + constant, kl_gap = q$gap
  ))
}

vb_family <- function(columns) if (is.null(columns$block)) "mean-field" else "blocks"

# Variances of q(beta_j) in the user's units. random: sigma_b^2 of the core.
effect_variances <- function(q, random, problem) {
  user_effect_variances(problem$units, q$shrunk * random, lone_design(problem)$label)
}

# Priors of the variances ----------------------------------------------------------------

check_vb_prior <- function(prior) {
  if (prior$on_shares) stop_unless_conjugate()
  stop_if_improper(prior$first, "the random effects")
  prior
}

stop_unless_conjugate <- function() {
  abort(
    "unsupported", "fully variational inference needs conjugate priors of the variances ",
    "themselves: lmm_prior(random = , residual = ) in the place of `pve` and `total`."
  )
}

stop_if_improper <- function(density, what) {
  if (!density$kind %in% c("flat", "jeffreys")) return(invisible())
  abort(
    "improper_prior", "fully variational inference needs a proper prior of the variance of ", what,
    "; found prior_", density$kind, "(): under it the bound has no maximum or the posterior is ",
    "improper. Use prior_half_t() or prior_inverse_gamma()."
  )
}

stop_without_noise <- function() {
  abort(
    "unbounded_posterior", "the response is reproduced exactly, and under this prior the ",
    "evidence bound has no maximum: the residual variance tends to 0. Give the residual ",
    "variance a prior that keeps it away from 0, as prior_inverse_gamma() does."
  )
}

fit_full_vb <- function(problem, engine, control, columns, prior, start_h = 0.5) {
  model <- list(
    prior = prior, fixed_precision = active_precision(prior),
    start = start_variances(problem$system, start_h)
  )
  host <- make_host(control)
  options <- ascent_options(control)
  out <- switch(engine$algorithm,
    collapsed = cpp_iterate_full(problem$system, columns, model, options, host),
    cavi = cpp_ascend(
      problem$system, columns, problem$fixed$q, problem$fixed$residual, model, options, host
    )
  )
  if (!isTRUE(out$q$nu > vanished_noise)) stop_without_noise()
  result <- full_vb_result(problem, out, columns, prior, model$fixed_precision)
  result$notes <- c(
    result$notes, full_collapse_note(problem, control, columns, prior, result, out$q)
  )
  warn_not_converged(result)
  result
}

# NULL for a flat prior of the fixed effects, however it is given.
active_precision <- function(prior) flat_or_precision(prior$fixed_precision)

flat_or_precision <- function(precision) {
  if (is.null(precision) || all(precision == 0)) NULL else precision
}

# What turns the bound of the core into that of the user's y, variances and omega: flat omega
# counts with density one in the user's units. prior: with log_constant.
full_constant <- function(problem, prior, precision) {
  fixed <- problem$fixed
  if (is.null(precision)) return(loglik_constant(fixed, "REML") + prior$log_constant)
  loglik_constant(fixed, "ML") + prior$log_constant + half_log_det(fixed$prior_root) -
    fixed$rank / 2 * log(2 * pi)
}

# The fit at the variances 1 / E[1 / sigma^2], at which the means of q are the posterior means.
full_vb_result <- function(problem, out, columns, prior, precision) {
  fixed <- problem$fixed
  q <- out$q
  share <- list(h = q$h, nu = q$nu)
  at_q <- problem
  at_q$system <- at_total(problem$system, if (!is.null(precision)) fixed$prior_root, q$tau2)
  result <- assemble_result(at_q, cpp_evaluate(at_q$system, q$h, q$nu), share, q$tau2, "ML")
  factors <- full_factors(problem, q, columns)
  result$vcov <- factors$omega_vcov
  result$variances[] <- c(factor_mean(factors$random), factor_mean(factors$residual))
  result$pve[] <- mean(factor_share(factors, result$kappa, (seq_len(2000) - 0.5) / 2000))
  flat <- cpp_evaluate(problem$system, share$h, share$nu)
  value <- -0.5 * (nrow(fixed$q) * log(2 * pi * q$tau2) + flat$log_det_v + flat$rss / q$tau2)
  constant <- full_constant(problem, prior, precision)
  trace <- trace_table(bound_trace(out$trace, problem$system), problem$system, problem, "ML")
  trace$objective <- out$trace$elbo + constant
  elbo <- trace$objective[nrow(trace)]
  c(result, list(
    prior = problem$prior, loglik = value + loglik_constant(fixed, "ML"), value = value,
    boundary = "none", uncertainty = new_uncertainty(c("full_variational", "variational")),
    is_unbounded = FALSE,
    modes = data.frame(pve = q$h, logLik = elbo, where = "interior"), grid = NULL,
    convergence = trace, q = factors, elbo = elbo, kl_gap = NULL,
    notes = missing_mean_notes(
      c(factors$random$shape, factors$residual$shape), names(result$variances)
    )
  ), ascent_state(out))
}

full_factors <- function(problem, q, columns) {
  fixed <- problem$fixed
  inverse_gamma <- function(factor, name) {
    list(
      shape = factor[["shape"]], scale = user_variance(problem$units, factor[["scale"]], name)
    )
  }
  random <- q$random[["scale"]] / q$random[["shape"]]
  list(
    family = vb_family(columns), is_full = TRUE,
    effect_variance = effect_variances(q, random, problem),
    omega_vcov = unscale_covariance(fixed, q$fixed_covariance),
    random = inverse_gamma(q$random, lone_design(problem)$label),
    residual = inverse_gamma(q$residual, "Residual")
  )
}
