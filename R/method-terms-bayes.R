# Exact Bayes for two scalar random terms by quadrature; see quadrature-terms.R.

fit_terms_quadrature <- function(problem, engine, control) {
  if (problem$fixed$is_exact && is.null(problem$fixed$prior_precision)) {
    warn_exact("all variances are 0")
    return(exact_terms(problem, engine$criterion))
  }
  stop_improper_exact(problem)
  require_quadrature(problem, control)
  system <- identified_terms(problem, control)$pointer
  target <- terms_target(problem, system)
  found <- integrate_terms(target)
  nodes <- quadrature_nodes(target, found)
  evidence <- terms_evidence(problem, target, found)
  moments <- lattice_moments(problem, target, found)
  grid <- list(
    lattice = found[c("k", "value", "basis", "map", "data")], target = plain_target(target)
  )
  result <- terms_posterior_result(problem, system, nodes, moments, "several_quadrature", grid)
  result$posterior$evidence <- evidence
  trace <- found$trace
  result$convergence <- evidence_trace(trace, as.list(result$variances), evidence)
  result$is_converged <- found$error < 1e-6
  result$reason <- paste0(
    "the log evidence changed by ", format(found$error, digits = 2), " when the lattice was refined"
  )
  warn_not_converged(result)
  result
}

# log p(y) alone, flat and Jeffreys densities as they stand.
terms_evidence_under <- function(problem, control) {
  if (!has_quadrature(problem)) {
    abort(
      "unsupported", "the evidence under priors of the variances is an integral over all of them, ",
      "which is at hand for two random terms of one variance each; elbo(fit) is its lower bound."
    )
  }
  problem$host <- make_host(control)
  require_quadrature(problem, control)
  target <- terms_target(problem, identified_terms(problem, control)$pointer)
  criterion <- if (is.null(problem$fixed$prior_precision)) "REML" else "ML"
  integrate_terms(target)$log_mass + target$prior$log_constant +
    loglik_constant(problem$fixed, criterion)
}

has_quadrature <- function(problem) {
  length(problem$designs) == 2 && all(coefficient_widths(problem$designs) == 1)
}

quadrature_flops <- 5e11

# Two scalar terms that are not too large.
require_quadrature <- function(problem, control) {
  require_terms_memory(problem, control)
  found <- vapply(problem$model$random, term_text, "")
  if (!has_quadrature(problem)) {
    stop_without_quadrature(
      "takes one or two random terms of one variance each; found ", enumerate(backtick(found))
    )
  }
  plan <- terms_plan(problem, control)
  if (600 * plan$flops < quadrature_flops) return(invisible())
  stop_without_quadrature(
    "would solve several hundred times for ", enumerate(backtick(found)), ", each time with about ",
    format(plan$flops, digits = 2), " operations"
  )
}

stop_without_quadrature <- function(...) {
  abort(
    "unsupported", "method \"Bayes\", algorithm \"quadrature\", ", ...,
    ": use algorithm = \"gibbs\"."
  )
}

# The lattice that the last one is finer than, without what has no weight.
quadrature_nodes <- function(target, found) {
  keep <- value_or(found$coarse, seq_along(found$value))
  keep <- keep[found$value[keep] > max(found$value) - 16]
  weight <- exp(found$value[keep] - max(found$value))
  weight <- weight / sum(weight)
  relative <- relative_at(target, found$y[keep, , drop = FALSE])
  if (target$is_closed) {
    return(list(
      relative = relative, weight = weight, shape = rep(scale_shape(target), length(keep)),
      rate = exp(found$law$log_rate[keep, 1])
    ))
  }
  law <- lapply(found$law[c("table", "window")], function(x) x[keep, , drop = FALSE])
  points <- table_points(law, weight)
  list(relative = relative, weight = weight, points = points)
}

