# F tests of car with Kenward and Roger's degrees of freedom, as it has them for fits of lme4.

#' Tests of fixed effects by car
#'
#' `car::Anova(fit)` and `car::linearHypothesis(fit, ...)` give Wald chi-squared tests; with
#' `test.statistic = "F"` and `test = "F"`, of REML fits, F tests by Kenward and Roger, as for fits
#' of lme4. Hypotheses are car's: of type III they depend on the coding of factors, unlike those of
#' [anova()][anova.hdlmm].
#'
#' @param mod,model a fit of [lmm()].
#' @param type,test.statistic,vcov.,hypothesis.matrix,test as in car.
#' @param ... settings of car's default; for F tests nothing.
#' @return A data frame of class `"anova"`, as of fits of lme4.
#' @section Errors: `hdlmm_unsupported`: a fit that is not at a maximum of the likelihood; F tests
#'   of a fit that is not by REML, or with a covariance
#'   matrix or a right-hand side of one's own; `hdlmm_no_fixed_effects`, `hdlmm_exact_fit`.
#' @references Kenward and Roger (1997). *Biometrics* 53, 983-997. \doi{10.2307/2533558}
#' @name hdlmm-car
#' @keywords internal
NULL

#' @rdname hdlmm-car
#' @method Anova hdlmm
#' @exportS3Method car::Anova hdlmm
Anova.hdlmm <- function(mod, type = c("II", "III", 2, 3), test.statistic = c("Chisq", "F"),
                        vcov., ...) {
  check_dots(list(singular.ok = NULL, error = NULL, complete = NULL))
  test <- check_choice(test.statistic, c("Chisq", "F"), "test.statistic")
  require_tests(mod, "car::Anova()")
  if (length(attr(mod$terms, "term.labels")) == 0) {
    abort("no_fixed_effects", "the fixed part has no term to test, only an intercept.")
  }
  if (test == "Chisq" || !has_random(mod)) return(NextMethod())
  check_dots()
  if (!missing(vcov.)) refuse_own_covariance()
  type <- check_type(type)
  tests <- fixed_tests(mod, "Kenward-Roger")
  mod$fixed$vcov <- tests$vcov
  z <- model.matrix.hdlmm(mod)
  assign <- attr(z, "assign")[mod$fixed$kept]
  labels <- attr(mod$terms, "term.labels")
  terms <- if (type == "II") seq_along(labels) else sort(unique(assign))
  model <- if (type == "II") redundant_model(mod) else list(assign = assign)
  rows <- matrix(vapply(terms, function(term) {
    hypotheses <- term_contrasts(mod, model, term, type)
    if (nrow(hypotheses) == 0) return(c(0, NA, NA, NA))
    tests$joint(hypotheses)
  }, numeric(4)), 4)
  structure(
    data.frame(
      F = rows[3, ], Df = rows[1, ], Df.res = rows[2, ], `Pr(>F)` = rows[4, ],
      row.names = c("(Intercept)", labels)[terms + 1], check.names = FALSE
    ),
    heading = c(
      paste0(
        "Analysis of Deviance Table (Type ", type, " Wald F tests with Kenward-Roger df)\n"
      ),
      paste("Response:", deparse1(mod$formula[[2]]))
    ),
    class = c("anova", "data.frame")
  )
}

#' @rdname hdlmm-car
#' @method linearHypothesis hdlmm
#' @exportS3Method car::linearHypothesis hdlmm
linearHypothesis.hdlmm <- function(model, hypothesis.matrix, test = c("Chisq", "F"), vcov. = NULL,
                                   ...) {
  check_dots(list(
    rhs = NULL, singular.ok = NULL, verbose = NULL, coef. = NULL, suppress.vcov.msg = NULL,
    title = NULL, error.df = NULL
  ))
  test <- check_choice(test, c("Chisq", "F"), "test")
  require_tests(model, "car::linearHypothesis()")
  if (test == "Chisq" || !has_random(model)) return(NextMethod())
  check_dots()
  if (!is.null(vcov.)) refuse_own_covariance()
  names <- names(model$fixed$estimate)[model$fixed$kept]
  hypotheses <- hypothesis.matrix
  if (is.character(hypotheses)) {
    parsed <- car::makeHypothesis(names, hypotheses)
    parsed <- matrix(parsed, ncol = length(names) + 1)
    if (any(parsed[, ncol(parsed)] != 0)) {
      abort("unsupported", "F tests are of hypotheses with 0 on the right-hand side.")
    }
    hypotheses <- parsed[, -ncol(parsed), drop = FALSE]
  }
  hypotheses <- matrix(hypotheses, ncol = length(names))
  law <- fixed_tests(model, "Kenward-Roger")$joint(hypotheses)
  out <- data.frame(
    Res.Df = law[2] + c(law[1], 0), Df = c(NA, law[1]), F = c(NA, law[3]),
    `Pr(>F)` = c(NA, law[4]), check.names = FALSE
  )
  structure(
    out, class = c("anova", "data.frame"),
    heading = c(
      "Linear hypothesis test (Kenward-Roger df)\n\nHypothesis:",
      car::printHypothesis(hypotheses, rep(0, nrow(hypotheses)), names), "",
      paste0("Model 1: restricted model\nModel 2: ", deparse1(model$formula))
    )
  )
}

require_tests <- function(fit, what) {
  require_likelihood(fit, what)
  if (is_exact_fit(fit) || any(diagonal(fit$fixed$vcov) == 0)) {
    abort("exact_fit", what, ": the response is explained exactly, nothing is left to test by.")
  }
  if (length(fit$fixed$kept) == 0) {
    abort("no_fixed_effects", "tests of fixed effects need some; this fit has none.")
  }
}

refuse_own_covariance <- function() {
  abort(
    "unsupported", "F tests by Kenward and Roger have a covariance of their own; `vcov.` goes ",
    "with chi-squared tests."
  )
}
