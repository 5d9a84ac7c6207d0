# A posterior of the covariances of several random terms as nodes, the same whatever made it
# (quadrature or Gibbs): list(relative [m x M] half vectors of all S_k = Sigma_k / sigma_e^2, weight
# [M], and of sigma_e^2 given a node either `sigma2` [M] or `shape` and `rate` [M] of an inverse
# gamma, or `points` themselves, see node_points()). Everything else is conditional on them in
# closed form. All in the units of the core.

# Points of a mixture over nodes, as those of quadrature_posterior() with sigma_e^2 in the place of
# the total variance.
node_points <- function(nodes) {
  if (!is.null(nodes$points)) return(nodes$points)
  count <- length(nodes$weight)
  if (!is.null(nodes$sigma2)) return(sampled_points(seq_len(count), nodes$weight, nodes$sigma2))
  shape <- nodes$shape
  rate <- nodes$rate
  data.frame(
    core = seq_len(count), weight = nodes$weight, scale2 = rate / shape, df = 2 * shape,
    total = ifelse(shape > 1, rate / (shape - 1), NA),
    total2 = ifelse(shape > 2, rate^2 / ((shape - 1) * (shape - 2)), NA)
  )
}

# Under a normal prior of the fixed effects every point is a node of its own: sigma_e^2 matters.
with_own_nodes <- function(nodes, points, precision) {
  if (is.null(precision)) return(list(nodes = nodes, points = points))
  nodes$relative <- nodes$relative[, points$core, drop = FALSE]
  nodes$weight <- points$weight
  nodes$sigma2 <- points$scale2
  points$core <- seq_len(nrow(points))
  list(nodes = nodes, points = points)
}

# What the core reads of nodes.
core_nodes <- function(nodes, precision) {
  list(
    half = nodes$relative, precision = value_or(precision, matrix(0, 0, 0)),
    sigma2 = if (is.null(precision)) numeric() else nodes$sigma2
  )
}

# The numbers of a fit from nodes and from moments of the parameters inside: list(mean, covariance
# of (half vectors of Sigma_k, sigma_e^2), pve, pve_sd of the terms and their total, centre: numbers
# in the place of means that do not exist, orders).
terms_posterior_result <- function(problem, system, nodes, moments, class, grid = NULL) {
  fixed <- problem$fixed
  designs <- problem$designs
  labels <- names(designs)
  precision <- fixed$prior_precision
  own <- with_own_nodes(nodes, node_points(nodes), precision)
  nodes <- own$nodes
  points <- own$points
  posterior <- list(points = points, count = ncol(nodes$relative))
  sums <- node_weights(posterior)
  found <- cpp_terms_node_means(system, core_nodes(nodes, precision), sums$weight, problem$host)
  nodes$delta <- found$delta
  nodes$covariance <- found$covariance
  omega <- pooled_fixed_moments(fixed, nodes$delta, nodes$covariance, sums)
  parameters <- terms_parameters(designs)
  variances <- user_parameters(problem$units, designs, parameters, moments$centre)
  covariances <- block_covariances(designs, parameters, variances)
  covariance <- user_parameter_covariance(problem$units, designs, parameters, moments$covariance)
  dimnames(covariance) <- list(parameters$name, parameters$name)
  at <- relative_list(designs, moments$centre[-nrow(parameters)] / moments$centre[nrow(parameters)])
  sigma2 <- moments$centre[nrow(parameters)]
  shown <- replace(variances, is.na(moments$mean), NA_real_)
  effects <- Map(
    function(x, label) user_effects(problem$units, x, label), found$effects, labels
  )
  list(
    omega = omega$mean, vcov = omega$covariance, variances = shown, covariances = covariances,
    parameters = parameters, theta = relative_factors(covariances, variances[["Residual"]]),
    tau2 = sigma2, relative = stats::setNames(at, labels),
    covariance = covariance_at(problem, system, at, sigma2), delta = NULL,
    kappa = lapply(designs, user_moments), pve = stats::setNames(moments$pve[labels], labels),
    effects = stats::setNames(effects, labels), alpha = found$py, noise = found$py,
    loglik = terms_likelihood_value(problem, system, at, sigma2), value = NULL,
    is_unbounded = FALSE, rank = coefficient_ranks(designs), boundary = character(),
    prior = problem$prior, notes = missing_mean_notes(moments$orders, parameters$name),
    nodes = nodes, system = cpp_terms_describe(system, problem$host)["type"], pointer = system,
    posterior = c(posterior, list(
      covariance = covariance, pve_sd = unname(moments$pve_sd), orders = moments$orders, grid = grid
    )),
    uncertainty = new_uncertainty(c(class, "several_posterior", "posterior"))
  )
}

