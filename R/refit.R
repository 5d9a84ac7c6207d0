# From a fit back to what its engine started from: other methods run on the same decomposition.

problem_of <- function(fit, prior = fit$prior, system = spectral_system(fit)) {
  fixed <- fit$internal$fixed
  model <- model_of(fit)
  system$parts$prior_rows <- matrix(0, 0, 0)
  new_problem(model, fixed, fit$designs, prior = prior, system = system)
}

# The same under another prior. One of the fixed effects that is flat where the other is not, or
# the other way round, needs a decomposition of its own: only a flat one lets columns be centred.
problem_under <- function(fit, prior) {
  is_one <- is_one_variance(fit)
  problem <- if (is_one) problem_of(fit, prior, full_system(fit)) else
    new_problem(model_of(fit), fit$internal$fixed, fit$designs, prior = prior)
  fixed <- fit_fixed(problem$model, prior)
  problem$fixed <- if (is.null(prior)) fixed else apply_fixed_prior(fixed, problem$model, prior)
  # the decomposition rotates the response less its baseline, which differs between priors of the
  # fixed effects: rotating it again costs O(n r)
  if (is_one) problem$system <- rotated_system(problem)
  # a system of several terms is of one baseline
  if (!is_one && has_flat_fixed(prior) && has_flat_fixed(fit$prior)) {
    problem$system <- terms_system(fit)
  }
  problem
}

has_flat_fixed <- function(prior) is.null(prior) || prior$fixed$kind == "flat"

model_of <- function(fit, y = NULL, z = model.matrix.hdlmm(fit)) {
  frame <- fit$frame
  if (!is.null(y)) frame[[1]] <- y
  list(
    frame = frame, terms = fit$terms, y = if (is.null(y)) stats::model.response(frame) else y,
    z = z, weights = fit$weights, offset = fit$offset,
    rows = value_or(fit$rows, seq_len(fit$dims$n_total)), n_total = fit$dims$n_total,
    dropped = fit$dropped, xlevels = fit$xlevels, contrasts = fit$contrasts,
    na_action = fit$na_action, random = fit$random_terms, row_variables = fit$row_variables,
    rules = fit$rules, offset_rule = fit$offset_rule, variable_classes = fit$variable_classes
  )
}

# The same rows, weights, offset and random term under another fixed part, a formula without random
# terms. Only variables that the fit does not hold are looked for in its data.
problem_with <- function(fit, formula) {
  model <- model_with(fit, formula)
  fixed <- fit_fixed(model)
  designs <- fit$designs
  if (!fixed$has_constant) designs <- lapply(designs, uncentred)
  new_problem(model, fixed, designs)
}

model_with <- function(fit, formula) {
  frame <- fit$frame
  terms <- stats::terms(formula)
  variables <- named_variables(terms)
  is_new <- !names(variables) %in% names(frame)
  found <- if (any(is_new)) new_variables(fit, variables[is_new])
  for (name in names(found$values)) frame[[name]] <- found$values[[name]]
  known <- c(named_variables(fit$terms, "predvars"), found$predvars)
  predvars <- variables
  is_known <- names(variables) %in% names(known)
  predvars[is_known] <- known[names(variables)[is_known]]
  attr(terms, "predvars") <- as.call(c(quote(list), unname(predvars)))
  attr(terms, "dataClasses") <- vapply(frame[names(variables)], stats::.MFclass, "")
  raw <- c(all.vars(formula[[3]]), random_variables(fit$random_terms), all.vars(fit$call$offset))
  row_variables <- union(intersect(fit$row_variables, raw), found$rows)
  environment(terms) <- environment(fit$terms)
  if (any(is_new)) {
    exprs <- new_row_exprs(list(random = fit$random_terms), formula, fit$call$offset)
    environment(terms) <- kept_environment(exprs, row_variables, found$data, written_in(fit))
  }
  attr(frame, "terms") <- terms
  model <- model_of(fit, z = build_fixed_matrix(
    terms, frame, fit$contrasts[names(fit$contrasts) %in% names(variables)],
    value_or(fit$rows, seq_len(fit$dims$n_total))
  ))
  model$frame <- frame
  model$terms <- terms
  model$contrasts <- attr(model$z, "contrasts")
  model$xlevels <- if (length(variables) > 1) stats::.getXlevels(terms, frame)
  model$rules <- c(fit$rules, found$rules)
  model$row_variables <- row_variables
  classes <- c(fit$variable_classes, found$classes)
  model$variable_classes <- classes[names(classes) %in% raw]
  model
}

