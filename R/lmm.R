#' Fit a linear mixed model
#'
#' Fits `y = Z omega + X beta + e` with `beta ~ N(0, sigma_b^2 I_p)` and
#' `e ~ N(0, sigma_e^2 W^-1)`: `Z` (n x c) from the ordinary terms of the formula, `X` (n x p)
#' from its random term. p may be far above n. Without a random term the model is fitted by
#' ordinary least squares.
#'
#' One spectral decomposition on the smaller side of `X` reduces both likelihoods to functions of
#' one number, the proportion of variance explained
#' `h = kappa sigma_b^2 / (kappa sigma_b^2 + sigma_e^2)`, where `kappa` is the expected sample
#' variance of `X beta` per unit `sigma_b^2`. All modes on the closed interval are found by the
#' sign changes of the exact derivative; the highest is returned, boundaries included, and the
#' others are kept (see [profile.hdlmm()]). The response, `Z` and `X` are scaled by powers of two
#' and centred inside, so that units never matter.
#'
#' With several random terms, or correlated coefficients as of `(x | g)`, REML and ML maximise over
#' all covariance matrices at once, by a trust region on their Cholesky factors with exact
#' gradients; a variance of 0 and a singular matrix are stationary points there and returned as
#' such. The fit keeps its `certificate` (see below), `covariances`, `theta` and what `system`
#' solved the equations.
#'
#' `method = "MAP"` climbs the log posterior density in the same way, with every prior of
#' [lmm_prior()]; its limits are Wald's. `"em"` and `"pxem"` are the textbook's over the effects of
#' all terms, PX-EM with one scale a term; a variance of 0, which they near without end, is taken
#' from the direct search that runs beside them.
#'
#' `method = "VB"` climbs the evidence bound of a `q(beta)` that factorises over the levels of
#' `(x | g)` and over the single coefficients of the other terms, or as
#' [`lmm_control(blocks = )`][lmm_control()] says, in the same way (`"collapsed"`) or block by block
#' (`"cavi"`). With priors of the variances these have factors: inverse gammas, and inverse
#' Wisharts under [prior_half_t()] of the standard deviations of a covariance matrix. Where columns
#' of different factors of `q` correlate, the bound lies below the evidence by [kl_gap()], which
#' can outweigh what the data say for a random term: its variance then vanishes, and the fit says
#' so. The remedy is `lmm_control(blocks = "all")` or blocks of the columns that correlate, or
#' `method = "Bayes"`, which factorises nothing.
#'
#' A matrix as response, `cbind(y1, y2) ~ ...`, is a fit of every column by itself: see
#' [hdlmm_multi].
#'
#' @param formula a formula: a numeric response, fixed effects as for [stats::lm()] (factors,
#'   interactions, `poly()`, splines, `offset()`, `.`), and random terms: see below.
#' @param data a data frame, list or environment with the variables; matrices may be columns of
#'   it. Variables that it lacks are taken from the environment of the formula.
#' @param method `"REML"`, `"ML"`, `"MAP"`, `"VB"`, `"Bayes"` or `"OLS"`; see [lmm_methods()].
#'   Without a random term it is `"OLS"` whatever is asked.
#' @param algorithm `NULL` (the method's first) or a name from [lmm_methods()].
#' @param weights numeric n-vector `w`: `Var(e_i) = sigma_e^2 / w_i`. Rows with weight zero are
#'   left out.
#' @param offset numeric n-vector added to the fixed part with coefficient one.
#' @param subset rows to use, as for [stats::lm()].
#' @param na.action what to do with missing values in the response, the fixed effects and the
#'   grouping factor; the default is that of `options("na.action")`. Missing values in `X` are an
#'   error unless [re()] says otherwise.
#' @param contrasts a list of contrasts, as for [stats::lm()].
#' @param prior a prior from [lmm_prior()], for the methods `"MAP"`, `"VB"` and `"Bayes"`.
#' @param control a list from [lmm_control()].
#' @param ... nothing: an argument that is not listed here is an error.
#' @section Random terms:
#' \tabular{lll}{
#'   written \tab what varies \tab called \cr
#'   \verb{re(X)} \tab every column of \verb{X} has a coefficient \tab \verb{X} \cr
#'   \verb{re(kernel = K, id = i)} \tab related individuals \tab \verb{K} \cr
#'   \verb{re(X, name = "snps")} \tab the same as \verb{re(X)} \tab \verb{snps} \cr
#'   \verb{(1 | g)} \tab every level of \verb{g} has an intercept \tab \verb{g} \cr
#'   \verb{(0 + x | g)} \tab every level has a slope of \verb{x} \tab \verb{g.x} \cr
#'   \verb{(x | g)} \tab intercept and slope of a level, correlated \tab \verb{g} \cr
#'   \verb{(x || g)} \tab \verb{(1 | g) + (0 + x | g)}: independent \tab \verb{g}, \verb{g.x} \cr
#'   \verb{(0 + f | g)} \tab a coefficient a level of \verb{f}, correlated \tab \verb{g} \cr
#'   \verb{(1 | a:b)} \tab every pair of levels that occurs \tab \verb{a:b} \cr
#'   \verb{(1 | a/b)} \tab \verb{(1 | a) + (1 | b:a)} \tab \verb{a}, \verb{b:a} \cr
#' }
#'
#' See [re()] for its arguments. Left of the bar stands what may stand in a formula of fixed
#' effects: factors, `poly()`, splines, interactions, `0 +`. Its columns are those of
#' [stats::model.matrix()] with the contrasts of the factors or of `options("contrasts")`, as
#' in lme4, and new rows get them as the fitted ones did. `||` makes all of these columns
#' independent, the dummies of a factor too, which lme4 before 2.0 kept correlated. Right of it
#' stands a variable, an expression or an interaction, whose values are levels. Terms that
#' would be called alike are counted on (`g`, `g.1`); one that is called as a fixed effect goes
#' by its text. Structures by name, `us()`, `diag()`, `cs()` and `ar1()`, and `(1 | a + b)` are
#' errors that say what to write.
#' @section Environments: a fit keeps of the environment of its formula the constants and functions
#'   that its terms need at new rows, so that a fit made inside a function is saved with its own
#'   data only. [update()] and tools that evaluate the call again find the data where the formula
#'   was written while the session lasts; of a fit that was saved and loaded they look where they
#'   are called, as for [stats::lm()] with data of the workspace.
#' @return An object of class `"hdlmm"`: plain data that `saveRDS()` keeps. Its methods include
#'   [summary()], [predict()][predict.hdlmm], [fixef()], [ranef()], [varcomp()], [pve()],
#'   [confint()][confint.hdlmm], [profile()][profile.hdlmm], [anova()][anova.hdlmm], [plot()],
#'   [simulate()][simulate.hdlmm] and [loo()][loo.hdlmm].
#' @section Certificate: `fit$certificate` of a fit with several random terms, or with correlated
#'   coefficients, says why its maximum is one. With G the gradient of -2 log-likelihood by a
#'   covariance matrix S per unit `sigma_e^2`, in units in which every coefficient explains as much
#'   as the noise, a maximum has GS = 0 and no direction out of the null space of S that gains.
#'   A list: `gradient`, length of the gradient by the Cholesky factors; `complementarity`, the
#'   largest cell of GS; `null_gain`, what the best direction out of the boundary promises, 0 where
#'   there is none; `evaluations` of the likelihood in the climb that led there, and
#'   `all_evaluations` in all climbs, as small models are also searched from every corner, with
#'   nearly all variance in one coefficient; `modes`, the distinct log-likelihoods that climbs led
#'   to, the highest first.
#' @section Conditions: errors have class `hdlmm_error` and one more that names what:
#'   `hdlmm_bad_input`, `hdlmm_not_identified`, `hdlmm_no_residual_df`, `hdlmm_overflow`,
#'   `hdlmm_unsupported`, `hdlmm_unbounded_likelihood`, `hdlmm_unbounded_posterior`,
#'   `hdlmm_improper_prior`, `hdlmm_out_of_memory`, `hdlmm_internal` (a fault of the package that it
#'   noticed itself). Warnings have class `hdlmm_warning` and one of
#'   `hdlmm_unbounded_likelihood`, `hdlmm_unbounded_posterior`, `hdlmm_exact_fit`,
#'   `hdlmm_not_identified`,
#'   `hdlmm_not_converged`, `hdlmm_local_mode`, `hdlmm_confounded`, `hdlmm_badly_scaled`,
#'   `hdlmm_ignored_prior`.
#' @references
#' Patterson and Thompson (1971). Recovery of inter-block information when block sizes are
#' unequal. *Biometrika* 58, 545-554. \doi{10.1093/biomet/58.3.545}
#'
#' Kang et al. (2008). Efficient control of population structure in model organism association
#' mapping. *Genetics* 178, 1709-1723. \doi{10.1534/genetics.107.080101}
#' @concept linear mixed model
#' @concept restricted maximum likelihood
#' @concept ridge regression
#' @concept GBLUP
#' @concept RR-BLUP
#' @concept high-dimensional regression
#' @concept genomic prediction
#' @examples
#' data(wheat)
#' fit <- lmm(yield1 ~ re(markers), data = wheat, subset = 1:200)
#' fit
#' pve(fit)
#'
#' lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' @export
lmm <- function(formula, data, method = "REML", algorithm = NULL, weights, offset, subset,
                na.action, contrasts = NULL, prior = lmm_prior(), control = lmm_control(), ...) {
  check_dots()
  call <- match.call()
  if (!is_direct(call)) call <- direct_call(call, parent.frame())
  check_control(control)
  if (!missing(prior)) check_prior(prior)
  engine <- find_engine(method, algorithm)
  if (missing(formula)) bad_input("`formula` is missing: write lmm(y ~ age + re(X), data = d).")
  formula <- check_formula(formula)
  env <- environment(formula)
  data <- check_data(if (missing(data)) NULL else data, env)
  settings <- list(
    engine = engine, contrasts = contrasts, prior = prior, has_prior = !missing(prior),
    control = control
  )
  asked <- list(formula = formula, data = data, call = call, env = env, settings = settings)
  y <- response_matrix(asked)
  fit <- if (is.null(y)) fit_model(asked) else fit_responses(asked, y)
  announce(fit)
  fit
}

