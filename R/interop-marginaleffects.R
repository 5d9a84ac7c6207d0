# Predictions, slopes and comparisons by marginaleffects, whose errors come from what predict()
# gives for coefficients that are moved a little: those of the fixed part.

#' @rdname hdlmm-interop
#' @method get_coef hdlmm
#' @exportS3Method marginaleffects::get_coef hdlmm
get_coef.hdlmm <- function(model, ...) model$fixed$estimate[model$fixed$kept]

#' @rdname hdlmm-interop
#' @method set_coef hdlmm
#' @exportS3Method marginaleffects::set_coef hdlmm
set_coef.hdlmm <- function(model, coefs, ...) {
  model$fixed$estimate[names(coefs)] <- coefs
  model
}

#' @rdname hdlmm-interop
#' @method get_vcov hdlmm
#' @exportS3Method marginaleffects::get_vcov hdlmm
get_vcov.hdlmm <- function(model, vcov = NULL, ...) {
  if (isFALSE(vcov)) return(NULL)
  if (is.matrix(vcov)) return(vcov)
  if (!is.null(vcov) && !isTRUE(vcov)) {
    bad_input("`vcov` must be TRUE, FALSE or a matrix here; found ", describe(vcov), ".")
  }
  model$fixed$vcov
}

#' @rdname hdlmm-interop
#' @method get_predict hdlmm
#' @exportS3Method marginaleffects::get_predict hdlmm
get_predict.hdlmm <- function(model, newdata, type = "response", ..., random = TRUE,
                              re.form = NULL, allow.new.levels = FALSE) {
  value <- predict.hdlmm(
    model, newdata, random = random, allow.new.levels = allow.new.levels, re.form = re.form,
    type = value_or(type, "response")
  )
  rows <- value_or(newdata$rowid, seq_along(value))
  data.frame(rowid = rows, estimate = unname(value))
}
