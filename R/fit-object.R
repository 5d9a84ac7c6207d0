# The constructor: plain data, no pointer; no environment but the formula's, cut down to what new
# rows need, and the cache in which spectral_system() and full_system() keep eigenvalues and
# eigenvectors.

new_fit <- function(call, formula, problem, engine, result, control) {
  model <- problem$model
  fixed <- problem$fixed
  n <- length(model$y)
  root <- value_or(fixed$root, 1)
  nu_alpha <- value_or(result$noise, result$share$nu * result$alpha) / root
  residuals <- user_response(problem$units, nu_alpha)
  cache <- new.env(parent = emptyenv())
  cache$terms <- result$pointer
  remember_environment(cache, environment(formula))
  environment(formula) <- environment(model$terms)
  if (inherits(call$formula, "formula")) call$formula <- formula
  designs <- problem$designs
  fit <- list(
    call = call, formula = formula, method = engine$method, algorithm = engine$algorithm,
    uncertainty = result$uncertainty,
    dims = list(
      n = n, n_total = model$n_total, n_fixed = fixed$rank, n_random = length(designs),
      p = vapply(designs, function(design) as.numeric(design$n_cols), 0)
    ),
    fixed = list(
      estimate = result$omega, vcov = result$vcov, kept = fixed$kept, aliased = fixed$aliased,
      sensitivity = result$sensitivity
    ),
    system = if (!is.null(result$pointer)) result$system,
    variances = result$variances, covariances = result$covariances,
    parameters = result$parameters, theta = result$theta, rank = result$rank,
    certificate = result$certificate, information = result$information,
    observed = result$observed, kappa = result$kappa,
    pve = result$pve, effects = result$effects,
    loglik = result$loglik, boundary = result$boundary, is_unbounded = result$is_unbounded,
    modes = result$modes, grid = result$grid, convergence = result$convergence,
    is_converged = result$is_converged, reason = result$reason,
    prior = result$prior, posterior = result$posterior, q = result$q, elbo = result$elbo,
    kl_gap = result$kl_gap, draws = result$draws,
    residuals = residuals, fitted = model$y - residuals, offset = model$offset,
    weights = model$weights, frame = model$frame, terms = model$terms, xlevels = model$xlevels,
    contrasts = model$contrasts, na_action = model$na_action, dropped = model$dropped,
    rows = fitted_rows(model), row_variables = model$row_variables,
    variable_classes = model$variable_classes, rules = model$rules,
    offset_rule = model$offset_rule,
    designs = designs, random_terms = model$random,
    internal = list(
      value = result$value, prior = result$prior_inside, tau2 = result$tau2,
      share = result$share, relative = result$relative, covariance = result$covariance,
      delta = result$delta, nodes = result$nodes,
      system = result$system[names(result$system) != "two_stage"],
      cache = cache, alpha = result$alpha, units = problem$units,
      fixed = fixed[c("q", "r", "inverse", "rank", "kept", "ky", "kz", "kw", "root", "has_constant",
        "residual", "omega", "prior_precision", "prior_root", "is_exact", "aliased",
        "constants")]
    ),
    notes = c(fit_notes(problem), result$notes), control = control,
    version = getNamespaceVersion("hdlmm")[[1]]
  )
  class(fit) <- "hdlmm"
  fit
}

fit_notes <- function(problem) {
  dropped <- problem$model$dropped
  notes <- c(
    if (length(dropped$nan) > 0) {
      paste0(
        counted(sum(dropped$nan), "NaN"), " in ", enumerate(backtick(names(dropped$nan))),
        " treated as missing"
      )
    }
  )
  for (design in problem$designs) notes <- c(notes, design$notes)
  for (design in problem$empty) {
    note <- paste0(
      backtick(design$label), " has no columns: ",
      if (length(problem$designs) == 0) "the model has no random term" else "it is left out"
    )
    notes <- c(notes, note)
  }
  notes
}

# A classed error for a fit without a random term.
require_random <- function(fit, what) {
  if (has_random(fit)) return(invisible(fit))
  abort("no_random_term", what, " needs a random term; this fit has none.")
}

# What fits with several variances of random effects cannot do yet, said in one place.
stop_of_several <- function(what, instead = "") {
  abort("unsupported", what, " is for fits with one random term of one variance", instead, ".")
}

# The same of fits of several responses.
stop_of_responses <- function(fit, what) {
  abort(
    "unsupported", what, " is for a fit of one response; take one of the ", length(fit$responses),
    ", as in fit[[", dQuote(fit$responses[1], FALSE), "]]."
  )
}

require_one_variance <- function(fit, what) if (!is_one_variance(fit)) stop_of_several(what)

check_fit <- function(fit, name = "fit") {
  if (inherits(fit, "hdlmm_multi")) stop_of_responses(fit, "this")
  if (!inherits(fit, "hdlmm")) {
    bad_input(backtick(name), " must be a fit of lmm(); found ", describe(fit), ".")
  }
  fit
}

# What rests on the sampling distribution of a likelihood has no meaning for other methods.
require_likelihood <- function(fit, what) {
  if (at_maximum(fit)) return(invisible(fit))
  abort(
    "unsupported", what, " needs a fit by maximum likelihood; this one is by method ",
    dQuote(fit$method, FALSE), ": see update(fit, method = \"REML\")."
  )
}

tail_levels <- function(level) c((1 - level) / 2, (1 + level) / 2)

# Where the estimates lie, in one word or in the labels of the terms at a boundary: "none" inside.
boundary_text <- function(fit) {
  if (length(fit$boundary) == 0) "none" else paste(fit$boundary, collapse = ", ")
}

# The response lies in the span of the fixed effects.
is_exact_fit <- function(fit) identical(fit$boundary, "exact")

# Such a fit has no curve over pve.
is_zero_design <- function(fit) identical(fit$boundary, "random") && is.null(fit$grid)

# Fits of a design of zeros by any method: that of null_design_fit().
is_null_design <- function(fit) {
  has_random(fit) && identical(fit$boundary, "random") && fit$reason == closed_form
}
