# Which responses share a decomposition: those that have the same rows, and those that lack few of
# these.

fewest_missing <- 3  # eigenvectors cost as much as some decompositions without them

# A list of blocks, see search_block(), empty where every response is fitted by itself.
find_blocks <- function(asked, y, start, formulas) {
  problem <- start$problem
  engine <- start$engine
  is_searched <- engine$needs == "criterion" && is_one_variance(problem)
  if (!is_searched || is.null(start$problem$model$rows)) return(list())
  is_present <- !is.na(y[problem$model$rows, , drop = FALSE])
  counts <- colSums(!is_present)
  resolved <- if (any(counts > 0)) row_wise_term(asked, problem)
  is_near <- counts > 0 & counts <= largest_deleted_share * nrow(is_present)
  is_near <- is_near & !is.null(resolved)
  patterns <- missing_patterns(is_present, counts)
  for (at in patterns) {
    if (is_near[at[1]] && is_worth_own(problem, counts[at[1]], length(at))) is_near[at] <- FALSE
  }
  if (sum(is_near) < fewest_missing) is_near[] <- FALSE
  main <- which(counts == 0 | is_near)
  blocks <- if (length(main) > 1) {
    list(new_block(problem, main, y, formulas, asked, if (any(is_near)) resolved))
  }
  for (at in patterns) {
    if (length(at) < 2 || is_near[at[1]]) next
    own <- tryCatch(
      start_stand_in(asked, y[, at, drop = FALSE]), hdlmm_error = function(e) NULL
    )
    if (!is.null(own)) blocks <- c(blocks, list(new_block(own$problem, at, y, formulas, asked)))
  }
  blocks
}

new_block <- function(problem, at, y, formulas, asked, resolved = NULL) {
  cells <- y[problem$model$rows, at, drop = FALSE]
  storage.mode(cells) <- "double"
  list(
    at = at, problem = problem, y = cells, formulas = formulas[at], resolved = resolved,
    contrasts = asked$settings$contrasts, is_padded = excludes(asked$call, asked$env)
  )
}

# Columns that lack the same rows, some.
missing_patterns <- function(is_present, counts) {
  some <- which(counts > 0)
  key <- vapply(some, function(k) paste(which(!is_present[, k]), collapse = " "), "")
  unname(split(some, factor(key, unique(key))))
}

# Whether a decomposition costs less than so many deletions of so many rows.
is_worth_own <- function(problem, missing, count) {
  n <- as.double(nrow(problem$fixed$q))
  p <- lone_design(problem)$n_cols
  side <- min(n, p)
  count * 150 * side * (missing + problem$fixed$rank + 1)^2 > n * p * side + 2 * side^3
}

# The random term with its values, where a fit of some of the rows differs by these alone: neither
# columns of the design nor those of the fixed effects depend on which rows there are. NULL where
# they do, and for grouping factors, whose decompositions are cheap.
row_wise_term <- function(asked, problem) {
  model <- problem$model
  design <- lone_design(problem)
  terms <- model$terms
  is_fixed <- identical(attr(terms, "predvars"), attr(terms, "variables")) &&
    length(model$rules) == 0 && is.null(model$offset_rule)
  n <- nrow(problem$fixed$q)
  if (!is_fixed || is.null(smaller_side(design, n))) return(NULL)
  resolved <- resolved_term(model$random[[1]], design, model, asked$data, asked$env)
  options <- resolved$options
  is_plain <- !is.null(resolved$design)
  if (!is.null(options)) {
    is_plain <- !options$scale && !options$center && is.null(design$fill) &&
      !is_far_from_zero(design, n)
  }
  if (!is_plain) return(NULL)
  # cells that the design has as they are need no copy
  if (identical(resolved$values$x, design$core$x)) resolved$values["x"] <- list(NULL)
  resolved
}

# What a fit keeps of a block: no decomposition, and nothing that does not outlive the session.
kept_block <- function(block) {
  block$problem[c("system", "host")] <- list(NULL)
  block$problem$model$place <- NULL
  block$formulas <- lapply(block$formulas, function(formula) {
    environment(formula) <- environment(block$problem$model$terms)
    formula
  })
  block
}

block_of <- function(x, k) Find(function(block) k %in% block$at, x$blocks)

# The decomposition with eigenvectors of a block, made once a session.
block_system <- function(x, b) {
  cache <- x$internal$cache
  name <- paste0("system", b)
  if (is.null(cache[[name]])) {
    problem <- x$blocks[[b]]$problem
    cache[[name]] <- build_system(lone_design(problem), problem$fixed, make_host(x$control))
  }
  cache[[name]]
}

# A block with eigenvectors, for its fits that lack no rows.
with_vectors <- function(x, b) {
  block <- x$blocks[[b]]
  is_whole <- colSums(is.na(block$y)) == 0
  if (sum(is_whole) >= 2) block$problem$system <- block_system(x, b)
  block
}

# The fit of a response of a block.
fit_of_block <- function(x, block, k) {
  j <- match(k, block$at)
  environment(block$formulas[[j]]) <- written_in(x)
  fit_in_block(block, j, x$call, find_engine(x$method, x$algorithm), x$control)
}

fit_in_block <- function(block, j, call, engine, control) {
  formula <- block$formulas[[j]]
  block$problem$host <- make_host(control)
  own <- problem_in_block(block, j)
  fit_problem(written_call(call, formula), formula, own, engine, control)
}

problem_in_block <- function(block, j) {
  problem <- block$problem
  y <- block$y[, j]
  formula <- block$formulas[[j]]
  if (!anyNA(y)) return(on_system_of(problem, problem_of_response(problem, y, formula)))
  resolved <- block$resolved
  if (is.null(resolved$values$x) && is.null(resolved$design)) {
    resolved$values$x <- lone_design(problem)$core$x
  }
  problem_of_some_rows(problem, y, formula, resolved, block$contrasts, block$is_padded)
}
