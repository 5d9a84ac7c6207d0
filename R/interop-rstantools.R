# Generics of rstantools and bayesplot, by the draws of posterior_predict().

#' Methods for rstantools and bayesplot
#'
#' Fits by any method answer these generics by draws as those of [posterior_predict()]: from the
#' posterior for Bayes fits, from q for VB, given the estimated variances for REML, ML and MAP. With
#' the same `seed`, `posterior_epred()` are the means of `posterior_predict()`.
#'
#' @param object a fit of [lmm()].
#' @param newdata,random,allow.new.levels,draws,seed as in [posterior_predict()].
#' @param transform nothing: the link is the identity.
#' @param fun of `pp_check()`: the name of a `ppc_` function of bayesplot that takes `y` and `yrep`,
#'   without the prefix.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return `posterior_epred()` and `posterior_linpred()`: draws x rows, means of the responses given
#'   the effects. `log_lik()`: draws x fitted rows, log densities of the responses given the effects
#'   and variances. `bayes_R2()`: by draw, the variance of those means over itself and the residual
#'   variance (a mean over the rows where they have weights). `pp_check()`: a ggplot of the response
#'   and of draws of it.
#' @references Gelman, Goodrich, Gabry and Vehtari (2019). R-squared for Bayesian regression models.
#'   *The American Statistician* 73, 307-309. \doi{10.1080/00031305.2018.1549100}
#' @examplesIf requireNamespace("rstantools", quietly = TRUE)
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
#' quantile(rstantools::bayes_R2(fit, draws = 200, seed = 1))
#' @name hdlmm-rstantools
NULL

#' @rdname hdlmm-rstantools
#' @method posterior_epred hdlmm
#' @exportS3Method rstantools::posterior_epred hdlmm
posterior_epred.hdlmm <- function(object, newdata = NULL, draws = 1000, seed = NULL, random = TRUE,
                                  allow.new.levels = FALSE, ...) {
  check_dots()
  rows <- drawn_rows(object, newdata, random, allow.new.levels)
  out <- t(latent_draws(object, rows, random, draws, seed)$value)
  colnames(out) <- rows$names
  out
}

#' @rdname hdlmm-rstantools
#' @method posterior_linpred hdlmm
#' @exportS3Method rstantools::posterior_linpred hdlmm
posterior_linpred.hdlmm <- function(object, transform = FALSE, newdata = NULL, draws = 1000,
                                    seed = NULL, random = TRUE, allow.new.levels = FALSE, ...) {
  check_dots()
  check_flag(transform, "transform")
  posterior_epred.hdlmm(object, newdata, draws, seed, random, allow.new.levels)
}

#' @rdname hdlmm-rstantools
#' @method log_lik hdlmm
#' @exportS3Method rstantools::log_lik hdlmm
log_lik.hdlmm <- function(object, draws = 1000, seed = NULL, ...) {
  check_dots()
  rows <- drawn_rows(object)
  latent <- latent_draws(object, rows, TRUE, draws, seed)
  sd <- sqrt(outer(1 / rep_len(value_or(object$weights, 1), rows$m), latent$noise))
  y <- as.double(object$frame[[1]])
  out <- t(matrix(stats::dnorm(y, latent$value, sd, log = TRUE), rows$m))
  colnames(out) <- rows$names
  out
}

#' @rdname hdlmm-rstantools
#' @method bayes_R2 hdlmm
#' @exportS3Method rstantools::bayes_R2 hdlmm
bayes_R2.hdlmm <- function(object, draws = 1000, seed = NULL, ...) {
  check_dots()
  latent <- latent_draws(object, drawn_rows(object), TRUE, draws, seed)
  explained <- apply(latent$value, 2, stats::var)
  noise <- latent$noise * mean(1 / value_or(object$weights, 1))
  explained / (explained + noise)
}

#' @rdname hdlmm-rstantools
#' @method pp_check hdlmm
#' @exportS3Method bayesplot::pp_check hdlmm
pp_check.hdlmm <- function(object, fun = "dens_overlay", draws = 50, seed = NULL, ...) {
  check_dots()
  fun <- check_choice(fun, sub("^ppc_", "", bayesplot_names()), "fun")
  drawn <- posterior_predict.hdlmm(object, draws = draws, seed = seed)
  plot <- getExportedValue("bayesplot", paste0("ppc_", fun))
  plot(as.double(object$frame[[1]]), drawn)
}

# Pictures of y and yrep that need nothing else.
bayesplot_names <- function() {
  names <- grep("^ppc_", getNamespaceExports("bayesplot"), value = TRUE)
  Filter(function(name) {
    arguments <- formals(getExportedValue("bayesplot", name))
    needed <- names(arguments)[vapply(arguments, identical, NA, formals(function(x) NULL)$x)]
    setequal(setdiff(needed, "..."), c("y", "yrep"))
  }, sort(names))
}