# A point for every third place of the grids of t: about a standard deviation apart.
table_points <- function(law, weight) {
  at <- seq(1, ncol(law$table), by = 3)
  table <- law$table[, at, drop = FALSE]
  mass <- exp(table - row_log_sums(table)) * weight
  t <- law$window[, 1] + outer(law$window[, 2], at - 1)
  keep <- which(mass > 1e-7 * max(mass))
  core <- row(mass)[keep]
  order <- order(core)
  sampled_points(core[order], (mass[keep] / sum(mass[keep]))[order], exp(t[keep])[order])
}

# Moments of the variances and shares over the points of the lattice.
lattice_moments <- function(problem, target, found) {
  weight <- exp(found$value - max(found$value))
  weight <- weight / sum(weight)
  shape <- if (target$is_closed) scale_shape(target) else Inf
  scale <- if (target$is_closed) {
    rate <- exp(found$law$log_rate[, 1])
    list(
      one = if (shape > 1) rate / (shape - 1) else rate / shape,
      two = if (shape > 2) rate^2 / ((shape - 1) * (shape - 2)) else rate^2 * NA
    )
  } else {
    table_moments(found$law)
  }
  ratios <- cbind(t(relative_at(target, found$y)), 1)
  mean <- colSums(weight * scale$one * ratios)
  covariance <- crossprod(ratios, weight * scale$two * ratios) - outer(mean, mean)
  shares <- lattice_shares(found$y)
  pve <- colSums(weight * shares)
  labels <- c(names(problem$designs), "total")
  names <- terms_parameters(problem$designs)$name
  names(mean) <- names
  dimnames(covariance) <- list(names, names)
  out <- list(
    mean = mean, covariance = covariance, pve = stats::setNames(pve, labels),
    pve_sd = sqrt(colSums(weight * (shares - rep(pve, each = nrow(shares)))^2))
  )
  orders <- terms_orders(target, found$slopes, shape, names)
  out <- with_existing_moments(out, orders, function(name) {
    exp(margin_quantiles(terms_margin(found, target, name, names), 0.5))
  })
  c(out, list(orders = orders))
}

# E(sigma_e^2) and E(sigma_e^4) at every point.
table_moments <- function(law) {
  weight <- exp(law$table - row_log_sums(law$table))
  t <- law$window[, 1] + outer(law$window[, 2], seq_len(ncol(weight)) - 1)
  list(one = rowSums(weight * exp(t)), two = rowSums(weight * exp(2 * t)))
}

# By parameter, the power beyond which its moments do not exist; see posterior-orders.R.
terms_orders <- function(target, slopes, shape, names) {
  if (!target$is_closed) {
    tails <- vapply(c(if (!target$prior$on_shares) target$prior$terms, list(target$prior$second)),
      tail_order, 0)
    shape <- target$degrees / 2 + sum(tails)
    if (!is.null(target$root)) shape <- shape + target$rank / 2
  }
  # a ratio is large where its variance is, or where sigma_e^2 is small and the variance is not
  grows <- 1 + attr(slopes, "scale")
  powers <- ifelse(is.finite(grows) & grows < 0.05, Inf, -slopes / grows)
  order <- c(pmin(powers[c("infinite1", "infinite2")], powers[["all"]], shape), shape)
  structure(stats::setNames(order, names), both = shape)
}

# log p(y) and its like without each of the terms, up to the constants that improper priors lack.
terms_evidence <- function(problem, target, found) {
  criterion <- if (is.null(problem$fixed$prior_precision)) "REML" else "ML"
  constant <- loglik_constant(problem$fixed, criterion)
  labels <- names(problem$designs)
  without <- vapply(seq_along(labels), function(k) {
    own <- terms_target(problem, target$system, setdiff(seq_along(labels), k))
    integrate_terms(own)$log_mass + own$prior$log_constant
  }, 0)
  list(
    log = found$log_mass + target$prior$log_constant + constant, error = found$error,
    log_without = stats::setNames(without + constant, labels),
    constant = target$prior$log_constant + constant, is_proper = is_proper(problem$prior)
  )
}

# What of a target a fit keeps: no pointer.
plain_target <- function(target) {
  target[c("prior", "present", "kappa", "rank", "degrees", "root", "is_closed")]
}
