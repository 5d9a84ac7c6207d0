#' Every method on one decomposition
#'
#' Runs methods of [lmm()] on the model and the decomposition of a fit, and sets their answers side
#' by side.
#'
#' @param fit a fit of [lmm()] with a random term.
#' @param methods character: methods, or method and algorithm as `"ML/em"`; see [lmm_methods()].
#' @param prior an [lmm_prior()] for the methods that have one. The default is the prior of the fit,
#'   or that of [lmm_prior()]. With priors on the variances themselves, `"VB"` is fully variational.
#' @param control a list from [lmm_control()]; the default is that of the fit.
#' @param x,object an object of class `"hdlmm_comparison"`.
#' @param digits significant digits.
#' @param which panels: 1 the densities of pve, 2 and 3 those of the variances (with estimates of
#'   the methods that have none; where no method has a density, estimates with 95% Wald limits), 4
#'   the bounds' traces against the evidence.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A data frame of class `"hdlmm_comparison"` with one row per method: `method`,
#'   `algorithm`, the variances (of blocks their covariances too), `pve` (of several random terms in
#'   total, then `pve.<term>` for each), `log_evidence` (at the estimates; integrated over the prior
#'   for Bayes, `NA` where that is improper), `elbo`, `kl_gap`, `distance_pve` and the
#'   like for all variances and shares (estimate less posterior mean of exact Bayes, in its
#'   posterior standard deviations; `NA` where there is no exact posterior, as with three terms or
#'   blocks), `iterations`, `seconds` (without the decomposition, which is made once). The fits
#'   themselves are its attribute `"fits"`.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' compare_methods(fit, c("REML", "ML", "VB", "Bayes"))
#' crossed <- lmm(diameter ~ 1 + (1 | plate) + (1 | sample), data = lme4::Penicillin)
#' compare_methods(crossed, c("REML", "ML", "Bayes"))
#' @export
compare_methods <- function(fit, methods = c("OLS", "REML", "ML", "MAP", "VB", "Bayes"),
                            prior = NULL, control = NULL, ...) {
  check_dots()
  check_fit(fit)
  require_random(fit, "compare_methods()")
  if (is_exact_fit(fit)) {
    abort("exact_fit", "the response is explained exactly: every method gives zero variances.")
  }
  if (!is.character(methods) || length(methods) == 0) {
    bad_input("`methods` must be names of methods, such as \"REML\" or \"ML/em\".")
  }
  engines <- lapply(methods, engine_by_name)
  if (is.null(prior)) prior <- value_or(fit$prior, lmm_prior())
  check_prior(prior)
  control <- if (is.null(control)) fit$control else check_control(control)
  base <- shared_fit(fit, prior)
  shared <- list(engines = engines, fit = base, prior = prior, control = worker_control(control))
  fits <- task_values(run_tasks(length(engines), compared_fit, shared))
  reference <- exact_reference(fits, base, prior, control)
  names <- compared_names(fit)
  rows <- lapply(fits, comparison_row, reference = reference, names = names)
  out <- do.call(rbind, rows)
  names(fits) <- paste(out$method, out$algorithm, sep = "/")
  structure(
    out, class = c("hdlmm_comparison", "data.frame"), fits = lapply(fits, `[[`, "fit"),
    reference = reference, label = term_labels(fit),
    variances = setdiff(names$variances, "Residual")
  )
}

engine_by_name <- function(name) {
  parts <- strsplit(name, "/", fixed = TRUE)[[1]]
  find_engine(parts[1], if (length(parts) > 1) parts[2])
}

# The fit whose decomposition all share. Columns that were centred inside serve flat priors of the
# fixed effects only; for a normal one the decomposition is made again.
shared_fit <- function(fit, prior) {
  if (has_flat_fixed(prior) || !any(unlist(each_term(fit, is_centred)))) return(fit)
  own <- prior_for_base(prior)
  problem <- problem_under(fit, own)
  problem$designs <- lapply(problem$designs, uncentred)
  problem["system"] <- list(NULL)
  engine <- find_engine("MAP", NULL)
  result <- run_engine(engine, problem, fit$control)
  new_fit(fit$call, formula.hdlmm(fit), problem, engine, result, fit$control)
}

# Any proper prior of the variances will do for a decomposition; the fixed part is what matters.
prior_for_base <- function(prior) {
  lmm_prior(random = prior_flat(), residual = prior_flat(), fixed = prior$fixed)
}

compared_fit <- function(shared, i) {
  tried_fit(shared$engines[[i]], fit = shared$fit, prior = shared$prior, control = shared$control)
}

# A method that has no answer for these data leaves a row that says why.
tried_fit <- function(engine, ...) {
  tryCatch(method_fit(engine, ...), hdlmm_error = function(e) {
    list(fit = NULL, seconds = NA_real_, notes = conditionMessage(e), engine = engine)
  })
}

# list(fit, seconds, note): one method on the decomposition of a fit.
method_fit <- function(engine, fit, prior, control) {
  own <- engine_prior(engine, prior)
  problem <- problem_under(fit, own)
  if (!takes_random(engine)) problem$designs <- list()
  started <- proc.time()[["elapsed"]]
  result <- collect_warnings(run_engine(engine, problem, control))
  seconds <- proc.time()[["elapsed"]] - started
  list(
    fit = new_fit(fit$call, formula.hdlmm(fit), problem, engine, result$value, control),
    seconds = seconds, notes = messages_of(result$warnings), engine = engine
  )
}

