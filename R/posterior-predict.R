#' Posterior and prior predictive draws
#'
#' `posterior_predict()` draws new responses: variances, fixed and random effects as in
#' [posterior_sample()], then noise. Rows of one draw are drawn jointly: they share the effects.
#' `prior_predict()` draws parameters from proper priors, then responses.
#'
#' @param object a fit of [lmm()].
#' @param newdata `NULL` (the fitted rows) or new data, as for [predict.hdlmm()].
#' @param draws positive whole number.
#' @param seed `NULL` or one whole number.
#' @param random `FALSE` draws from the model with new random effects from their prior, one set a
#'   draw: rows of one level, or with related x, share them, as in [simulate()][simulate.hdlmm]. No
#'   level is unseen then.
#' @param weights one positive number or one for each row: `Var(e_i) = sigma_e^2 / w_i`.
#'   `NULL`: those of the fit for its own rows, one else.
#' @param allow.new.levels as for [predict.hdlmm()].
#' @param formula,data model formula and data as for [lmm()]; the response need not be there.
#' @param prior an [lmm_prior()], proper in every part.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A matrix of draws x rows in the units of the response.
#' @section Errors: `hdlmm_improper_prior` from `prior_predict()`, naming what is improper.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
#' new <- data.frame(age = 0, Subject = c("1", "2"))
#' apply(posterior_predict(fit, new, draws = 500, seed = 1), 2, quantile, c(0.025, 0.5, 0.975))
#'
#' prior <- lmm_prior(
#'   random = prior_half_t(3, 5), residual = prior_half_t(3, 2), fixed = prior_normal(150, 20)
#' )
#' y <- prior_predict(height ~ age + (1 | Subject), nlme::Oxboys, prior, draws = 200, seed = 1)
#' range(y)
#' @export
posterior_predict <- function(object, ...) UseMethod("posterior_predict")

# Not called posterior_predict.default: rstantools' generic, called from this namespace, would find
# it again.
#' @rawNamespace S3method(posterior_predict, default, posterior_predict_elsewhere)
posterior_predict_elsewhere <- function(object, ...) {
  if (!requireNamespace("rstantools", quietly = TRUE)) {
    bad_input(
      "posterior_predict() has no method for ", describe(object), "; the package rstantools may ",
      "have one."
    )
  }
  rstantools::posterior_predict(object, ...)
}

#' @rdname posterior_predict
#' @export
#' @rawNamespace if (getRversion() >= "3.6.0") S3method(rstantools::posterior_predict, hdlmm)
posterior_predict.hdlmm <- function(object, newdata = NULL, draws = 1000, seed = NULL,
                                    random = TRUE, weights = NULL, allow.new.levels = FALSE,
                                    ...) {
  check_dots()
  rows <- drawn_rows(object, newdata, random, allow.new.levels)
  if (is.null(weights)) {
    weights <- if (is.null(newdata)) value_or(object$weights, 1) else 1
  }
  check_new_weights(weights, rows$m)
  out <- latent_draws(object, rows, random, draws, seed, function(latent) {
    with_noise(latent$value, latent$noise, weights)
  })
  colnames(out) <- rows$names
  out
}

# The rows that are drawn.
drawn_rows <- function(fit, newdata = NULL, random = TRUE, allow.new.levels = FALSE) {
  check_flag(random, "random")
  check_flag(allow.new.levels, "allow.new.levels")
  if (is_exact_fit(fit)) {
    abort("exact_fit", "the response is explained exactly: nothing is left to draw.")
  }
  # to effects that are all drawn anew every level is new
  if (is.null(newdata)) fitted_points(fit) else
    new_rows(fit, newdata, term_labels(fit), allow.new.levels, random)
}

# f() of draw_latent() under a seed.
latent_draws <- function(fit, rows, random, draws, seed, f = identity) {
  check_number(draws, "draws", 1, 1e7, whole = TRUE)
  require_draws_memory(rows$m, draws)
  with_seed(sampling_seed(fit, seed), {
    f(draw_latent(fit, rows, random && has_random(fit), draws))
  })
}

# Draws of responses [draws x m] from latent values [m x draws] and the variances of the noise
# [draws], which weights [m] divide.
with_noise <- function(value, noise, weights) {
  m <- nrow(value)
  out <- cpp_zeros(ncol(value), m)
  for (at in column_blocks(m, ncol(value))) {
    sd <- sqrt(outer(1 / rep_len(weights, m), noise[at]))
    out[at, ] <- t(value[, at, drop = FALSE] + sd * cpp_normals(m, length(at)))
  }
  out
}

# Latent values [m x draws] in the user's units, and the variance of the noise [draws].
node_latent <- function(fit, rows, random, draws) {
  parts <- draw_parts(fit, draws, if (random) full_system(fit) else spectral_system(fit))
  fixed <- fit$internal$fixed
  units <- fit$internal$units
  noise <- user_variance(units, parts$tau2 * parts$nu, "Residual")
  base <- drop(rows$z[, fixed$kept, drop = FALSE] %*% fixed$omega[fixed$kept])
  if (!is.null(rows$offset)) base <- base + rows$offset
  z <- basis_coordinates(fixed, rows$z)
  if (!random) {
    # the mean that was taken out of the columns goes back in
    mean <- parts$system$parts$mean
    delta <- parts$delta
    if (length(mean) > 0) delta <- delta - outer(mean$constant, mean_along(mean, parts))
    value <- fresh_values(fit, rows, drawn_variances(fit, parts))
    latent <- function(at) {
      user_response(units, z %*% delta[, at, drop = FALSE]) + value[, at, drop = FALSE]
    }
  } else {
    value <- cpp_zeros(rows$m, draws)
    along_x <- random_draws(fit, rows, z, parts)
    latent <- function(at) {
      user_response(units, z %*% parts$delta[, at, drop = FALSE] + along_x(at))
    }
  }
  for (at in column_blocks(rows$m, draws)) {
    cpp_poll()
    value[, at] <- latent(at) + base
  }
  list(value = value, noise = noise)
}

