# Distribution functions of pve and of both variances, exact to the quadrature: with pve = plogis(x)
# and t = log tau^2, log sigma_b^2 = t + log(h / kappa) and log sigma_e^2 = t + log(1 - h), so that
#   P(log variance <= s) = sum_x w(x) P(t <= s - log factor(x) | x),
# the even sum over a grid of x so fine that both factors are smooth on it. Given x, tau^2 is
# inverse gamma where it is integrated in closed form, else tabulated. All in the core's units.

# What the grid of a fit needs to be made finer, kept with the fit: `regions` of x with their step;
# beyond the ends of the range of x the density falls like exp(-slope |x|) from `tail`; where tau^2
# is tabulated, the window of t at every x.
quadrature_grid <- function(found) {
  inner <- found$fine$inner
  list(
    regions = found$regions, step = found$step, tails = found$tails,
    shape = inner$shape,
    windows = if (!is.null(inner$grids)) data.frame(x = found$fine$x, t(vapply(
      inner$grids, function(one) c(range(one$t), one$t[2] - one$t[1]),
      c(low = 0, high = 0, step = 0)
    )))
  )
}

fine_steps <- 16  # of a standard deviation of x, about; errors go with the fourth power

# list(x, weight (sums to one), step, pieces, total): `total` is the conditional of t at every x.
fine_posterior <- function(grid, target) {
  width <- if (is.null(grid$windows)) sqrt(trigamma(grid$shape)) else
    4 * min(grid$windows$step)
  step <- min(grid$step * 2.5 / fine_steps, width / 2)
  pieces <- lapply(seq_len(nrow(grid$regions)), function(i) {
    region <- grid$regions[i, ]
    seq(region[1], region[2], length.out = max(5, min(20000, ceiling(diff(region) / step))))
  })
  x <- unlist(pieces)
  e <- target$evaluate(x)
  total <- if (target$is_closed) closed_total(target, x, e$scalars) else
    tabulated_total(target, x, e, grid$windows)
  spacing <- vapply(pieces, function(piece) piece[2] - piece[1], 0)
  out <- data.frame(
    x = x, log_density = total$log_density, piece = rep(seq_along(pieces), lengths(pieces))
  )
  total$log_density <- NULL
  add_tails(weigh_fine(out, spacing), total, grid$tails)
}

# Shares of the integral: the trapezoidal rule inside each piece, and the distribution function at
# its points by the first term of Euler and Maclaurin, p'(x) by differences.
weigh_fine <- function(points, spacing) {
  density <- exp(points$log_density - max(points$log_density))
  points$density <- density
  points$weight <- density * spacing[points$piece]
  points$below <- 0
  before <- 0
  for (i in seq_along(spacing)) {
    at <- which(points$piece == i)
    p <- density[at]
    last <- length(p)
    slope <- c(p[2] - p[1], (p[-(1:2)] - p[-c(last - 1, last)]) / 2, p[last] - p[last - 1])
    points$weight[at[c(1, last)]] <- points$weight[at[c(1, last)]] / 2
    sums <- spacing[i] * (cumsum(p) - (p + p[1]) / 2 - (slope - slope[1]) / 12)
    points$below[at] <- before + cummax(pmax(0, sums))  # rounding far out
    before <- before + sums[last]
  }
  points$mass <- before
  points
}

# Beyond the range the likelihood is constant: x goes on in even steps, the conditional of t stays.
add_tails <- function(points, total, tails) {
  keep <- seq_len(nrow(points))
  mass <- points$mass[1]
  head <- tail <- NULL
  reach <- (seq_len(400) - 0.5) / 10
  extra <- function(side, at) {
    if (points$x[at] != tails$x[side]) return(NULL)
    slope <- tails$slope[side]
    weight <- points$density[at] / slope * (exp(-reach + 0.05) - exp(-reach - 0.05))
    list(x = points$x[at] + c(-1, 1)[side] * reach / slope, weight = weight)
  }
  head <- extra(1, 1)
  tail <- extra(2, nrow(points))
  points$below <- points$below + sum(head$weight)
  mass <- mass + sum(head$weight) + sum(tail$weight)
  index <- c(rep(1L, length(head$x)), keep, rep(nrow(points), length(tail$x)))
  list(
    points = data.frame(
      x = points$x, below = points$below / mass, density = points$density / mass
    ),
    x = c(head$x, points$x, tail$x), index = index,
    weight = c(head$weight, points$weight, tail$weight) / mass, total = total,
    slopes = tails$slope
  )
}