# The call as it can be evaluated again, wherever it is: lapply(), Map() and do.call() leave
# `FUN(formula = X[[i]], data = ..1)` or the function itself. What is in `...` goes by the name that
# it has where it comes from, what only the iteration knows by its value.
direct_call <- function(call, frame) {
  given <- eval(quote(substitute(list(...))), frame_with_dots(frame))
  is_own <- is_own_head(call[[1]])
  for (name in names(call)[-1]) {
    argument <- call[[name]]
    if (is_dot(argument)) {
      source <- given[[as.integer(substring(argument, 3)) + 1]]
      if (is_dot(source)) source <- eval(argument, frame)
      call[name] <- list(source)
    } else if (!is_own && is_named_call(argument, "[[")) {
      call[name] <- list(eval(argument, frame))
    }
  }
  if (!is_own) {
    is_attached <- identical(get0("lmm", globalenv(), mode = "function"), lmm)
    call[[1]] <- if (is_attached) quote(lmm) else quote(hdlmm::lmm)
  }
  call
}

# Where the `...` that a frame sees are arguments: a function in another has those of that one.
frame_with_dots <- function(frame) {
  inner <- frame
  while (!exists("...", frame, inherits = FALSE)) {
    if (identical(frame, emptyenv())) return(inner)
    frame <- parent.env(frame)
  }
  frame
}

