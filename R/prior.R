#' Priors
#'
#' `lmm_prior()` puts priors either on the proportion of variance explained and the total variance
#' `tau^2 = kappa sigma_b^2 + sigma_e^2`, or on the two variances themselves, and on the fixed
#' effects.
#'
#' Densities, up to constants: `prior_flat()` 1; `prior_jeffreys()` `1/x` of a variance `x`;
#' `prior_inverse_gamma()` `x^(-shape - 1) exp(-scale / x)` of a variance; `prior_half_t()`
#' `(1 + s^2 / (df scale^2))^(-(df + 1) / 2)` of a standard deviation `s >= 0` (Gelman 2006);
#' `prior_beta()` `h^(a - 1) (1 - h)^(b - 1)` of a proportion; `prior_normal()` independent normal
#' fixed effects. All are in the units of the data.
#'
#' With several random terms `tau^2 = sum_k kappa_k + sigma_e^2`, where `kappa_k` is the expected
#' sample variance of term `k` ([pve()]). `prior_beta()` is of the total random share and splits it
#' uniformly over the terms; `prior_dirichlet()` is of all shares. A term with a covariance matrix,
#' as `(x | g)`, may have `prior_flat()`, of density 1 by the volume of its elements, or
#' `prior_half_t()`, a half t of every standard deviation by the hierarchical inverse Wishart of
#' Huang & Wand (2013): with `df = 2` every correlation is uniform. On shares, the direction of its
#' matrix, given its `kappa_k`, is uniform by volume, whatever the units and the origin of `x`.
#'
#' A mode depends on the parameter of which it is one. `method = "MAP"` maximises the likelihood
#' times the densities as they are written above: of the variance for `prior_inverse_gamma()`,
#' `prior_jeffreys()` and `prior_flat()`, of the standard deviation for `prior_half_t()`, of pve and
#' of the total variance (of its root for a half t there) where the prior is on these; of shares for
#' `prior_dirichlet()`, of the total share and how it is split for `prior_beta()`, of standard
#' deviations and correlations for the half t of a covariance matrix. Means,
#' quantiles and evidence of the other methods do not depend on it.
#'
#' @param pve prior of the proportion of variance explained: `prior_beta()`, `prior_dirichlet()` or
#'   `prior_flat()`.
#' @param total prior of the total variance: `prior_jeffreys()`, `prior_inverse_gamma()`,
#'   `prior_half_t()` (of its square root) or `prior_flat()`.
#' @param random,residual priors of `sigma_b^2` and `sigma_e^2`, in the place of `pve` and
#'   `total`: `prior_inverse_gamma()`, `prior_half_t()`, `prior_jeffreys()`, `prior_flat()`.
#'   `random` is for every random term, or a list named by them. `residual` is `prior_jeffreys()` by
#'   default.
#' @param fixed prior of the fixed effects: `prior_flat()` or `prior_normal()`.
#' @param a,b positive numbers.
#' @param alpha positive numbers named by random term and `"Residual"`, or without names in the
#'   order of the formula, the residual last.
#' @param shape,scale positive numbers: shape and scale of an inverse gamma; `scale` of a half t, of
#'   a covariance matrix also one for each of its coefficients.
#' @param df positive number: degrees of freedom; 1 is the half Cauchy.
#' @param mean,sd numbers, or vectors with one element for each fixed effect; `sd` positive.
#' @param x,object a prior.
#' @param nsim number of draws.
#' @param seed `NULL` or one whole number.
#' @param kappa for a prior of `pve` and `total`: what turns them into variances; see [pve()]. One
#'   number, or one for each random term.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return An object of class `"lmm_density"`, or `"lmm_prior"` for `lmm_prior()`.
#'   `is_proper()`: whether it integrates to one. `simulate()`: a numeric vector of draws (of the
#'   variance, for a half t too), or for an `"lmm_prior"` a data frame with columns `random`,
#'   `residual`, `pve` (draws of fixed effects and of covariance matrices come from
#'   [prior_predict()]). Where the prior names several terms: columns by their names, `Residual`,
#'   and `pve.<name>`.
#' @section Errors: `hdlmm_bad_input` for values out of range or priors in the wrong place;
#'   `hdlmm_improper_prior` for draws of a prior that is not proper.
#' @references Gelman (2006). Prior distributions for variance parameters in hierarchical models.
#'   *Bayesian Analysis* 1, 515-534. \doi{10.1214/06-BA117A}
#'
#'   Huang & Wand (2013). Simple marginally noninformative prior distributions for covariance
#'   matrices. *Bayesian Analysis* 8, 439-452. \doi{10.1214/13-BA815}
#' @examples
#' lmm_prior()
#' prior <- lmm_prior(
#'   random = prior_half_t(3, 0.5), residual = prior_inverse_gamma(2, 1),
#'   fixed = prior_normal(0, 10)
#' )
#' prior
#' is_proper(prior)
#' simulate(prior, 3, seed = 1)
#'
#' # three shares of the variance
#' shares <- lmm_prior(
#'   pve = prior_dirichlet(c(line = 2, site = 1, Residual = 2)), total = prior_half_t(3, 1)
#' )
#' simulate(shares, 3, seed = 1)
#' @export
lmm_prior <- function(pve = prior_beta(1, 1), total = prior_jeffreys(), random = NULL,
                      residual = NULL, fixed = prior_flat(), ...) {
  check_dots()
  on_variances <- !is.null(random) || !is.null(residual)
  if (on_variances && (!missing(pve) || !missing(total))) {
    bad_input("give priors of `pve` and `total`, or of `random` and `residual`, not of both.")
  }
  check_density(fixed, c("flat", "normal"), "fixed")
  if (on_variances) {
    if (is.null(random)) bad_input("`residual` has a prior and `random` has none: give both.")
    if (is.null(residual)) residual <- prior_jeffreys()
    parts <- list(random = check_random_prior(random), residual = check_density(
      residual, variance_densities, "residual"
    ))
  } else {
    parts <- list(
      pve = check_density(pve, c("beta", "dirichlet", "flat"), "pve"),
      total = check_density(total, variance_densities, "total")
    )
  }
  structure(c(parts, list(fixed = fixed)), class = "lmm_prior")
}

