# One line an engine: method, algorithm, the function that runs it (by its name, as it may be in a
# file that is read later), what it does in words, and
#   uncertainty  what its fits know of their parameters: a class of uncertainty.R, or several from
#                the particular to the general
#   needs        what of the decomposition: see build_system(); "nothing" for a method that has no
#                random term
#   prior        "none"; "any", that of lmm_prior() when none is given; "own", only one that is
#                given, of the variances themselves
#   criterion    the likelihood that its `loglik` is of
#   several      the function that runs it with several random terms or with blocks of
#                coefficients, by its name; NA where there is none
engines <- local({
  row <- function(method, algorithm, run, description, uncertainty, needs = "values",
                  prior = "none", criterion = "ML", several = NA_character_) {
    list(
      method = method, algorithm = algorithm, run = run, description = description,
      uncertainty = uncertainty, needs = needs, prior = prior, criterion = criterion,
      several = several
    )
  }
  list(
    row(
      "OLS", "qr", "fit_ols", "ordinary least squares by pivoted QR; no random term",
      "least_squares", "nothing"
    ),
    row(
      "REML", "direct", "fit_likelihood", "restricted maximum likelihood, exact global search",
      "likelihood", "criterion", criterion = "REML", several = "fit_terms"
    ),
    row(
      "REML", "em", "fit_em", "restricted maximum likelihood by EM", "likelihood",
      criterion = "REML", several = "fit_terms_em"
    ),
    row(
      "REML", "pxem", "fit_em", "restricted maximum likelihood by parameter-expanded EM",
      "likelihood", criterion = "REML", several = "fit_terms_em"
    ),
    row(
      "ML", "direct", "fit_likelihood", "maximum likelihood, exact global search", "likelihood",
      "criterion", several = "fit_terms"
    ),
    row(
      "ML", "em", "fit_em", "maximum likelihood by EM", "likelihood", several = "fit_terms_em"
    ),
    row(
      "ML", "pxem", "fit_em", "maximum likelihood by parameter-expanded EM", "likelihood",
      several = "fit_terms_em"
    ),
    row(
      "MAP", "direct", "fit_map", "mode of likelihood times prior, exact global search", "mode",
      prior = "any", several = "fit_terms_map"
    ),
    row(
      "MAP", "em", "fit_map_em", "mode of likelihood times prior by EM", "mode", prior = "any",
      several = "fit_terms_map_em"
    ),
    row(
      "VB", "collapsed", "fit_vb", "variational bound with all but the variances maximised out",
      "variational", prior = "own", several = "fit_vb_terms"
    ),
    row(
      "VB", "cavi", "fit_vb", "coordinate ascent variational inference, block by block",
      "variational", prior = "own", several = "fit_vb_terms"
    ),
    row(
      "Bayes", "quadrature", "fit_quadrature", "exact posterior by adaptive quadrature",
      c("quadrature", "posterior"), "vectors", prior = "any", several = "fit_terms_quadrature"
    ),
    row(
      "Bayes", "gibbs", "fit_gibbs", "exact posterior by Gibbs sampling in spectral coordinates",
      c("gibbs", "posterior"), "vectors", prior = "any", several = "fit_terms_gibbs"
    )
  )
})

takes_random <- function(engine) engine$needs != "nothing"

takes_prior <- function(engine) engine$prior != "none"

# The uncertainty of an engine's fits, where the result of a fit does not say more.
engine_uncertainty <- function(engine) new_uncertainty(engine$uncertainty, engine$criterion)

# Of a name as it is given, whole or not.
is_method_with_prior <- function(method) {
  found <- Filter(function(engine) engine$method == method, engines)
  length(found) == 0 || takes_prior(found[[1]])
}

# One text of every engine.
engine_column <- function(name) vapply(engines, `[[`, "", name)

engine_methods <- engine_column("method")

