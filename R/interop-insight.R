# Generics of insight: what its defaults cannot find.

# What packages on top of insight hand to all of its generics: there is one component, that of
# the fixed effects.
insight_settings <- list(
  verbose = NULL, effects = c("fixed", "all"), component = c("conditional", "all", "location")
)

#' @rdname hdlmm-interop
#' @method find_formula hdlmm
#' @exportS3Method insight::find_formula hdlmm
find_formula.hdlmm <- function(x, verbose = TRUE, ...) {
  check_dots(insight_settings)
  groups <- Filter(function(term) !is.null(term$group), unname(x$random_terms))
  random <- lapply(groups, function(term) {
    stats::as.formula(call("~", term$expr[[2]]), environment(x$formula))
  })
  parts <- list(conditional = stats::formula(x$terms))
  if (length(random) > 0) parts$random <- if (length(random) == 1) random[[1]] else random
  structure(parts, class = c("insight_formula", "list"))
}

#' @rdname hdlmm-interop
#' @method find_random hdlmm
#' @exportS3Method insight::find_random hdlmm
find_random.hdlmm <- function(x, split_nested = FALSE, flatten = FALSE) {
  if (!has_random(x)) return(NULL)
  labels <- unname(vapply(x$designs, `[[`, "", "label"))
  if (flatten) labels else list(random = labels)
}

#' @rdname hdlmm-interop
#' @method get_statistic hdlmm
#' @exportS3Method insight::get_statistic hdlmm
get_statistic.hdlmm <- function(x, ...) {
  check_dots(insight_settings)
  table <- fixed_table(x)
  out <- data.frame(Parameter = rownames(table), Statistic = unname(table[, "t value"]))
  attr(out, "statistic") <- "t-statistic"
  out
}

#' @rdname hdlmm-interop
#' @method get_df hdlmm
#' @exportS3Method insight::get_df hdlmm
get_df.hdlmm <- function(x, type = "residual", ...) {
  check_dots(insight_settings)
  types <- c("residual", "model", "wald", "normal", "satterthwaite")
  type <- check_choice(tolower(type), types, "type")
  switch(type,
    residual = df.residual.hdlmm(x), model = n_parameters(x), normal = Inf,
    stats::setNames(fixed_table(x)[, "df"], names(x$fixed$estimate))
  )
}

#' @rdname hdlmm-interop
#' @method get_loglikelihood hdlmm
#' @exportS3Method insight::get_loglikelihood hdlmm
get_loglikelihood.hdlmm <- function(x, estimator = NULL, REML = NULL, ...) {
  check_dots(c(insight_settings, list(check_response = NULL)))
  if (!is.null(estimator)) {
    REML <- check_choice(estimator, c("ML", "REML"), "estimator") == "REML"
  }
  logLik.hdlmm(x, REML = REML)
}

#' @rdname hdlmm-interop
#' @method get_deviance hdlmm
#' @exportS3Method insight::get_deviance hdlmm
get_deviance.hdlmm <- function(x, ...) {
  check_dots(insight_settings)
  if (has_random(x)) -2 * as.numeric(logLik.hdlmm(x, REML = FALSE)) else deviance.hdlmm(x)
}

#' @rdname hdlmm-interop
#' @method is_converged hdlmm
#' @exportS3Method insight::is_converged hdlmm
is_converged.hdlmm <- function(x, ...) {
  check_dots(insight_settings)
  x$is_converged
}

#' @rdname hdlmm-interop
#' @method get_variance hdlmm
#' @exportS3Method insight::get_variance hdlmm
get_variance.hdlmm <- function(x, component = "all", verbose = TRUE, ...) {
  # what performance::icc() and r2_nakagawa() hand on, words of messages and a tolerance
  check_dots(c(insight_settings, list(
    model_component = NULL, name_fun = NULL, name_full = NULL, tolerance = NULL,
    effects = NULL, approximation = NULL, model = NULL, null_model = NULL
  )))
  component <- check_choice(component, variance_component_names, "component")
  parts <- variance_parts(x)
  if (component == "all") parts else parts[names(parts) == paste0("var.", component)]
}

# As insight names them: its generic has no choices of its own from 1.0 on.
variance_component_names <- c(
  "all", "fixed", "random", "residual", "distribution", "dispersion", "intercept", "slope",
  "rho01", "rho00"
)

variance_parts <- function(fit) {
  sizes <- vapply(fit$designs, function(design) {
    term_variance(fit, design)
  }, 0)
  fixed <- fixed_mean(fit, list(z = model.matrix.hdlmm(fit)))
  residual <- fit$variances[["Residual"]]
  parts <- list(
    var.fixed = stats::var(fixed), var.random = sum(sizes), var.residual = residual,
    var.distribution = residual, var.dispersion = 0
  )
  c(parts, coefficient_parts(fit))
}

# As insight counts a term: over the fitted rows where its variance differs between them.
term_variance <- function(fit, design) {
  sigma <- covariance_of(fit, design$label)
  if (length(sigma) == 1) return(term_size(design, fit$kappa[[design$label]]) * sigma[1])
  rows <- list(m = fit$dims$n, is_fitted = TRUE, x = NULL)
  mean(explained_rows(design, rows, sigma, fit$internal))
}

# Variances of what varies by level and the correlations of intercepts and slopes.
coefficient_parts <- function(fit) {
  units <- unit_designs(fit)
  if (length(units) == 0) return(NULL)
  by_term <- function(f) {
    unlist(lapply(units, function(design) {
      sigma <- covariance_of(fit, design$label)
      f(design, sigma, block_names(design) == "(Intercept)")
    }))
  }
  slopes <- by_term(function(design, sigma, is_intercept) {
    out <- diagonal(sigma)[!is_intercept]
    if (length(is_intercept) > 1) names(out) <- block_names(design)[!is_intercept]
    out
  })
  correlations <- by_term(function(design, sigma, is_intercept) {
    if (!any(is_intercept) || all(is_intercept)) return(NULL)
    sd <- sqrt(diagonal(sigma))
    out <- (sigma / outer(sd, sd))[!is_intercept, is_intercept]
    if (length(out) > 1) stats::setNames(out, block_names(design)[!is_intercept]) else unname(out)
  })
  list(
    var.intercept = by_term(function(design, sigma, is_intercept) {
      unname(diagonal(sigma)[is_intercept])
    }),
    var.slope = slopes, cor.slope_intercept = correlations
  )[c(TRUE, length(slopes) > 0, length(correlations) > 0)]
}
