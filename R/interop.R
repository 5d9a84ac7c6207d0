# Methods for generics of other packages, registered when those are loaded; none is
# needed.

# emmeans --------------------------------------------------------------------------------

#' Methods for emmeans, lme4 and insight
#'
#' Fits answer the generics of these packages as soon as they are loaded.
#'
#' **emmeans**: `emmeans()`, `emtrends()`, `contrast()` and the like work on the fixed
#' part, with Satterthwaite's degrees of freedom; combinations that aliased coefficients
#' leave undefined are `nonEst`.
#'
#' **lme4**: `isREML()`, `isLMM()` (a fit without a random term is none), `isGLMM()`,
#' `isNLMM()`, `ngrps()` (levels of grouping factors and units of kernels), `refit()` and
#' `getME()`. In `getME()` names follow lme4, where `X` is the fixed-effect matrix and `Z`
#' the random one, with `X beta + Z b + offset` the fitted values. It knows `"X"`, `"Z"`
#' (rows as fitted, columns as they entered the model: imputed, centred and scaled where
#' [re()] said so), `"Zt"`, `"y"`, `"mu"`, `"beta"`, `"fixef"`, `"b"`, `"theta"` (sigma_b
#' / sigma_e), `"lower"`, `"sigma"`, `"flist"`, `"cnms"`, `"offset"`, `"n"`, `"N"`, `"p"`,
#' `"q"`, `"n_rtrms"`, `"REML"`, `"is_REML"`. `refit()` fits the same model to a new
#' response: the designs are not built again, the decomposition is.
#'
#' **insight**: what its defaults cannot find: formula, random terms, test statistic,
#' degrees of freedom, log-likelihood, deviance, convergence and variances. In
#' `get_variance()` the variance of the random part is `sigma_b^2` for a grouping factor,
#' as for lme4's fits, and `kappa sigma_b^2`, its expected sample variance, for other
#' designs.
#'
#' @param object,x a fit of [lmm()].
#' @param trms,xlev,grid as emmeans passes them.
#' @param name one or more of the names above.
#' @param newresp numeric: the new response in the fitted rows (or in these and those that
#'   `na.action` dropped), or a data frame with this one column, as [simulate()] gives.
#' @param split_nested,flatten,verbose,type,component as in insight.
#' @param estimator,REML `"ML"` or `"REML"`, or whether the latter; `NULL`: the criterion of
#'   the fit.
#' @param ... passed on by emmeans; nothing else.
#' @return What the generic promises for fits of lme4.
#' @section Errors: `hdlmm_no_fixed_effects`: marginal means of a fit without any;
#'   `hdlmm_bad_input`: a name that `getME()` does not know, a response of
#'   the wrong length or with missing values.
#' @name hdlmm-interop
#' @keywords internal
NULL

#' @rdname hdlmm-interop
#' @method recover_data hdlmm
#' @exportS3Method emmeans::recover_data hdlmm
recover_data.hdlmm <- function(object, ...) {
  terms <- stats::delete.response(as_written(object$terms, object))
  emmeans::recover_data(object$call, terms, object$na_action, frame = object$frame, ...)
}

#' @rdname hdlmm-interop
#' @method emm_basis hdlmm
#' @exportS3Method emmeans::emm_basis hdlmm
emm_basis.hdlmm <- function(object, trms, xlev, grid, ...) {
  if (length(object$fixed$estimate) == 0) {
    abort("no_fixed_effects", "marginal means need fixed effects; this fit has none.")
  }
  frame <- stats::model.frame(trms, grid, na.action = stats::na.pass, xlev = xlev)
  z <- stats::model.matrix(trms, frame, contrasts.arg = object$contrasts)
  estimate <- object$fixed$estimate
  list(
    X = z[, names(estimate), drop = FALSE], bhat = unname(estimate),
    nbasis = null_basis(object), V = vcov.hdlmm(object),
    dffun = function(k, dfargs) dfargs$df(dfargs$fit, k),
    # emmeans moves dffun to the base environment: what it calls must travel with it
    dfargs = list(df = contrast_df, fit = satterthwaite_parts(object)),
    misc = list()
  )
}

