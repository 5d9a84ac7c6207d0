# What a fit keeps of the environment in which its formula was written.
#
# A formula made in a function would take along, into saveRDS() and to other processes, whatever
# lived there. A fit keeps the constants and functions that evaluate its terms at new rows; the
# environment itself, which update() and refits look for the data in, only as long as the session.

# An environment of the constants and functions that `exprs` need, below the workspace or the
# namespace in which they were written; that one itself when it is all.
kept_environment <- function(exprs, row_variables, data, env) {
  top <- topenv(env)
  chain <- enclosing(env, top)
  places <- if (is.environment(data)) c(list(data), chain) else chain
  waiting <- setdiff(unique(unlist(lapply(exprs, all.names))), row_variables)
  found <- list()
  while (length(waiting) > 0) {
    for (name in waiting) found[name] <- list(from_any(name, places))
    inside <- unlist(lapply(Filter(is.function, found[waiting]), names_inside))
    waiting <- setdiff(inside, c(names(found), row_variables))
  }
  found <- Filter(Negate(is.null), found)
  if (length(found) == 0 && identical(env, top)) return(env)
  out <- list2env(found, parent = top)
  for (name in names(Filter(is.function, found))) {
    is_local <- any(vapply(chain, identical, NA, environment(found[[name]])))
    if (is_local && !identical(environment(found[[name]]), top)) {
      environment(out[[name]]) <- out
    }
  }
  out
}

# The environments from `env` up to the workspace; a namespace is not copied from.
enclosing <- function(env, top) {
  out <- list()
  while (!identical(env, top) && !identical(env, emptyenv())) {
    out <- c(out, env)
    env <- parent.env(env)
  }
  if (identical(top, globalenv())) c(out, top) else out
}

from_any <- function(name, places) {
  for (place in places) {
    value <- get0(name, place, inherits = FALSE)
    if (!is.null(value)) return(value)
  }
  NULL
}

names_inside <- function(f) c(all.names(body(f)), unlist(lapply(formals(f), all.names)))

# The environment of the formula as it was written, while this session lasts.
remember_environment <- function(cache, env) {
  if (!identical(env, topenv(env))) cache$written_in <- cpp_weak_reference(cache, env)
}

written_in <- function(fit) {
  value_or(cpp_weak_value(fit$internal$cache$written_in), environment(fit$formula))
}

# Formula or terms where they were written.
as_written <- function(x, fit) {
  environment(x) <- written_in(fit)
  x
}
