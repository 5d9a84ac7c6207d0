# Variational inference with several random terms, or with blocks of coefficients that covary:
# q(beta) factorises over levels, single coefficients, terms or blocks of columns. What method-vb.R
# is of one term of one variance.

fit_vb_terms <- function(problem, engine, control) {
  for (design in problem$designs) require_columns(design, engine$method)
  if (problem$fixed$is_exact) {
    warn_exact("all variances are 0")
    return(exact_vb_terms(problem))
  }
  blocks <- term_blocks(problem$designs, control)
  require_terms_memory(problem, control)
  made <- identified_terms(problem, control)
  fit_by <- if (is.null(problem$prior)) fit_terms_bound else fit_terms_factors
  result <- fit_by(problem, engine, control, made$pointer, blocks)
  result[names(made)] <- made
  warn_not_converged(result)
  result
}

# Estimated variances --------------------------------------------------------------------

fit_terms_bound <- function(problem, engine, control, system, blocks) {
  found <- switch(engine$algorithm,
    collapsed = search_terms_bound(problem, control, system, blocks),
    cavi = ascend_terms_bound(problem, control, system, blocks)
  )
  result <- terms_result(problem, "ML", found)
  constant <- loglik_constant(problem$fixed, "ML")
  result$elbo <- found$elbo + constant
  result$kl_gap <- found$gap
  result$q <- terms_q(problem, control, found)
  result$uncertainty <- new_uncertainty(c("terms_bound", "several_terms", "variational"))
  result$notes <- terms_collapse_note(problem, control, system, blocks, result)
  if (result$is_unbounded) warn_unbounded_terms(problem, found$status)
  result$reason <- value_or(found$reason, result$reason)
  result
}

# Factors over coefficients have no bound where a covariance matrix is singular.
search_terms_bound <- function(problem, control, system, blocks) {
  tryCatch(
    cpp_terms_bound_search(system, blocks, NULL, terms_options(control), problem$host),
    `std::runtime_error` = function(e) {
      if (!grepl("singular covariance matrix", conditionMessage(e))) stop(e)
      abort(
        "unsupported", "the bound of factors over single coefficients is highest where a ",
        "covariance matrix is singular to rounding: use lmm_control(blocks = \"levels\")."
      )
    }
  )
}

warn_unbounded_terms <- function(problem, status) {
  labels <- enumerate(backtick(names(problem$designs)))
  if (status == "unbounded") {
    abort(
      "unbounded_likelihood", "the fixed effects and ", labels, " reproduce the response exactly, ",
      "so the evidence bound tends to infinity as the residual variance tends to 0 and has no ",
      "interior mode; use method = \"REML\"."
    )
  }
  warn(
    "unbounded_likelihood", "the fixed effects and ", labels, " reproduce the response exactly, ",
    "so the evidence bound tends to infinity as the residual variance tends to 0. A mode below is ",
    "returned; REML does not have this defect."
  )
}

# What cpp_terms_bound_search() gives, from coordinate ascent. At the covariances where it stops the
# rest follows in closed form.
ascend_terms_bound <- function(problem, control, system, blocks) {
  model <- c(
    list(
      random = vector("list", length(problem$designs)), residual = NULL, fixed_precision = NULL
    ),
    terms_start(problem, system)
  )
  out <- cpp_terms_ascend(system, blocks, model, ascent_options(control), problem$host)
  found <- out$q
  found$trace <- out$trace
  found$reason <- ascent_state(out)$reason
  found$is_unbounded <- is_climbing_still(system, blocks, found, problem$host)
  found$status <- if (found$is_unbounded) "unbounded" else
    if (out$is_converged) "converged" else "evaluation_limit"
  found$rank <- coefficient_widths(problem$designs)
  found$modes <- found$elbo
  found$certificate <- list(evaluations = nrow(out$trace))
  found
}

# Whether the residual variance is rounding, and the bound higher where it is less.
is_climbing_still <- function(system, blocks, found, host) {
  if (all(unlist(found$relative) < 1 / noise_floor)) return(FALSE)
  less <- lapply(found$relative, `*`, 1e3)
  isTRUE(cpp_terms_bound(system, blocks, less, host)$value > found$elbo + 1)
}

# Where an ascent begins: every coefficient explains its part of what the noise is.
terms_start <- function(problem, system) {
  relative <- lapply(unname(problem$designs), function(design) {
    size <- diagonal(inside_moments(problem$units, design))
    diag(1 / (length(size) * length(problem$designs) * pmax(size, .Machine$double.xmin)),
      length(size))
  })
  sigma2 <- cpp_terms_evaluate(system, "ML", relative, problem$host)$sigma2
  list(relative = relative, sigma2 = sigma2)
}

