# What quadrature integrates: the density of x = logit h, and of t = log tau^2 given x.

# log density of x, up to the constant of the data, with its conditional of t.
posterior_target <- function(problem, prior, control) {
  system <- problem$system
  own_root <- problem$fixed$prior_root
  root <- value_or(own_root, matrix(0, 0, 0))
  host <- make_host(control)
  is_closed <- is.null(own_root) && is_inverse_gamma(prior$first$kind, prior$on_shares) &&
    is_inverse_gamma(prior$second$kind, FALSE)
  n <- nrow(problem$fixed$q)
  degrees <- n - problem$fixed$rank
  list(
    is_closed = is_closed, prior = prior, degrees = degrees, kappa = system$kappa, n = n,
    fixed_rank = problem$fixed$rank,
    fixed_constant = half_log_det(root),
    evaluate = function(x) {
      out <- cpp_evaluate_shares(system, stats::plogis(x), stats::plogis(-x), root, host)
      if (degrees == 0) out$scalars[, 1] <- 0  # nothing is left of y but rounding
      out
    }
  )
}

is_inverse_gamma <- function(kind, on_shares) {
  on_shares || kind %in% c("inverse_gamma", "jeffreys", "flat")
}

# Shape and scale of a density of a variance as an inverse gamma, improper limits included.
as_inverse_gamma <- function(density) {
  switch(density$kind,
    inverse_gamma = c(density$a, density$b), jeffreys = c(0, 0), flat = c(-1, 0)
  )
}

# At every x: log density, and of t = log tau^2 given x either shape and scale of the inverse gamma
# or a grid with weights.
evaluate_target <- function(target, x) {
  e <- target$evaluate(x)
  if (target$is_closed) closed_total(target, x, e$scalars) else gridded_total(target, x, e)
}

closed_total <- function(target, x, scalars) {
  prior <- target$prior
  shape <- target$degrees / 2
  scale <- scalars[, 1] / 2
  second <- as_inverse_gamma(prior$second)
  if (prior$on_shares) {
    log_prior <- share_density(prior$first, x)
    shape <- shape + second[1]
    scale <- scale + second[2]
  } else {
    first <- as_inverse_gamma(prior$first)
    log_h <- stats::plogis(x, log.p = TRUE)
    log_nu <- stats::plogis(-x, log.p = TRUE)
    shape <- shape + first[1] + second[1]
    if (first[2] > 0) scale <- scale + first[2] * target$kappa * exp(-log_h)
    if (second[2] > 0) scale <- scale + second[2] * exp(-log_nu)
    log_prior <- -first[1] * (log_h - log(target$kappa)) - second[1] * log_nu
  }
  if (!(shape > 0)) stop_improper_posterior("the total variance is large")
  log_density <- -0.5 * (target$degrees * log(2 * pi) + scalars[, 3]) + log_prior +
    lgamma(shape) - shape * log(scale)
  list(log_density = log_density, shape = shape, scale = scale)
}

# Density of h by the measure of x = logit h.
share_density <- function(density, x) {
  a <- if (density$kind == "beta") density$a else 1
  b <- if (density$kind == "beta") density$b else 1
  term <- function(power, x) if (power == 0) 0 else power * stats::plogis(x, log.p = TRUE)
  term(a, x) + term(b, -x)
}

gridded_total <- function(target, x, e) {
  grids <- lapply(seq_along(x), function(k) {
    total_grid(target, x[k], e$scalars[k, ], e$spread[, k], e$along2[, k])
  })
  list(log_density = vapply(grids, `[[`, 0, "log_mass"), grids = grids)
}

