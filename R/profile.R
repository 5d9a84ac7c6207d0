# The profiled criterion as a curve in h, and what is read off it.

#' Profile of the likelihood
#'
#' With one random term the profile is over the proportion of variance explained, with several of
#' them there is one of each parameter.
#'
#' The criterion of the fit with everything but h = pve maximised out, over the whole interval
#' from 0 to 1: a log-likelihood, for MAP the log posterior density, for VB the evidence bound (not
#' under a prior of the variances). For Bayes fits it is the log posterior density of h, the rest
#' integrated out.
#'
#' With several random terms, or with a block of coefficients that covary, `profile()` follows each
#' parameter from its estimate until twice the log-likelihood has fallen by the 99.5 % quantile of
#' chi-square with one degree of freedom, or to the end of its range; see [confint.hdlmm()] for what
#' is maximised. `plot()` and `autoplot()` draw a panel a parameter, shaded inside the interval.
#' Fits by MAP and VB have no such profiles.
#'
#' @param fitted a fit of [lmm()] with a random term.
#' @param n number of values of h in the table, beside 0, 1 and the modes (200 of them); with
#'   several random terms about the number of values of every parameter (20).
#' @param which with several random terms: parameters by name or number as in [confint.hdlmm()], or
#'   `"beta_"` and `"theta_"`; every variance and correlation when missing.
#' @param x,object an object of class `"hdlmm_profile"` or `"hdlmm_profiles"`.
#' @param level level of the interval that pictures show.
#' @param digits significant digits.
#' @param ... for `plot()`: graphical parameters; nothing else.
#' @return `profile()`: a list of class `"hdlmm_profile"`: `curve` (data frame with `pve` and
#'   `logLik`), `modes` (data frame of all local maxima, the highest first: `pve`, `logLik`,
#'   `where`), `unbounded` (`TRUE` when the criterion tends to infinity as pve tends to 1, or the
#'   density of a Bayes fit at a boundary, where priors may put a pole),
#'   `boundary` (`"none"`, `"random"`: the maximum is at pve = 0, `"residual"`: at pve = 1),
#'   `method`. With several random terms: a data frame of class `"hdlmm_profiles"` with columns
#'   `parameter`, `value`, `root`, the square root of twice what the log-likelihood loses, with the
#'   sign of value less estimate (lme4's `.zeta`), and `relative`, the log-likelihood less its
#'   maximum. An error of class `hdlmm_unsupported` by MAP
#'   and VB.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' profile(fit)
#' slopes <- lmm(height ~ age + (age | Subject), data = nlme::Oxboys)
#' plot(profile(slopes))
#' @importFrom stats profile
#' @export
profile.hdlmm <- function(fitted, n = NULL, which = NULL, ...) {
  check_dots()
  require_random(fitted, "profile()")
  if (!is.null(n)) check_number(n, "n", lower = 2, upper = 1e6, whole = TRUE)
  if (is_exact_fit(fitted)) {
    abort("exact_fit", "the response is explained exactly: its likelihood has no profile.")
  }
  if (is_null_design(fitted) && !at_maximum(fitted)) {
    abort(
      "not_identified", "every column of ", enumerate(backtick(term_labels(fitted))), " is zero: ",
      "the data say nothing of the proportion of variance explained, and there is no profile."
    )
  }
  curves <- parameter_profiles(fitted, which, n)
  if (!is.null(curves)) return(curves)
  if (!is.null(which)) bad_input("`which` is for fits with several random terms.")
  share_profile(fitted, if (is.null(n)) 200 else n)
}

# The curve over pve at n values and the modes.
share_profile <- function(fitted, n) {
  at <- profile_modes(fitted)
  modes <- at$modes
  h <- sort(unique(c(seq(0, 1, length.out = n), modes$pve)))
  curve <- data.frame(pve = h, logLik = profile_at(fitted, h))
  structure(
    list(
      curve = curve[is.finite(curve$logLik), ], modes = modes,
      unbounded = fitted$is_unbounded || is.infinite(modes$logLik[1]),
      boundary = at$boundary, method = fitted$method
    ),
    class = "hdlmm_profile", words = fit_words(fitted), pole = at$pole
  )
}

#' @rdname profile.hdlmm
#' @export
print.hdlmm_profile <- function(x, digits = 6, ...) {
  check_dots(print_settings)
  cat(
    capitalise(attr(x, "words")$curve), " over the proportion of variance explained, ",
    nrow(x$curve), " values\n", sep = ""
  )
  cat(
    counted(nrow(x$modes), "mode"), ", the highest ",
    switch(x$boundary, random = "at the boundary pve = 0", residual = "at the boundary pve = 1",
      "inside"
    ), ":\n", sep = ""
  )
  print(format(x$modes, digits = digits), row.names = FALSE)
  if (x$unbounded) {
    cat("The criterion tends to infinity as pve tends to ", attr(x, "pole"), ".\n", sep = "")
  }
  invisible(x)
}

# Where the profile falls to half a quantile below its maximum, left and right of every mode: the
# hull. search: what finds them between points of the curve, a function of known_curve(), of the
# value fallen to and of whether there is a mode at pve = 0.
profile_pve_limits <- function(fit, level, search) {
  if (is_exact_fit(fit)) return(c(NA_real_, NA_real_))
  if (is.infinite(fit$loglik)) return(c(NA_real_, 1))
  if (is.null(fit$grid)) return(c(0, NA_real_))
  # in the units of the core: exact under changes of units
  floor <- fit$internal$value - stats::qchisq(level, 1) / 2
  search(known_curve(fit), floor, "pve = 0" %in% fit$modes$where)
}
