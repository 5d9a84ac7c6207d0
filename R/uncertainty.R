# What a fit knows of its parameters, and how it says so. `fit$uncertainty` is an object that an
# engine names in its line of the table; its class answers the verbs of this file, each of which is
# called with the fit. One file a class has the answers; what a class does not say is that of
# uncertainty-default.R: variances held at their estimates, and effects normal given these.
#
# An object of class c(class, "hdlmm_uncertainty"): list(criterion), "REML" or "ML", the likelihood
# that `fit$loglik` is of.
new_uncertainty <- function(class, criterion = "ML") {
  structure(list(criterion = criterion), class = c(class, "hdlmm_uncertainty"))
}

# Whether `loglik` is that of error contrasts.
is_restricted <- function(uncertainty) uncertainty$criterion == "REML"

# Degrees of freedom of the criterion of a fit.
criterion_df <- function(fit) {
  fit$dims$n - if (is_restricted(fit$uncertainty)) fit$dims$n_fixed else 0
}

# Of the uncertainty itself, before there is a fit ----------------------------------------

# Whether a response within the span of the fixed effects leaves a point.
is_point_when_exact <- function(uncertainty, fixed) UseMethod("is_point_when_exact")

# Whether estimates follow from the likelihood alone, so that its maximum must be one.
rests_on_likelihood <- function(uncertainty, prior) UseMethod("rests_on_likelihood")

# The uncertainty of a fit in closed form; see method-closed.R.
in_closed_form <- function(uncertainty) UseMethod("in_closed_form")

# Kinds -----------------------------------------------------------------------------------

# Whether the likelihood has its maximum at the estimates, so that there are tests, AIC and BIC.
at_maximum <- function(fit) UseMethod("at_maximum", fit$uncertainty)

# Whether variances have a distribution: estimates are its means, errors its deviations.
has_posterior <- function(fit) UseMethod("has_posterior", fit$uncertainty)

# Whether random effects have one of their own, not given estimates.
has_effect_posterior <- function(fit) UseMethod("has_effect_posterior", fit$uncertainty)

# Whether a fit is exact, so that others are judged by it.
is_reference <- function(fit) UseMethod("is_reference", fit$uncertainty)

# Whether the log evidence bounds the objective of a fit.
is_below_evidence <- function(fit) UseMethod("is_below_evidence", fit$uncertainty)

# Whether a fit has a bound of the evidence, see evidence_bound().
has_bound <- function(fit) UseMethod("has_bound", fit$uncertainty)

# Words -----------------------------------------------------------------------------------

# Named list of texts: method; criterion, what may be unbounded or have several modes; objective, of
# the curve over pve; curve, the same with what became of the rest; loglik; fixed, whose uncertainty
# their table shows; interval, of pve in a summary, and limits, the method of it; panel, the title
# of the plot over pve; compare, by what else than loo() the fit compares.
fit_words <- function(fit) UseMethod("fit_words", fit$uncertainty)

# Lines below the model's, on what stands in the place of the posterior; NULL for none.
describe_approximation <- function(fit) UseMethod("describe_approximation", fit$uncertainty)

# Where the estimate lies on the boundary of the parameters; NULL where it does not.
boundary_words <- function(fit) UseMethod("boundary_words", fit$uncertainty)

# Prints what a summary ends with.
print_evidence <- function(fit, digits) UseMethod("print_evidence", fit$uncertainty)

# Variances -------------------------------------------------------------------------------

# Covariance matrix of the estimated variances; NA where there is none.
variance_covariance <- function(fit) UseMethod("variance_covariance", fit$uncertainty)

# Variances and covariances as rows: data frame(grp, var1, var2, vcov, sdcor, se, se_sdcor,
# parameter, coefficient, size): se is of vcov, se_sdcor of the standard deviation or correlation,
# whose name in variance_kinds() is `parameter`; `size` is the expected sample variance of a term,
# NA where it is told in another row.
variance_rows <- function(fit) UseMethod("variance_rows", fit$uncertainty)

