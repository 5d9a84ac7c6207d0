# One line an engine: method, algorithm, the function that runs it (by its name, as it may be in a
# file that is read later), what it does in words, and what of the decomposition it needs: see
# build_system().
engines <- local({
  row <- function(method, algorithm, run, description, needs = "values") {
    list(
      method = method, algorithm = algorithm, run = run, description = description, needs = needs
    )
  }
  list(
    row("OLS", "qr", "fit_ols", "ordinary least squares by pivoted QR; no random term"),
    row(
      "REML", "direct", "fit_likelihood", "restricted maximum likelihood, exact global search",
      "criterion"
    ),
    row("REML", "em", "fit_em", "restricted maximum likelihood by EM"),
    row("REML", "pxem", "fit_em", "restricted maximum likelihood by parameter-expanded EM"),
    row("ML", "direct", "fit_likelihood", "maximum likelihood, exact global search", "criterion"),
    row("ML", "em", "fit_em", "maximum likelihood by EM"),
    row("ML", "pxem", "fit_em", "maximum likelihood by parameter-expanded EM"),
    row("MAP", "direct", "fit_map", "mode of likelihood times prior, exact global search"),
    row("MAP", "em", "fit_map_em", "mode of likelihood times prior by EM"),
    row("VB", "collapsed", "fit_vb", "variational bound with all but the variances maximised out"),
    row("VB", "cavi", "fit_vb", "coordinate ascent variational inference, column by column"),
    row(
      "Bayes", "quadrature", "fit_quadrature", "exact posterior by adaptive quadrature", "vectors"
    ),
    row(
      "Bayes", "gibbs", "fit_gibbs", "exact posterior by Gibbs sampling in spectral coordinates",
      "vectors"
    )
  )
})

# One text of every engine.
engine_column <- function(name) vapply(engines, `[[`, "", name)

engine_methods <- engine_column("method")

#' Methods and algorithms of lmm()
#'
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

# Run an engine on model data. The decomposition is made here, once, unless the problem has it.
run_engine <- function(engine, problem, control) {
  run <- get(engine$run, mode = "function")
  if (length(problem$designs) == 0) return(run(problem, engine, control))
  design <- problem$designs[[1]]
  if (is.null(problem$host)) problem$host <- make_host(control)
  if (is.null(problem$system)) {
    problem$system <- build_system(design, problem$fixed, problem$host, engine$needs)
  }
  is_bayes <- engine$method == "Bayes" && !is.null(problem$fixed$prior_precision)
  if (problem$fixed$is_exact && !is_bayes) return(exact_fit(problem, engine$method))
  if (is_all_zero(problem$system, design)) return(null_design_fit(problem, engine$method))
  check_identified(problem, engine$method)
  result <- run(problem, engine, control)
  result$notes <- c(problem$system$note, result$notes)
  result
}
