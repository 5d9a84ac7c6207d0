# Nodes of a posterior of several random terms from draws of a Gibbs sampler, all of which are kept:
# fit$posterior$sample = list(half [m x draws], sigma2 [draws]), in the units of the core.

#' @exportS3Method
fit_words.several_gibbs <- function(fit) {
  utils::modifyList(NextMethod(), list(method = "Bayesian inference by Gibbs sampling"))
}

#' @exportS3Method
draw_nodes.several_gibbs <- function(fit, draws) {
  sample <- fit$posterior$sample
  at <- sample.int(length(sample$sigma2), draws, replace = TRUE)
  list(half = sample$half[, at, drop = FALSE], sigma2 = sample$sigma2[at])
}

#' @exportS3Method
parameter_law.several_gibbs <- function(fit, name, kind, fine) {
  drawn <- drawn_parameter(fit, name, kind)
  moments <- if (kind == "correlation") list(mean = mean(drawn), sd = stats::sd(drawn)) else
    fitted_moments(fit, name, kind)
  c(moments, list(
    quantiles = function(p) stats::quantile(drawn, p, names = FALSE),
    density = function(n) drawn_density(drawn, kind, n)
  ))
}

# All draws of a parameter in the user's units.
drawn_parameter <- function(fit, name, kind) {
  sample <- fit$posterior$sample
  own <- user_draws(fit, sample$half, sample$sigma2)
  if (kind == "pve") {
    label <- sub("^pve[.]", "", name)
    return(if (label %in% colnames(own$shares)) own$shares[, label] else rowSums(own$shares))
  }
  if (kind == "correlation") return(drawn_correlations(fit, own$variances)[, name])
  own$variances[, name]
}

# Kernel density on the whole line: of a log variance, the logit of a share, Fisher's z.
drawn_density <- function(drawn, kind, n) {
  scale <- switch(kind,
    pve = list(to = stats::qlogis, back = stats::plogis, slope = function(x) x * (1 - x)),
    variance = list(to = log, back = exp, slope = identity),
    correlation = list(to = atanh, back = tanh, slope = function(x) 1 - x^2),
    list(to = identity, back = identity, slope = function(x) 1)
  )
  smooth <- stats::density(scale$to(drawn), n = n)
  x <- scale$back(smooth$x)
  list(x = x, y = smooth$y / scale$slope(x))
}

#' @exportS3Method
evidence_as_it_stands.several_gibbs <- function(fit) stop_sampled_evidence("the log evidence")

#' @exportS3Method
log_bayes_factors.several_gibbs <- function(fit) stop_sampled_evidence("a Bayes factor")

stop_sampled_evidence <- function(what) {
  abort(
    "unsupported", what, " is not to be had from the draws of a sampler: with one or two random ",
    "terms of one variance each use algorithm = \"quadrature\"."
  )
}

#' @exportS3Method
print_evidence.several_gibbs <- function(fit, digits) print_diagnostics(fit)
