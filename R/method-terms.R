# ML and REML with several random terms, or with blocks of coefficients that covary: the search
# over all relative covariances S_k = Sigma_k / sigma_e^2 at once.

fit_terms <- function(problem, engine, control) {
  if (problem$fixed$is_exact) {
    warn_exact("all variances are 0")
    return(exact_terms(problem, engine$criterion))
  }
  require_terms_memory(problem, control)
  made <- identified_terms(problem, control)
  found <- cpp_terms_search(
    made$pointer, engine$criterion, NULL, terms_options(control), problem$host
  )
  result <- terms_result(problem, engine$criterion, found)
  result[names(made)] <- made
  if (result$is_unbounded) warn_terms_unbounded(problem, engine$criterion, found$status)
  warn_not_converged(result)
  result
}

warn_terms_unbounded <- function(problem, criterion, status) {
  labels <- enumerate(backtick(names(problem$designs)))
  is_reml <- criterion == "REML"
  warn(
    "unbounded_likelihood",
    if (is_reml) paste0("the fixed effects and ", labels, " reproduce the response exactly") else
      paste0("the fixed effects fit exactly what is outside the span of ", labels),
    ", so the ", if (is_reml) "restricted ", "likelihood tends to infinity as the residual ",
    "variance tends to 0. ",
    if (status == "unbounded") "The variances are those where the search ended." else
      "The interior mode is returned.", if (!is_reml) " REML does not have this defect."
  )
}

# aliased: shares of the terms and of the residual in a combination of variances that leaves the
# covariance of y, less the fixed effects, as it is; empty where there is none.
check_terms_identified <- function(aliased, problem) {
  if (length(aliased) == 0) return(invisible())
  names <- c(names(problem$designs), "Residual")[aliased > 1e-3]
  abort(
    "not_identified", "the ", if (length(names) == 1) "variance" else "variances", " of ",
    enumerate(backtick(names), Inf), if (length(names) == 1) " is" else " are",
    " not identified: the data cannot tell ",
    if (length(names) == 1) "it from the fixed effects" else "them apart", "."
  )
}

# list(pointer, system: what it is called) of terms that the data can tell apart, or an error; a
# prior may do that in their place.
identified_terms <- function(problem, control, is_by_prior = FALSE) {
  system <- problem$system
  if (is.null(system)) system <- build_terms_system(problem, control, problem$host)
  description <- cpp_terms_describe(system, problem$host)
  if (!is_by_prior) check_terms_identified(description$aliased, problem)
  list(pointer = system, system = description["type"])
}

build_terms_system <- function(problem, control, host) {
  fixed <- problem$fixed
  cpp_terms_system(
    uncentred_cores(problem$designs), coefficient_widths(problem$designs), fixed$root, fixed$q,
    fixed$residual, list(system = value_or(control$system, "auto")), host
  )
}

uncentred_cores <- function(designs) {
  lapply(unname(designs), function(design) uncentred(design)$core)
}

coefficient_widths <- function(designs) vapply(unname(designs), coefficient_width, 0L)

terms_plan <- function(problem, control) {
  cpp_terms_plan(
    uncentred_cores(problem$designs), coefficient_widths(problem$designs), problem$fixed$root,
    value_or(control$system, "auto"), problem$host
  )
}

require_terms_memory <- function(problem, control) {
  plan <- terms_plan(problem, control)
  require_memory(plan$bytes, paste("solving for", enumerate(backtick(names(problem$designs)))))
}

terms_options <- function(control) {
  list(tol = as.double(control$tol), max_iter = as.integer(value_or(control$max_iter, 100)))
}

# Everything that follows from the relative covariances; found: an evaluation of the core, of a
# search with its end.
terms_result <- function(problem, criterion, found) {
  fixed <- problem$fixed
  labels <- names(problem$designs)
  parameters <- terms_parameters(problem$designs)
  variances <- user_parameters(
    problem$units, problem$designs, parameters, absolute_parameters(found, parameters)
  )
  covariances <- block_covariances(problem$designs, parameters, variances)
  explained <- explained_sizes(problem$designs, covariances)
  total <- sum(explained) + variances[["Residual"]]
  omega <- fixed$omega
  omega[fixed$kept] <- omega[fixed$kept] + unscale_coefficients(fixed, found$delta)
  loglik <- found$value + loglik_constant(fixed, criterion)
  effects <- Map(
    function(x, label) user_effects(problem$units, x, label), found$effects, labels
  )
  c(
    list(
      omega = omega, vcov = unscale_covariance(fixed, found$sigma2 * found$covariance),
      variances = variances, covariances = covariances, parameters = parameters,
      theta = relative_factors(covariances, variances[["Residual"]]),
      tau2 = found$sigma2, relative = stats::setNames(found$relative, labels),
      covariance = found$covariance, delta = found$delta,
      kappa = lapply(problem$designs, user_moments),
      pve = if (total > 0) explained / total else explained,
      effects = stats::setNames(effects, labels), alpha = found$py, noise = found$py,
      information = found$information, sensitivity = found$slopes,
      loglik = loglik, value = found$value,
      certificate = c(
        found$certificate, list(modes = found$modes + loglik_constant(fixed, criterion))
      ),
      is_unbounded = isTRUE(found$is_unbounded),
      uncertainty = new_uncertainty(c("several_terms", "likelihood"), criterion)
    ),
    terms_outcome(problem, criterion, found, variances[["Residual"]] <= noise_floor * total)
  )
}