# The conditional of t on an even grid at every x, four times as fine as the rule's, with its
# distribution function:
# list(log_density [x], first, step [x], density, below [points x x]).
tabulated_total <- function(target, x, e, windows) {
  count <- ceiling(4 * max((windows$high - windows$low) / windows$step))
  ends <- function(y) stats::approx(windows$x, y, x, rule = 2, ties = "ordered")$y
  first <- ends(windows$low)
  step <- (ends(windows$high) - first) / count
  log_density <- vapply(seq_along(x), function(k) {
    total_density(
      target, x[k], first[k] + step[k] * (0:count), e$scalars[k, ], e$spread[, k], e$along2[, k]
    )
  }, numeric(count + 1))
  top <- apply(log_density, 2, max)
  density <- exp(log_density - rep(top, each = count + 1))
  mass <- colSums(density) * step
  density <- density / rep(mass, each = count + 1)
  slope <- rbind(
    density[2, ] - density[1, ], (density[-(1:2), ] - density[-(count + 0:1), ]) / 2,
    density[count + 1, ] - density[count, ]
  )
  sums <- apply(density, 2, cumsum) - density / 2 - slope / 12
  list(
    log_density = top + log(mass), first = first, step = step, density = density,
    below = sums * rep(step, each = count + 1)
  )
}

# P(t <= s_k | x_k), and its derivative by s_k.
conditional_total <- function(fine, s) {
  total <- fine$total
  at <- fine$index
  if (!is.null(total$shape)) {
    y <- exp(log(total$scale[at]) - s)
    return(list(
      below = stats::pgamma(y, total$shape, lower.tail = FALSE),
      density = y * stats::dgamma(y, total$shape)
    ))
  }
  # cubics that agree with the distribution function and the density at both ends of a cell
  count <- nrow(total$below) - 1
  u <- (s - total$first[at]) / total$step[at]
  cell <- pmin(count - 1, pmax(0, floor(u)))
  u <- pmin(1, pmax(0, u - cell))
  from <- cbind(cell + 1, at)
  to <- cbind(cell + 2, at)
  step <- total$step[at]
  rise <- total$below[to] - total$below[from]
  a <- step * total$density[from]
  b <- step * total$density[to]
  list(
    below = total$below[from] + u * (a + u * (3 * rise - 2 * a - b + u * (a + b - 2 * rise))),
    density = (a + u * (2 * (3 * rise - 2 * a - b) + 3 * u * (a + b - 2 * rise))) / step
  )
}

# Distribution function of a log variance at one s, and its density.
log_variance_law <- function(fine, which, kappa, s) {
  part <- conditional_total(fine, s - log_variance_factor(fine$x, which, kappa))
  c(below = sum(fine$weight * part$below), density = sum(fine$weight * part$density))
}

# log of what multiplies tau^2 in a variance.
log_variance_factor <- function(x, which, kappa) {
  if (which == "random") return(stats::plogis(x, log.p = TRUE) - log(kappa))
  stats::plogis(-x, log.p = TRUE)
}

fine_variance_quantiles <- function(fine, which, kappa, p) {
  total <- fine$total
  centre <- if (is.null(total$shape)) total$first else log(total$scale / total$shape) - 40
  ends <- range((centre[fine$index] + log_variance_factor(fine$x, which, kappa))[fine$weight > 0])
  ends[2] <- ends[2] + if (is.null(total$shape)) max(total$step) * nrow(total$below) else 80
  vapply(p, function(one) {
    gap <- function(s) log_variance_law(fine, which, kappa, s)[["below"]] - one
    widened <- ends
    while (gap(widened[1]) > 0) widened[1] <- widened[1] - 40
    while (gap(widened[2]) < 0 && widened[2] < ends[2] + 4000) widened[2] <- widened[2] + 40
    exp(stats::uniroot(gap, widened, tol = 1e-11, maxiter = 10000)$root)
  }, 0)
}

fine_share_quantiles <- function(fine, p) {
  points <- fine$points
  count <- nrow(points)
  law <- stats::splinefunH(points$x, points$below, points$density)
  x <- vapply(p, function(one) {
    if (one <= points$below[1]) {
      return(points$x[1] + log(one / points$below[1]) / fine$slopes[1])
    }
    if (one >= points$below[count]) {
      return(points$x[count] - log((1 - one) / (1 - points$below[count])) / fine$slopes[2])
    }
    at <- findInterval(one, points$below, all.inside = TRUE)
    stats::uniroot(function(x) law(x) - one, points$x[at + 0:1], tol = 1e-12)$root
  }, 0)
  stats::plogis(x)
}

# Draws of x, jittered by half a step, and of t given x: list(x, tau2).
draw_fine <- function(fine, draws) {
  at <- sample.int(length(fine$x), draws, replace = TRUE, prob = fine$weight)
  gap <- diff(fine$x)
  width <- pmin(c(gap[1], gap), c(gap, gap[length(gap)]))[at]
  x <- fine$x[at] + width * (stats::runif(draws) - 0.5)
  total <- fine$total
  node <- fine$index[at]
  if (!is.null(total$shape)) {
    return(list(x = x, tau2 = total$scale[node] / stats::rgamma(draws, total$shape)))
  }
  u <- stats::runif(draws)
  t <- numeric(draws)
  for (one in split(seq_len(draws), node)) {
    k <- node[one[1]]
    grid <- total$first[k] + total$step[k] * (seq_len(nrow(total$below)) - 1)
    t[one] <- stats::approx(total$below[, k], grid, u[one], rule = 2, ties = "ordered")$y
  }
  list(x = x, tau2 = exp(t))
}
