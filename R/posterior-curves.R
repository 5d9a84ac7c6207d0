# Densities of pve and of the variances under a posterior, and the mode of the first.

# Log posterior density of pve, exact whatever drew the fit's own numbers.
log_share_density <- function(fit, h) {
  problem <- problem_of(fit)
  prior <- internal_prior(problem)
  target <- posterior_target(problem, prior, fit$control)
  inside <- h > 0 & h < 1
  out <- rep(-Inf, length(h))
  log_mass <- integrated_evidence(fit)
  constant <- log_mass$log - log_mass$constant
  value <- evaluate_target(target, stats::qlogis(h[inside]))$log_density
  out[inside] <- value - log(h[inside]) - log1p(-h[inside]) - constant
  out
}

# The mode of the density of h, which is not that of log(h / (1 - h)).
posterior_mode <- function(fit) {
  x <- seq(-12, 12, by = 0.05)
  value <- log_share_density(fit, stats::plogis(x))
  best <- which.max(value)
  if (best %in% c(1, length(x))) {
    where <- if (best == 1) "pve = 0" else "pve = 1"
    # a density that tends to a limit is level so far out; one that does not goes on like a power
    slope <- diff(value[if (best == 1) c(21, 1) else length(x) - c(20, 0)])
    height <- if (slope > 0.05) Inf else value[best]
    return(data.frame(pve = as.numeric(best > 1), logLik = height, where = where))
  }
  refined <- local_maximum(
    function(at) log_share_density(fit, stats::plogis(at)), x[best + c(-1, 1)], 1e-8
  )
  data.frame(
    pve = stats::plogis(refined$maximum), logLik = refined$objective, where = "interior"
  )
}

# Posterior density of pve on the window that matters: data frame pve, relative (the density).
share_curve <- function(fit, n = 301) {
  window <- share_quantiles(fit, c(0.0005, 0.9995))
  window <- pmin(1, pmax(0, window + c(-0.1, 0.1) * diff(window)))
  h <- seq(window[1], window[2], length.out = n + 2)[seq_len(n) + 1]
  data.frame(pve = h, relative = exp(log_share_density(fit, h)))
}

# list(x, y) of the marginal density of pve or a variance by quadrature.
fine_curve <- function(fit, name, n) {
  posterior <- fit$posterior
  if (name == "pve") {
    curve <- share_curve(fit, n)
    return(list(x = curve$pve, y = curve$relative))
  }
  fine <- fine_of(fit)
  role <- variance_role(name)
  range <- variance_quantiles(fit, role, c(0.001, 0.999), fine)
  x <- seq(range[1], range[2], length.out = n)
  y <- vapply(log(x), function(s) {
    log_variance_law(fine, role, posterior$kappa, s)[["density"]]
  }, 0) / x
  variance_curve(fit, name, x, y)
}

# Kernel density of draws, on the whole line: of log(h / (1 - h)) or of the log variance. The first
# from both variances, as h has no digits near 1.
sample_curve <- function(fit, name, n) {
  logs <- lapply(fit$posterior$sample[c("random", "residual")], log)
  if (name != "pve") {
    smooth <- stats::density(logs[[variance_role(name)]], n = n)
    return(variance_curve(fit, name, exp(smooth$x), smooth$y / exp(smooth$x)))
  }
  smooth <- stats::density(log(fit$posterior$kappa) + logs$random - logs$residual, n = n)
  h <- stats::plogis(smooth$x)
  list(x = h, y = smooth$y / (h * stats::plogis(-smooth$x)))
}

# A density of a variance in the user's units.
variance_curve <- function(fit, name, x, y) {
  units <- fit$internal$units
  list(x = user_variance(units, x, name), y = user_variance_density(units, y, name))
}
