# What holds unless a class of uncertainty says otherwise: variances are held at their estimates,
# random effects are normal given these, and nothing is at a maximum. A new method of inference
# begins here.

#' @exportS3Method
is_point_when_exact.hdlmm_uncertainty <- function(uncertainty, fixed) TRUE

#' @exportS3Method
rests_on_likelihood.hdlmm_uncertainty <- function(uncertainty, prior) FALSE

#' @exportS3Method
in_closed_form.hdlmm_uncertainty <- function(uncertainty) uncertainty

#' @exportS3Method
at_maximum.hdlmm_uncertainty <- function(fit) FALSE

#' @exportS3Method
has_posterior.hdlmm_uncertainty <- function(fit) FALSE

#' @exportS3Method
has_effect_posterior.hdlmm_uncertainty <- function(fit) FALSE

#' @exportS3Method
is_reference.hdlmm_uncertainty <- function(fit) FALSE

#' @exportS3Method
is_below_evidence.hdlmm_uncertainty <- function(fit) FALSE

#' @exportS3Method
has_bound.hdlmm_uncertainty <- function(fit) FALSE

#' @exportS3Method
fit_words.hdlmm_uncertainty <- function(fit) {
  list(
    method = paste("method", dQuote(fit$method, FALSE)), criterion = "objective",
    objective = "objective", curve = "objective, profiled",
    loglik = "log-likelihood at the estimates ",
    fixed = "estimates; standard errors given the variances", interval = "profile",
    limits = "profile",
    panel = paste0("Profile of pve (", fit$method, ")"), compare = ""
  )
}

#' @exportS3Method
describe_approximation.hdlmm_uncertainty <- function(fit) NULL

#' @exportS3Method
print_evidence.hdlmm_uncertainty <- function(fit, digits) invisible()

#' @exportS3Method
variance_covariance.hdlmm_uncertainty <- function(fit) information_covariance(fit)

#' @exportS3Method
pve_se.hdlmm_uncertainty <- function(fit) information_pve_se(fit)

#' @exportS3Method
pve_limits.hdlmm_uncertainty <- function(fit, level) c(NA_real_, NA_real_)

#' @exportS3Method
exact_pve_limits.hdlmm_uncertainty <- function(fit, level, draws, seed) {
  require_likelihood(fit, "the exact interval")
}

#' @exportS3Method
variance_df.hdlmm_uncertainty <- function(fit) criterion_df(fit)

#' @exportS3Method
limit_methods.hdlmm_uncertainty <- function(fit, kind) "wald"

#' @exportS3Method
parameter_limits.hdlmm_uncertainty <- function(fit, names, kind, level, method) {
  profile_or_wald(fit, names, kind, level, method)
}

#' @exportS3Method
contrast_df.hdlmm_uncertainty <- function(fit, contrast) Inf

#' @exportS3Method
small_sample.hdlmm_uncertainty <- function(fit, what) {
  abort("unsupported", what, " are for REML fits; this one is by ", fit_words(fit)$method, ".")
}

#' @exportS3Method
effect_se.hdlmm_uncertainty <- function(fit, design, at = NULL) {
  if (is.null(at)) held_effect_se(fit, design) else held_effect_se_at(fit, design, at)
}

#' @exportS3Method
mean_variance.hdlmm_uncertainty <- function(fit, rows, random) held_variance(fit, rows, random)

#' @exportS3Method
row_limits.hdlmm_uncertainty <- function(fit, rows, mean, variance, asked) {
  symmetric_limits(fit, rows, mean, variance, asked)
}

#' @exportS3Method
row_log_densities.hdlmm_uncertainty <- function(fit, rows, mean, variance, y, asked) {
  sd <- sqrt(variance)
  stats::dt((y - mean) / sd, asked$df, log = TRUE) - log(sd)
}

#' @exportS3Method
row_df.hdlmm_uncertainty <- function(fit) Inf

#' @exportS3Method
loo_rows.hdlmm_uncertainty <- function(fit) {
  table <- held_loo(fit)
  list(table = table, is_integrated = FALSE, effective = effective_rows(fit, table))
}

#' @exportS3Method
draw_sample.hdlmm_uncertainty <- function(fit, draws, with_beta) {
  node_sample(fit, draws, with_beta)
}

#' @exportS3Method
draw_latent.hdlmm_uncertainty <- function(fit, rows, random, draws) {
  node_latent(fit, rows, random, draws)
}

#' @exportS3Method
draw_nodes.hdlmm_uncertainty <- function(fit, draws) held_nodes(fit, draws)

