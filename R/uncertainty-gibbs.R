# Nodes of a posterior from draws of a Gibbs sampler, which are kept.

#' @exportS3Method
fit_words.gibbs <- function(fit) {
  utils::modifyList(NextMethod(), list(method = "Bayesian inference by Gibbs sampling"))
}

#' @exportS3Method
draw_nodes.gibbs <- function(fit, draws) {
  posterior <- fit$posterior
  at <- sample.int(length(posterior$sample$pve), draws, replace = TRUE)
  random <- posterior$kappa * posterior$sample$random[at]
  residual <- posterior$sample$residual[at]
  tau2 <- random + residual
  posterior_nodes(fit, random / tau2, residual / tau2, tau2)
}

#' @exportS3Method
share_quantiles.gibbs <- function(fit, p, fine) {
  stats::quantile(fit$posterior$sample$pve, p, names = FALSE)
}

#' @exportS3Method
variance_quantiles.gibbs <- function(fit, which, p, fine) {
  stats::quantile(fit$posterior$sample[[which]], p, names = FALSE)
}

#' @exportS3Method
density_curve.gibbs <- function(fit, name, n = 300) sample_curve(fit, name, n)
