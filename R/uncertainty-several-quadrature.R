# Nodes of a posterior of two random terms by quadrature: distributions of variances and shares come
# from a finer grid, see quadrature-margins.R.

#' @exportS3Method
is_reference.several_quadrature <- function(fit) TRUE

#' @exportS3Method
draw_nodes.several_quadrature <- function(fit, draws) draw_fine_terms(fine_terms_of(fit), draws)

#' @exportS3Method
parameter_law.several_quadrature <- function(fit, name, kind, fine) {
  delayedAssign("margin", margin_of(fit, name, kind))
  to_user <- function(v) {
    if (kind == "pve") stats::plogis(v) else margin_user(fit, name, exp(v))
  }
  c(fitted_moments(fit, name, kind), list(
    quantiles = function(p) to_user(margin_quantiles(margin, p)),
    density = function(n) {
      ends <- margin_quantiles(margin, c(0.001, 0.999))
      x <- seq(to_user(ends[1]), to_user(ends[2]), length.out = n)
      v <- if (kind == "pve") stats::qlogis(x) else log(x / margin_user(fit, name, 1))
      y <- margin_density(margin, v) / (if (kind == "pve") x * (1 - x) else x)
      list(x = x, y = y)
    }
  ))
}

#' @exportS3Method
evidence_as_it_stands.several_quadrature <- function(fit) fit$posterior$evidence$log

#' @exportS3Method
log_bayes_factors.several_quadrature <- function(fit) {
  evidence <- fit$posterior$evidence
  evidence$log - evidence$log_without
}

# The finer grid of a fit, made once.
fine_terms_of <- function(fit) {
  cache <- fit$internal$cache
  if (is.null(cache$fine_terms)) {
    grid <- fit$posterior$grid
    cache$fine_terms <- fine_terms(grid$lattice, grid$target)
  }
  cache$fine_terms
}

margin_of <- function(fit, name, kind) {
  cache <- fit$internal$cache
  key <- paste("margin of", name)
  if (is.null(cache[[key]])) cache[[key]] <- new_margin(fit, name, kind)
  cache[[key]]
}

new_margin <- function(fit, name, kind) {
  fine <- fine_terms_of(fit)
  if (kind == "pve") {
    return(fine_margin(fine, "share", match(sub("^pve[.]", "", name), names(shares(fit)))))
  }
  k <- match(name, fit$parameters$name)
  if (is.na(fit$parameters$term[k])) fine_margin(fine, "residual") else
    fine_margin(fine, "random", k)
}

# A variance in the user's units.
margin_user <- function(fit, name, x) {
  one <- fit$parameters[match(name, fit$parameters$name), ]
  user_parameter(fit$internal$units, all_terms(fit), one, x)
}
