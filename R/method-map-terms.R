# MAP with several random terms or blocks: the search over all relative covariances, of
# log-likelihood plus log prior with sigma_e^2 and the fixed effects maximised out. Each prior is
# taken as stated; see R/method-map.R.

fit_terms_map <- function(problem, engine, control) {
  prior <- internal_terms_prior(problem)
  if (problem$fixed$is_exact && is.null(prior$fixed_precision)) {
    warn_exact("all variances are 0")
    result <- exact_terms(problem, "ML")
    return(c(result[names(result) != "uncertainty"], terms_mode(problem, prior)))
  }
  found <- search_terms_map(problem, prior, control)
  result <- terms_map_result(problem, prior, found)
  warn_not_converged(result)
  result
}

# What the search finds, with the system and what it is called.
search_terms_map <- function(problem, prior, control) {
  stop_infinite_terms(problem)
  require_terms_memory(problem, control)
  made <- identified_terms(problem, control, is_informative(problem$prior))
  found <- cpp_terms_search_posterior(
    made$pointer, prior, NULL, terms_options(control), problem$host
  )
  if (found$is_unbounded) settle_unbounded_posterior(found)
  c(found, made)
}

terms_mode <- function(problem, prior) {
  list(
    prior = problem$prior, prior_inside = prior,
    uncertainty = new_uncertainty(c("several_mode", "several_terms", "mode"), "ML")
  )
}

terms_map_result <- function(problem, prior, found) {
  n <- nrow(problem$fixed$q)
  result <- terms_result(problem, "ML", found)
  result$loglik <- loglik_constant(problem$fixed, "ML") -
    0.5 * (n * log(2 * pi * found$sigma2) + found$log_det + found$rss / found$sigma2)
  result$pointer <- found$pointer
  result$system <- found$system
  result$found <- found
  c(result[names(result) != "uncertainty"], terms_mode(problem, prior))
}

# The posterior density tends to infinity as sigma_e^2 tends to 0.
settle_unbounded_posterior <- function(found) {
  what <- "the posterior density tends to infinity as the residual variance tends to 0"
  advice <- "give `residual` another prior, as prior_half_t(), or use method = \"Bayes\"."
  if (found$status == "unbounded") {
    abort("unbounded_posterior", what, "; no mode was found inside: ", advice)
  }
  warn("unbounded_posterior", what, ". A mode inside is returned; ", advice)
}

# Densities that are infinite at a variance of zero have their mode there whatever the data.
stop_infinite_terms <- function(problem) {
  prior <- problem$prior
  labels <- names(problem$designs)
  if (is.null(prior$pve)) {
    for (design in problem$designs) {
      if (term_density(prior, design)$kind == "jeffreys") stop_infinite_at_zero(design$label)
    }
    return(invisible())
  }
  shares <- shares_density(prior$pve, labels)
  count <- length(shares$alpha)
  is_infinite <- shares$alpha < 1
  if (any(is_infinite[-count])) {
    stop_infinite_at_zero(if (shares$is_split) labels else labels[is_infinite[-count]])
  }
  if (is_infinite[count]) stop_infinite_at_one()
}
