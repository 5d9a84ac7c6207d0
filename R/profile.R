# The profiled criterion as a curve in h, and what is read off it.

#' Profile of the likelihood over the proportion of variance explained
#'
#' The criterion of the fit with everything but h = pve maximised out, over the whole interval
#' from 0 to 1: a log-likelihood, for MAP the log posterior density, for VB the evidence bound (not
#' under a prior of the variances). For Bayes fits it is the log posterior density of h, the rest
#' integrated out.
#'
#' @param fitted a fit of [lmm()] with a random term.
#' @param n number of values of h in the table, beside 0, 1 and the modes.
#' @param x an object of class `"hdlmm_profile"`.
#' @param level level of the interval that `plot()` draws.
#' @param digits significant digits.
#' @param ... for `plot()`: graphical parameters; nothing else.
#' @return `profile()`: a list of class `"hdlmm_profile"`: `curve` (data frame with `pve` and
#'   `logLik`), `modes` (data frame of all local maxima, the highest first: `pve`, `logLik`,
#'   `where`), `unbounded` (`TRUE` when the criterion tends to infinity as pve tends to 1, or the
#'   density of a Bayes fit at a boundary, where priors may put a pole),
#'   `boundary` (`"none"`, `"random"`: the maximum is at pve = 0, `"residual"`: at pve = 1),
#'   `method`.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' profile(fit)
#' @importFrom stats profile
#' @export
profile.hdlmm <- function(fitted, n = 200, ...) {
  check_dots()
  the_design(fitted, "profile()")
  check_number(n, "n", lower = 2, upper = 1e6, whole = TRUE)
  if (fitted$boundary == "exact") {
    abort("exact_fit", "the response is explained exactly: its likelihood has no profile.")
  }
  if (is_null_design(fitted) && !at_maximum(fitted)) {
    abort(
      "not_identified", "every column of ", backtick(fitted$designs[[1]]$label), " is zero: the ",
      "data say nothing of the proportion of variance explained, and there is no profile."
    )
  }
  modes <- value_or(fitted$modes, posterior_mode(fitted))
  h <- sort(unique(c(seq(0, 1, length.out = n), modes$pve)))
  curve <- data.frame(pve = h, logLik = profile_at(fitted, h))
  boundary <- switch(modes$where[1], `pve = 0` = "random", `pve = 1` = "residual", "none")
  structure(
    list(
      curve = curve[is.finite(curve$logLik), ], modes = modes,
      unbounded = fitted$is_unbounded || is.infinite(modes$logLik[1]),
      boundary = if (is_bayes(fitted)) boundary else fitted$boundary, method = fitted$method
    ),
    class = "hdlmm_profile"
  )
}

#' @rdname profile.hdlmm
#' @export
print.hdlmm_profile <- function(x, digits = 6, ...) {
  check_dots(print_settings)
  cat(
    capitalise(objective_words(x$method)), if (x$method != "Bayes") ", profiled", " over the ",
    "proportion of variance explained, ", nrow(x$curve), " values\n", sep = ""
  )
  cat(
    counted(nrow(x$modes), "mode"), ", the highest ",
    switch(x$boundary, random = "at the boundary pve = 0", residual = "at the boundary pve = 1",
      "inside"
    ), ":\n", sep = ""
  )
  print(format(x$modes, digits = digits), row.names = FALSE)
  if (x$unbounded) {
    at <- if (x$method == "Bayes" && x$boundary == "random") 0 else 1
    cat("The criterion tends to infinity as pve tends to ", at, ".\n", sep = "")
  }
  invisible(x)
}

