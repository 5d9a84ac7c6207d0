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
#' With several random terms `X` has the columns of all of them, and `I / sigma_b^2` is block
#' diagonal with the inverses of their covariance matrices; see `blocks` of [lmm_control()]. Columns
#' of different terms correlate whenever factors are crossed, so the gap is zero where one block
#' holds all coefficients, or for one factor whose levels are the blocks.
#'
#' @param fit,object a fit of [lmm()]; for `elbo()` and `kl_gap()` one of method `"VB"`.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return One number. `elbo()`: the bound, constants included, so that it can be compared with
#'   `logLik()` of a fit by ML. `kl_gap()`: the divergence, 0 or more. `log_evidence()`:
#'   log p(y) at the estimates.
#' @section Errors: `elbo()` and `kl_gap()` stop with class `hdlmm_unsupported` for fits of other
#'   methods, which have no bound; `kl_gap()` and `log_evidence()` for a fully variational fit with
#'   more than two random terms or with blocks, whose exact evidence is not at hand.
#' @references Jordan et al. (1999). An introduction to variational methods for graphical models.
#'   *Machine Learning* 37, 183-233. \doi{10.1023/A:1007665907178}
#' @examples
#' data(wheat)
#' fit <- lmm(yield1 ~ re(markers), data = wheat, subset = 1:100, method = "VB")
#' c(elbo(fit), kl_gap(fit), log_evidence(fit))
#'
#' nested <- lmm(score ~ Machine + (1 | Worker / Machine), data = nlme::Machines, method = "VB")
#' c(elbo(nested), kl_gap(nested), log_evidence(nested))
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

# log p(y) under the prior of a fit, by quadrature whatever the method of the fit.
exact_log_evidence <- function(fit) {
  bad <- improper_parts(fit$prior, fit$dims$n_fixed)
  if (length(bad) > 0) stop_improper(bad, "the log evidence")
  evidence_as_it_stands(fit)
}

# The same with flat and Jeffreys densities taken as they stand.
integrated_evidence <- function(fit) {
  if (!is.null(fit$posterior$evidence)) return(fit$posterior$evidence)
  cache <- fit$internal$cache
  if (is.null(cache$evidence)) {
    problem <- problem_of(fit)
    prior <- internal_prior(problem)
    posterior <- integrate_posterior(problem, prior, fit$control)
    cache$evidence <- quadrature_evidence(problem, prior, posterior)
  }
  cache$evidence
}

#' Bayes factor of the random effects
#'
#' Evidence of the model with random effects over that of the model without them, under the priors
#' of the fit; with two random terms, for each of them against the model with the other one alone.
#' There the other term keeps its prior: of shares, the total random share has the same beta prior,
#' and of a Dirichlet prior what is left of it is one of the remaining shares. The priors of the
#' fixed effects, and of the residual or total variance, are common to both and may be improper.
#'
#' @param fit a fit of [lmm()] by `method = "Bayes"`.
#' @param log `TRUE` gives the natural logarithm.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A number: above one, the data speak for `sigma_b^2 > 0`; with two random terms one each,
#'   named by term.
#' @section Errors: `hdlmm_unsupported` for other methods; `hdlmm_improper_prior` when the prior of
#'   `sigma_b^2` itself is improper.
#' @references Kass and Raftery (1995). Bayes factors. *J. Am. Stat. Assoc.* 90, 773-795.
#'   \doi{10.1080/01621459.1995.10476572}
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
#' bayes_factor(fit, log = TRUE)
#' @export
bayes_factor <- function(fit, log = FALSE, ...) {
  check_dots()
  check_fit(fit)
  check_flag(log, "log")
  require_posterior(fit, "bayes_factor()")
  if ("random" %in% improper_parts(fit$prior)) stop_improper("random", "a Bayes factor")
  value <- log_bayes_factors(fit)
  if (log) value else exp(value)
}

or_missing <- function(value) {
  tryCatch(
    value, hdlmm_improper_prior = function(e) NA_real_, hdlmm_unsupported = function(e) NA_real_
  )
}
