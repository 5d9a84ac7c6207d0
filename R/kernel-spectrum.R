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
