# Where the posterior of one random term has its mass: the range of x = logit h, its modes, the
# tails beyond the range and the intervals to integrate over.

quadrature_floor <- 40  # log densities this far below the maximum are left out

# x where every direction is unexplained or explained to rounding.
share_range <- function(system) {
  d <- system$parts$d
  log(system$kappa) + c(-log(max(d)) - 34, -log(min(d)) + 34)
}

# The same, and to where the noise is as little as what lies outside of K, and to where priors of
# the variances no longer turn: their scales may be far from those of the data.
posterior_range <- function(target, system) {
  range <- share_range(system)
  prior <- target$prior
  t <- log(target$evaluate(range)$scalars[, 1] / target$degrees)
  turns <- t[1] - log(system$parts$null_residual^2 / target$degrees)
  if (!prior$on_shares) {
    turns <- c(
      turns, log_turn(prior$first) + log(target$kappa) - t, t - log_turn(prior$second)
    )
  }
  turns <- turns[is.finite(turns)]
  limited_range(c(range, turns - 34, turns + 34))
}

# logit h beyond which h or 1 - h is less than the least of doubles.
limited_range <- function(x) pmin(pmax(range(x), -700), 700)

# Local maxima on the grid, refined: data frame x, value, sd.
posterior_modes <- function(target, coarse) {
  value <- evaluate_target(target, coarse)$log_density
  if (!any(is.finite(value))) stop_nowhere_finite()
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
