# Marginal distributions of the variances and shares of two random terms, from a lattice made finer
# by interpolating what the likelihood says; priors are exact at the finer points. Every fine point
# stands for its cell, over which a parameter is linear: the sum of two uniforms. All in the units
# of the core; logarithms of variances, logits of shares.

# list(v, y, map, basis, weight, count, law: see scale_law()). lattice: of integrate_terms().
fine_terms <- function(lattice, target) {
  most <- if (target$is_closed) 40000 else if (is.null(target$root)) 10000 else 4000
  count <- max(2, min(16, floor(sqrt(most / length(lattice$value)))))
  fine <- fine_lattice(lattice, lattice$data$fields, count)
  y <- mapped_points(lattice$map, fine$v)
  law <- scale_law(target, y, fine$fields)
  log_density <- known(law$log_density + log_stretch(lattice$map, fine$v))
  weight <- exp(log_density - max(log_density))
  list(
    v = fine$v, y = y, map = lattice$map, basis = fine$basis, weight = weight / sum(weight),
    count = count, law = law, target = target
  )
}

# What a value at the fine points changes by from one to the next along both axes of the cells.
fine_changes <- function(fine, value) {
  count <- fine$count
  cells <- array(value, c(length(value) / count^2, count, count))
  along <- function(first, second) abs(as.vector(first) - as.vector(second))
  ahead <- c(2:count, count)
  behind <- c(seq_len(count - 1), count - 1)
  cbind(
    along(cells[, ahead, , drop = FALSE], cells[, behind, , drop = FALSE]),
    along(cells[, , ahead, drop = FALSE], cells[, , behind, drop = FALSE])
  )
}

# The distribution of a parameter: list(at, mass, below: even grid, shares of the probability, and
# the distribution function; shape: NULL or, of a log variance, that of an inverse gamma of rate one
# whose logarithm is to be added).
fine_margin <- function(fine, kind, term = NULL) {
  if (kind == "share") {
    shares <- lattice_shares(fine$y)[, term]
    value <- stats::qlogis(pmin(pmax(shares, 1e-300), 1 - 1e-16))
    return(binned_margin(value, fine$weight, fine_changes(fine, value)))
  }
  value <- if (kind == "random") log_ratios(fine$target, fine$y)[, term] else
    numeric(nrow(fine$y))
  if (fine$target$is_closed) {
    value <- value + fine$law$log_rate[, 1]
    shape <- scale_shape(fine$target)
    out <- binned_margin(value, fine$weight, fine_changes(fine, value), 1 / sqrt(shape))
    return(c(out, list(shape = shape)))
  }
  window <- fine$law$window
  table <- fine$law$table
  mass <- exp(table - row_log_sums(table)) * fine$weight
  keep <- which(mass > 1e-10 * max(mass), arr.ind = TRUE)
  changes <- cbind(fine_changes(fine, value + window[, 1]), window[, 2])
  widest <- cbind(
    apply(changes, 1, max), rowSums(changes) - apply(changes, 1, max) - apply(changes, 1, min)
  )
  binned_margin(
    value[keep[, 1]] + window[keep[, 1], 1] + (keep[, 2] - 1) * window[keep[, 1], 2],
    mass[keep], widest[keep[, 1], , drop = FALSE]
  )
}

# Weights spread over trapezoids [value -+ sum of widths / 2], which are second integrals of four
# point masses, summed on an even grid. least: steps are to be smaller than a part of this.
binned_margin <- function(value, weight, widths, least = Inf) {
  keep <- weight > 1e-14 * max(weight)
  value <- value[keep]
  weight <- weight[keep]
  widths <- widths[keep, , drop = FALSE]
  ends <- c(min(value - rowSums(widths)), max(value + rowSums(widths)))
  bins <- min(2^17, max(4096, ceiling(4 * diff(ends) / least)))
  step <- max(diff(ends), 1e-9) / bins
  ends <- ends + c(-8, 8) * step
  bins <- bins + 16
  a <- pmax(widths[, 1], 2 * step)
  b <- pmax(widths[, 2], 2 * step)
  height <- weight / (a * b)
  masses <- numeric(bins + 2)
  for (side in list(c(-1, -1), c(-1, 1), c(1, -1), c(1, 1))) {
    place <- (value + (side[1] * a + side[2] * b) / 2 - ends[1]) / step
    below <- floor(place)
    part <- place - below
    sign <- side[1] * side[2]
    masses <- masses + sign * (tabulate_sums(below + 1, height * (1 - part), bins + 2) +
      tabulate_sums(below + 2, height * part, bins + 2))
  }
  density <- pmax(0, cumsum(c(0, cumsum(masses[-(bins + 2)]))))
  below <- cumsum(density) - density / 2
  list(
    at = ends[1] + step * (seq_along(density) - 1), mass = density / sum(density),
    below = below / sum(density)
  )
}

tabulate_sums <- function(at, x, count) {
  sums <- rowsum(x, at)
  out <- numeric(count)
  out[as.integer(rownames(sums))] <- sums
  out
}

margin_density <- function(margin, at) {
  if (is.null(margin$shape)) {
    step <- margin$at[2] - margin$at[1]
    return(stats::approx(margin$at, margin$mass / step, at, yleft = 0, yright = 0)$y)
  }
  vapply(at, function(v) {
    x <- exp(margin$at - v)
    sum(margin$mass * x * stats::dgamma(x, margin$shape))
  }, 0)
}

margin_quantiles <- function(margin, p) {
  if (is.null(margin$shape)) {
    inner <- !duplicated(margin$below)
    return(stats::approx(margin$below[inner], margin$at[inner], p, rule = 2)$y)
  }
  wide <- 40 / sqrt(margin$shape) + 20 / margin$shape
  centre <- log(margin$shape)
  below <- function(v) {
    sum(margin$mass * stats::pgamma(exp(margin$at - v), margin$shape, lower.tail = FALSE))
  }
  ends <- range(margin$at[margin$mass > 0]) - centre + c(-wide, wide)
  vapply(p, function(one) {
    stats::uniroot(function(v) below(v) - one, ends, tol = 1e-8, maxiter = 10000)$root
  }, 0)
}

# Draws of the points, jittered within their cells, and of sigma_e^2: list(half [2 x draws],
# sigma2).
draw_fine_terms <- function(fine, draws) {
  at <- sample.int(length(fine$weight), draws, replace = TRUE, prob = fine$weight)
  jitter <- matrix(stats::runif(2 * draws) - 0.5, 2)
  y <- mapped_points(fine$map, fine$v[at, , drop = FALSE] + t(fine$basis %*% jitter))
  law <- fine$law
  sigma2 <- if (fine$target$is_closed) {
    exp(law$log_rate[at, 1]) / stats::rgamma(draws, scale_shape(fine$target))
  } else {
    table <- exp(law$table[at, , drop = FALSE] - row_log_sums(law$table[at, , drop = FALSE]))
    below <- t(apply(table, 1, cumsum))
    place <- rowSums(below < stats::runif(draws)) + stats::runif(draws) - 0.5
    exp(law$window[at, 1] + law$window[at, 2] * place)
  }
  list(half = relative_at(fine$target, y), sigma2 = sigma2)
}

# At once from the result of the quadrature, for medians in the place of means.
terms_margin <- function(found, target, name, names) {
  k <- match(name, names)
  fine <- fine_terms(found, target)
  if (k == length(names)) fine_margin(fine, "residual") else fine_margin(fine, "random", k)
}