coefficient_ranks <- function(designs) vapply(designs, coefficient_width, 0L)

# S_k of every term from the half vectors of all.
relative_list <- function(designs, half) {
  widths <- coefficient_widths(designs)
  counts <- widths * (widths + 1) / 2
  Map(function(r, count, end) {
    s <- matrix(0, r, r)
    s[lower.tri(s, TRUE)] <- half[end - count + seq_len(count)]
    s[upper.tri(s)] <- t(s)[upper.tri(s)]
    s
  }, widths, counts, cumsum(counts))
}

# Of delta given the variances, per unit sigma_e^2 [c x c].
covariance_at <- function(problem, system, relative, sigma2) {
  found <- cpp_terms_node_means(
    system, core_nodes(
      list(relative = cbind(half_vectors(relative)), sigma2 = sigma2),
      problem$fixed$prior_precision
    ), 1, problem$host
  )
  matrix(found$covariance, problem$fixed$rank)
}

# log p(y) at given parameters, the fixed effects at their own maximum.
terms_likelihood_value <- function(problem, system, relative, sigma2) {
  e <- cpp_terms_values(system, cbind(half_vectors(relative)), problem$host)$scalars
  n <- nrow(problem$fixed$q)
  -0.5 * (n * log(2 * pi * sigma2) + e[2, 1] + e[1, 1] / sigma2) +
    loglik_constant(problem$fixed, "ML")
}

kept_nodes <- 400  # of the draws of a sampler: each costs a factor

# The same from draws of a sampler, list(relative [m x N], sigma2 [N]): the covariances have the
# moments of all draws, what is conditional on them is averaged over an even selection.
sampled_terms_result <- function(problem, system, draws) {
  count <- length(draws$sigma2)
  at <- unique(round(seq(1, count, length.out = min(count, kept_nodes))))
  nodes <- list(
    relative = draws$relative[, at, drop = FALSE], weight = rep(1 / length(at), length(at)),
    sigma2 = draws$sigma2[at]
  )
  result <- terms_posterior_result(
    problem, system, nodes, drawn_moments(problem, draws), "several_gibbs"
  )
  result$posterior$sample <- list(half = draws$relative, sigma2 = draws$sigma2)
  result
}

drawn_moments <- function(problem, draws) {
  designs <- problem$designs
  absolute <- rbind(draws$relative * rep(draws$sigma2, each = nrow(draws$relative)), draws$sigma2)
  names <- terms_parameters(designs)$name
  shares <- relative_shares(problem, draws$relative)
  mean <- stats::setNames(rowMeans(absolute), names)
  covariance <- stats::cov(t(absolute))
  dimnames(covariance) <- list(names, names)
  list(
    mean = mean, centre = mean, covariance = covariance, pve = colMeans(shares),
    pve_sd = apply(shares, 2, stats::sd),
    orders = structure(stats::setNames(rep(Inf, length(names)), names), both = Inf)
  )
}

# Shares of all terms and, with several of them, their total at relative covariances [N x terms].
relative_shares <- function(problem, relative) {
  designs <- problem$designs
  moments <- lapply(unname(designs), inside_moments, units = problem$units)
  counts <- lengths(lapply(moments, function(m) m[lower.tri(m, TRUE)]))
  ends <- cumsum(counts)
  sizes <- vapply(seq_along(designs), function(k) {
    m <- moments[[k]]
    weight <- (m * (2 - diag(nrow(m))))[lower.tri(m, TRUE)]
    drop(crossprod(relative[ends[k] - counts[k] + seq_len(counts[k]), , drop = FALSE], weight))
  }, numeric(ncol(relative)))
  sizes <- matrix(sizes, ncol(relative), dimnames = list(NULL, names(designs)))
  shares <- sizes / (1 + rowSums(sizes))
  if (length(designs) > 1) cbind(shares, total = rowSums(shares)) else shares
}
