# Nodes of a posterior by quadrature: distribution functions come from a finer grid, see
# posterior-fine.R.

#' @exportS3Method
is_reference.quadrature <- function(fit) TRUE

#' @exportS3Method
draw_nodes.quadrature <- function(fit, draws) {
  drawn <- draw_fine(fine_of(fit), draws)
  posterior_nodes(fit, stats::plogis(drawn$x), stats::plogis(-drawn$x), drawn$tau2)
}

#' @exportS3Method
share_quantiles.quadrature <- function(fit, p, fine = fine_of(fit)) fine_share_quantiles(fine, p)

#' @exportS3Method
variance_quantiles.quadrature <- function(fit, which, p, fine = fine_of(fit)) {
  fine_variance_quantiles(fine, which, fit$posterior$kappa, p)
}

#' @exportS3Method
density_curve.quadrature <- function(fit, name, n = 300) fine_curve(fit, name, n)