#' @rdname posterior_predict
#' @export
prior_predict <- function(formula, data, prior, draws = 1000, seed = NULL, weights = NULL, ...) {
  check_dots()
  if (missing(formula)) {
    bad_input("`formula` is missing: write prior_predict(y ~ age + re(X), d, prior).")
  }
  if (missing(prior)) bad_input("`prior` is missing: see lmm_prior().")
  check_prior(prior)
  check_number(draws, "draws", 1, 1e7, whole = TRUE)
  if (!is.null(seed)) check_seed(seed)
  if (length(improper_parts(prior, 0)) > 0) stop_improper(improper_parts(prior), "prior_predict()")
  formula <- check_formula(formula)
  env <- environment(formula)
  data <- with_response(check_data(if (missing(data)) NULL else data, env), formula)
  problem <- build_problem(formula, data, quote(lmm()), env, NULL, prior, make_host(lmm_control()))
  if (problem$fixed$rank > 0 && !is_proper(prior)) stop_improper("fixed", "prior_predict()")
  if (is.null(weights)) weights <- 1
  check_new_weights(weights, length(problem$model$y))
  require_draws_memory(length(problem$model$y), draws)
  out <- with_seed(seed, draw_prior_rows(problem, prior, draws, weights))
  colnames(out) <- rownames(problem$model$frame)
  out
}

# A response that is not there yet, as zeros.
with_response <- function(data, formula) {
  if (length(formula) < 3 || !is.name(formula[[2]]) || is.null(data)) return(data)
  name <- as.character(formula[[2]])
  if (name %in% names(data) || exists(name, environment(formula))) return(data)
  if (is.data.frame(data)) {
    data[[name]] <- rep(0, nrow(data))
    return(data)
  }
  known <- intersect(all.vars(formula[[3]]), names(data))
  if (length(known) == 0) return(data)
  list2env(stats::setNames(list(rep(0, NROW(data[[known[1]]]))), name), parent = data)
}

draw_prior_rows <- function(problem, prior, draws, weights) {
  model <- problem$model
  n <- length(model$y)
  kept <- problem$fixed$kept
  mean <- rep_len(prior$fixed$mean, ncol(model$z))[kept]
  sd <- rep_len(prior$fixed$sd, ncol(model$z))[kept]
  omega <- mean + sd * cpp_normals(length(kept), draws)
  variances <- draw_problem_variances(problem, prior, draws)
  value <- if (has_random(problem)) {
    inside <- list(fixed = problem$fixed, units = problem$units)
    source <- list(designs = problem$designs, internal = inside)
    fresh_values(source, list(m = n, is_fitted = TRUE), variances)
  } else {
    cpp_zeros(n, draws)
  }
  z <- model$z[, kept, drop = FALSE]
  offset <- value_or(model$offset, 0)
  for (at in column_blocks(n, draws)) {
    cpp_poll()
    value[, at] <- value[, at] + (z %*% omega[, at, drop = FALSE] + offset)
  }
  with_noise(value, variances$Residual, weights)
}

# Through draws of every coefficient. deviations: what new random effects leave to draw of the fixed
# part [m x draws]; fresh: effects drawn anew, see fresh_by_variance().
sample_latent <- function(fit, rows, random, draws, deviations = function(...) 0,
                          fresh = fresh_by_variance) {
  value <- cpp_zeros(rows$m, draws)
  noise <- numeric(draws)
  kept <- fit$fixed$kept
  for (at in blocks_of(draws, 64)) {
    cpp_poll()
    sample <- draw_sample(fit, length(at), random)
    value[, at] <- value_or(rows$offset, 0) +
      tcrossprod(rows$z[, kept, drop = FALSE], sample$omega[, kept, drop = FALSE])
    noise[at] <- sample$variances[, "Residual"]
    if (random) {
      value[, at] <- value[, at] + drawn_effects(fit, rows, t(sample$beta)) +
        fresh(fit, rows, sample$variances, unseen_only = TRUE)
    } else if (has_random(fit)) {
      value[, at] <- value[, at] + deviations(fit, rows, length(at))
      value[, at] <- value[, at] + fresh(fit, rows, sample$variances, unseen_only = FALSE)
    }
  }
  list(value = value, noise = noise)
}

# Effects drawn anew [m x draws] with the variances [draws x terms] of each draw: of all levels, or
# of those that the fit does not know.
fresh_by_variance <- function(fit, rows, variances, unseen_only) {
  draw <- if (unseen_only) unseen_values else fresh_values
  draw(fit, rows, columns_of(variances))
}

# Where q holds omega: by itself it has the standard errors of an estimate, as in predict().
held_deviations <- function(fit, rows, draws) {
  kept <- fit$fixed$kept
  if (length(kept) == 0) return(0)
  fresh <- cpp_normals(length(kept), draws)
  rows$z[, kept, drop = FALSE] %*% crossprod(covariance_root(fit$fixed$vcov), fresh)
}
