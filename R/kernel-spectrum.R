# What the eigenvalues of a kernel show: that it is none, or was rounded.

#' @export
settle_decomposition.kernel_design <- function(design, out, decompose) {
  stop_indefinite(out, design)
  share <- share_of_projection(out, design)
  if (share == 0) return(out)
  decompose(replace(design$core, "rounding", list(c(0, share))))
}

stop_indefinite <- function(out, design) {
  largest <- out$largest
  if (largest > 0 && out$min_computed >= -out$zero_bound) return(invisible())
  bad_input(
    backtick(design$label), " is not a covariance matrix: it has ",
    if (!(largest > 0)) "no positive eigenvalue" else paste0(
      "an eigenvalue of ", format(out$min_computed / largest, digits = 3), " times the largest, ",
      "beyond the tolerance of ", format(out$zero_bound / largest, digits = 3),
      "; if that is rounding, a larger `tol` in re() takes it for zero"
    ), "."
  )
}

# A kernel that was projected off the fixed effects and then rounded, and scaled so that no digits
# show it: tiny eigenvalues whose vectors lie within the fixed effects, as none do by chance. The
# share of the largest that takes them for zero; 0 where there are none.
share_of_projection <- function(out, design) {
  d <- out$parts$d
  small <- which(d <= 1e-6 * out$largest)
  if (length(small) == 0 || design$core$rounding[2] >= 0) return(0)
  inside <- rowSums(out$parts$z[small, , drop = FALSE]^2) > 1 - 1e-8
  if (!any(inside)) return(0)
  max(1.01 * d[small[inside]], out$zero_bound) / out$largest
}

# The cells between units with rows are judged by themselves, and what counts as zero is taken out
# of them: every system of several terms then has the same kernel.
#' @export
beside_others.kernel_design <- function(design, host) {
  seen <- sort(unique(design$core$unit))
  own <- design
  own$core$x <- design$core$x[seen, seen, drop = FALSE] * design$core$scale
  own$core$rounding <- design$core$rounding * c(design$core$scale, 1)
  own$core[c("scale", "unit")] <- list(1, seq_along(seen))
  if (!is_plain_kernel(own, host)) {
    u <- length(seen)
    require_memory(16 * as.double(u)^2, paste("the decomposition of", backtick(design$label)))
    out <- settle_kernel(own, matrix(1 / sqrt(u), u, 1), host)
    design$notes <- c(design$notes, decomposition_note(own, out))
    if (length(out$parts$d) < u) {
      root <- t(out$vectors) * sqrt(out$parts$d)
      design$core$x[seen, seen] <- cpp_crossprod(root, root) / design$core$scale
    }
  }
  design$core$rounding <- c(0, -1)
  design
}

# constant: [u x 1], along which a kernel may have been centred.
settle_kernel <- function(own, constant, host) {
  decompose <- function(core) {
    cpp_decompose(core, NULL, constant, constant[, 1], NULL, NULL, "vectors", host)
  }
  settle_decomposition(own, decompose(own$core), decompose)
}

# Whether Cholesky's factor shows that no eigenvalue is to be taken for zero or refused, at a
# twentieth of the cost of the eigenvalues. None is above the largest sum of a row.
is_plain_kernel <- function(own, host) {
  x <- own$core$x
  largest <- max(rowSums(abs(x)))
  strict <- 32 * .Machine$double.eps * max(64, nrow(x)) * largest
  along <- sum(x) / nrow(x)  # what a kernel that was centred and rounded has of the constant
  if (along > strict && along <= 1e-6 * largest) return(FALSE)
  rounding <- own$core$rounding
  floor <- max(rounding[1], rounding[2] * largest, strict)
  # in sixteen digits what is zero need not be taken out
  cpp_has_eigenvalues_above(x, if (floor > strict) floor else -strict, host)
}

# What is said where eigenvalues that the decomposition can tell from zero count as zero.
#' @export
decomposition_note.kernel_design <- function(design, out) {
  n <- out$parts$n
  exact <- 32 * .Machine$double.eps * max(64, n) * out$largest
  rank <- length(out$parts$d)
  if (design$core$rounding[2] >= 0 || out$zero_bound <= 1.001 * exact || rank == n) return(NULL)
  if (rank == 0) return(NULL)
  paste0(
    "eigenvalues of ", backtick(design$label), " within ",
    format(out$zero_bound / out$largest, digits = 2), " of the largest count as zero",
    if (nzchar(design$stored)) paste0(", as its cells are stored ", design$stored),
    "; see `tol` of re()"
  )
}
