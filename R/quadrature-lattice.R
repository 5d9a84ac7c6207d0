# Sums over a lattice basis k of points of the plane or of the line, k whole numbers: the
# trapezoidal rule on all of it converges geometrically for smooth densities that fall on every side
# (Trefethen & Weideman 2014, SIAM Review 56). Points grow from where the density is high until it
# is negligible; each refinement keeps all that there were.

lattice_floor <- 20       # log densities this far below the maximum are left out
lattice_rounds <- 10
lattice_limit <- 20000    # points

# list(k [N x d] whole numbers, v [N x d] the points, value [N], data: what evaluate() gives beside
# log_density, rows of matrices [N x ..], log_mass, basis, error, trace, coarse: which of the points
# are those of the lattice before the last refinement).
# evaluate(v): list(log_density [N], ..) with [N x ..] matrices; seeds [m x d] points to begin at;
# tol: of the logarithm of the sum between a lattice and the next finer one.
lattice_sum <- function(evaluate, step, seeds, tol) {
  d <- ncol(seeds)
  lattice <- list(
    k = matrix(0L, 0, d), value = numeric(), data = NULL, basis = diag(step, d)
  )
  start <- unique(rbind(0, round(seeds / step)))
  trace <- NULL
  coarse <- NULL
  for (round in seq_len(lattice_rounds)) {
    lattice <- grow_lattice(lattice, evaluate, start)
    mass <- log_sum(lattice$value) + log(abs(det(lattice$basis)))
    error <- if (is.null(trace)) Inf else abs(mass - trace$log_mass[nrow(trace)])
    trace <- rbind(trace, data.frame(
      iteration = round, nodes = length(lattice$value), log_mass = mass, error = error
    ))
    if (error < tol) break
    coarse <- seq_along(lattice$value)
    if (round < lattice_rounds) {
      lattice <- halved_lattice(lattice)
      start <- lattice$k[which.max(lattice$value), , drop = FALSE]
    }
  }
  lattice$v <- lattice_points(lattice, lattice$k)
  c(lattice, list(log_mass = mass, error = error, trace = trace, coarse = coarse))
}

lattice_points <- function(lattice, k) {
  t(lattice$basis %*% t(k))
}

# The lattice that has points in the middle of the cells too: half of the area, or length, a point.
halved_lattice <- function(lattice) {
  map <- if (ncol(lattice$k) == 1) matrix(2) else matrix(c(1, 1, 1, -1), 2)
  lattice$basis <- lattice$basis %*% solve(map)
  lattice$k <- lattice$k %*% map
  lattice
}

lattice_keys <- function(k) {
  if (ncol(k) == 1) k[, 1] else k[, 1] * 2^24 + k[, 2]
}

# Neighbours of all points above the floor, wave by wave, from points `start` on.
grow_lattice <- function(lattice, evaluate, start) {
  d <- ncol(lattice$k)
  around <- as.matrix(expand.grid(rep(list(-1:1), d)))
  known <- if (nrow(lattice$k) > 0) neighbours_of(lattice, around, seq_along(lattice$value))
  wave <- rbind(start, known)
  repeat {
    wave <- wave[!duplicated(lattice_keys(wave)), , drop = FALSE]
    wave <- wave[!lattice_keys(wave) %in% lattice_keys(lattice$k), , drop = FALSE]
    if (nrow(wave) == 0) return(lattice)
    if (length(lattice$value) + nrow(wave) > lattice_limit) stop_wide_posterior()
    found <- evaluate(lattice_points(lattice, wave))
    old <- length(lattice$value)
    lattice$k <- rbind(lattice$k, wave)
    lattice$value <- c(lattice$value, found$log_density)
    lattice$data <- bind_data(lattice$data, found[names(found) != "log_density"])
    # what was below the floor stays there: the maximum only rises
    fresh <- old + seq_len(nrow(wave))
    wave <- neighbours_of(lattice, around, fresh)
  }
}

neighbours_of <- function(lattice, around, from) {
  top <- max(lattice$value)
  at <- from[lattice$value[from] > top - lattice_floor]
  do.call(rbind, lapply(seq_len(nrow(around)), function(i) {
    lattice$k[at, , drop = FALSE] + rep(around[i, ], each = length(at))
  }))
}

bind_data <- function(old, new) if (is.null(old)) new else Map(rbind, old, new)

stop_wide_posterior <- function() {
  abort(
    "unsupported", "the posterior is too wide for the quadrature: it does not fall within ",
    lattice_limit, " points. Give priors that fall faster, see lmm_prior(), or use algorithm = ",
    "\"gibbs\"."
  )
}

# Fields of a lattice [N x F] interpolated in all of its cells, count^d points in each, by cubics
# through the points around: list(v [M x d], fields [M x F], basis). Cells at the rim, where a point
# is lacking, are left out: there the density is negligible.
fine_lattice <- function(lattice, fields, count) {
  d <- ncol(lattice$k)
  stencil <- as.matrix(expand.grid(rep(list(-1:2), d)))
  keys <- lattice_keys(lattice$k)
  at <- vapply(seq_len(nrow(stencil)), function(i) {
    match(lattice_keys(lattice$k + rep(stencil[i, ], each = nrow(lattice$k))), keys)
  }, integer(nrow(lattice$k)))
  at <- matrix(at, ncol = nrow(stencil))
  is_whole <- rowSums(is.na(at)) == 0
  is_whole[is_whole] <- apply(at[is_whole, , drop = FALSE], 1, function(i) {
    all(is.finite(lattice$value[i]))
  })
  at <- at[is_whole, , drop = FALSE]
  offset <- (seq_len(count) - 0.5) / count
  steps <- as.matrix(expand.grid(rep(list(offset), d)))
  own <- cubic_weights(offset)
  weights <- if (d == 1) own else kronecker(own, own)
  place <- as.matrix(expand.grid(cell = which(is_whole), step = seq_len(nrow(steps))))
  k <- lattice$k[place[, 1], , drop = FALSE] + steps[place[, 2], , drop = FALSE]
  list(
    v = lattice_points(lattice, k), basis = lattice$basis / count,
    fields = apply(fields, 2, function(field) matrix(field[at], nrow(at)) %*% t(weights))
  )
}

# Of the values at -1, 0, 1, 2 for points in [0, 1]: Lagrange's cubic, [length(u) x 4].
cubic_weights <- function(u) {
  cbind(
    -u * (u - 1) * (u - 2) / 6, (u + 1) * (u - 1) * (u - 2) / 2, -(u + 1) * u * (u - 2) / 2,
    (u + 1) * u * (u - 1) / 6
  )
}