# An engine with a prior of its own only takes one of the variances.
engine_prior <- function(engine, prior) {
  if (engine$prior == "any" || (engine$prior == "own" && is.null(prior$pve))) prior
}

# Posterior means and standard deviations of pve and both variances by quadrature, or NULL where
# the posterior is improper or no more than a point.
exact_reference <- function(fits, base, prior, control) {
  exact <- Filter(function(one) !is.null(one$fit) && is_reference(one$fit), fits)
  one <- if (length(exact)) exact[[1]] else tryCatch(
    method_fit(find_engine("Bayes", "quadrature"), base, prior, control),
    hdlmm_error = function(e) NULL
  )
  fit <- one$fit
  if (is.null(fit) || !has_posterior(fit)) return(NULL)
  share_sd <- pve_se(fit)
  list(
    mean = compared_estimates(fit), fit = fit,
    sd = c(stats::setNames(share_sd, compared_names(fit)$shares), variance_se(fit))
  )
}

# list(shares, variances): names of what is compared. The share is called pve, with several terms
# in total, those of the terms pve.<term>.
compared_names <- function(fit) {
  own <- names(shares(fit))
  several <- paste0("pve.", own[-length(own)])
  list(
    shares = if (length(own) == 1) "pve" else c(several, "pve"), variances = names(fit$variances)
  )
}

comparison_row <- function(one, reference, names) {
  fit <- one$fit
  shown <- c(names$variances, "pve", setdiff(names$shares, "pve"))
  estimates <- stats::setNames(rep(if (is.null(fit)) NA_real_ else 0, length(shown)), shown)
  # of least squares all is 0 but the residual variance
  if (!is.null(fit)) {
    own <- compared_estimates(fit)
    estimates[names(own)] <- own
  }
  row <- data.frame(
    method = one$engine$method, algorithm = one$engine$algorithm, check.names = FALSE
  )
  for (name in shown) row[[name]] <- estimates[[name]]
  row$log_evidence <- if (is.null(fit)) NA_real_ else or_missing(log_evidence.hdlmm(fit))
  row$elbo <- value_or(fit$elbo, NA_real_)
  row$kl_gap <- if (is.na(row$elbo)) NA_real_ else or_missing(kl_gap(fit))
  for (name in c("pve", setdiff(shown, "pve"))) {
    distance <- if (is.null(reference)) NA_real_ else
      (estimates[[name]] - reference$mean[[name]]) / reference$sd[[name]]
    row[[paste0("distance_", name)]] <- distance
  }
  row$iterations <- if (is.null(fit)) NA_integer_ else nrow(fit$convergence)
  row$seconds <- one$seconds
  row$note <- paste(one$notes, collapse = "; ")
  row
}

# Shares and variances of a fit by the names of the table.
compared_estimates <- function(fit) {
  if (!has_random(fit)) return(fit$variances)
  c(stats::setNames(shares(fit), compared_names(fit)$shares), fit$variances)
}

#' @rdname compare_methods
#' @export
print.hdlmm_comparison <- function(x, digits = 4, ...) {
  check_dots(print_settings)
  cat(
    "Methods on one decomposition; variances of", enumerate(attr(x, "label"), Inf),
    "and of the residual\n\n"
  )
  print(comparison_cells(x, digits), row.names = FALSE, right = TRUE)
  cat("\n", paste0(comparison_legend, "\n"), sep = "")
  for (note in comparison_notes(x)) cat_lines(note)
  invisible(x)
}

comparison_legend <- c(
  "evidence: log p(y) at the estimates; over the prior for Bayes and full VB.",
  "distance: of pve from its exact posterior mean, in posterior s.d."
)

comparison_notes <- function(x) {
  paste0(x$method, "/", x$algorithm, ": ", x$note)[x$note != ""]
}

# Numbers as text, those that every method lacks left out or "-".
comparison_cells <- function(x, digits) {
  variances <- attr(x, "variances")
  table <- as.data.frame(x)
  shown <- data.frame(method = shown_method(table$method, table$algorithm))
  shown[variances] <- table[variances]
  shown$Residual <- table$Residual
  shown$pve <- table$pve
  shown$evidence <- table$log_evidence
  if (!all(is.na(table$elbo))) shown[c("bound", "gap")] <- table[c("elbo", "kl_gap")]
  shown$distance <- table$distance_pve
  shown$sec <- table$seconds
  numeric <- vapply(shown, is.numeric, NA)
  shown[numeric] <- lapply(names(shown)[numeric], function(name) {
    value <- shown[[name]]
    if (all(is.na(value))) return(rep("-", length(value)))
    if (name == "sec") return(formatC(value, digits = 2, format = "f"))
    # evidences are compared by their differences: two decimals
    if (name %in% c("evidence", "bound", "gap")) {
      return(ifelse(is.na(value), "-", formatC(value, digits = 2, format = "f")))
    }
    if (name == "pve") return(ifelse(is.na(value), "-", formatC(value, digits = 3, format = "f")))
    if (name == "distance") {
      return(ifelse(is.na(value), "-", formatC(value, digits = 2, format = "f", flag = "+")))
    }
    formatC(value, digits = digits, format = "g")
  })
  shown
}

# The method alone where the algorithm is its default.
shown_method <- function(method, algorithm) {
  first <- vapply(method, function(one) find_engine(one, NULL)$algorithm, "", USE.NAMES = FALSE)
  ifelse(algorithm == first, method, paste(method, algorithm, sep = "/"))
}
