# Generics of nlme beyond fixef(), ranef() and VarCorr().

#' @rdname hdlmm-easystats
#' @method getData hdlmm
#' @exportS3Method nlme::getData hdlmm
getData.hdlmm <- function(object) {
  data <- tryCatch(eval(object$call$data, written_in(object)), error = function(e) NULL)
  if (is.data.frame(data)) data else object$frame
}

#' @rdname hdlmm-easystats
#' @method getVarCov hdlmm
#' @exportS3Method nlme::getVarCov hdlmm
getVarCov.hdlmm <- function(obj, group = NULL, ...) {
  check_dots(list(individuals = NULL, type = "random.effects"))
  labels <- term_labels(obj)
  if (is.null(group) && length(labels) == 1) group <- labels
  if (!is.character(group) || length(group) != 1 || !group %in% labels) {
    bad_input(
      "`group` must name one random term; there ", if (length(labels) == 1) "is " else "are ",
      if (length(labels) == 0) "none" else enumerate(dQuote(labels, FALSE), 10), "."
    )
  }
  sigma <- covariance_of(obj, group)
  names <- block_names(obj$designs[[group]])
  dimnames(sigma) <- list(names, names)
  structure(sigma, class = c("random.effects", "VarCov"), group.levels = group)
}

#' @rdname hdlmm-easystats
#' @method intervals hdlmm
#' @exportS3Method nlme::intervals hdlmm
intervals.hdlmm <- function(object, level = 0.95, method = "profile", ...) {
  check_dots(list(which = NULL))
  kinds <- parameter_kinds(object)
  limits <- if (missing(method)) limits_by_default(object, NULL, level) else
    confint.hdlmm(object, NULL, level, method)
  part <- function(names, estimate) {
    out <- cbind(lower = limits[names, 1], est. = unname(estimate), upper = limits[names, 2])
    rownames(out) <- names
    out
  }
  fixed <- names(kinds)[kinds == "fixed"]
  out <- list(fixed = structure(
    part(fixed, object$fixed$estimate[fixed]), label = "Fixed effects:"
  ))
  variances <- setdiff(names(kinds)[kinds %in% c("variance", "covariance")], "Residual")
  if (length(variances) > 0) {
    term <- value_or(object$parameters$term, 1L)[match(variances, names(object$variances))]
    own <- split(variances, factor(term, unique(term)))
    own <- lapply(own, function(names) part(names, object$variances[names]))
    names(own) <- term_labels(object)[unique(term)]
    out$reStruct <- structure(own, label = "Random effects, variances:")
  }
  out$sigma <- structure(
    stats::setNames(sqrt(drop(part("Residual", object$variances[["Residual"]]))),
      c("lower", "est.", "upper")
    ), label = "Within-group standard error:"
  )
  structure(out, level = level, class = "intervals.lme")
}
