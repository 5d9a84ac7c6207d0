# Responses that share one decomposition: their searches in one call of the core, their fits made
# when something asks for them.
#
# A block is list(at, problem, y [n x m], formulas, resolved, contrasts, is_padded): the responses
# `at` in the rows of a problem.

# fit_facts() by response of the block, NULL where one is to be fitted by itself. fall: how far
# below its maximum the criterion is at the limits of the share that are facts then, if not 0.
search_block <- function(block, engine, control, fall = 0) {
  problem <- block$problem
  problem$host <- make_host(control)
  data <- response_data(problem, block$y)
  missing <- lapply(seq_len(ncol(block$y)), function(k) which(is.na(block$y[, k])))
  is_deleted <- lengths(missing) > 0
  can_delete <- any(is_deleted)
  fixed <- problem$fixed
  fixed$residual <- numeric(nrow(fixed$q))
  if (can_delete) problem$designs[] <- list(uncentred(lone_design(problem)))
  problem$fixed <- fixed
  design <- lone_design(problem)
  needs <- if (can_delete) "vectors" else engine$needs
  system <- build_system(design, fixed, problem$host, needs, data$residual)
  facts <- vector("list", ncol(block$y))
  if (is_all_zero(system, design) || !is_identified(problem, system, engine)) return(facts)
  lose <- vapply(missing, loses_directions, NA, q = fixed$q)
  options <- c(search_options(control), list(fall = fall))
  at <- which(data$is_usable & !is_deleted)
  if (length(at) > 0) {
    found <- cpp_search_responses(
      system, responses_at(system$responses, at), engine$criterion, options, problem$host
    )
    facts[at] <- block_facts(problem, system, engine, data, found, at, missing)
  }
  at <- which(data$is_usable & is_deleted & !lose)
  if (length(at) > 0) {
    found <- cpp_search_deleted(
      design$core, fixed$root, system, responses_at(system$responses, at),
      data$residual[, at, drop = FALSE], fixed$q, missing[at], engine$criterion, options,
      problem$host
    )
    facts[at] <- block_facts(problem, system, engine, data, found, at, missing)
  }
  facts
}

responses_at <- function(responses, at) {
  list(
    y = responses$y[, at, drop = FALSE], shift = responses$shift[, at, drop = FALSE],
    null_residual = responses$null_residual[at]
  )
}

loses_directions <- function(missing, q) {
  length(missing) > 0 && (length(missing) >= nrow(q) - ncol(q) ||
    loses_fixed(q[missing, , drop = FALSE]))
}

# Where it is not, the fit of a response says why.
is_identified <- function(problem, system, engine) {
  problem$system <- system
  tryCatch({
    check_identified(problem, engine$criterion)
    TRUE
  }, hdlmm_not_identified = function(e) FALSE)
}

# Facts of the responses `at`, from what the core found.
block_facts <- function(problem, system, engine, data, found, at, missing) {
  fixed <- problem$fixed
  label <- lone_design(problem)$label
  share <- found$share
  hk <- share[1, ] / system$kappa
  kept <- kept_shares(problem, system, missing[at])
  kappa <- weighted_kappa(lone_design(problem), fixed) * kept
  pve <- share_explained(kappa * hk, share[2, ])
  limits <- share_explained(
    rep(kappa, each = 2) * found$limits / system$kappa, 1 - found$limits
  )
  tau2 <- share[3, ]
  variances <- response_variances(problem, data, at, rbind(tau2 * hk, tau2 * share[2, ]))
  constant <- response_constants(fixed, engine$criterion, data, at, missing[at])
  omega <- response_coefficients(fixed, data, at, found$delta)
  se <- share_errors(found$forms, hk, pve, engine$criterion, found$is_at_zero)
  ratio <- pmax(0, 2 * (share[4, ] - share[5, ]))
  ratio[found$is_at_zero] <- 0
  is_number <- is.finite(variances) & (variances == 0 | variances >= .Machine$double.xmin)
  is_sound <- found$is_plain & kept >= least_left & colSums(!is_number) == 0 & is.finite(pve) &
    found$forms[1, ] > (64 * .Machine$double.eps * data$size[at])^2
  lapply(seq_along(at), function(k) {
    # what a double cannot hold is an error of the response's own fit
    if (is_sound[k]) tryCatch(list(
      fixed = omega[, k],
      vcov = response_covariance(fixed, data, at[k], tau2[k] * found$covariance[, k]),
      variances = variances[, k], shares = stats::setNames(pve[k], label), share_se = se[k],
      loglik = share[4, k] + constant[k], n = nrow(fixed$q) - length(missing[[at[k]]]),
      share_limits = limits[, k], p_value = half_chi2_tail(ratio[k]),
      boundary = if (found$is_at_zero[k]) "random" else "none", is_converged = TRUE
    ), hdlmm_overflow = function(e) NULL)
  })
}

# Limits of the share of the random term [2] by response, from the search of its block alone, NULL
# where there are none: everything is searched again, which costs as much as fitting the block did.
searched_limits <- function(x, level) {
  out <- vector("list", length(x$responses))
  engine <- find_engine(x$method, x$algorithm)
  for (block in x$blocks) {
    facts <- search_block(block, engine, x$control, stats::qchisq(level, 1) / 2)
    for (j in searched_in_block(x, block)) {
      limits <- facts[[j]]$share_limits
      if (!is.null(limits) && !anyNA(limits)) out[[block$at[j]]] <- limits
    }
  }
  out
}

share_explained <- function(explained, rest) explained / (explained + rest)

# information_pve_se() of every response; forms: see src/responses.cpp.
share_errors <- function(forms, hk, pve, criterion, is_at_boundary) {
  trace <- forms[if (criterion == "REML") 5:7 else 8:10, , drop = FALSE]
  parts <- information_parts(trace[1, ], trace[2, ], trace[3, ], hk)
  size <- parts$random * parts$residual
  determinant <- size - parts$cross^2
  total <- pmax(0, parts$residual + 2 * parts$cross + parts$random)
  out <- pve * (1 - pve) * sqrt(2 * total / determinant)
  is_known <- !is_at_boundary & determinant > .Machine$double.eps * size
  ifelse(is_known %in% TRUE, out, NA_real_)
}

# weighted_kappa() of the rows that every response has, as a part of that of all rows.
kept_shares <- function(problem, system, missing) {
  out <- rep(1, length(missing))
  some <- which(lengths(missing) > 0)
  if (length(some) == 0) return(out)
  moments <- row_moments(problem, system)
  kept <- vapply(missing[some], kappa_without, 0, moments = moments)
  out[some] <- kept / kappa_without(moments, integer())
  out
}

# list(along [r x n] = diag(d)^1/2 U' by root, diagonal [n] and sums [n] of K).
row_moments <- function(problem, system) {
  root <- value_or(problem$fixed$root, rep(1, nrow(problem$fixed$q)))
  design <- lone_design(problem)
  vectors <- if (system$side == "row") system$vectors else
    cpp_unrotate(design$core, problem$fixed$root, system, diag(length(system$parts$d)))
  along <- t(vectors / root) * sqrt(system$parts$d)
  sums <- drop(cpp_crossprod(along, cbind(rowSums(along))))
  list(along = along, diagonal = colSums(along^2), sums = sums)
}

# Up to a factor of units and weights.
kappa_without <- function(moments, missing) {
  among <- sum(rowSums(moments$along[, missing, drop = FALSE])^2)
  kappa_of_rest(moments$diagonal, moments$sums, missing, among)
}
