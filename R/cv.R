#' Cross-validation
#'
#' Fits a model of [lmm()] to the rows outside each fold and predicts the rows inside it: a call of
#' `lmm()` becomes a cross-validation by its name. Several formulas, several methods, or both are
#' compared on the same folds.
#'
#' The prediction of a row is that of `predict(lmm(..., subset = -fold), newdata)`: whatever looks
#' at rows is inside the fold, as are the columns' means and scales of `re(X, center = TRUE, scale =
#' TRUE)`, the means that missing cells are replaced by, and the levels of factors. Rows of a level
#' of a fixed effect that only their fold has cannot be predicted and are `NA`; unseen levels of
#' grouping factors are predicted from the prior. Expressions of the formula are evaluated once,
#' with all rows of `data`, as `subset` has it.
#'
#' @param formula a formula of [lmm()], or a list of formulas, by whose names (or texts) the models
#'   go. All models are fitted to the rows that every one of them keeps. Several responses, as in
#'   `cbind(y1, y2) ~ re(X)` or `Y ~ re(X)` with a matrix, are cross-validated on the same folds.
#' @param data as for [lmm()].
#' @param ... further arguments of [lmm()]: `weights`, `offset`, `subset`, `na.action`,
#'   `contrasts`, `prior`, `control`, `algorithm`, and `method`, which may be several, each a method
#'   or a method and an algorithm as `"ML/em"`: all formulas are fitted by all of them.
#' @param folds one of: a whole number from 2 to the number of rows (or of levels of `groups`), 10
#'   by default, for as many folds of nearly equal size, dealt at random; a vector with the fold of
#'   each row of `data`, or a matrix of such columns, one a repeat, where rows with `NA` are never
#'   left out; a set of splits (`rset`) of the package rsample, whose assessment rows are predicted
#'   from its analysis rows.
#' @param repeats positive whole number: how often rows are dealt anew.
#' @param groups a vector with one value a row of `data`, looked up there first: rows of a group
#'   (a family, a site, the plots of a genotype) stay together. The largest groups are dealt first,
#'   each to the smallest fold.
#' @param reestimate `FALSE` holds the variances at their estimates from all rows: predictions in
#'   closed form from one fit, optimistic as these variances have seen the rows, but close to the
#'   others where there are hundreds of rows. For methods whose variances are estimates.
#' @param seed `NULL` or one whole number: deals the rows, by the generator of the package, the same
#'   on every machine and in every version of R. `NULL` takes a number from R's generator.
#' @param x,object an object of class `"hdlmm_cv"`.
#' @param h2 `NULL`, or the heritability of the response, a number in (0, 1], or one a response, by
#'   name or in order: adds the measure `accuracy`, the correlation over `sqrt(h2)`.
#' @param digits significant digits.
#' @return An object of class `"hdlmm_cv"`, plain data. `as.data.frame()` gives one row for each
#'   held row, repeat and model: `model`, `row` (number in `data`), `repeat`, `fold`, `observed`,
#'   `prediction`, `se`, `lower`, `upper` (standard deviation and limits of the 95 % predictive
#'   interval of the response), `log_density` (of the observation), `baseline` (mean of the response
#'   in the rows that were fitted). `summary()` gives a list of `measures`, a data frame with
#'   `model`, `measure`, `estimate`, `sd`, and `folds`, a data frame with a row for each fit:
#'   `model`, `repeat`, `fold`, `n` (rows held), `n_train`, `pve`, the variances, `converged`,
#'   `boundary`, `note`. `tidy()` of the package generics gives the measures, `glance()` one row a
#'   model with a column a measure. Of several responses all these tables have a first column
#'   `response`.
#' @section Several responses: every response is cross-validated as it is alone with the same folds:
#'   a row in which it is missing is neither fitted nor predicted for it, and no cell is imputed.
#'   The rows that are dealt are those in which any response is known, so that all have their folds
#'   in common. Formulas that are compared must have the same responses, and are compared on the
#'   cells that every formula has. A response without an answer keeps the others: a warning names
#'   it.
#' @section Measures: `correlation`, the predictive ability: correlation of observations and
#'   predictions within a fold, mean over folds of three rows and more; `pooled`, the same over all
#'   folds of a repeat, which differences between fold means move; `spearman`, of ranks, mean over
#'   folds; `slope` and `intercept` of the line of observed on predicted, 1 and 0 where predictions
#'   are neither inflated nor shrunk too far; `rmse`; `r2`, one minus the squared error over that
#'   of the mean of the training rows, which may be negative; `log_score`, the mean log density of
#'   an observation under its predictive distribution (normal, Student t for OLS, the posterior
#'   predictive for Bayes); `coverage` and `width` of the 95 % intervals. The standard deviation is
#'   that over repeats, `NA` with one: folds share their training rows and are no replicates.
#' @section Folds without an answer: where a training fit ends in an error, its fold has `NA`
#'   predictions, `note` says why and a warning of class `hdlmm_fold_failed` names it; the other
#'   folds are kept. An error of the same class where no fold has an answer.
#' @section Cost: a fold costs a fit of its training rows, of what was read of the data once. With
#'   one random term, REML or ML and columns that are used as they are (`scale = FALSE`, no missing
#'   cells) `X X'` of wide `X` is formed once for all folds. REML of folds of up to 12 % of the rows
#'   needs no decomposition of their own either: with wide `X` or a kernel the restricted
#'   likelihood without a fold follows from the decomposition of all rows by the rows and columns
#'   of the fold alone. Ten folds five times of 2000 rows and 10,000 columns cost nine fits
#'   (`bench/cv.R`). Results are those of fits of their own; folds whose maximum lies at a boundary
#'   or is not the only one are fitted. Several responses share that decomposition, and so do those
#'   that miss few cells; where a fold needs a decomposition of its own, by whichever method,
#'   responses that have the same training rows share it.
#' @section Parallel: fits run under the user's plan of the package future, with the same bytes as
#'   without, and report their progress to handlers of the package progressr; see
#'   [hdlmm-future].
#' @references Gonzalez-Recio, Rosa and Gianola (2014). Machine learning methods and predictive
#'   ability metrics for genome-wide prediction of complex traits. *Livestock Science* 166,
#'   217-231. \doi{10.1016/j.livsci.2014.05.036}
#' @seealso [loo()] for one row at a time in closed form.
#' @examples
#' data(wheat)
#' cv <- cv_lmm(yield1 ~ re(markers), wheat, subset = 1:120, folds = 5, seed = 1)
#' cv
#' head(as.data.frame(cv))
#'
#' # several responses on the same folds
#' cv_lmm(cbind(yield1, yield2) ~ re(markers), wheat, subset = 1:120, folds = 5, seed = 1)
#'
#' # the same folds for two models
#' cv_lmm(
#'   list(mean = height ~ age, subjects = height ~ age + (1 | Subject)), nlme::Oxboys,
#'   folds = 5, repeats = 2, seed = 1
#' )
#' @export
cv_lmm <- function(formula, data, ..., folds = 10, repeats = 1, groups, reestimate = TRUE,
                   seed = NULL) {
  call <- match.call()
  if (missing(formula)) bad_input("`formula` is missing: write cv_lmm(y ~ age + re(X), data = d).")
  check_flag(reestimate, "reestimate")
  written <- replace(call, 1, list(quote(lmm)))
  settings <- cv_settings(fitting_call(written), parent.frame())
  direct <- if (is_direct(written)) written else direct_call(written, parent.frame())
  given <- fitting_call(direct)
  formulas <- if (is.list(formula)) formula else list(formula)
  if (length(formulas) == 0) bad_input("`formula` is a list without a formula.")
  for (i in seq_along(formulas)) formulas[[i]] <- check_formula(formulas[[i]])
  env <- environment(formulas[[1]])
  data <- check_data(if (missing(data)) NULL else data, env)
  groups <- if (!missing(groups)) group_argument(direct$groups, data, env, parent.frame())
  seed <- if (is.null(seed)) sample.int(.Machine$integer.max, 1) else check_seed(seed)
  models <- on_common_rows(cv_models(formulas, data, given, settings, reestimate))
  model <- models[[1]]$model
  folds <- make_folds(folds, repeats, groups, seed, model$rows, model$n_total)
  results <- run_folds(models, folds, reestimate, seed)
  new_cv(call, models, folds, results, list(reestimate = reestimate, seed = seed))
}