#' @exportS3Method
profile_at.hdlmm_uncertainty <- function(fit, h) {
  constant <- loglik_constant(fit$internal$fixed, fit$uncertainty$criterion)
  objective_at(fit, log_ratio(h, fit$internal$system$kappa)) + constant
}

#' @exportS3Method
objective_curve.hdlmm_uncertainty <- function(fit, phi) {
  abort("unsupported", "a fit by method ", dQuote(fit$method, FALSE), " has no profile.")
}

#' @exportS3Method
parameter_profiles.hdlmm_uncertainty <- function(fit, which, n) NULL

#' @exportS3Method
profile_modes.hdlmm_uncertainty <- function(fit) {
  list(modes = fit$modes, boundary = fit$boundary, pole = 1)
}

#' @exportS3Method
share_panel.hdlmm_uncertainty <- function(fit, interval) {
  list(note = paste("A fit by method", dQuote(fit$method, FALSE), "has no profile."))
}

#' @exportS3Method
density_curve.hdlmm_uncertainty <- function(fit, name, n = 300) NULL

#' @exportS3Method
evidence_of.hdlmm_uncertainty <- function(fit) as.numeric(logLik.hdlmm(fit, REML = FALSE))

#' @exportS3Method
evidence_bound.hdlmm_uncertainty <- function(fit, what) stop_without_bound(fit, what)

#' @exportS3Method
bound_gap.hdlmm_uncertainty <- function(fit, what) stop_without_bound(fit, what)

#' @exportS3Method
bounded_evidence.hdlmm_uncertainty <- function(fit) fit$loglik

#' @exportS3Method
own_criterion.hdlmm_uncertainty <- function(fit) NULL

#' @exportS3Method
fit_deviance.hdlmm_uncertainty <- function(fit) NULL

#' @exportS3Method
require_posterior.hdlmm_uncertainty <- function(fit, what) {
  abort("unsupported", what, " needs a fit by method = \"Bayes\".")
}

#' @exportS3Method
fixed_at_nodes.hdlmm_uncertainty <- function(fit, index) {
  require_posterior(fit, "a posterior of fixed effects")
}

#' @exportS3Method
effects_at_nodes.hdlmm_uncertainty <- function(fit, design, index) {
  require_posterior(fit, "a posterior of random effects")
}

#' @exportS3Method
rows_at_nodes.hdlmm_uncertainty <- function(fit, rows, random, weights = NULL) {
  require_posterior(fit, "a posterior of rows")
}

#' @exportS3Method
parameter_law.hdlmm_uncertainty <- function(fit, name, kind, fine) {
  require_posterior(fit, "a posterior of a variance")
}

#' @exportS3Method
evidence_as_it_stands.hdlmm_uncertainty <- function(fit) {
  require_posterior(fit, "an integrated evidence")
}

#' @exportS3Method
log_bayes_factors.hdlmm_uncertainty <- function(fit) require_posterior(fit, "a Bayes factor")

#' @exportS3Method
share_quantiles.hdlmm_uncertainty <- function(fit, p, fine) {
  require_posterior(fit, "a quantile of pve")
}

#' @exportS3Method
variance_quantiles.hdlmm_uncertainty <- function(fit, which, p, fine) {
  require_posterior(fit, "a quantile of a variance")
}

#' @exportS3Method
boundary_words.hdlmm_uncertainty <- function(fit) one_boundary_words(fit)

#' @exportS3Method
variance_rows.hdlmm_uncertainty <- function(fit) one_variance_rows(fit)

#' @exportS3Method
variance_kinds.hdlmm_uncertainty <- function(fit) {
  c(
    stats::setNames(rep("variance", length(fit$variances)), names(fit$variances)),
    if (has_random(fit)) c(pve = "pve")
  )
}

#' @exportS3Method
shares.hdlmm_uncertainty <- function(fit) fit$pve

#' @exportS3Method
row_projection.hdlmm_uncertainty <- function(fit) projection_user(fit)

#' @exportS3Method
leverages.hdlmm_uncertainty <- function(fit) {
  # the scale cancels; at nu = 0 the limit is wanted, not 0 times infinity
  nu <- max(fit$internal$share$nu, 1e-200)
  1 - nu * projection_inside(fit, nu)$diagonal
}

#' @exportS3Method
likelihood_at_estimate.hdlmm_uncertainty <- function(fit, criterion) {
  held_criterion(fit, criterion)
}

#' @exportS3Method
bootstrap_values.hdlmm_uncertainty <- function(fit, draws, seed) bootstrap_one(fit, draws, seed)

#' @exportS3Method
random_test.hdlmm_uncertainty <- function(fit, term, method, draws, seed) {
  test_one_variance(fit, method, draws, seed)
}
