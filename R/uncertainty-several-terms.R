# Maximum likelihood, restricted or not, with several random terms or with blocks of coefficients
# that covary: everything is said with the covariances held at their estimates, whose own
# uncertainty is that of the information.

#' @exportS3Method
fit_words.several_terms <- function(fit) {
  utils::modifyList(NextMethod(), list(
    # a profile costs fits: it waits until it is asked for by pve() or confint()
    interval = "Wald", limits = "wald", panel = "Proportions of variance"
  ))
}

#' @exportS3Method
boundary_words.several_terms <- function(fit) {
  if (is_exact_fit(fit)) return(one_boundary_words(fit))
  c(
    unlist(lapply(setdiff(fit$boundary, "Residual"), function(label) {
      rank <- fit$rank[[label]]
      r <- nrow(fit$covariances[[label]])
      if (rank == 0) {
        what <- if (r == 1) "variance" else "covariance matrix"
        return(paste0("Singular fit: the ", what, " of ", backtick(label), " is exactly 0."))
      }
      paste0(
        "Singular fit: the ", r, " x ", r, " covariance matrix of ", backtick(label), " has rank ",
        rank, if (r == 2) singular_words(fit$covariances[[label]]), "."
      )
    })),
    if ("Residual" %in% fit$boundary) paste0(
      "Singular fit: the residual variance is 0 to rounding, the random terms and the fixed ",
      "effects explain every row."
    )
  )
}

# Why a 2 x 2 matrix of rank one is singular.
singular_words <- function(sigma) {
  if (any(diagonal(sigma) == 0)) return(", a variance of 0")
  paste0(", a correlation of ", if (sigma[2, 1] < 0) "-1" else "1")
}

#' @exportS3Method
variance_covariance.several_terms <- function(fit) terms_variance_covariance(fit)

#' @exportS3Method
variance_rows.several_terms <- function(fit) terms_variance_rows(fit)

#' @exportS3Method
variance_kinds.several_terms <- function(fit) {
  terms_variance_kinds(fit)
}

#' @exportS3Method
shares.several_terms <- function(fit) terms_shares(fit)

#' @exportS3Method
pve_se.several_terms <- function(fit) terms_share_se(fit)

#' @exportS3Method
pve_limits.several_terms <- function(fit, level) {
  profile_terms_limits(fit, paste0("pve.", names(shares(fit))), "pve", level)
}

#' @exportS3Method
exact_pve_limits.several_terms <- function(fit, level, draws, seed) {
  stop_of_several("the exact interval", "; confint(fit, method = \"boot\") simulates")
}

#' @exportS3Method
limit_methods.several_terms <- function(fit, kind) c("profile", "wald")

#' @exportS3Method
parameter_limits.several_terms <- function(fit, names, kind, level, method) {
  switch(method,
    wald = limits_by_name(names, function(name) terms_wald_limits(fit, name, kind, level)),
    profile_terms_limits(fit, names, kind, level)
  )
}

#' @exportS3Method
contrast_df.several_terms <- function(fit, contrast) terms_satterthwaite(fit, contrast)

#' @exportS3Method
effect_se.several_terms <- function(fit, design, at = NULL) {
  se <- terms_effect_se(fit, design)
  if (is.null(at)) se else se[at]
}

#' @exportS3Method
mean_variance.several_terms <- function(fit, rows, random) {
  labels <- used_labels(fit, random)
  if (length(labels) == 0) return(fixed_variance(fit, rows$z))
  terms_variance(with_terms(fit, labels), rows)
}

#' @exportS3Method
row_projection.several_terms <- function(fit) terms_projection(fit)

#' @exportS3Method
leverages.several_terms <- function(fit) 1 - terms_leverages(fit)

#' @exportS3Method
draw_sample.several_terms <- function(fit, draws, with_beta) terms_sample(fit, draws, with_beta)

#' @exportS3Method
draw_latent.several_terms <- function(fit, rows, random, draws) {
  terms_latent(fit, rows, random, draws)
}

#' @exportS3Method
draw_nodes.several_terms <- function(fit, draws) stop_of_several("a posterior along one variance")

#' @exportS3Method
profile_at.several_terms <- function(fit, h) stop_of_several("the profile over pve")

#' @exportS3Method
objective_curve.several_terms <- function(fit, phi) stop_of_several("the profile over pve")

#' @exportS3Method
profile_modes.several_terms <- function(fit) {
  stop_of_several("the profile over pve", "; profile(fit) has those of every parameter")
}

#' @exportS3Method
parameter_profiles.several_terms <- function(fit, which, n) terms_profiles(fit, which, n)

#' @exportS3Method
share_panel.several_terms <- function(fit, interval) NULL

#' @exportS3Method
likelihood_at_estimate.several_terms <- function(fit, criterion) {
  terms_criterion(fit, criterion) + loglik_constant(fit$internal$fixed, criterion)
}

#' @exportS3Method
bootstrap_values.several_terms <- function(fit, draws, seed) bootstrap_terms(fit, draws, seed)

#' @exportS3Method
random_test.several_terms <- function(fit, term, method, draws, seed) {
  test_one_of_several(fit, term, method, draws, seed)
}