is_direct <- function(call) is_own_head(call[[1]]) && !any(vapply(as.list(call), is_dot, NA))

is_own_head <- function(head) identical(head, quote(lmm)) || identical(head, quote(hdlmm::lmm))

is_dot <- function(expr) {
  is.name(expr) && startsWith(as.character(expr), "..") && grepl("^[.][.][0-9]+$", expr)
}

check_formula <- function(formula) {
  if (is.character(formula) && length(formula) == 1) {
    formula <- stats::as.formula(formula, env = parent.frame(2))
  }
  if (!inherits(formula, "formula")) split_formula(formula)
  if (is.null(environment(formula))) environment(formula) <- parent.frame(2)
  formula
}

# A list becomes an environment: model.frame() would make one data frame of all it holds.
check_data <- function(data, env) {
  on_error(force(data), function(e) bad_input("cannot evaluate `data`: ", sentence(e)))
  if (is.null(data) || is.data.frame(data) || is.environment(data)) return(data)
  if (is.list(data)) return(list2env(data[nzchar(names(data))], parent = env))
  if (inherits(data, "formula")) bad_input("`data` is a formula: ", lmm_hints$random, ".")
  if (is.matrix(data)) bad_input("`data` is a matrix: wrap it by as.data.frame().")
  bad_input("`data` must be a data frame, list or environment; found ", describe(data), ".")
}