variance_densities <- c("inverse_gamma", "half_t", "jeffreys", "flat")

check_random_prior <- function(random) {
  if (inherits(random, "lmm_density") || !is.list(random)) {
    return(check_density(random, variance_densities, "random"))
  }
  if (length(random) == 0 || is.null(names(random)) || any(names(random) == "")) {
    bad_input("`random` must be one prior, or a list of priors named by random term.")
  }
  for (name in names(random)) {
    check_density(random[[name]], variance_densities, paste0("random$", name))
  }
  random
}

check_density <- function(density, kinds, name) {
  if (!inherits(density, "lmm_density")) {
    bad_input(
      backtick(name), " must be a prior, such as prior_", kinds[1], "(); found ",
      describe(density), "."
    )
  }
  if (!density$kind %in% kinds) {
    bad_input(
      backtick(name), " cannot have a prior_", density$kind, "(); it may be ",
      enumerate(paste0("prior_", kinds, "()"), Inf, "or"), "."
    )
  }
  density
}

new_density <- function(kind, ...) structure(list(kind = kind, ...), class = "lmm_density")

#' @rdname lmm_prior
#' @export
prior_flat <- function(...) {
  check_dots()
  new_density("flat")
}

#' @rdname lmm_prior
#' @export
prior_jeffreys <- function(...) {
  check_dots()
  new_density("jeffreys")
}

#' @rdname lmm_prior
#' @export
prior_beta <- function(a, b, ...) {
  check_dots()
  new_density(
    "beta", a = check_positive(if (!missing(a)) a, "a"),
    b = check_positive(if (!missing(b)) b, "b")
  )
}

#' @rdname lmm_prior
#' @export
prior_inverse_gamma <- function(shape, scale, ...) {
  check_dots()
  new_density(
    "inverse_gamma", a = check_positive(if (!missing(shape)) shape, "shape"),
    b = check_positive(if (!missing(scale)) scale, "scale")
  )
}

#' @rdname lmm_prior
#' @export
prior_half_t <- function(df, scale, ...) {
  check_dots()
  new_density(
    "half_t", a = check_positive(if (!missing(df)) df, "df"),
    b = check_scale(if (!missing(scale)) scale)
  )
}

