# What is for a fit of one response stops by a classed error that says how to take one.

#' @export
anova.hdlmm_multi <- function(object, ...) stop_of_responses(object, "anova()")

#' @export
add1.hdlmm_multi <- function(object, ...) stop_of_responses(object, "add1()")

#' @export
drop1.hdlmm_multi <- function(object, ...) stop_of_responses(object, "drop1()")

#' @export
profile.hdlmm_multi <- function(fitted, ...) stop_of_responses(fitted, "profile()")

#' @export
model.frame.hdlmm_multi <- function(formula, ...) stop_of_responses(formula, "model.frame()")

#' @export
model.matrix.hdlmm_multi <- function(object, ...) stop_of_responses(object, "model.matrix()")

#' @export
extractAIC.hdlmm_multi <- function(fit, ...) stop_of_responses(fit, "extractAIC()")

#' @export
#' @rawNamespace if (getRversion() >= "3.6.0") S3method(rstantools::posterior_predict, hdlmm_multi)
posterior_predict.hdlmm_multi <- function(object, ...) {
  stop_of_responses(object, "posterior_predict()")
}

#' @exportS3Method MASS::addterm hdlmm_multi
addterm.hdlmm_multi <- function(object, ...) stop_of_responses(object, "addterm()")

#' @exportS3Method MASS::dropterm hdlmm_multi
dropterm.hdlmm_multi <- function(object, ...) stop_of_responses(object, "dropterm()")

#' @exportS3Method car::Anova hdlmm_multi
Anova.hdlmm_multi <- function(mod, ...) stop_of_responses(mod, "Anova()")

#' @exportS3Method car::linearHypothesis hdlmm_multi
linearHypothesis.hdlmm_multi <- function(model, ...) stop_of_responses(model, "linearHypothesis()")

#' @exportS3Method emmeans::emm_basis hdlmm_multi
emm_basis.hdlmm_multi <- function(object, ...) stop_of_responses(object, "emm_basis()")

#' @exportS3Method emmeans::recover_data hdlmm_multi
recover_data.hdlmm_multi <- function(object, ...) stop_of_responses(object, "recover_data()")

#' @exportS3Method generics::augment hdlmm_multi
augment.hdlmm_multi <- function(x, ...) stop_of_responses(x, "augment()")

#' @exportS3Method lme4::getME hdlmm_multi
getME.hdlmm_multi <- function(object, ...) stop_of_responses(object, "getME()")

#' @exportS3Method lme4::ngrps hdlmm_multi
ngrps.hdlmm_multi <- function(object, ...) stop_of_responses(object, "ngrps()")

#' @exportS3Method lme4::refit hdlmm_multi
refit.hdlmm_multi <- function(object, ...) stop_of_responses(object, "refit()")

#' @exportS3Method insight::find_formula hdlmm_multi
find_formula.hdlmm_multi <- function(x, ...) stop_of_responses(x, "find_formula()")

#' @exportS3Method insight::find_random hdlmm_multi
find_random.hdlmm_multi <- function(x, ...) stop_of_responses(x, "find_random()")

#' @exportS3Method insight::get_deviance hdlmm_multi
get_deviance.hdlmm_multi <- function(x, ...) stop_of_responses(x, "get_deviance()")

#' @exportS3Method insight::get_df hdlmm_multi
get_df.hdlmm_multi <- function(x, ...) stop_of_responses(x, "get_df()")

#' @exportS3Method insight::get_loglikelihood hdlmm_multi
get_loglikelihood.hdlmm_multi <- function(x, ...) stop_of_responses(x, "get_loglikelihood()")

#' @exportS3Method insight::get_statistic hdlmm_multi
get_statistic.hdlmm_multi <- function(x, ...) stop_of_responses(x, "get_statistic()")

#' @exportS3Method insight::get_variance hdlmm_multi
get_variance.hdlmm_multi <- function(x, ...) stop_of_responses(x, "get_variance()")

