#' Evidence and its variational bound
#'
#' `log_evidence = elbo + kl_gap`: the log evidence `log p(y)` is the evidence lower bound of a
#' variational fit plus the Kullback-Leibler divergence from the exact posterior to it.
#'
#' With estimated variances the divergence is
#' `1/2 (sum_B log|A_BB| - log|A|)`, `A = X'X / sigma_e^2 + I / sigma_b^2`, over the blocks B of
#' coefficients between which the variational posterior factorises: Hadamard's inequality for
#' single coefficients, Fischer's for blocks. It is computed from these determinants, not by
#' subtraction; it is zero when columns of different blocks are orthogonal, as for a grouping
#' factor, and when there is one block. Where columns correlate it can outweigh what the likelihood
#' gains by a random effect, and pve comes out near 0: the remarks of such a fit say so. Of a
#' fully variational fit the exact evidence is integrated numerically under its priors, and the
#' divergence is what the bound falls short of it.
#'
#' @param fit,object a fit of [lmm()]; for `elbo()` and `kl_gap()` one of method `"VB"`.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return One number. `elbo()`: the bound, constants included, so that it can be compared with
#'   `logLik()` of a fit by ML. `kl_gap()`: the divergence, 0 or more. `log_evidence()`:
#'   log p(y) at the estimates.
#' @section Errors: `elbo()` and `kl_gap()` stop with class `hdlmm_unsupported` for fits of other
#'   methods, which have no bound.
#' @references Jordan et al. (1999). An introduction to variational methods for graphical models.
#'   *Machine Learning* 37, 183-233. \doi{10.1023/A:1007665907178}
#' @examples
#' data(wheat)
#' fit <- lmm(yield1 ~ re(markers), data = wheat, subset = 1:100, method = "VB")
#' c(elbo(fit), kl_gap(fit), log_evidence(fit))
#' @name evidence
NULL

#' @rdname evidence
#' @export
elbo <- function(fit, ...) UseMethod("elbo")

#' @export
elbo.default <- function(fit, ...) check_fit(fit, "fit")

#' @rdname evidence
#' @export
elbo.hdlmm <- function(fit, ...) {
  check_dots()
  evidence_bound(fit, "elbo()")
}

#' @rdname evidence
#' @export
kl_gap <- function(fit, ...) UseMethod("kl_gap")

#' @export
kl_gap.default <- function(fit, ...) check_fit(fit, "fit")

#' @rdname evidence
#' @export
kl_gap.hdlmm <- function(fit, ...) {
  check_dots()
  bound_gap(fit, "kl_gap()")
}

#' @rdname evidence
#' @export
log_evidence <- function(object, ...) UseMethod("log_evidence")

#' @export
log_evidence.default <- function(object, ...) check_fit(object, "object")

#' @rdname evidence
#' @export
log_evidence.hdlmm <- function(object, ...) {
  check_dots()
  evidence_of(object)
}

stop_without_bound <- function(fit, what) {
  abort(
    "unsupported", what, " is for fits of method \"VB\", the only ones with a variational ",
    "bound; this one is by ", dQuote(fit$method, FALSE), ": see update(fit, method = \"VB\")."
  )
}
