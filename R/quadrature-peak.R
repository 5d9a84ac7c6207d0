# The lattice of the posterior of two random terms: where it is high, how wide it is there, and how
# it falls far out.

terms_quadrature_tol <- 1e-6
terms_quadrature_step <- 0.85

# What lattice_sum() gives and beside it `map` from the lattice to y = (x, z), y [N x d], and the
# slopes of face_slopes(); `data` has the fields of likelihood_fields(), `law` is what scale_law()
# says of t.
integrate_terms <- function(target) {
  slopes <- face_slopes(target)
  stop_on_faces(slopes)
  peak <- terms_peak(target)
  found <- lattice_sum(function(v) {
    out <- terms_density(target, mapped_points(peak$map, v))
    out$log_density <- out$log_density + log_stretch(peak$map, v)
    out
  }, terms_quadrature_step, mapped_back(peak$map, peak$seeds), terms_quadrature_tol)
  y <- mapped_points(peak$map, found$v)
  law <- scale_law(target, y, found$data$fields)
  c(found, list(map = peak$map, y = y, slopes = slopes, law = law))
}

# Points y = at + axes (width * sinh(stretch v) / stretch): about a standard deviation a unit near
# the mode; far out steps grow, as the tails of shares and of log variances are exponential.
lattice_stretch <- 0.35

mapped_points <- function(map, v) {
  far <- t(sinh(lattice_stretch * v)) / lattice_stretch * map$width
  t(map$at + map$axes %*% far)
}

mapped_back <- function(map, y) {
  near <- t(crossprod(map$axes, t(y) - map$at) / map$width)
  asinh(lattice_stretch * near) / lattice_stretch
}

log_stretch <- function(map, v) rowSums(log(cosh(lattice_stretch * v))) + sum(log(map$width))

# list(map: see mapped_points(), seeds: points from which a lattice grows).
terms_peak <- function(target) {
  d <- length(target$present)
  rough <- as.matrix(expand.grid(rep(list(seq(-6, 6, by = if (d == 1) 1 else 3)), d)))
  f <- function(y) terms_density(target, y)$log_density
  value <- f(rough)
  if (!any(is.finite(value))) stop_nowhere_finite()
  peak <- climb_terms(f, rough[which.max(value), ], max(value))
  list(
    map = c(list(at = peak$at), lattice_axes(peak$hessian)),
    seeds = rough[value > peak$value - lattice_floor, , drop = FALSE]
  )
}

# Newton's method by differences.
climb_terms <- function(f, at, value) {
  radius <- 2
  for (i in 1:40) {
    local <- local_quadratic(f, at)
    spectrum <- eigen(local$hessian, symmetric = TRUE)
    along <- drop(crossprod(spectrum$vectors, local$gradient))
    step <- drop(spectrum$vectors %*% (along / pmax(abs(spectrum$values), 1e-3)))
    size <- sqrt(sum(step^2))
    if (size > radius) step <- step * (radius / size)
    gain <- f(rbind(at + step)) - value
    if (!is.finite(gain) || gain < 0) {
      radius <- min(size, radius) / 4
      if (radius < 1e-4) break
      next
    }
    at <- at + step
    value <- value + gain
    # far from where it bends there is no need to be at the top
    if (gain < 1e-3) break
  }
  list(at = at, value = value, hessian = local_quadratic(f, at)$hessian)
}

# Gradient and Hessian by central differences, all points at once.
local_quadratic <- function(f, at, width = 0.02) {
  d <- length(at)
  k <- as.matrix(expand.grid(rep(list(-1:1), d)))
  value <- f(k * width + rep(at, each = nrow(k)))
  pick <- function(...) value[colSums(t(k) == c(...)) == d]
  if (d == 1) {
    return(list(
      gradient = (pick(1) - pick(-1)) / (2 * width),
      hessian = matrix((pick(1) - 2 * pick(0) + pick(-1)) / width^2)
    ))
  }
  cross <- (pick(1, 1) - pick(1, -1) - pick(-1, 1) + pick(-1, -1)) / (4 * width^2)
  list(
    gradient = c(pick(1, 0) - pick(-1, 0), pick(0, 1) - pick(0, -1)) / (2 * width),
    hessian = matrix(c(
      pick(1, 0) - 2 * pick(0, 0) + pick(-1, 0), cross * width^2, cross * width^2,
      pick(0, 1) - 2 * pick(0, 0) + pick(0, -1)
    ) / width^2, 2)
  )
}

# Standard deviations along the axes of the curvature, where they are less than a part of the width
# of a logistic density: the tails of shares are of that kind.
lattice_axes <- function(hessian) {
  if (anyNA(hessian)) return(list(axes = diag(nrow(hessian)), width = rep(0.8, nrow(hessian))))
  spectrum <- eigen(-hessian, symmetric = TRUE)
  list(axes = spectrum$vectors, width = pmin(1.2, 1 / sqrt(pmax(spectrum$values, 1e-6))))
}

# Slopes of the log density along log ratios far out: none (all go to 0), all, and for each of two
# terms alone `zero` and `infinite`; -Inf where it vanishes. Attribute "scale": those of the
# logarithm of sigma_e^2 given the ratios.
face_slopes <- function(target) {
  d <- length(target$present)
  direction <- if (d == 1) matrix(c(-1, 1)) else
    rbind(c(-1, -1), c(1, 1), c(-1, 0), c(0, -1), c(1, 0), c(0, 1))
  origin <- -rep(log(target$kappa[target$present]), each = nrow(direction))
  at <- function(distance) {
    y <- points_at(target, origin + distance * direction)
    law <- scale_law(target, y, likelihood_fields(target, y))
    cbind(known(law$log_density), log_scale(law))
  }
  slopes <- (at(22) - at(18)) / 4
  names <- c("none", "all", if (d == 2) c("zero1", "zero2", "infinite1", "infinite2"))
  slope <- stats::setNames(replace(slopes[, 1], !is.finite(slopes[, 1]), -Inf), names)
  structure(slope, scale = stats::setNames(slopes[, 2], names))
}

# The mean of log sigma_e^2 at every point, up to a constant.
log_scale <- function(law) {
  if (is.null(law$table)) return(law$log_rate[, 1])
  weight <- exp(law$table - row_log_sums(law$table))
  law$window[, 1] + law$window[, 2] * drop(weight %*% (seq_len(ncol(weight)) - 1))
}

stop_on_faces <- function(slopes) {
  bad <- names(slopes)[slopes > -1e-6]
  if (length(bad) == 0) return(invisible())
  stop_improper_posterior(switch(bad[1],
    none = , zero1 = , zero2 = "a random term has no variance",
    "the residual variance is small beside that of a random term"
  ))
}
