# Marginal means of the fixed part by emmeans.

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
emm_basis.hdlmm <- function(object, trms, xlev, grid, ddf = "Satterthwaite", mode = NULL,
                            lmer.df = NULL, ...) {
  tests <- portable_tests(object, ddf, value_or(mode, lmer.df))
  if (length(object$fixed$estimate) == 0) {
    abort("no_fixed_effects", "marginal means need fixed effects; this fit has none.")
  }
  frame <- stats::model.frame(trms, grid, na.action = stats::na.pass, xlev = xlev)
  z <- stats::model.matrix(trms, frame, contrasts.arg = object$contrasts)
  estimate <- object$fixed$estimate
  list(
    X = z[, names(estimate), drop = FALSE], bhat = unname(estimate),
    nbasis = null_basis(object), V = tests$vcov,
    dffun = function(k, dfargs) dfargs$df(dfargs$fit, k),
    # emmeans moves dffun to the base environment: what it calls must travel with it
    dfargs = tests[c("df", "fit")],
    misc = list()
  )
}

# list(vcov, df(fit, contrast), fit): how contrasts are tested, without the designs; `mode` is what
# emmeans names the degrees of freedom of lme4's fits by. Of other models it names a scale, which
# ggeffects hands on; there is one here.
portable_tests <- function(fit, ddf, mode) {
  if (!is.null(mode) && !mode[1] %in% c("link", "response")) {
    modes <- c("satterthwaite", "kenward-roger", "asymptotic")
    mode <- check_choice(if (is.character(mode)) tolower(mode) else mode, modes, "mode")
    if (mode == "asymptotic") {
      return(list(vcov = fit$fixed$vcov, df = function(fit, contrast) Inf, fit = NULL))
    }
    ddf <- degree_names[match(mode, modes)]
  }
  tests <- fixed_tests(fit, ddf)
  if (tests$name == "Satterthwaite") {
    return(list(vcov = tests$vcov, df = contrast_df, fit = satterthwaite_parts(fit)))
  }
  list(vcov = tests$vcov, df = function(fit, contrast) fit$df(contrast), fit = tests["df"])
}

# What contrast_df() reads, without the designs.
satterthwaite_parts <- function(fit) {
  parts <- fit[
    c(
      "dims", "fixed", "variances", "parameters", "rank", "information", "observed", "boundary",
      "uncertainty"
    )
  ]
  parts$internal <- c(
    list(fixed = fit$internal$fixed[c("inverse", "kz", "ky")]), fit$internal[c("tau2", "relative")]
  )
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
