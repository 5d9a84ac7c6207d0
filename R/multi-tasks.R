# Responses that are fitted one by one, under the user's plan of futures.

# list(base, own, facts, heard), of the responses `at`; see multi-parts.R and recorded(). Those
# whose problem follows from that of the stand-in are tasks; others read the user's data again,
# here.
fit_one_by_one <- function(asked, y, start, formulas, at) {
  engine <- start$engine
  control <- asked$settings$control
  store <- list(base = NULL)
  for (part in c("own", "facts", "heard")) store[[part]] <- vector("list", ncol(y))
  if (length(at) == 0) return(store)
  is_whole <- is_whole_response(start$problem, y)
  problem <- share_vectors(start$problem, engine, control, sum(is_whole[at]))
  can_lack <- takes_random(engine) && is_one_variance(problem) && !all(is_whole[at])
  resolved <- if (can_lack) row_wise_term(asked, problem)
  is_task <- is_whole | !is.null(resolved) & colSums(!is.na(y[problem$model$rows, ])) > 0
  tasks <- at[is_task[at]][order(!is_whole[at[is_task[at]]])]
  if (length(tasks) > 0) {
    block <- portable_block(new_block(problem, tasks, y, formulas, asked, resolved))
    store <- fit_tasks(store, block, list(
      call = asked$call, engine = engine, control = control, own = worker_control(control)
    ))
  }
  rest <- at[!is_task[at]]
  step <- progress_step(length(rest))
  for (k in rest) {
    asked$formula <- formulas[[k]]
    store <- add_response(store, k, stored_fit(recorded(fit_model(asked)), store$base, engine))
    step()
  }
  store
}

# The first fit is what the others are kept in terms of.
fit_tasks <- function(store, block, shared) {
  shared$block <- block
  waiting <- seq_along(block$at)
  while (is.null(store$base) && length(waiting) > 0) {
    found <- fit_task(c(shared, list(at = waiting)), 1)
    store <- add_response(store, block$at[waiting[1]], found)
    waiting <- waiting[-1]
  }
  if (length(waiting) == 0) return(store)
  shared$at <- waiting
  shared$base <- store$base
  shared$base$designs <- own_parts(shared$base$designs, block$problem$designs)
  found <- run_tasks(length(waiting), fit_task, shared)
  for (i in seq_along(waiting)) {
    # a lost worker is an error of this response
    own <- value_or(found[[i]]$value, list(heard = found[[i]]["error"]))
    stop_unless_recorded(own$heard$error)
    store <- add_response(store, block$at[waiting[i]], own)
  }
  store
}

fit_task <- function(shared, i) {
  block <- shared$block
  base <- shared$base
  if (!is.null(base)) base$designs <- whole_parts(base$designs, block$problem$designs)
  heard <- recorded(fit_in_block(block, shared$at[i], shared$call, shared$engine, shared$own))
  if (!is.null(heard$fit)) heard$fit$control <- shared$control
  stored_fit(heard, base, shared$engine)
}

# A block that goes to other processes: no data of the user's, and no host.
portable_block <- function(block) {
  system <- block$problem$system
  block <- kept_block(block)
  block$problem["system"] <- list(system)
  block
}