# q itself: of every term the covariances of its coefficients per unit sigma_e^2, by level
# [r x r J].
terms_q <- function(problem, control, found, ...) {
  labels <- names(problem$designs)
  list(
    family = "several", is_full = FALSE, is_joint = is.null(term_blocks(problem$designs, control)),
    blocks = stats::setNames(block_choices(problem$designs, control), labels),
    spread = stats::setNames(found$spread, labels), ...
  )
}

exact_vb_terms <- function(problem) {
  result <- exact_terms(problem, "ML")
  result$uncertainty <- in_closed_form(
    new_uncertainty(c("terms_bound", "several_terms", "variational"))
  )
  result
}

# Priors of the variances ----------------------------------------------------------------

fit_terms_factors <- function(problem, engine, control, system, blocks) {
  prior <- terms_variational_prior(problem)
  model <- c(
    list(
      random = prior$random, residual = prior$residual,
      fixed_precision = flat_or_precision(problem$fixed$prior_precision)
    ),
    terms_start(problem, system)
  )
  run <- switch(engine$algorithm, collapsed = cpp_terms_iterate, cavi = cpp_terms_ascend)
  out <- run(system, blocks, model, ascent_options(control), problem$host)
  if (!isTRUE(out$q$sigma2 > vanished_noise * mean(problem$fixed$residual^2))) {
    stop_without_noise()
  }
  terms_factor_result(problem, control, out, prior, model)
}

# Densities of the core, a term each, and of the residual variance; log_constant: what the bound of
# the core lacks of the normalised priors of scalar variances, and nothing of those of blocks.
terms_variational_prior <- function(problem) {
  prior <- problem$prior
  units <- problem$units
  if (!is.null(prior$pve)) stop_unless_conjugate()
  check_prior_terms(prior, names(problem$designs))
  constants <- vapply(problem$designs, function(design) {
    density <- term_density(prior, design)
    stop_if_improper(density, backtick(design$label))
    if (coefficient_width(design) > 1) return(0)
    internal_density(density, units, design$label)$log_constant
  }, 0)
  residual <- internal_density(prior$residual, units, "Residual")
  list(
    random = lapply(unname(problem$designs), internal_term_density, prior = prior, units = units),
    residual = residual$core, log_constant = residual$log_constant + sum(constants)
  )
}

# The fit at 1 / E[1 / variance], with the means of the factors as its variances.
terms_factor_result <- function(problem, control, out, prior, model) {
  found <- out$q
  found$trace <- out$trace
  found$status <- if (out$is_converged) "converged" else "evaluation_limit"
  found$rank <- coefficient_widths(problem$designs)
  found$certificate <- list(evaluations = nrow(out$trace))
  result <- terms_result(problem, "ML", found)
  constant <- full_constant(problem, prior, model$fixed_precision)
  factors <- user_factors(problem, result$parameters, found)
  result$q <- terms_q(
    problem, control, found, random = factors$random, residual = factors$residual,
    omega_vcov = unscale_covariance(problem$fixed, found$fixed_covariance)
  )
  result$q$is_full <- TRUE
  result$vcov <- result$q$omega_vcov
  result$variances[] <- factor_means(factors, result$parameters)
  result$covariances <- block_covariances(problem$designs, result$parameters, result$variances)
  explained <- explained_sizes(problem$designs, result$covariances)
  result$pve <- explained / (sum(explained) + result$variances[["Residual"]])
  result$convergence$objective <- out$trace$value + constant
  result$elbo <- out$trace$value[nrow(out$trace)] + constant
  result$certificate$modes <- NULL
  result["information"] <- list(NULL)
  result["sensitivity"] <- list(NULL)
  result$prior <- problem$prior
  result$reason <- ascent_state(out)$reason
  result$uncertainty <- new_uncertainty(c(
    "terms_factors", "terms_bound", "several_terms", "variational"
  ))
  result$notes <- missing_mean_notes(
    c(vapply(factors$random, function(one) (one$df - nrow(one$scale) + 1) / 2, 0),
      factors$residual$shape),
    c(names(problem$designs), "Residual")
  )
  result
}

# Factors in the user's units: of every term an inverse Wishart (df, scale [r x r]) by label, of the
# residual variance an inverse gamma (shape, scale).
user_factors <- function(problem, parameters, found) {
  designs <- problem$designs
  random <- Map(function(factor, design) {
    list(df = factor$df, scale = user_block(problem$units, design, factor$scale))
  }, found$random, unname(designs))
  list(
    random = stats::setNames(random, names(designs)),
    residual = list(
      shape = found$residual$shape,
      scale = user_variance(problem$units, found$residual$scale, "Residual")
    )
  )
}

# Means of all parameters under their factors; NA where there is none.
factor_means <- function(factors, parameters) {
  vapply(seq_len(nrow(parameters)), function(i) {
    one <- parameters[i, ]
    if (is.na(one$term)) return(factor_mean(factors$residual))
    factor <- factors$random[[one$term]]
    df <- factor$df - nrow(factor$scale) - 1
    if (df > 0) factor$scale[one$row, one$column] / df else NA_real_
  }, 0)
}