#' Methods and algorithms of lmm()
#'
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A data frame with one row per algorithm: `method`, `algorithm` (the first of a method
#'   is its default), `description`.
#' @examples
#' lmm_methods()
#' @export
lmm_methods <- function(...) {
  check_dots()
  data.frame(
    method = engine_methods, algorithm = engine_column("algorithm"),
    description = engine_column("description")
  )
}

# The engine for a method and an algorithm (NULL: the method's first).
find_engine <- function(method, algorithm) {
  method <- check_method(method)
  if (is.null(algorithm)) return(engines[[match(method, engine_methods)]])
  own <- engines[engine_methods == method]
  algorithms <- vapply(own, `[[`, "", "algorithm")
  if (!is.character(algorithm) || length(algorithm) != 1 || !algorithm %in% algorithms) {
    bad_input(
      "`algorithm` for method ", dQuote(method, FALSE), " must be ",
      enumerate(dQuote(algorithms, FALSE), Inf, "or"), "; found ", describe(algorithm),
      algorithm_hint(algorithm, algorithms), "."
    )
  }
  own[[match(algorithm, algorithms)]]
}

# One of the methods; of an algorithm, or a method elsewhere, it is said where it is found here.
check_method <- function(method) {
  methods <- unique(engine_methods)
  if (is.data.frame(method)) bad_input("`method` is a data frame: `data` is the second argument.")
  if (is.character(method) && length(method) > 0 && is.na(pmatch(method[1], methods))) {
    hint <- algorithm_hint(method[1], methods)
    if (nzchar(hint)) {
      bad_input(
        "`method` must be ", enumerate(dQuote(methods, FALSE), Inf, "or"), "; found ",
        dQuote(method[1], FALSE), hint, "."
      )
    }
  }
  check_choice(method, methods, "method")
}

# " (did you mean ..?)" for a misspelt name, ": write method = .." for an algorithm of a method.
algorithm_hint <- function(name, choices) {
  if (!is.character(name) || length(name) != 1 || is.na(name)) return("")
  if (!is.null(nearest(name, choices))) return(meant(name, choices))
  algorithms <- engine_column("algorithm")
  near <- nearest(value_or(other_algorithms[[plain_name(name)]], name), algorithms)
  if (is.null(near)) return("")
  paste0(
    ": write method = ", dQuote(engine_methods[match(near, algorithms)], FALSE),
    ", algorithm = ", dQuote(near, FALSE)
  )
}

# What algorithms are called elsewhere.
other_algorithms <- list(
  mcmc = "gibbs", hmc = "gibbs", nuts = "gibbs", sampling = "gibbs", ols = "qr", ls = "qr",
  lm = "qr", leastsquares = "qr", variational = "cavi", advi = "cavi", meanfield = "cavi",
  exact = "quadrature", integration = "quadrature", inla = "quadrature", ecme = "pxem",
  newton = "direct", nr = "direct", ai = "direct", fisher = "direct", emma = "direct",
  mle = "direct", lmer = "direct", lme = "direct", spectral = "direct"
)

# Run an engine on model data: its result, with the uncertainty of a fit.
run_engine <- function(engine, problem, control) {
  result <- engine_result(engine, problem, control)
  if (is.null(result$uncertainty)) result$uncertainty <- engine_uncertainty(engine)
  result
}

# The decomposition is made here, once, unless the problem has it.
engine_result <- function(engine, problem, control) {
  run <- match.fun(engine$run)
  if (!takes_random(engine)) return(run(problem, engine, control))
  if (is.null(problem$host)) problem$host <- make_host(control)
  if (!is_one_variance(problem)) {
    require_several(engine, problem)
    return(match.fun(engine$several)(problem, engine, control))
  }
  design <- lone_design(problem)
  if (is.null(problem$system)) {
    problem$system <- build_system(design, problem$fixed, problem$host, engine$needs)
  }
  uncertainty <- engine_uncertainty(engine)
  if (problem$fixed$is_exact && is_point_when_exact(uncertainty, problem$fixed)) {
    return(exact_fit(problem, uncertainty))
  }
  if (is_all_zero(problem$system, design)) return(null_design_fit(problem, uncertainty))
  check_identified(problem, engine$criterion, rests_on_likelihood(uncertainty, problem$prior))
  result <- run(problem, engine, control)
  result$notes <- c(problem$system$note, result$notes)
  result
}

# Of several random terms, or of a block of coefficients, some engines know nothing.
require_several <- function(engine, problem) {
  if (!is.na(engine$several)) return(invisible())
  found <- vapply(problem$model$random, term_text, "")
  abort(
    "unsupported", "method ", dQuote(engine$method, FALSE), ", algorithm ",
    dQuote(engine$algorithm, FALSE), ", takes one random term with one variance; found ",
    enumerate(backtick(found)), ": use method = \"REML\" or \"ML\" with algorithm = \"direct\"."
  )
}
