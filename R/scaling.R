# Scaling by powers of two is exact: results do not depend on the units of y, X, Z or weights.

# Exponent k such that x * 2^k has its largest magnitude in [0.5, 1); 0 when x is all zero.
scale_exponent <- function(x) {
  largest <- if (length(x)) max(abs(x)) else 0
  if (!is.finite(largest) || largest == 0) return(0)
  -(floor(log2(largest)) + 1)
}

# The same for each element, at most 2^1000 so that the factor itself is a number.
column_exponents <- function(x) {
  out <- pmin(1000, -(floor(log2(x)) + 1))
  out[!(is.finite(x) & x > 0)] <- 0
  out
}

# x * 2^k without overflow of 2^k itself.
times_two_to <- function(x, k) {
  if (length(k) == 1 && abs(k) <= 1000) return(if (k == 0) x else x * 2^k)
  while (any(abs(k) > 1000)) {
    step <- pmax(-1000, pmin(1000, k))
    x <- x * 2^step
    k <- k - step
  }
  x * 2^k
}

# A variance in the user's units, which must be a normal number or exactly zero.
rescale_variance <- function(x, exponent, what) {
  out <- times_two_to(x, exponent)
  lost <- !is.finite(out) | (x > 0 & out < .Machine$double.xmin)
  if (any(lost)) {
    abort(
      "overflow", "the ", what, " is about 10^", round(log10(x[lost][1]) + exponent * log10(2)),
      " in the units of the data, which a double cannot hold; change the units of `y` or `X`."
    )
  }
  out
}
