# A fit in closed form by a method whose fits have distributions: a design of zeros, or a response
# that the fixed effects explain, leaves a point. Its numbers are those of a likelihood, its words
# those of its method; see method-closed.R. A likelihood's or a mode's fit stays what it is.
new_closed <- function(uncertainty, class, terms = character()) {
  out <- new_uncertainty(c(class, "closed", terms), uncertainty$criterion)
  out$of <- uncertainty
  out
}

as_by_method <- function(fit) {
  fit$uncertainty <- fit$uncertainty$of
  fit
}

#' @exportS3Method
is_reference.closed <- function(fit) is_reference(as_by_method(fit))

#' @exportS3Method
fit_words.closed <- function(fit) {
  words <- fit_words(as_by_method(fit))
  words$panel <- NextMethod()$panel
  words
}

#' @exportS3Method
limit_methods.closed <- function(fit, kind) {
  if (is_one_variance(fit)) c("profile", "wald") else NextMethod()
}

#' @exportS3Method
parameter_limits.closed <- function(fit, names, kind, level, method) {
  if (!is_one_variance(fit)) return(NextMethod())
  profile_or_wald(fit, names, kind, level, method)
}

#' @exportS3Method
pve_limits.closed_posterior <- function(fit, level) {
  c(if (is_exact_fit(fit)) NA_real_ else 0, NA_real_)
}

#' @exportS3Method
own_criterion.closed_posterior <- function(fit) data.frame(log_evidence = evidence_of(fit))

#' @exportS3Method
has_bound.closed_variational <- function(fit) TRUE

#' @exportS3Method
evidence_bound.closed_variational <- function(fit, what) fit$loglik

#' @exportS3Method
bound_gap.closed_variational <- function(fit, what) 0

#' @exportS3Method
own_criterion.closed_variational <- function(fit) data.frame(elbo = fit$loglik)
