# A problem: what every engine starts from, whether it comes from the user's formula or from a fit.

# empty: designs without columns, left out; system, host: made by run_engine() where they are NULL.
new_problem <- function(model, fixed, designs, prior = NULL, empty = list(), system = NULL,
                        host = NULL) {
  list(
    model = model, fixed = fixed, designs = designs, units = new_units(fixed, designs),
    prior = prior, empty = empty, system = system, host = host
  )
}

# Model data, fixed part and designs: what every engine starts from.
build_problem <- function(formula, data, call, env, contrasts, prior, host) {
  model <- build_model_data(formula, data, call, env, contrasts)
  problem_of_model(model, data, env, prior, host)
}

# data, env: where random terms that are not resolved look for their variables.
problem_of_model <- function(model, data, env, prior, host) {
  fixed <- fit_fixed(model, if (length(model$random) > 0) prior)
  settled <- lapply(model$random, settle_term, model = model)
  model$random <- labelled_terms(unlist(settled, recursive = FALSE), colnames(model$z))
  least_squares <- fixed
  if (!is.null(prior)) fixed <- apply_fixed_prior(fixed, model, prior)
  # only a flat prior of the fixed effects lets the columns be centred inside
  centre_weights <- if (fixed$has_constant && is.null(fixed$prior_precision)) {
    value_or(model$weights, rep(1, length(model$y)))
  }
  designs <- lapply(model$random, function(term) {
    build_design(term, model, data, env, centre_weights, host)
  })
  model$random <- lapply(model$random, without_side)
  is_empty <- vapply(designs, function(design) design$n_cols == 0, NA)
  empty <- designs[is_empty]
  designs <- designs[!is_empty]
  names(designs) <- vapply(designs, `[[`, "", "label")
  if (!is_one_variance(list(designs = designs))) {
    designs <- lapply(designs, beside_others, host = host)
  }
  # no method but OLS, which has no prior
  if (length(designs) == 0) fixed <- if (is.null(prior)) least_squares else fit_fixed(model)
  for (design in designs) warn_design(design, fixed)
  warn_weights(designs, fixed)
  new_problem(model, fixed, designs, prior = prior, empty = empty, host = host)
}

# A term as a fit keeps it, without the rows of its left side.
without_side <- function(term) {
  term$side <- NULL
  term
}

# Terms with labels of their own, by which they are named: one called like a fixed effect or like
# another parameter goes by its full text, what is called alike is counted on as in lme4 (g, g.1).
# A name that the user gave stays.
labelled_terms <- function(random, fixed_names) {
  taken <- c(fixed_names, "Residual", "pve")
  is_named <- vapply(random, function(term) isTRUE(term$is_named), NA)
  labels <- vapply(random, function(term) {
    if (term$label %in% taken && !isTRUE(term$is_named)) term_text(term) else term$label
  }, "")
  given <- labels[is_named]
  check_given_names(given, taken)
  own <- make.unique(c(taken, given, labels[!is_named]))
  labels[!is_named] <- own[seq_along(own) > length(taken) + length(given)]
  random <- Map(function(term, label) {
    term$label <- label
    term
  }, random, labels)
  stats::setNames(random, labels)
}

check_given_names <- function(given, taken) {
  twice <- unique(given[duplicated(given)])
  if (length(twice) > 0) {
    bad_input(
      "`name` must differ from term to term; found ", enumerate(dQuote(twice, FALSE)), " twice."
    )
  }
  clash <- intersect(given, taken)
  if (length(clash) > 0) {
    bad_input(
      "`name` = ", enumerate(dQuote(clash, FALSE)), " is the name of another parameter of the ",
      "model; choose one that no fixed effect has."
    )
  }
}

warn_design <- function(design, fixed) {
  if (design$has_constant && !fixed$has_constant) {
    warn(
      "confounded", backtick(design$label), " has a constant column and the fixed effects no ",
      "intercept: the mean of the response is shrunk as a random effect."
    )
  }
  if (design$log10_spread > 12) {
    warn(
      "badly_scaled", "the columns of ", backtick(design$label), " differ in scale by a factor of ",
      "10^", round(design$log10_spread), ": the smallest are lost beside the largest; consider ",
      "re(", design$label, ", scale = TRUE)."
    )
  }
}

# A Gram matrix of rows holds sixteen digits of its largest row, a weight its square; by columns the
# rows are reduced one by one, which was measured up to 10^16.
warn_weights <- function(designs, fixed) {
  if (is.null(fixed$root)) return(invisible())
  is_lossy <- vapply(designs, is_by_rows, NA, nrow(fixed$q))
  supported <- if (any(is_lossy)) 8 else 16
  spread <- 2 * log10(max(fixed$root) / min(fixed$root))
  if (spread <= supported) return(invisible())
  warn(
    "badly_scaled", "the weights of the fitted rows span a factor of 10^",
    format(spread, digits = 2), "; up to 10^", supported, " are supported",
    if (any(is_lossy)) paste(" beside", enumerate(backtick(names(designs)[is_lossy]))),
    ": beyond, rows of the smallest weights lose their digits and the log-likelihood may be wrong ",
    "in its first decimals."
  )
}

# The only random term of a fit or of a problem, for what the core does for one.
lone_design <- function(x) {
  if (!is_one_variance(x)) {
    abort("unsupported", "this is for fits with one random term of one variance.")
  }
  x$designs[[1]]
}

# Whether a fit or problem has one random term of one variance, which has a route of its own.
is_one_variance <- function(x) {
  length(x$designs) == 1 && coefficient_width(x$designs[[1]]) == 1
}