# A share of noise that is 0 but for the rounding of what the terms explain.
noise_floor <- 1e-8

# Where the search ended, and whether that is the maximum.
terms_outcome <- function(problem, criterion, found, is_noiseless) {
  widths <- vapply(problem$designs, coefficient_width, 0L)
  is_singular <- found$rank < widths
  list(
    rank = stats::setNames(found$rank, names(widths)),
    boundary = c(names(widths)[is_singular], if (is_noiseless) "Residual"),
    convergence = terms_trace(problem, criterion, found),
    is_converged = found$status %in% c("converged", "unbounded", "em_converged", "em_boundary"),
    reason = terms_reason(found)
  )
}

terms_reason <- function(found) {
  size <- format(value_or(found$certificate$gradient, NA_real_), digits = 2)
  switch(value_or(found$status, ""),
    converged = "the predicted gain of a step fell below `tol`",
    evaluation_limit = paste0("`max_iter` evaluations were made; the gradient is ", size),
    unbounded = "the likelihood has no maximum",
    em_converged = "all parameters have less than sqrt(`tol`) / 10 to go",
    em_boundary = "the maximum lies on the boundary, which EM nears without end",
    em_limit = "`max_iter` iterations were made",
    em_unbounded = "the residual variance ran towards 0, where the likelihood is unbounded",
    saddle = "the search ended at a saddle, where another variance than 0 gains more",
    paste0("no step gained any more where the gradient is ", size)
  )
}

# A row a step of the climb, with every variance and covariance.
terms_trace <- function(problem, criterion, found) {
  trace <- found$trace
  steps <- which(trace$accepted)
  parameters <- terms_parameters(problem$designs)
  inside <- vapply(steps, function(i) {
    at <- list(relative = trace$relative[[i]], sigma2 = trace$sigma2[i])
    absolute_parameters(at, parameters)
  }, numeric(nrow(parameters)))
  points <- user_parameter_points(problem$units, problem$designs, parameters, inside)
  variances <- lapply(seq_len(nrow(parameters)), function(i) points[i, ])
  frame_of(c(
    list(
      iteration = seq_along(steps),
      objective = trace$value[steps] + loglik_constant(problem$fixed, criterion)
    ),
    stats::setNames(variances, parameters$name)
  ))
}

# (vech(Sigma_1), .., vech(Sigma_K), sigma_e^2) inside.
absolute_parameters <- function(found, parameters) {
  vapply(seq_len(nrow(parameters)), function(i) {
    one <- parameters[i, ]
    if (is.na(one$term)) return(found$sigma2)
    found$sigma2 * found$relative[[one$term]][one$row, one$column]
  }, 0)
}

# Sigma_k of every term in the user's units, from its parameters.
block_covariances <- function(designs, parameters, variances) {
  out <- lapply(seq_along(designs), function(k) {
    names <- block_names(designs[[k]])
    at <- which(parameters$term == k)
    sigma <- matrix(0, length(names), length(names), dimnames = list(names, names))
    sigma[cbind(parameters$row, parameters$column)[at, , drop = FALSE]] <- variances[at]
    sigma[upper.tri(sigma)] <- t(sigma)[upper.tri(sigma)]
    sigma
  })
  stats::setNames(out, names(designs))
}

# Expected sample variance of every term in the fitted rows.
explained_sizes <- function(designs, covariances) {
  vapply(names(designs), function(label) {
    max(0, sum(user_moments(designs[[label]]) * covariances[[label]]))
  }, 0)
}

# The lower triangles of L_k with L_k L_k' = Sigma_k / sigma_e^2, in the order of lme4.
relative_factors <- function(covariances, residual) {
  unlist(lapply(covariances, function(sigma) {
    l <- lower_root(if (residual > 0) sigma / residual else sigma * NA)
    l[lower.tri(l, TRUE)]
  }), use.names = FALSE)
}

# y lies in the span of Z.
exact_terms <- function(problem, criterion) {
  fixed <- problem$fixed
  designs <- problem$designs
  none <- function(design) {
    r <- coefficient_width(design)
    matrix(0, r, r)
  }
  result <- terms_result(problem, criterion, list(
    value = Inf, sigma2 = 0, relative = lapply(unname(designs), none), delta = numeric(fixed$rank),
    covariance = diag(fixed$rank), effects = lapply(unname(designs), function(design) {
      numeric(design$n_cols)
    }),
    py = numeric(nrow(fixed$q)), information = NULL, slopes = NULL, status = "converged",
    rank = rep(0L, length(designs)),
    trace = list(
      accepted = TRUE, value = Inf, sigma2 = 0, relative = list(lapply(unname(designs), none))
    )
  ))
  result$boundary <- "exact"
  result$reason <- closed_form
  result
}
