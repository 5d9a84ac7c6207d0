# A posterior of both variances as plain data, the same whatever made it (quadrature or Gibbs):
#   core    list(h, nu, tau, prior_root): nodes at which the core works; see src/mixture.cpp
#   points  data frame core (index of the node), weight (sums to one), scale2, df: given a point,
#           what depends on tau^2 is Student t with df degrees of freedom, tau^2 replaced by scale2;
#           total = E(tau^2), total2 = E(tau^4) given the point
#   fine    (quadrature) data frame x, weight, shape, scale: pve = plogis(x) on a fine grid, and
#           the inverse gamma of tau^2 there; (Gibbs) NULL
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
    list(fine = fine_grid(found))
  )
}

# Nodes for every point of the grids of t, thinned to what the trapezoidal rule needs.
grid_points <- function(grids, weight) {
  rows <- lapply(seq_along(grids), function(k) {
    at <- seq(1, length(grids[[k]]$t), by = 3)
    mass <- grids[[k]]$weight[at]
    data.frame(core = k, weight = weight[k] * mass / sum(mass), t = grids[[k]]$t[at])
  })
  points <- do.call(rbind, rows)
  points <- points[points$weight > 1e-10 * max(points$weight), ]
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

# The density of x much finer than the rule needs, by splines of its logarithm: for quantiles.
fine_grid <- function(found) {
  fine <- found$fine
  inner <- matched_inverse_gamma(fine$inner)
  step <- c(diff(fine$x), Inf)
  breaks <- c(0, which(step > 1.5 * min(step)))
  if (breaks[length(breaks)] < length(fine$x)) breaks <- c(breaks, length(fine$x))
  log_density <- fine$inner$log_density
  parts <- lapply(seq_len(length(breaks) - 1), function(i) {
    at <- (breaks[i] + 1):breaks[i + 1]
    if (length(at) < 4) return(NULL)
    count <- min(20000, 20 * length(at))
    x <- seq(fine$x[at[1]], fine$x[at[length(at)]], length.out = count)
    smooth <- function(y) stats::spline(fine$x[at], y[at], xout = x, method = "natural")$y
    data.frame(
      x = x, log_weight = smooth(log_density) + log(x[2] - x[1]),
      shape = exp(smooth(log(inner$shape))), scale = exp(smooth(log(inner$scale)))
    )
  })
  out <- do.call(rbind, parts)
  for (side in 1:2) {  # what lies beyond the ends of the grid
    at <- if (side == 1) 1 else nrow(out)
    extra <- found$tails_mass[side]
    if (out$x[at] == found$tails_x[side] && is.finite(extra)) {
      out$log_weight[at] <- log_sum(c(out$log_weight[at], extra))
    }
  }
  out$weight <- exp(out$log_weight - log_sum(out$log_weight))
  keep <- out$weight > 1e-14
  out[keep, c("x", "weight", "shape", "scale")]
}

# Shape and scale of tau^2 given x; for grids those with the same mean and variance of log tau^2.
matched_inverse_gamma <- function(inner) {
  if (is.null(inner$grids)) {
    return(list(shape = rep(inner$shape, length(inner$scale)), scale = inner$scale))
  }
  moments <- vapply(inner$grids, function(grid) {
    mean <- sum(grid$t * grid$weight)
    c(mean, sum((grid$t - mean)^2 * grid$weight))
  }, c(0, 0))
  shape <- vapply(moments[2, ], inverse_trigamma, 0)
  list(shape = shape, scale = exp(moments[1, ] + digamma(shape)))
}

# Newton's method on 1 / trigamma (Smyth 2004, appendix).
inverse_trigamma <- function(y) {
  x <- 0.5 + 1 / y
  for (i in 1:50) {
    change <- trigamma(x) * (1 - trigamma(x) / y) / psigamma(x, 2)
    x <- x + change
    if (abs(change) < 1e-10 * x) break
  }
  x
}

# Sums of the points' weights, and of weight times E(tau^2), by node of the core.
node_weights <- function(posterior) {
  count <- length(posterior$core$h)
  total <- posterior$points$total
  if (anyNA(total)) total <- posterior$points$scale2
  sums <- rowsum(
    cbind(posterior$points$weight, posterior$points$weight * total), posterior$points$core
  )
  out <- matrix(0, count, 2)
  out[as.integer(rownames(sums)), ] <- sums
  list(weight = out[, 1], second = out[, 2])
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
  if (all(spread == 0)) return(q)
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

# Quantiles of pve and of both variances (core units).
share_quantiles <- function(posterior, p) {
  if (is.null(posterior$fine)) return(stats::quantile(posterior$sample$pve, p, names = FALSE))
  fine <- posterior$fine
  cdf <- cumsum(fine$weight) - fine$weight / 2
  stats::plogis(stats::approx(cdf, fine$x, p, rule = 2, ties = "ordered")$y)
}

variance_quantiles <- function(posterior, which, kappa, p) {
  if (is.null(posterior$fine)) {
    return(stats::quantile(posterior$sample[[which]], p, names = FALSE))
  }
  log_factor <- log_variance_factor(posterior$fine, which, kappa)
  fine <- posterior$fine
  cdf <- function(s) {
    sum(fine$weight * stats::pgamma(
      exp(log(fine$scale) + log_factor - s), fine$shape, lower.tail = FALSE
    ))
  }
  centre <- log(fine$scale / fine$shape) + log_factor
  vapply(p, function(one) {
    ends <- range(centre) + c(-40, 40)
    exp(stats::uniroot(function(s) cdf(s) - one, ends, tol = 1e-9)$root)
  }, 0)
}

# log of what multiplies tau^2 in a variance.
log_variance_factor <- function(fine, which, kappa) {
  if (which == "random") return(stats::plogis(fine$x, log.p = TRUE) - log(kappa))
  stats::plogis(-fine$x, log.p = TRUE)
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