# The conditional of t at one x on an even grid: list(t, weight (sums to one), log_mass).
total_grid <- function(target, x, scalars, spread, along2) {
  f <- function(t) total_density(target, x, t, scalars, spread, along2)
  centre <- log(max(0, scalars[1]) / target$degrees)
  # under a normal prior of the fixed effects nothing need be left of y
  if (!is.finite(centre) || (length(spread) > 0 && centre < -20)) centre <- -20
  around <- range(centre, total_turns(target, x), na.rm = TRUE)
  rough <- seq(around[1] - 20, around[2] + 60, by = 1)
  value <- f(rough)
  best <- which.max(value)
  if (length(best) == 0) return(list(t = centre, weight = 1, log_mass = -Inf))
  if (best == length(rough)) stop_improper_posterior("the total variance is large")
  near <- rough[pmin(length(rough), pmax(1, best + c(-1, 1)))]
  mode <- top_of_grid(f, seq(near[1], near[2], length.out = 33))
  width <- 1e-3
  near <- f(mode$maximum + width * c(-1, 0, 1))
  mode$objective <- near[2]
  bend <- (near[1] - 2 * near[2] + near[3]) / width^2
  step <- 0.25 * min(1, if (bend < 0) 1 / sqrt(-bend) else 1)
  t <- mode$maximum + step * (-outward(f, mode, -step):outward(f, mode, step))
  value <- f(t)
  top <- max(value)
  mass <- exp(value - top)
  list(t = t, weight = mass / sum(mass), log_mass = top + log(sum(mass) * step))
}

# t at which the priors of the variances turn, given x.
total_turns <- function(target, x) {
  prior <- target$prior
  residual <- log_turn(prior$second)
  if (prior$on_shares) return(residual)
  c(
    log_turn(prior$first) + log(target$kappa) - stats::plogis(x, log.p = TRUE),
    residual - stats::plogis(-x, log.p = TRUE)
  )
}

# The highest of even points, moved to the top of the parabola through it and its neighbours.
top_of_grid <- function(f, at) {
  value <- f(at)
  best <- which.max(value)
  inside <- min(length(at) - 1, max(2, best))
  near <- value[inside + -1:1]
  bend <- near[1] - 2 * near[2] + near[3]
  shift <- if (isTRUE(bend < 0)) (near[1] - near[3]) / (2 * bend) else 0
  if (best != inside || abs(shift) > 1) return(list(maximum = at[best]))
  list(maximum = at[best] + shift * (at[2] - at[1]))
}

# Number of steps from the mode until the density is negligible.
outward <- function(f, mode, step) {
  count <- 16
  while (count < 1e5 && f(mode$maximum + count * step) > mode$objective - 37) {
    count <- 2 * count
    # a proper density falls there at least as a power of the standard deviation
    if (count * step < -700) stop_improper_posterior("the total variance is small")
  }
  count
}

total_density <- function(target, x, t, scalars, spread, along2) {
  prior <- target$prior
  u <- t + stats::plogis(x, log.p = TRUE) - log(target$kappa)
  v <- t + stats::plogis(-x, log.p = TRUE)
  out <- -0.5 * (target$degrees * (log(2 * pi) + t) + scalars[3] + scalars[1] * exp(-t)) +
    cpp_log_prior(prior, u, v, FALSE)[, 1]
  if (length(spread) == 0) return(out)
  # N(delta; 0, tau^2 C + Lambda^-1) along the eigenvectors of Lambda^1/2 C Lambda^1/2'
  log_ratio <- outer(t, log(spread), `+`)  # of any size
  log_scaled <- pmax(log_ratio, 0) + log1p(exp(-abs(log_ratio)))
  out - 0.5 * (length(spread) * log(2 * pi) +
    rowSums(log_scaled) + drop(exp(-log_scaled) %*% along2)) + target$fixed_constant
}

stop_nowhere_finite <- function() {
  abort(
    "overflow", "the posterior is nowhere finite to rounding: the scales of the priors and of the ",
    "data are too far apart for doubles, see lmm_prior()."
  )
}

stop_improper_posterior <- function(where) {
  abort(
    "improper_prior", "the posterior cannot be normalised: it does not fall where ", where,
    ". Give proper priors, see lmm_prior()."
  )
}