#' @rdname profile.hdlmm
#' @export
plot.hdlmm_profile <- function(x, level = 0.95, ...) {
  check_dots(graphical_settings)
  curve <- x$curve[is.finite(x$curve$logLik), ]
  if (nrow(curve) < 2) abort("undefined", "the criterion is finite nowhere: there is no curve.")
  # a density without a maximum is drawn from its highest value in the table
  top <- if (is.finite(x$modes$logLik[1])) x$modes$logLik[1] else max(curve$logLik)
  relative <- curve$logLik - top
  cut <- -stats::qchisq(level, 1) / 2
  graphics::plot(
    curve$pve, relative, type = "l", xlab = "proportion of variance explained",
    ylab = paste(objective_words(x$method), "less its maximum"),
    ylim = c(max(min(relative), 4 * cut), 0), ...
  )
  graphics::abline(h = cut, lty = 2, col = "grey50")
  modes <- x$modes[is.finite(x$modes$logLik), ]
  graphics::points(modes$pve, modes$logLik - top, pch = 19)
  invisible(x)
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

# What a method maximises, in words.
objective_words <- function(method) {
  switch(method,
    REML = "restricted log-likelihood", ML = "log-likelihood", MAP = "log posterior density",
    VB = "evidence bound", Bayes = "log posterior density"
  )
}

# phi = log(sigma_b^2 / sigma_e^2) inside <-> h.
log_ratio <- function(h, kappa) stats::qlogis(h) - log(kappa)

# What a fit maximised over the rest, at each h in [0, 1]; for Bayes the log posterior density of h.
profile_at <- function(fit, h) {
  if (is_bayes(fit)) return(log_share_density(fit, h))
  constant <- loglik_constant(fit$internal$fixed, fit$method)
  objective_at(fit, log_ratio(h, fit$internal$system$kappa)) + constant
}

# The objective of the core along phi, boundaries (infinite phi) included.
objective_at <- function(fit, phi) {
  value <- switch(fit$method,
    MAP = posterior_at(fit, phi),
    VB = bound_at(fit, phi),
    likelihood_at(fit, phi)
  )
  value[is.nan(value)] <- -Inf
  value
}

likelihood_at <- function(fit, phi) {
  value <- numeric(length(phi))
  inside <- is.finite(phi)
  if (any(inside)) value[inside] <- curve_at(fit, phi[inside])$value
  for (i in which(!inside)) {
    value[i] <- criterion_at(fit, as.numeric(phi[i] > 0), as.numeric(phi[i] < 0))
  }
  value
}

bound_at <- function(fit, phi) {
  if (isTRUE(fit$q$is_full)) {
    abort(
      "unsupported", "a fully variational fit has no profile: its factors of the variances are in ",
      "summary(fit) and confint(fit)."
    )
  }
  problem <- problem_of(fit)
  columns <- vb_columns(problem, fit$control)
  cpp_bound_curve(problem$system, columns, phi, make_host(fit$control))$value
}

posterior_at <- function(fit, phi) curve_at(fit, phi)$value

# The curve of the core (value, slope, ...) of what REML, ML and MAP maximise, at finite phi: -Inf
# where it is not a number.
curve_at <- function(fit, phi) {
  curve <- if (fit$method == "MAP") {
    problem <- problem_of(fit)
    cpp_posterior_curve(problem$system, fit$internal$prior, prior_root(problem), phi)
  } else {
    cpp_curve(fit$internal$system, fit$method, phi)
  }
  if (anyNA(curve$value)) curve$value[is.nan(curve$value)] <- -Inf
  curve
}

# Log posterior density of pve, exact whatever drew the fit's own numbers.
log_share_density <- function(fit, h) {
  problem <- problem_of(fit)
  prior <- internal_prior(problem)
  target <- posterior_target(problem, prior, fit$control)
  inside <- h > 0 & h < 1
  out <- rep(-Inf, length(h))
  log_mass <- value_or(fit$posterior$evidence, integrated_evidence(fit))
  constant <- log_mass$log - log_mass$constant
  value <- evaluate_target(target, stats::qlogis(h[inside]))$log_density
  out[inside] <- value - log(h[inside]) - log1p(-h[inside]) - constant
  out
}

# Profiled criterion of the core at a share, boundaries included.
criterion_at <- function(fit, h, nu) {
  if (!fit$method %in% c("REML", "ML")) return(objective_at(fit, log(h) - log(nu)))
  e <- cpp_evaluate(fit$internal$system, h, nu)
  reml <- fit$method == "REML"
  n <- fit$dims$n - if (reml) fit$dims$n_fixed else 0
  log_det <- if (reml) e$log_det_restricted else e$log_det_v
  value <- -0.5 * (n * (log(2 * pi) + 1 + log(e$rss / n)) + log_det)
  if (is.nan(value)) -Inf else value
}

# Where the profile falls to half a quantile below its maximum, left and right of every mode: the
# hull.
profile_pve_limits <- function(fit, level) {
  if (fit$method == "VB") return(variational_share_limits(fit, level))
  if (fit$boundary == "exact") return(c(NA_real_, NA_real_))
  if (is.infinite(fit$loglik)) return(c(NA_real_, 1))
  if (is.null(fit$grid)) return(c(0, NA_real_))
  # in the units of the core: exact under changes of units
  floor <- fit$internal$value - stats::qchisq(level, 1) / 2
  curve <- known_curve(fit)
  has_mode_at_zero <- "pve = 0" %in% fit$modes$where
  if (fit$method == "MAP") {
    problem <- problem_of(fit)
    return(cpp_posterior_limits(
      problem$system, fit$internal$prior, prior_root(problem), curve, floor, has_mode_at_zero
    ))
  }
  cpp_profile_limits(fit$internal$system, fit$method, curve, floor, has_mode_at_zero)
}

# The criterion and its slope at the points of the search, then at the modes inside:
# list(phi, value, slope).
known_curve <- function(fit) {
  constant <- loglik_constant(fit$internal$fixed, fit$method)
  grid <- fit$grid
  at_modes <- log_ratio(fit$modes$pve, fit$internal$system$kappa)
  here <- seq_len(basin_size(grid$value, grid$phi > at_modes[1], fit$is_unbounded))
  modes <- which(fit$modes$where == "interior" & at_modes <= max(grid$phi[here]))
  list(
    phi = c(grid$phi[here], at_modes[modes]),
    value = c(grid$value[here], fit$modes$logLik[modes] - constant),
    slope = c(grid$slope[here], rep(0, length(modes)))
  )
}

ratio_to_h <- function(phi, kappa) stats::plogis(phi + log(kappa))
