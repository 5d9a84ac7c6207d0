# From a fit back to what its engine started from: other methods run on the same decomposition.

problem_of <- function(fit, prior = fit$prior, system = spectral_system(fit)) {
  fixed <- fit$internal$fixed
  model <- model_of(fit)
  system$parts$prior_rows <- matrix(0, 0, 0)
  list(
    model = model, fixed = fixed, designs = designs_of(fit), empty = list(), prior = prior,
    system = system
  )
}

# The same under another prior. One of the fixed effects that is flat where the other is not, or
# the other way round, needs a decomposition of its own: only a flat one lets columns be centred.
problem_under <- function(fit, prior) {
  problem <- problem_of(fit, prior, full_system(fit))
  fixed <- fit_fixed(problem$model)
  problem$fixed <- if (is.null(prior)) fixed else apply_fixed_prior(fixed, problem$model, prior)
  problem
}

model_of <- function(fit, y = NULL) {
  frame <- fit$frame
  if (!is.null(y)) frame[[1]] <- y
  list(
    frame = frame, terms = fit$terms, y = if (is.null(y)) stats::model.response(frame) else y,
    z = model.matrix.hdlmm(fit), weights = fit$weights, offset = fit$offset,
    rows = value_or(fit$rows, seq_len(fit$dims$n_total)), n_total = fit$dims$n_total,
    dropped = fit$dropped, xlevels = fit$xlevels, contrasts = fit$contrasts,
    na_action = fit$na_action, random = fit$random_terms, row_variables = fit$row_variables,
    rules = fit$rules, offset_rule = fit$offset_rule
  )
}

designs_of <- function(fit) {
  means <- lapply(stats::setNames(nm = names(fit$designs)), function(label) {
    fit$internal$mean_columns[[label]]
  })
  Map(function(design, mean) {
    design["mean_columns"] <- list(mean)
    design
  }, fit$designs, means)
}