# One number, or one for every coefficient of a block.
check_scale <- function(scale) {
  if (!is.numeric(scale) || length(scale) < 2) return(check_positive(scale, "scale"))
  vapply(scale, check_positive, 0, name = "scale")
}

#' @rdname lmm_prior
#' @export
prior_normal <- function(mean = 0, sd, ...) {
  check_dots()
  if (missing(sd)) bad_input("`sd` is missing: prior_normal(0, 10).")
  if (!is.numeric(mean) || length(mean) == 0 || any(!is.finite(mean))) {
    bad_input("`mean` must be finite numbers; found ", describe(mean), ".")
  }
  if (!is.numeric(sd) || length(sd) == 0 || any(!is.finite(sd)) || any(sd <= 0)) {
    bad_input("`sd` must be positive numbers; found ", describe(sd), ".")
  }
  new_density("normal", mean = as.double(mean), sd = as.double(sd))
}

#' @rdname lmm_prior
#' @export
is_proper <- function(x, ...) {
  check_dots()
  if (inherits(x, "lmm_prior")) return(length(improper_parts(x)) == 0)
  if (!inherits(x, "lmm_density")) bad_input("`x` must be a prior; found ", describe(x), ".")
  !x$kind %in% c("flat", "jeffreys")
}

# Names of the parts of an lmm_prior() that do not integrate. A flat prior of a proportion does, and
# one of no fixed effects.
improper_parts <- function(prior, n_fixed = 1) {
  is_bad <- vapply(names(prior), function(name) {
    part <- prior[[name]]
    if (name == "pve" || (name == "fixed" && n_fixed == 0)) return(FALSE)
    if (inherits(part, "lmm_density")) return(!is_proper(part))
    !all(vapply(part, is_proper, NA))
  }, NA)
  names(prior)[is_bad]
}

stop_improper <- function(parts, what) {
  abort(
    "improper_prior", what, " needs proper priors; the ",
    if (length(parts) == 1) "prior of " else "priors of ", enumerate(backtick(parts)),
    if (length(parts) == 1) " is" else " are",
    " improper: see lmm_prior()."
  )
}

#' @rdname lmm_prior
#' @export
print.lmm_density <- function(x, ...) {
  check_dots(print_settings)
  cat(describe_density(x), if (is_proper(x)) "(proper)" else "(improper)", "\n")
  invisible(x)
}

describe_density <- function(density) {
  number <- function(x) enumerate(format(x, digits = 4, trim = TRUE), 3)
  switch(density$kind,
    flat = "flat",
    jeffreys = "Jeffreys, 1 / variance",
    beta = paste0("beta(", number(density$a), ", ", number(density$b), ")"),
    dirichlet = paste0("Dirichlet(", paste0(
      if (!is.null(names(density$alpha))) paste0(names(density$alpha), " = "),
      format(density$alpha, digits = 4, trim = TRUE), collapse = ", "
    ), ")"),
    inverse_gamma = paste0(
      "inverse gamma, shape ", number(density$a), ", scale ", number(density$b)
    ),
    half_t = paste0(
      "half t of the standard deviation, ", number(density$a), " df, scale ", number(density$b)
    ),
    normal = paste0("normal, mean ", number(density$mean), ", sd ", number(density$sd))
  )
}

prior_words <- c(
  pve = "proportion of variance explained", total = "total variance",
  random = "variance of random effects", residual = "residual variance", fixed = "fixed effects"
)

#' @rdname lmm_prior
#' @export
print.lmm_prior <- function(x, ...) {
  check_dots(print_settings)
  cat("Prior of a linear mixed model:\n")
  for (name in names(x)) {
    part <- x[[name]]
    text <- if (inherits(part, "lmm_density")) describe_density(part) else paste(
      paste0(names(part), ": ", vapply(part, describe_density, "")), collapse = "; "
    )
    cat("  ", format(prior_words[[name]], width = 33), text, "\n", sep = "")
  }
  bad <- improper_parts(x)
  if (length(bad) > 0) cat("  improper:", paste(prior_words[bad], collapse = ", "), "\n")
  invisible(x)
}

check_prior <- function(prior) {
  if (!inherits(prior, "lmm_prior")) {
    bad_input("`prior` must come from lmm_prior(); found ", describe(prior), ".")
  }
  prior
}
