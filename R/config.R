#' What hdlmm computes with
#'
#' The dense kernels of hdlmm (Gram matrices, reductions) are its own: compiled for several
#' instruction sets, of which the best that the processor has is chosen at run time, so that they
#' do not depend on R's BLAS. Eigenvectors, where they are needed, come from R's LAPACK, or from
#' hdlmm itself when R runs on the reference BLAS.
#'
#' The option `hdlmm.kernels` (`"portable"`, `"avx2"` or `"avx512"`) forces a lower level, for tests
#' and for numbers that are the same to the last bit on different processors.
#'
#' @param x an object of class `"hdlmm_config"`.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A list of class `"hdlmm_config"`: `version`, `kernels` (in use), `best` (that the
#'   processor has), `threads` (by default), `eigenvectors` (`"LAPACK"` or `"hdlmm"`), `blas` and
#'   `lapack` (file names).
#' @section Errors: `hdlmm_bad_input` when the option `hdlmm.kernels` is none of the above.
#' @examples
#' hdlmm_config()
#'
#' old <- options(hdlmm.kernels = "portable")
#' hdlmm_config()$kernels
#' options(old)
#' @export
hdlmm_config <- function(...) {
  check_dots()
  host <- make_host(lmm_control())
  levels <- cpp_kernel_levels(host)
  structure(
    list(
      version = as.character(utils::packageVersion("hdlmm")), kernels = levels[["used"]],
      best = levels[["best"]], threads = host$threads,
      eigenvectors = if (host$own_eigenvectors) "hdlmm" else "LAPACK",
      blas = basename(extSoftVersion()[["BLAS"]]), lapack = basename(La_library())
    ),
    class = "hdlmm_config"
  )
}

#' @rdname hdlmm_config
#' @export
print.hdlmm_config <- function(x, ...) {
  check_dots(print_settings)
  best <- if (x$best == x$kernels) "the best of this processor" else
    paste0("forced; this processor has ", x$best)
  known <- function(name) if (nzchar(name)) name else "unknown"
  cat(
    "hdlmm ", x$version, "\n",
    "  kernels       ", x$kernels, " (", best, ")\n",
    "  threads       ", x$threads, " by default; see lmm_control()\n",
    "  eigenvectors  by ", x$eigenvectors, "\n",
    "  LAPACK        ", known(x$lapack), "\n",
    "  BLAS          ", known(x$blas), "\n", sep = ""
  )
  invisible(x)
}
