# A posterior of both variances as plain data, the same whatever made it (quadrature or Gibbs):
#   core    list(h, nu, tau, prior_root): nodes at which the core works; see src/mixture.cpp
#   points  data frame core (index of the node), weight (sums to one), scale2, df: given a point,
#           what depends on tau^2 is Student t with df degrees of freedom, tau^2 replaced by scale2;
#           total = E(tau^2), total2 = E(tau^4) given the point
#   grid    (quadrature) what makes the grid finer for quantiles, see posterior-fine.R; (Gibbs)
#           NULL, and `sample` has the draws
# All in the units of the core.

quadrature_posterior <- function(problem, found) {
  inner <- found$inner
  keep <- found$log_weight > max(found$log_weight) - 25
  x <- found$x[keep]
  weight <- exp(found$log_weight[keep] - max(found$log_weight))
  weight <- weight / sum(weight)
  if (found$target$is_closed) {
    shape <- inner$shape
    scale <- inner$scale[keep]
    points <- data.frame(
      core = seq_along(x), weight = weight, scale2 = scale / shape, df = 2 * shape,
      total = if (shape > 1) scale / (shape - 1) else NA_real_,
      total2 = if (shape > 2) scale^2 / ((shape - 1) * (shape - 2)) else NA_real_
    )
  } else {
    points <- grid_points(inner$grids[keep], weight)
  }
  c(
    new_posterior(problem, stats::plogis(x), stats::plogis(-x), points),
    list(grid = quadrature_grid(found))
  )
}

# Nodes for every point of the grids of t, thinned to what the trapezoidal rule needs.
grid_points <- function(grids, weight) {
  thinned <- lapply(grids, function(grid) {
    at <- seq(1, length(grid$t), by = 3)
    list(t = grid$t[at], weight = grid$weight[at] / sum(grid$weight[at]))
  })
  counts <- lengths(lapply(thinned, `[[`, "t"))
  points <- list(
    core = rep(seq_along(grids), counts), t = unlist(lapply(thinned, `[[`, "t")),
    weight = rep(weight, counts) * unlist(lapply(thinned, `[[`, "weight"))
  )
  points <- lapply(points, `[`, points$weight > 1e-10 * max(points$weight))
  sampled_points(points$core, points$weight / sum(points$weight), exp(points$t))
}

sampled_points <- function(core, weight, total) {
  data.frame(
    core = core, weight = weight, scale2 = total, df = Inf, total = total, total2 = total^2
  )
}

# Under a normal prior of the fixed effects tau matters, and every point is a node of its own.
new_posterior <- function(problem, h, nu, points) {
  precision <- problem$fixed$prior_precision
  core <- list(h = h, nu = nu, tau = numeric(), prior_root = prior_root(problem))
  if (!is.null(precision)) {
    core$h <- h[points$core]
    core$nu <- nu[points$core]
    core$tau <- sqrt(points$scale2)
    points$core <- seq_len(nrow(points))
  }
  list(core = core, points = points)
}

# Sums of the points' weights, and of weight times E(tau^2), by node of the core.
node_weights <- function(posterior) {
  count <- value_or(posterior$count, length(posterior$core$h))
  total <- posterior$points$total
  if (anyNA(total)) total <- posterior$points$scale2
  sums <- rowsum(
    cbind(posterior$points$weight, posterior$points$weight * total), posterior$points$core
  )
  out <- matrix(0, count, 2)
  out[as.integer(rownames(sums)), ] <- sums
  list(weight = out[, 1], second = out[, 2])
}

# Density at y [rows] of the same mixture as mixture_quantiles() has.
mixture_row_densities <- function(posterior, mean, sd, y) {
  points <- posterior$points
  scale <- sweep(sd[, points$core, drop = FALSE], 2, sqrt(points$scale2), `*`)
  z <- (y - mean[, points$core, drop = FALSE]) / scale
  drop((stats::dt(z, rep(points$df, each = length(y))) / scale) %*% points$weight)
}

# Quantiles of the mixture whose component at node k of the core has mean[, k] and standard
# deviation sd[, k] per unit tau: matrix [rows x length(p)].
mixture_quantiles <- function(posterior, mean, sd, p) {
  out <- matrix(NA_real_, nrow(mean), length(p))
  points <- posterior$points
  size <- max(1, floor(2e6 / nrow(points)))
  for (at in split(seq_len(nrow(mean)), (seq_len(nrow(mean)) - 1) %/% size)) {
    m <- mean[at, points$core, drop = FALSE]
    s <- sweep(sd[at, points$core, drop = FALSE], 2, sqrt(points$scale2), `*`)
    for (j in seq_along(p)) out[at, j] <- solve_mixture(m, s, points$weight, points$df, p[j])
  }
  out
}

# Newton's method inside a bracket, all rows at once.
solve_mixture <- function(mean, sd, weight, df, p) {
  df <- rep(df, each = nrow(mean))
  centre <- drop(mean %*% weight)
  spread <- sqrt(drop((sd^2 + (mean - centre)^2) %*% weight))
  q <- centre + spread * stats::qnorm(p)
  if (all(spread == 0, na.rm = TRUE)) return(q)
  low <- rep(-Inf, length(q))
  high <- rep(Inf, length(q))
  scale <- pmax(sd, 1e-300)
  for (i in 1:100) {
    z <- (q - mean) / scale
    value <- drop(stats::pt(z, df) %*% weight) - p
    slope <- drop((stats::dt(z, df) / scale) %*% weight)
    high <- ifelse(value > 0, pmin(high, q), high)
    low <- ifelse(value <= 0, pmax(low, q), low)
    step <- value / slope
    # a flat stretch of the distribution sends Newton away
    step <- ifelse(is.finite(step), pmax(-4 * spread, pmin(4 * spread, step)), sign(value) * spread)
    to <- q - step
    outside <- to <= low | to >= high
    middle <- (low + high) / 2
    to <- ifelse(outside & is.finite(middle), middle, to)
    change <- abs(to - q)
    q <- to
    if (all(change <= 1e-11 * pmax(spread, abs(q) * 1e-4), na.rm = TRUE)) break
  }
  q
}

mixture_density <- function(posterior, mean, sd, at) {
  points <- posterior$points
  s <- sd[points$core] * sqrt(points$scale2)
  vapply(at, function(x) {
    sum(points$weight * stats::dt((x - mean[points$core]) / s, points$df) / s)
  }, 0)
}

# Means and covariance of (sigma_b^2, sigma_e^2) and of pve in the units of the core.
variance_moments <- function(posterior, kappa) {
  points <- posterior$points
  w <- points$weight
  h <- posterior$core$h[points$core]
  nu <- posterior$core$nu[points$core]
  share <- cbind(random = h / kappa, residual = nu)
  mean <- colSums(w * points$total * share)
  covariance <- crossprod(share, w * points$total2 * share) - outer(mean, mean)
  pve <- sum(w * h)
  list(mean = mean, covariance = covariance, pve = pve, pve_sd = sqrt(sum(w * (h - pve)^2)))
}
