# The posterior of both variances by adaptive quadrature in x = log(h / (1 - h)) and t = log tau^2.
#
# The fixed effects are integrated out in closed form, tau^2 too where its conditional is an
# inverse gamma (no half t, flat or no fixed effects); otherwise t gets a grid of its own at every
# x. The trapezoidal rule on the whole line converges geometrically for such densities, so the step
# is halved until the evidence no longer changes (Trefethen & Weideman 2014, SIAM Review 56).

quadrature_floor <- 40     # log densities this far below the maximum are left out
quadrature_step <- 0.8     # of the standard deviation at the sharpest mode, or of one unit
quadrature_rounds <- 8

# list(x, log_weight, inner, log_mass, error, ...): nodes with the logarithms of their shares of the
# integral exp(log_mass); `inner` is what evaluate_target() says of tau^2 at the nodes.
integrate_posterior <- function(problem, prior, control) {
  target <- posterior_target(problem, prior, control)
  range <- share_range(problem$system)
  coarse <- seq(range[1], range[2], length.out = max(50, ceiling(diff(range) / 0.5)))
  modes <- posterior_modes(target, coarse)
  top <- max(modes$value)
  modes <- modes[modes$value > top - quadrature_floor, , drop = FALSE]
  tails <- posterior_tails(target, range, top)
  regions <- posterior_regions(target, modes, range, top)
  step <- min(1, modes$sd) * quadrature_step
  trace <- NULL
  last <- Inf
  current <- evaluate_regions(target, regions, step, tails)
  for (round in seq_len(quadrature_rounds)) {
    finer <- evaluate_regions(target, regions, step / 2, tails)
    error <- abs(finer$log_mass - current$log_mass)
    trace <- rbind(trace, data.frame(
      iteration = round, nodes = length(current$x), log_mass = current$log_mass, error = error
    ))
    # what half of the step does not make better is rounding; a grid of t at every x takes its time
    is_long <- !target$is_closed && length(finer$x) > 10000
    if (error < 1e-9 || (round > 3 && error > last / 2) || is_long) break
    last <- error
    current <- finer
    step <- step / 2
  }
  list(
    x = current$x, log_weight = current$log_weight, inner = current$inner,
    log_mass = finer$log_mass, error = error,
    is_converged = error < 1e-6, trace = trace, target = target, fine = finer, modes = modes,
    tails = tails, regions = regions, step = step / 2
  )
}

# x where every direction is unexplained or explained to rounding.
share_range <- function(system) {
  d <- system$parts$d
  log(system$kappa) + c(-log(max(d)) - 34, -log(min(d)) + 34)
}

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
  rough <- centre + seq(-20, 60, by = 1)
  value <- f(rough)
  best <- which.max(value)
  if (best == length(rough)) stop_improper_posterior("the total variance is large")
  around <- rough[pmin(length(rough), pmax(1, best + c(-1, 1)))]
  mode <- top_of_grid(f, seq(around[1], around[2], length.out = 33))
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

stop_improper_posterior <- function(where) {
  abort(
    "improper_prior", "the posterior cannot be normalised: it does not fall where ", where,
    ". Give proper priors, see lmm_prior()."
  )
}

# Local maxima on the grid, refined: data frame x, value, sd.
posterior_modes <- function(target, coarse) {
  value <- evaluate_target(target, coarse)$log_density
  f <- function(x) evaluate_target(target, x)$log_density
  last <- length(coarse)
  is_peak <- c(value[1] > value[2], value[-c(1, last)] >= pmax(value[-c(last - 1, last)],
    value[-(1:2)]), value[last] > value[last - 1])
  peaks <- which(is_peak & value > max(value) - 2000)
  rows <- lapply(peaks, function(i) {
    ends <- coarse[pmin(last, pmax(1, i + c(-1, 1)))]
    found <- local_maximum(f, ends, 1e-7)
    width <- 1e-4 * diff(ends)
    near <- f(found$maximum + width * c(-1, 0, 1))
    bend <- (near[1] - 2 * near[2] + near[3]) / width^2
    data.frame(
      x = found$maximum, value = found$objective,
      sd = if (bend < 0) max(1 / sqrt(-bend), least_sd(target)) else 1
    )
  })
  do.call(rbind, rows)
}

# Log densities of x bend by at most n / 2 and the priors' shapes: what bends more is rounding.
least_sd <- function(target) {
  shapes <- unlist(lapply(target$prior[c("first", "second")], function(density) {
    if (density$kind == "beta") c(density$a, density$b) else density$a
  }))
  0.5 / sqrt(target$n + sum(shapes))
}

# Beyond the range the likelihood is constant to rounding and the density falls like exp(-a |x|):
# that mass sits at the end point. A density that does not fall there has no integral.
posterior_tails <- function(target, range, top) {
  at <- c(range[1], range[1] + 1, range[2] - 1, range[2])
  value <- evaluate_target(target, at)$log_density
  slope <- c(value[2] - value[1], value[3] - value[4])
  where <- c("the random effects have no variance", "the residual variance tends to 0")
  for (side in 1:2) {
    if (!(slope[side] > 1e-6) && is.finite(value[c(1, 4)[side]])) {
      stop_improper_posterior(where[side])
    }
  }
  data.frame(x = range, log_weight = value[c(1, 4)] - log(slope), slope = slope)
}

# Intervals outside of which the density is negligible, merged where they meet.
posterior_regions <- function(target, modes, range, top) {
  f <- function(x) evaluate_target(target, x)$log_density
  bounds <- t(vapply(seq_len(nrow(modes)), function(i) {
    vapply(c(-1, 1), function(side) {
      end <- range[if (side < 0) 1 else 2]
      reach <- 8 * modes$sd[i]
      repeat {
        x <- modes$x[i] + side * reach
        if (side * (x - end) >= 0) return(end)
        if (!(f(x) > top - quadrature_floor)) return(x)
        reach <- 1.5 * reach
      }
    }, 0)
  }, c(0, 0)))
  bounds <- bounds[order(bounds[, 1]), , drop = FALSE]
  merged <- bounds[1, , drop = FALSE]
  for (i in seq_len(nrow(bounds))[-1]) {
    last <- nrow(merged)
    if (bounds[i, 1] <= merged[last, 2]) {
      merged[last, 2] <- max(merged[last, 2], bounds[i, 2])
    } else {
      merged <- rbind(merged, bounds[i, ])
    }
  }
  merged
}

evaluate_regions <- function(target, regions, step, tails) {
  grids <- lapply(seq_len(nrow(regions)), function(i) {
    count <- ceiling(diff(regions[i, ]) / step)
    x <- seq(regions[i, 1], regions[i, 2], length.out = count + 1)
    list(x = x, log_step = rep(log(x[2] - x[1]), count + 1))
  })
  x <- unlist(lapply(grids, `[[`, "x"))
  inner <- evaluate_target(target, x)
  log_step <- unlist(lapply(grids, `[[`, "log_step"))
  log_weight <- inner$log_density + log_step
  for (side in 1:2) {  # a region that ends where the likelihood is constant goes on as a tail
    at <- if (side == 1) which.min(x) else which.max(x)
    if (x[at] == tails$x[side] && is.finite(tails$log_weight[side])) {
      # the even grid goes on for ever: a geometric series
      log_weight[at] <- log_weight[at] - log(-expm1(-tails$slope[side] * exp(log_step[at])))
    }
  }
  list(x = x, log_weight = log_weight, log_mass = log_sum(log_weight), inner = inner)
}

log_sum <- function(x) {
  top <- max(x)
  if (!is.finite(top)) return(top)
  top + log(sum(exp(x - top)))
}