# Names and kinds of the parameters that are not fixed effects, see parameter_kinds().
variance_kinds <- function(fit) UseMethod("variance_kinds", fit$uncertainty)

# Shares of variance by name, and their standard errors and limits in the same order.
shares <- function(fit) UseMethod("shares", fit$uncertainty)

pve_se <- function(fit) UseMethod("pve_se", fit$uncertainty)

# [shares x 2] limits of pve; `exact`: by its finite-sample distribution.
pve_limits <- function(fit, level) UseMethod("pve_limits", fit$uncertainty)

exact_pve_limits <- function(fit, level, draws, seed) {
  UseMethod("exact_pve_limits", fit$uncertainty)
}

# Degrees of freedom that the residual variance divides a sum of squares by.
variance_df <- function(fit) UseMethod("variance_df", fit$uncertainty)

# Parameters, effects and rows ------------------------------------------------------------

# How limits of parameters of a kind are made, of "profile" and "wald": the first is what the fit
# itself stands for. None where parameters have a distribution, whose quantiles are the limits.
limit_methods <- function(fit, kind) UseMethod("limit_methods", fit$uncertainty)

# Limits of parameters of one kind, "fixed", "variance" or "pve", a row for each name; method: one
# of limit_methods(), or "own" where there is none.
parameter_limits <- function(fit, names, kind, level, method) {
  UseMethod("parameter_limits", fit$uncertainty)
}

# Degrees of freedom of the t-test of a contrast of the fixed effects that are not aliased.
contrast_df <- function(fit, contrast) UseMethod("contrast_df", fit$uncertainty)

# What counts the estimation of the variances, row_covariances(), NULL where none has to be counted;
# a fit that has no such theory stops, in the name of `what`.
small_sample <- function(fit, what) UseMethod("small_sample", fit$uncertainty)

# Standard errors of the random effects of a design, all of them or those `at`.
effect_se <- function(fit, design, at = NULL) UseMethod("effect_se", fit$uncertainty)

# Var(z'omega + x'beta | y) at rows [m].
mean_variance <- function(fit, rows, random) UseMethod("mean_variance", fit$uncertainty)

# Limits of that mean, whose estimate has this mean and variance [m], or of a new response [m x 2];
# asked: list(random, interval, level, weights).
row_limits <- function(fit, rows, mean, variance, asked) UseMethod("row_limits", fit$uncertainty)

# log density of responses y [m] at rows whose predictive distribution has this mean and variance.
row_log_densities <- function(fit, rows, mean, variance, y, asked) {
  UseMethod("row_log_densities", fit$uncertainty)
}

# Degrees of freedom of such limits.
row_df <- function(fit) UseMethod("row_df", fit$uncertainty)

# list(py, diagonal): P y and diag(P) for the covariance of y, in the user's units.
row_projection <- function(fit) UseMethod("row_projection", fit$uncertainty)

# Derivatives of the fitted values by the response [n].
leverages <- function(fit) UseMethod("leverages", fit$uncertainty)

# list(table, is_integrated, effective): leave-one-out predictions, see loo_table(), and effective
# numbers of parameters [n] where there are some.
loo_rows <- function(fit) UseMethod("loo_rows", fit$uncertainty)

# Draws -----------------------------------------------------------------------------------

# Draws of all parameters, an hdlmm_sample.
draw_sample <- function(fit, draws, with_beta) UseMethod("draw_sample", fit$uncertainty)

# list(value [m x draws], noise [draws]): z'omega + x'beta at rows, and variances of the noise.
draw_latent <- function(fit, rows, random, draws) UseMethod("draw_latent", fit$uncertainty)

# Draws of the variances in the units of the core: list(core, node [draws], tau2 [draws]); of
# several terms list(half [m x draws] half vectors of all S_k, sigma2 [draws]).
draw_nodes <- function(fit, draws) UseMethod("draw_nodes", fit$uncertainty)

# Curves ----------------------------------------------------------------------------------

# What a fit maximised over the rest, or the log density of pve, at each h in [0, 1].
profile_at <- function(fit, h) UseMethod("profile_at", fit$uncertainty)