# Variables of terms, or what evaluates them at new rows, by their text.
named_variables <- function(terms, which = "variables") {
  names <- variable_names(terms)
  stats::setNames(as.list(attr(terms, which))[-1], names)
}

# Variables of added terms, in the fitted rows of what `data` names today: said to be other data
# where their rows or the response are not those of the fit.
new_variables <- function(fit, variables) {
  env <- written_in(fit)
  label <- enumerate(backtick(names(variables)))
  give_up <- function(...) {
    abort(
      "not_comparable", "cannot add ", label, ", which the fit does not hold: ", ...,
      "; fit the larger model by lmm() and take terms out of it."
    )
  }
  data <- tryCatch(eval(fit$call$data, env), error = function(e) {
    give_up("its data are not found (", conditionMessage(e), ")")
  })
  if (is.list(data) && !is.data.frame(data)) data <- list2env(data, parent = env)
  look_up <- function(expr) {
    tryCatch(eval(expr, data, env), error = function(e) give_up(conditionMessage(e)))
  }
  n_total <- fit$dims$n_total
  rows <- value_or(fit$rows, seq_len(n_total))
  response <- look_up(fit$terms[[2]])
  same_rows <- NROW(response) == n_total &&
    isTRUE(all.equal(as.double(response)[rows], as.double(fit$frame[[1]]), tolerance = 0))
  if (!same_rows) give_up("`data` are not those that it was fitted to")
  full <- lapply(variables, look_up)
  values <- lapply(full, function(value) {
    if (NROW(value) != n_total) {
      give_up("it has ", counted(NROW(value), "row"), ", the data have ", n_total)
    }
    value <- take_rows(value, rows)
    if (anyNA(value)) give_up("it has missing values in fitted rows")
    if (is.factor(value)) droplevels(value) else value
  })
  raw <- unique(unlist(lapply(variables, all.vars)))
  sources <- lapply(stats::setNames(nm = raw), variable_of, data = data, env = env)
  is_row <- vapply(sources, function(x) !is.function(x) && NROW(x) == n_total, NA)
  c(
    list(
      data = data, values = values, rows = raw[is_row],
      classes = vapply(sources[is_row], stats::.MFclass, "")
    ),
    new_rules(variables, full, values, list(data = data, env = env, n_total = n_total, rows = rows))
  )
}

# How added variables are evaluated at new rows; see R/row-wise.R.
new_rules <- function(variables, full, values, place) {
  predvars <- Map(stats::makepredictcall, full, variables)
  rules <- lapply(stats::setNames(nm = names(Filter(needs_rule, variables))), function(name) {
    known <- predicting_parts(predvars[[name]], place)
    row_rule(variables[[name]], values[[name]], place$rows, place, known)
  })
  predvars[names(rules)] <- lapply(rules, `[[`, "expr")
  list(predvars = predvars, rules = rules)
}

# The fixed part of a fit as a formula, `.` written out.
fixed_part <- function(fit) stats::formula(fit$terms)

# The largest marginal log-likelihood of a problem, without the rest of a fit.
likelihood_maximum <- function(problem, control) {
  fixed <- problem$fixed
  n <- nrow(fixed$q)
  if (fixed$is_exact) {
    warn_exact("the residual variance is 0")
    return(Inf)
  }
  constant <- loglik_constant(fixed, "ML")
  least_squares <- -n / 2 * (log(2 * pi) + 1 + log(sum(fixed$residual^2) / n)) + constant
  if (length(problem$designs) == 0) return(least_squares)
  host <- make_host(control)
  if (!is_one_variance(problem)) {
    system <- build_terms_system(problem, control, host)
    return(cpp_terms_search(system, "ML", NULL, terms_options(control), host)$value + constant)
  }
  design <- lone_design(problem)
  system <- problem$system
  if (is.null(system)) system <- build_system(design, fixed, host, "criterion")
  if (is_all_zero(system, design)) return(least_squares)
  problem$system <- system
  check_identified(problem, "ML")
  search <- cpp_search(system, "ML", search_options(control), host)
  choose_mode(search, "ML", design)$mode$value + constant
}

# The fit as it compares with others by maximum likelihood, on the decomposition that it has.
by_ml <- function(fit) {
  if (!is_restricted(fit$uncertainty)) return(fit)
  internal <- fit$internal
  problem <- list(fixed = internal$fixed, designs = fit$designs, system = internal$system)
  fit$loglik <- likelihood_maximum(problem, fit$control)
  fit$uncertainty$criterion <- "ML"
  fit
}