# What contrast_df() reads, without the designs.
satterthwaite_parts <- function(fit) {
  parts <- fit[
    c("dims", "fixed", "variances", "information", "observed", "boundary", "uncertainty")
  ]
  parts$designs <- lapply(fit$designs, `[`, "label")
  parts
}

# Orthonormal basis of the combinations of coefficients that the data leave open, as
# emmeans wants it: a 1 x 1 matrix of NA when there are none.
null_basis <- function(fit) {
  aliased <- setdiff(seq_along(fit$fixed$estimate), fit$fixed$kept)
  if (length(aliased) == 0) return(matrix(NA))
  z <- model.matrix.hdlmm(fit)
  kept <- setdiff(seq_len(ncol(z)), aliased)
  basis <- matrix(0, ncol(z), length(aliased))
  basis[cbind(aliased, seq_along(aliased))] <- 1
  basis[kept, ] <- -qr.coef(qr(z[, kept, drop = FALSE]), z[, aliased, drop = FALSE])
  qr.Q(qr(basis))
}

# lme4 -----------------------------------------------------------------------------------

#' @rdname hdlmm-interop
#' @method isREML hdlmm
#' @exportS3Method lme4::isREML hdlmm
isREML.hdlmm <- function(x, ...) {
  check_dots()
  is_restricted(x$uncertainty)
}

#' @rdname hdlmm-interop
#' @method isLMM hdlmm
#' @exportS3Method lme4::isLMM hdlmm
isLMM.hdlmm <- function(x, ...) {
  check_dots()
  has_random(x)
}

#' @rdname hdlmm-interop
#' @method isGLMM hdlmm
#' @exportS3Method lme4::isGLMM hdlmm
isGLMM.hdlmm <- function(x, ...) {
  check_dots()
  FALSE
}

#' @rdname hdlmm-interop
#' @method isNLMM hdlmm
#' @exportS3Method lme4::isNLMM hdlmm
isNLMM.hdlmm <- function(x, ...) {
  check_dots()
  FALSE
}

#' @rdname hdlmm-interop
#' @method ngrps hdlmm
#' @exportS3Method lme4::ngrps hdlmm
ngrps.hdlmm <- function(object, ...) {
  check_dots()
  vapply(unit_designs(object), function(design) as.integer(design$n_cols), 0L)
}

# Terms in which every row has one of several units.
unit_designs <- function(fit) {
  Filter(function(design) !is.null(unit_index(design)), fit$designs)
}

#' @rdname hdlmm-interop
#' @method getME hdlmm
#' @exportS3Method lme4::getME hdlmm
getME.hdlmm <- function(object, name, ...) {
  check_dots()
  known <- model_elements()
  if (identical(name, "ALL")) name <- names(known)
  for (one in name) check_choice(one, names(known), "name")
  values <- lapply(stats::setNames(name, name), function(one) known[[one]](object))
  if (length(name) == 1) values[[1]] else values
}

model_elements <- function() {
  list(
    X = function(fit) model.matrix.hdlmm(fit), Z = random_matrix,
    Zt = function(fit) Matrix::t(random_matrix(fit)),
    y = function(fit) unname(fit$fitted + fit$residuals),
    mu = function(fit) unname(fit$fitted),
    beta = function(fit) unname(fixef.hdlmm(fit, complete = FALSE)),
    fixef = function(fit) fixef.hdlmm(fit, complete = FALSE),
    b = function(fit) unlist(unname(fit$effects), use.names = FALSE),
    theta = relative_deviations, lower = function(fit) rep(0, length(fit$designs)),
    sigma = function(fit) sigma.hdlmm(fit),
    flist = grouping_factors,
    cnms = function(fit) lapply(unit_designs(fit), coefficient_name),
    offset = function(fit) value_or(fit$offset, numeric(fit$dims$n)),
    n = function(fit) fit$dims$n, N = function(fit) fit$dims$n,
    p = function(fit) fit$dims$n_fixed, q = function(fit) sum(fit$dims$p),
    n_rtrms = function(fit) length(fit$designs),
    REML = function(fit) if (isREML.hdlmm(fit)) fit$dims$n_fixed else 0L,
    is_REML = function(fit) isREML.hdlmm(fit)
  )
}

