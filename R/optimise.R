# Maxima and roots of functions of one number.

# stats::optimize() without its warnings where a criterion is -Inf or no number, on a range that may
# be a point.
local_maximum <- function(f, range, tol) {
  largest <- .Machine$double.xmax
  finite <- function(x) {
    value <- f(x)
    if (is.nan(value)) -largest else max(-largest, min(value, largest))
  }
  if (!(range[1] < range[2])) return(list(maximum = range[1], objective = finite(range[1])))
  stats::optimize(finite, range, maximum = TRUE, tol = tol)
}

# Root of gap beyond `start` in a direction, found by doubling steps; NA where `start` itself is not
# inside, infinite where nothing is known to be outside.
outward_root <- function(gap, start, direction) {
  step <- 0.25
  inside <- start
  if (!isTRUE(gap(start) >= 0)) return(NA_real_)
  for (i in seq_len(60)) {
    outside <- start + direction * step
    found <- gap(outside)
    if (is.nan(found)) break
    if (found < 0) {
      return(stats::uniroot(gap, sort(c(inside, outside)), tol = 1e-7)$root)
    }
    inside <- outside
    step <- 2 * step
  }
  direction * Inf
}
