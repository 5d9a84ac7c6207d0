# The problem of one of several responses, from that of the stand-in for all of them.

# Of a response that misses nothing in the rows of the stand-in.
problem_of_response <- function(problem, y, formula) {
  model <- model_of_response(problem$model, y, formula[[2]])
  prior <- if (length(problem$designs) > 0) problem$prior
  fixed <- fit_fixed(model, prior)
  if (!is.null(prior)) fixed <- apply_fixed_prior(fixed, model, prior)
  new_problem(
    model, fixed, problem$designs, prior = problem$prior, empty = problem$empty,
    host = problem$host
  )
}

# The problem `own` on the decomposition of another one of the same rows, where that has one.
on_system_of <- function(problem, own) {
  if (is.null(problem$system)) return(own)
  own$system <- problem$system
  own$system <- rotated_system(own)
  own
}

model_of_response <- function(model, y, expr) {
  y <- as.double(y)
  check_finite(y[!is.na(y)], model$rows[!is.na(y)], backtick(deparse1(expr)))
  model$y <- y
  model$terms <- terms_for_response(model$terms, expr)
  model$frame[[1]] <- y
  names(model$frame)[1] <- variable_names(model$terms)[1]
  attr(model$frame, "terms") <- model$terms
  model
}

# Terms with another response.
terms_for_response <- function(terms, expr) {
  for (name in c("variables", "predvars")) attr(terms, name)[[2]] <- expr
  name <- variable_names(terms)[1]
  names(attr(terms, "dataClasses"))[1] <- name
  if (is.matrix(attr(terms, "factors"))) rownames(attr(terms, "factors"))[1] <- name
  terms[[2]] <- expr
  terms
}

# Of a response that misses some of these rows, whose fit differs by them alone (is_row_wise()).
# resolved: the random term with its values, see model-rows.R.
problem_of_some_rows <- function(problem, y, formula, resolved, contrasts, is_padded) {
  model <- model_of_response(problem$model, y, formula[[2]])
  keep <- !is.na(y)
  model$random[] <- list(resolved)
  omitted <- omitted_rows(model$na_action, keep, model$row_names, is_padded)
  model <- rows_of_model(model, which(keep), contrasts)
  model$na_action <- omitted
  model$dropped$missing <- length(omitted)
  out <- problem_of_model(model, NULL, NULL, problem$prior, problem$host)
  # new data are read by what the user wrote
  out$model$random <- problem$model$random
  design <- lone_design(out)
  written <- lone_design(problem)
  for (name in c("id", "names", "rule")) design[name] <- list(written[[name]])
  out$designs[] <- list(design)
  out
}

# What na.omit() or na.exclude() says of the rows that are dropped for all and for this response.
omitted_rows <- function(omitted, keep, names, is_padded) {
  total <- length(keep) + length(omitted)
  at <- c(unclass(omitted), setdiff(seq_len(total), omitted)[!keep])
  names(at) <- c(names(omitted), as.character(names)[!keep])
  structure(at[order(at)], class = if (is_padded) "exclude" else "omit")
}

is_whole_response <- function(problem, y) {
  colSums(is.na(y[problem$model$rows, , drop = FALSE])) == 0
}

# The problem with eigenvectors, where so many responses are fitted on it one by one and several
# are.
share_vectors <- function(problem, engine, control, count) {
  is_shared <- takes_random(engine) && is_one_variance(problem) && count > 1
  if (!is_shared) return(problem)
  problem$host <- make_host(control)
  problem$system <- build_system(lone_design(problem), problem$fixed, problem$host)
  problem
}
