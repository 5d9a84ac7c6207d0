#' Posterior of single parameters
#'
#' Means, standard deviations, quantiles and marginal densities of variances, pve, fixed and random
#' effects of a fit by `method = "Bayes"`. From the quadrature they are exact to its error: mixtures
#' of Student t for the effects, of inverse gammas for the variances.
#'
#' @param fit a fit of [lmm()] by `method = "Bayes"`.
#' @param parm names: fixed effects, random terms and `"Residual"` (their variances), `"pve"`, or
#'   random effects (columns of X, levels of g). The default is all but the random effects.
#' @param probs probabilities in (0, 1).
#' @param n number of points of a density.
#' @param x,object what `posterior_density()` gives.
#' @param level the part of the posterior that pictures shade, equal tails left out.
#' @param ... for `plot()`: graphical parameters; nothing else.
#' @return `posterior_summary()`: a matrix with one row per parameter: `mean`, `sd`, quantiles. A
#'   mean that does not exist, as that of a variance under a prior with tails that are too heavy for
#'   the data, is `NA` and with it the `sd`; an `sd` about a mean may be infinite.
#'   `posterior_density()`: a data frame of class `"hdlmm_density"` with columns `parameter`, `x`,
#'   `density`, and where [lmm_prior()] has a proper prior of this very parameter `prior`, its
#'   density (else `NA`). `plot()` and `autoplot()` draw a panel a parameter: the posterior, and the
#'   prior where there is one.
#' @section Errors: `hdlmm_unsupported` for fits by other methods, `hdlmm_bad_input` for names that
#'   are no parameters.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
#' posterior_summary(fit)
#' posterior_summary(fit, c("1", "2"))
#' plot(posterior_density(fit))
#' @export
posterior_summary <- function(fit, parm = NULL, probs = c(0.025, 0.5, 0.975), ...) {
  check_dots()
  kinds <- posterior_kinds(fit, parm, "posterior_summary()")
  if (!is.numeric(probs) || length(probs) == 0 || !all(probs > 0 & probs < 1)) {
    bad_input("`probs` must be numbers between 0 and 1; found ", describe(probs), ".")
  }
  delayedAssign("fine", fine_of(fit))
  rows <- lapply(names(kinds), function(name) {
    part <- marginal_parts(fit, name, kinds[[name]], fine)
    c(part$mean, part$sd, part$quantiles(probs))
  })
  matrix(
    unlist(rows), ncol = 2 + length(probs), byrow = TRUE,
    dimnames = list(names(kinds), c("mean", "sd", percent_names(probs)))
  )
}

#' @rdname posterior_summary
#' @export
posterior_density <- function(fit, parm = NULL, n = 200, ...) {
  check_dots()
  kinds <- posterior_kinds(fit, parm, "posterior_density()")
  check_number(n, "n", 2, 1e6, whole = TRUE)
  rows <- lapply(names(kinds), function(name) {
    part <- marginal_parts(fit, name, kinds[[name]])
    curve <- part$density(n)
    data.frame(
      parameter = name, x = curve$x, density = curve$y,
      prior = prior_density_of(fit, name, kinds[[name]], curve$x)
    )
  })
  structure(do.call(rbind, rows), class = c("hdlmm_density", "data.frame"))
}

# Named character: "fixed", "variance", "pve" or "effect" by parameter.
posterior_kinds <- function(fit, parm, what) {
  check_fit(fit)
  require_posterior(fit, what)
  kinds <- parameter_kinds(fit)
  kinds <- kinds[!names(kinds) %in% fit$fixed$aliased]
  if (is.null(parm)) return(kinds)
  names <- all_effect_names(fit)
  effects <- stats::setNames(rep("effect", length(names)), names)
  all <- c(kinds, effects[!names %in% names(kinds)])
  unknown <- setdiff(parm, names(all))
  if (length(unknown) > 0) {
    bad_input("`parm` names no parameter: ", enumerate(dQuote(unknown, FALSE)), ".")
  }
  all[parm]
}

# list(mean, sd, quantiles = function(p), density = function(n)) of one parameter.
marginal_parts <- function(fit, name, kind, fine = fine_of(fit)) {
  if (kind %in% c("fixed", "effect")) return(mixture_parts(fit, name, kind))
  parameter_law(fit, name, kind, fine)
}

mixture_parts <- function(fit, name, kind) {
  parts <- if (kind == "fixed") {
    fixed_at_nodes(fit, match(name, rownames(fit$fixed$vcov)))
  } else {
    effect <- find_effect(fit, name)
    effects_at_nodes(fit, effect$design, effect$index)
  }
  posterior <- fit$posterior
  moments <- mixture_moments(posterior, parts$mean, parts$sd)
  quantiles <- function(p) drop(mixture_quantiles(posterior, parts$mean, parts$sd, p))
  sd <- if (kind == "fixed") {
    unname(sqrt(diag(fit$fixed$vcov))[[name]])
  } else if (all(fit$posterior$orders > 1)) {
    sqrt(moments$variance)
  } else {
    effect_se(fit, effect$design)[[effect$index]]
  }
  list(
    mean = moments$mean, sd = sd, quantiles = quantiles,
    density = function(n) {
      range <- quantiles(c(0.0005, 0.9995))
      x <- seq(range[1], range[2], length.out = n)
      list(x = x, y = mixture_density(posterior, parts$mean[1, ], parts$sd[1, ], x))
    }
  )
}