# The objective of the core along phi, boundaries (infinite phi) included; NaN where there is none.
objective_curve <- function(fit, phi) UseMethod("objective_curve", fit$uncertainty)

# list(modes, boundary, pole): modes of the profile, the boundary that the highest lies on, and the
# pve where an unbounded one has no bound.
profile_modes <- function(fit) UseMethod("profile_modes", fit$uncertainty)

# Profiles of parameters by name, a data frame, see profile.hdlmm(); NULL where the profile is one
# over pve.
parameter_profiles <- function(fit, which, n) UseMethod("parameter_profiles", fit$uncertainty)

# The curve over pve to plot: list(curve = data frame pve, relative, .., is_density), or list(note);
# NULL where there is none and shares are shown with their limits.
share_panel <- function(fit, interval) UseMethod("share_panel", fit$uncertainty)

# list(x, y), the density of "pve" or of the variance of this name; NULL for none.
density_curve <- function(fit, name, n = 300) UseMethod("density_curve", fit$uncertainty)

# Evidence --------------------------------------------------------------------------------

# log p(y), at the estimates where parameters are estimated.
evidence_of <- function(fit) UseMethod("evidence_of", fit$uncertainty)

# The criterion "ML" or "REML" at the estimates, the scale of all variances included.
likelihood_at_estimate <- function(fit, criterion) {
  UseMethod("likelihood_at_estimate", fit$uncertainty)
}

# A lower bound of log p(y), what it falls short by, and the log p(y) that it bounds; an error that
# names `what` was asked for where there is no bound.
evidence_bound <- function(fit, what) UseMethod("evidence_bound", fit$uncertainty)

bound_gap <- function(fit, what) UseMethod("bound_gap", fit$uncertainty)

bounded_evidence <- function(fit) UseMethod("bounded_evidence", fit$uncertainty)

# A data frame of what fits without a maximum go by; NULL for the others.
own_criterion <- function(fit) UseMethod("own_criterion", fit$uncertainty)

# NULL where a likelihood at its maximum is no deviance.
fit_deviance <- function(fit) UseMethod("fit_deviance", fit$uncertainty)

# An error where there is no exact posterior.
require_posterior <- function(fit, what) UseMethod("require_posterior", fit$uncertainty)

# Fixed effects, some effects of a term, and points z'omega + x'beta at every node of a posterior:
# list(mean, sd) [index x nodes] for mixture_quantiles() and its like; see row_components().
fixed_at_nodes <- function(fit, index) UseMethod("fixed_at_nodes", fit$uncertainty)

effects_at_nodes <- function(fit, design, index) {
  UseMethod("effects_at_nodes", fit$uncertainty)
}

rows_at_nodes <- function(fit, rows, random, weights = NULL) {
  UseMethod("rows_at_nodes", fit$uncertainty)
}

# list(mean, sd, quantiles = function(p), density = function(n)) of a parameter of any kind but
# "fixed".
parameter_law <- function(fit, name, kind, fine) UseMethod("parameter_law", fit$uncertainty)

# log p(y) as it stands, flat and Jeffreys densities included, and log Bayes factors by name.
evidence_as_it_stands <- function(fit) UseMethod("evidence_as_it_stands", fit$uncertainty)

log_bayes_factors <- function(fit) UseMethod("log_bayes_factors", fit$uncertainty)

# Quantiles of pve and of the "random" or "residual" variance of a posterior, in the units of the
# core; `fine` is what fine_of() gives, where it is at hand.
share_quantiles <- function(fit, p, fine) UseMethod("share_quantiles", fit$uncertainty)

variance_quantiles <- function(fit, which, p, fine) {
  UseMethod("variance_quantiles", fit$uncertainty)
}

# Refits ----------------------------------------------------------------------------------

# Parameters of fits to responses drawn from this one, [draws x parameters].
bootstrap_values <- function(fit, draws, seed) UseMethod("bootstrap_values", fit$uncertainty)

# Tests of a term's variances, a data frame with a row a method; see test_random().
random_test <- function(fit, term, method, draws, seed) {
  UseMethod("random_test", fit$uncertainty)
}
