#' Confidence intervals
#'
#' Intervals for fixed effects, variances and the proportion of variance explained.
#'
#' `"profile"`: every other parameter is maximised out. For variances and `pve` the criterion is
#' that of the fit; for fixed effects it is always the marginal likelihood (a restricted
#' likelihood is no function of them), maximised over both variances anew at every value.
#' `"wald"`: t with Satterthwaite's degrees of freedom for fixed effects, normal on the log scale
#' for variances and on the logit scale for pve (`NA` at boundaries). `"boot"`: percentiles of a
#' parametric bootstrap on the fit's own decomposition. `"exact"`: for pve only, see [pve()].
#' MAP fits have a profile of `pve` (with one random term of one variance), else Wald limits; VB
#' fits Wald limits of fixed effects. Posteriors and fully variational fits have quantiles, and no
#' choice of a method. A method that a fit does not have is an error, and not replaced by another.
#' For OLS fits fixed effects have the usual t intervals and the residual variance its chi-square
#' interval under every method but `"boot"`.
#'
#' With several random terms there are limits of every variance and covariance of [varcomp()], of
#' the correlations, `"cor."` before the name of the covariance, and of the shares, `"pve."` before
#' the name of the term or `total`. A variance of 0 takes the covariances of its block with it, so
#' that profile intervals of a slope's variance cover a true 0 less often than they say (95 % ones
#' nine times in ten beside a correlated intercept), and leaves the correlation free: where it is
#' within its interval, the limits of the correlation are -1 and 1, and `NA` where it is the
#' estimate. Wald limits of correlations are made on Fisher's scale, those of covariances are
#' symmetric.
#'
#' @param object a fit of [lmm()].
#' @param parm names or numbers of parameters: fixed effects, then variances (as in
#'   [varcomp()]), then `"pve"`; also `"beta_"` for all fixed effects and `"theta_"` for the
#'   rest. All when missing.
#' @param level confidence level in (0, 1).
#' @param method `"profile"`, `"wald"`, `"boot"` or `"exact"`; when missing, by profile what has
#'   one and the rest by what the fit has, see below.
#' @param draws,seed bootstrap or exact-null draws and their seed; the defaults are those of the
#'   fit's [lmm_control()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @section Errors: `hdlmm_unsupported`: a method that the fit does not have for one of the
#'   parameters; `hdlmm_bad_input`.
#' @return A matrix with one row a parameter and columns named like `2.5 %`, `97.5 %`.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' confint(fit)
#' confint(fit, "beta_", method = "wald")
#' @export
confint.hdlmm <- function(object, parm, level = 0.95,
                          method = c("profile", "wald", "boot", "exact"), draws = NULL,
                          seed = NULL, ...) {
  check_dots()
  parm <- if (missing(parm)) NULL else parm
  if (missing(method)) return(limits_by_default(object, parm, level))
  method <- check_choice(tolower(method), c("profile", "wald", "boot", "exact"), "method")
  check_level(level)
  if (method %in% c("boot", "exact")) require_likelihood(object, paste0("method \"", method, "\""))
  kinds <- parameter_kinds(object)
  chosen <- choose_parameters(parm, kinds, method)
  if (method %in% c("profile", "wald")) require_limits(object, unique(kinds[chosen]), method)
  limits <- switch(method,
    boot = boot_limits(object, chosen, kinds, level, draws, seed),
    exact = exact_limits(object, chosen, kinds, level, draws, seed),
    interval_table(object, chosen, kinds[chosen], level, method)
  )
  with_tails(limits, chosen, level)
}

# Where no method is asked for: by `wanted` what has it, the rest by what the fit has.
limits_by_default <- function(fit, parm, level, wanted = "profile") {
  check_level(level)
  kinds <- parameter_kinds(fit)
  chosen <- choose_parameters(parm, kinds, wanted)
  with_tails(interval_table(fit, chosen, kinds[chosen], level, wanted), chosen, level)
}

with_tails <- function(limits, names, level) {
  dimnames(limits) <- list(names, percent_names(tail_levels(level)))
  limits
}

# One kind of parameters at a time.
interval_table <- function(fit, chosen, kinds, level, method) {
  out <- matrix(NA_real_, length(chosen), 2)
  if (is_exact_fit(fit)) return(out)
  is_known <- !(kinds == "fixed" & chosen %in% fit$fixed$aliased)
  for (kind in unique(kinds[is_known])) {
    at <- which(is_known & kinds == kind)
    names <- unique(chosen[at])
    limits <- parameter_limits(fit, names, kind, level, limit_method(fit, kind, method))
    out[at, ] <- limits[match(chosen[at], names), ]
  }
  out
}

# A row for each of the names, by f(name).
limits_by_name <- function(names, f) t(vapply(names, f, numeric(2)))

profile_or_wald <- function(fit, names, kind, level, method) {
  if (method == "wald") {
    return(limits_by_name(names, function(name) wald_interval(fit, name, kind, level)))
  }
  switch(kind,
    fixed = profile_fixed_limits(fit, names, level),
    variance = limits_by_name(names, function(name) profile_variance_limits(fit, name, level)),
    pve = rbind(pve_limits(fit, level))
  )
}

t_limits <- function(fit, names, level, df) {
  limits_by_name(names, function(name) t_interval(fit, name, level, df))
}

t_interval <- function(fit, name, level, df) {
  se <- sqrt(fit$fixed$vcov[name, name])
  fit$fixed$estimate[[name]] + c(-1, 1) * stats::qt((1 + level) / 2, df) * se
}

wald_interval <- function(fit, name, kind, level) {
  z <- c(-1, 1) * stats::qnorm((1 + level) / 2)
  if (kind == "fixed") {
    contrast <- as.numeric(rownames(fit$fixed$vcov) == name)
    return(t_interval(fit, name, level, contrast_df(fit, contrast)))
  }
  if (kind == "pve") {
    return(drop(logit_limits(unname(fit$pve), pve_se(fit), z[2])))
  }
  v <- fit$variances[[name]]
  v * exp(z * variance_se(fit)[[name]] / v)
}

# Shares and their limits symmetric in log(h / (1 - h)), a row a share.
logit_limits <- function(h, se, z) {
  half <- ifelse(se == 0, 0, z * se / (h * (1 - h)))  # a share may round to 1
  centre <- stats::qlogis(h)
  cbind(stats::plogis(centre - half), stats::plogis(centre + half))
}

exact_limits <- function(fit, chosen, kinds, level, draws, seed) {
  if (!identical(unname(kinds[chosen]), "pve")) {
    bad_input("method \"exact\" is for pve alone: confint(fit, \"pve\", method = \"exact\").")
  }
  matrix(exact_pve_limits(fit, level, draws, seed), 1)
}

# Percentiles of a parametric bootstrap; refits cost O(n) each.
boot_limits <- function(fit, chosen, kinds, level, draws, seed) {
  tails <- tail_levels(level)
  replicates <- bootstrap(fit, draws, seed)
  unname(t(apply(
    replicates[, chosen, drop = FALSE], 2, stats::quantile, probs = tails, names = FALSE,
    na.rm = TRUE
  )))
}