#' @exportS3Method insight::is_converged hdlmm_multi
is_converged.hdlmm_multi <- function(x, ...) stop_of_responses(x, "is_converged()")

#' @exportS3Method posterior::as_draws hdlmm_multi
as_draws.hdlmm_multi <- function(x, ...) stop_of_responses(x, "as_draws()")

#' @exportS3Method posterior::as_draws_array hdlmm_multi
as_draws_array.hdlmm_multi <- function(x, ...) stop_of_responses(x, "as_draws_array()")

#' @exportS3Method posterior::as_draws_df hdlmm_multi
as_draws_df.hdlmm_multi <- function(x, ...) stop_of_responses(x, "as_draws_df()")

#' @exportS3Method posterior::as_draws_matrix hdlmm_multi
as_draws_matrix.hdlmm_multi <- function(x, ...) stop_of_responses(x, "as_draws_matrix()")

#' @exportS3Method lme4::isREML hdlmm_multi
isREML.hdlmm_multi <- function(x, ...) stop_of_responses(x, "isREML()")

#' @exportS3Method lme4::isLMM hdlmm_multi
isLMM.hdlmm_multi <- function(x, ...) stop_of_responses(x, "isLMM()")

#' @exportS3Method lme4::isGLMM hdlmm_multi
isGLMM.hdlmm_multi <- function(x, ...) stop_of_responses(x, "isGLMM()")

#' @exportS3Method lme4::isNLMM hdlmm_multi
isNLMM.hdlmm_multi <- function(x, ...) stop_of_responses(x, "isNLMM()")

#' @importFrom stats influence
#' @export
influence.hdlmm_multi <- function(model, ...) stop_of_responses(model, "influence()")

#' @importFrom stats dfbeta
#' @export
dfbeta.hdlmm_multi <- function(model, ...) stop_of_responses(model, "dfbeta()")

#' @importFrom stats dfbetas
#' @export
dfbetas.hdlmm_multi <- function(model, ...) stop_of_responses(model, "dfbetas()")

#' @importFrom stats cooks.distance
#' @export
cooks.distance.hdlmm_multi <- function(model, ...) stop_of_responses(model, "cooks.distance()")

#' @importFrom stats rstandard
#' @export
rstandard.hdlmm_multi <- function(model, ...) stop_of_responses(model, "rstandard()")

#' @importFrom stats rstudent
#' @export
rstudent.hdlmm_multi <- function(model, ...) stop_of_responses(model, "rstudent()")

#' @exportS3Method insight::get_predicted hdlmm_multi
get_predicted.hdlmm_multi <- function(x, ...) stop_of_responses(x, "get_predicted()")

#' @exportS3Method performance::r2 hdlmm_multi
r2.hdlmm_multi <- function(model, ...) stop_of_responses(model, "r2()")

#' @exportS3Method performance::model_performance hdlmm_multi
model_performance.hdlmm_multi <- function(model, ...) {
  stop_of_responses(model, "model_performance()")
}

#' @exportS3Method parameters::p_value hdlmm_multi
p_value.hdlmm_multi <- function(model, ...) stop_of_responses(model, "p_value()")

#' @exportS3Method bayestestR::ci hdlmm_multi
ci.hdlmm_multi <- function(x, ...) stop_of_responses(x, "ci()")

#' @exportS3Method parameters::model_parameters hdlmm_multi
model_parameters.hdlmm_multi <- function(model, ...) {
  stop_of_responses(model, "model_parameters()")
}

#' @exportS3Method nlme::getData hdlmm_multi
getData.hdlmm_multi <- function(object) stop_of_responses(object, "getData()")

#' @exportS3Method nlme::getVarCov hdlmm_multi
getVarCov.hdlmm_multi <- function(obj, ...) stop_of_responses(obj, "getVarCov()")

#' @exportS3Method nlme::intervals hdlmm_multi
intervals.hdlmm_multi <- function(object, ...) stop_of_responses(object, "intervals()")
