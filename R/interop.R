# Methods for generics of other packages, registered when those are loaded; none is
# needed.

#' Methods for emmeans, lme4, insight and marginaleffects
#'
#' Fits answer the generics of these packages as soon as they are loaded.
#'
#' **emmeans**: `emmeans()`, `emtrends()`, `contrast()` and the like work on the fixed
#' part, with Satterthwaite's degrees of freedom or, by `ddf = "Kenward-Roger"`, those of Kenward
#' and Roger; combinations that aliased coefficients
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
#' **marginaleffects**: `predictions()`, `slopes()`, `comparisons()` and their averages, with
#' standard errors that take the fixed effects as estimated and the random effects as they are
#' predicted; `re.form = NA` or `random = FALSE` is the fixed part alone. It takes no data with a
#' matrix in a column: give it `newdata` without.
#'
#' @param object,x,model a fit of [lmm()].
#' @param trms,xlev,grid as emmeans passes them.
#' @param ddf degrees of freedom, see [summary()][summary.hdlmm].
#' @param mode,lmer.df the same in emmeans' words for fits of lme4: `"satterthwaite"`,
#'   `"kenward-roger"` or `"asymptotic"`.
#' @param name one or more of the names above.
#' @param newresp numeric: the new response in the fitted rows (or in these and those that
#'   `na.action` dropped), or a data frame with this one column, as [simulate()] gives.
#' @param split_nested,flatten,verbose,type,component as in insight.
#' @param estimator,REML `"ML"` or `"REML"`, or whether the latter; `NULL`: the criterion of
#'   the fit.
#' @param coefs,vcov,newdata as marginaleffects passes them.
#' @param random,re.form,allow.new.levels as in [predict()][predict.hdlmm].
#' @param ... passed on by emmeans or marginaleffects; nothing else.
#' @return What the generic promises for fits of lme4.
#' @section Errors: `hdlmm_no_fixed_effects`: marginal means of a fit without any;
#'   `hdlmm_bad_input`: a name that `getME()` does not know, a response of
#'   the wrong length or with missing values.
#' @name hdlmm-interop
#' @keywords internal
NULL