# The arguments of lmm() as its own call.
fitting_call <- function(call) {
  own <- setdiff(names(formals(cv_lmm)), c("formula", "data", "..."))
  out <- match.call(lmm, call[!names(call) %in% own], expand.dots = FALSE)
  if (!is.null(out$...)) {
    known <- setdiff(c(names(formals(lmm)), own), "...")
    stop_stray(as.list(out$...), list(name = "cv_lmm", arguments = known))
  }
  out
}

# A list of settings a method; see start_fit().
cv_settings <- function(given, frame) {
  of <- function(name, default) if (is.null(given[[name]])) default else eval(given[[name]], frame)
  method <- of("method", "REML")
  algorithm <- of("algorithm", NULL)
  control <- check_control(of("control", lmm_control()))
  prior <- of("prior", NULL)
  if (!is.null(prior)) check_prior(prior)
  if (!is.character(method) || length(method) == 0) check_method(method)
  if (length(method) > 1 && !is.null(algorithm)) {
    bad_input("with several methods write each with its algorithm, as \"ML/em\".")
  }
  lapply(unname(method), function(one) {
    engine <- if (is.null(algorithm)) engine_by_name(one) else find_engine(one, algorithm)
    list(
      engine = engine, contrasts = of("contrasts", NULL), prior = value_or(prior, lmm_prior()),
      has_prior = !is.null(prior) && (length(method) == 1 || takes_prior(engine)),
      control = control
    )
  })
}

# Looked up among the variables of the data first, as `weights` of lmm() is.
group_argument <- function(expr, data, env, frame) {
  find <- function(place) eval(expr, data, place)
  on_error(
    tryCatch(find(env), error = function(e) find(frame)),
    function(e) bad_input("cannot evaluate `groups`: ", sentence(e))
  )
}

# Every formula by every method; one without a random term is fitted by least squares, once.
cv_models <- function(formulas, data, given, settings, reestimate) {
  names <- value_or(names(formulas), rep("", length(formulas)))
  is_unnamed <- !nzchar(names)
  names[is_unnamed] <- vapply(formulas[is_unnamed], short_text, "")
  names <- make.unique(names, sep = " ")
  models <- Map(function(formula, name) {
    own <- check_data(data, environment(formula))
    found <- lapply(settings, function(one) {
      asked <- list(
        formula = formula, data = own, call = given, env = environment(formula), settings = one
      )
      start <- start_responses(asked)
      engine <- shown_method(start$engine$method, start$engine$algorithm)
      label <- if (length(formulas) == 1) engine else
        if (length(settings) == 1) name else paste0(name, ", ", engine)
      model <- new_cv_model(label, start, asked)
      if (reestimate || has_several_responses(model)) share_gram(model, start$problem) else model
    })
    found[!duplicated(vapply(found, `[[`, "", "label"))]
  }, formulas, names)
  unlist(unname(models), recursive = FALSE)
}