relative_deviations <- function(fit) {
  variances <- fit$variances[names(fit$designs)]
  names <- vapply(fit$designs, function(design) {
    paste0(design$label, ".", coefficient_name(design))
  }, "")
  stats::setNames(sqrt(variances / fit$variances[["Residual"]]), names)
}

grouping_factors <- function(fit) {
  lapply(unit_designs(fit), function(design) {
    factor(effect_names(design)[unit_index(design)], effect_names(design))
  })
}

# The random designs side by side, [n x q], in the user's units and as they entered the
# model.
random_matrix <- function(fit) {
  the_design(fit, "getME(, \"Z\")")
  blocks <- lapply(unname(fit$designs), design_matrix, n = fit$dims$n)
  if (length(blocks) == 1) blocks[[1]] else do.call(cbind, blocks)
}

#' @rdname hdlmm-interop
#' @method refit hdlmm
#' @exportS3Method lme4::refit hdlmm
refit.hdlmm <- function(object, newresp, ...) {
  check_dots()
  y <- check_new_response(object, newresp)
  model <- model_of(object, y)
  fixed <- fit_fixed(model)
  if (!is.null(object$prior)) fixed <- apply_fixed_prior(fixed, model, object$prior)
  problem <- new_problem(model, fixed, object$designs, prior = object$prior)
  engine <- find_engine(object$method, object$algorithm)
  result <- run_engine(engine, problem, object$control)
  new_fit(object$call, formula.hdlmm(object), problem, engine, result, object$control)
}

check_new_response <- function(fit, newresp) {
  if (is.data.frame(newresp)) {
    if (ncol(newresp) != 1) {
      bad_input("`newresp` has ", counted(ncol(newresp), "column"), "; one is expected.")
    }
    newresp <- newresp[[1]]
  }
  if (!is.numeric(newresp)) {
    bad_input("`newresp` must be numeric; found ", describe(newresp), ".")
  }
  n <- fit$dims$n
  dropped <- length(fit$na_action)
  if (dropped > 0 && length(newresp) == n + dropped) newresp <- newresp[-fit$na_action]
  if (length(newresp) != n) {
    bad_input(
      "`newresp` has ", counted(length(newresp), "value"), "; the fit has ", n, " rows",
      if (dropped > 0) paste0(" and ", dropped, " dropped ones"), "."
    )
  }
  if (any(!is.finite(newresp))) {
    count <- sum(!is.finite(newresp))
    bad_input("`newresp` has ", counted(count, "missing or infinite value"), ".")
  }
  as.double(newresp)
}

# insight --------------------------------------------------------------------------------

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
  groups <- Filter(Negate(is.null), lapply(x$random_terms, `[[`, "in_frame"))
  random <- lapply(groups, function(group) {
    stats::as.formula(call("~", call("|", 1, group)), environment(x$formula))
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
  check_dots(c(insight_settings, list(model_component = NULL)))
  known <- eval(formals(insight::get_variance)$component)
  component <- check_choice(component, known, "component")
  parts <- variance_parts(x)
  if (component == "all") parts else parts[names(parts) == paste0("var.", component)]
}

variance_parts <- function(fit) {
  sizes <- vapply(fit$designs, function(design) {
    term_size(design, fit$kappa[[design$label]]) * fit$variances[[design$label]]
  }, 0)
  fixed <- fixed_mean(fit, list(z = model.matrix.hdlmm(fit)))
  residual <- fit$variances[["Residual"]]
  units <- names(unit_designs(fit))
  parts <- list(
    var.fixed = stats::var(fixed), var.random = sum(sizes), var.residual = residual,
    var.distribution = residual, var.dispersion = 0
  )
  if (length(units) > 0) parts$var.intercept <- fit$variances[units]
  parts
}
