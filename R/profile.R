# The profiled criterion as a curve in h, and what is read off it.

#' Profile of the likelihood over the proportion of variance explained
#'
#' The criterion of the fit with everything but h = pve maximised out, over the whole interval
#' from 0 to 1.
#'
#' @param fitted a fit of [lmm()] with a random term.
#' @param n number of values of h in the table, beside 0, 1 and the modes.
#' @param x an object of class `"hdlmm_profile"`.
#' @param level level of the interval that `plot()` draws.
#' @param ... passed to [graphics::plot()]; ignored otherwise.
#' @return `profile()`: a list of class `"hdlmm_profile"`: `curve` (data frame with `pve` and
#'   `logLik`), `modes` (data frame of all local maxima, the highest first: `pve`, `logLik`,
#'   `where`), `unbounded` (`TRUE` when the criterion tends to infinity as pve tends to 1),
#'   `boundary` (`"none"`, `"random"`: the maximum is at pve = 0, `"residual"`: at pve = 1),
#'   `method`.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' profile(fit)
#' @importFrom stats profile
#' @export
profile.hdlmm <- function(fitted, n = 200, ...) {
  the_design(fitted, "profile()")
  check_number(n, "n", lower = 2, upper = 1e6, whole = TRUE)
  if (fitted$boundary == "exact") {
    abort("exact_fit", "the response is explained exactly: its likelihood has no profile.")
  }
  h <- sort(unique(c(seq(0, 1, length.out = n), fitted$modes$pve)))
  curve <- data.frame(pve = h, logLik = profile_at(fitted, h))
  structure(
    list(
      curve = curve[is.finite(curve$logLik), ], modes = fitted$modes,
      unbounded = fitted$is_unbounded, boundary = fitted$boundary, method = fitted$method
    ),
    class = "hdlmm_profile"
  )
}

#' @rdname profile.hdlmm
#' @export
print.hdlmm_profile <- function(x, ...) {
  cat(
    x$method, " profile over the proportion of variance explained, ", nrow(x$curve), " values\n",
    sep = ""
  )
  cat(
    counted(nrow(x$modes), "mode"), ", the highest ",
    switch(x$boundary, random = "at the boundary pve = 0", residual = "at the boundary pve = 1",
      "inside"
    ), ":\n", sep = ""
  )
  print(format(x$modes, digits = 6), row.names = FALSE)
  if (x$unbounded) cat("The criterion tends to infinity as pve tends to 1.\n")
  invisible(x)
}

#' @rdname profile.hdlmm
#' @export
plot.hdlmm_profile <- function(x, level = 0.95, ...) {
  relative <- x$curve$logLik - x$modes$logLik[1]
  cut <- -stats::qchisq(level, 1) / 2
  graphics::plot(
    x$curve$pve, relative, type = "l", xlab = "proportion of variance explained",
    ylab = paste("profile", x$method, "log-likelihood, less its maximum"),
    ylim = c(max(min(relative), 4 * cut), 0), ...
  )
  graphics::abline(h = cut, lty = 2, col = "grey50")
  graphics::points(x$modes$pve, x$modes$logLik - x$modes$logLik[1], pch = 19)
  invisible(x)
}

# phi = log(sigma_b^2 / sigma_e^2) inside <-> h.
log_ratio <- function(h, kappa) stats::qlogis(h) - log(kappa)

# Log-likelihood at each h in [0, 1].
profile_at <- function(fit, h) {
  system <- fit$internal$system
  value <- numeric(length(h))
  inside <- h > 0 & h < 1
  if (any(inside)) {
    value[inside] <- cpp_curve(system, fit$method, log_ratio(h[inside], system$kappa))$value
  }
  for (i in which(!inside)) value[i] <- criterion_at(fit, h[i], 1 - h[i])
  value + loglik_constant(fit$internal$fixed, fit$method)
}

# Profiled criterion of the core at a share, boundaries included.
criterion_at <- function(fit, h, nu) {
  e <- cpp_evaluate(fit$internal$system, h, nu)
  reml <- fit$method == "REML"
  n <- fit$dims$n - if (reml) fit$dims$n_fixed else 0
  log_det <- if (reml) e$log_det_restricted else e$log_det_v
  value <- -0.5 * (n * (log(2 * pi) + 1 + log(e$rss / n)) + log_det)
  if (is.nan(value)) -Inf else value
}

# Where the profile falls to `drop` below its maximum, left and right of every mode: the hull.
profile_pve_limits <- function(fit, level) {
  if (fit$boundary == "exact" || !is_likelihood_fit(fit)) return(c(NA_real_, NA_real_))
  if (is.infinite(fit$loglik)) return(c(NA_real_, 1))
  if (is.null(fit$grid)) return(c(0, NA_real_))
  drop <- stats::qchisq(level, 1) / 2
  system <- fit$internal$system
  floor <- fit$internal$value - drop  # in the units of the core: exact under changes of units
  gap <- function(phi) cpp_curve(system, fit$method, phi)$value - floor
  constant <- loglik_constant(fit$internal$fixed, fit$method)
  inside <- fit$modes$where == "interior"
  phi <- c(fit$grid$phi, log_ratio(fit$modes$pve[inside], system$kappa))
  above <- c(fit$grid$value, fit$modes$logLik[inside] - constant) - floor
  order <- order(phi)
  phi <- phi[order]
  above <- above[order]
  is_open <- c(criterion_at(fit, 0, 1) >= floor, above[length(above)] >= 0)
  c(
    if (is_open[1]) 0 else ratio_to_h(crossing(phi, above, gap, "first"), system$kappa),
    if (is_open[2]) 1 else ratio_to_h(crossing(phi, above, gap, "last"), system$kappa)
  )
}

ratio_to_h <- function(phi, kappa) stats::plogis(phi + log(kappa))

# First or last sign change of `above` on the grid, refined.
crossing <- function(phi, above, gap, side) {
  positive <- which(above >= 0)
  if (length(positive) == 0) return(if (side == "first") phi[1] else phi[length(phi)])
  i <- if (side == "first") positive[1] - 1 else positive[length(positive)]
  if (i < 1) return(phi[1])
  stats::uniroot(gap, phi[c(i, i + 1)], tol = 1e-9)$root
}
