#' Simulate responses from a fit
#'
#' @param object a fit of [lmm()].
#' @param nsim number of data sets.
#' @param seed `NULL` or a whole number for [set.seed()]; the generator's state is put back.
#' @param random `FALSE` draws new random effects (unconditional on the data); `TRUE` keeps the
#'   predicted ones.
#' @param re.form as in lme4: `NA` is `random = FALSE`, `NULL` is `random = TRUE`.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A data frame with `nsim` columns `sim_1`, ... and one row per fitted row (padded under
#'   `na.exclude`), with attribute `"seed"`.
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' head(simulate(fit, 2, seed = 1))
#' @importFrom stats simulate
#' @export
simulate.hdlmm <- function(object, nsim = 1, seed = NULL, random = FALSE, re.form = NA, ...) {
  check_dots(list(use.u = FALSE, na.action = NULL))  # from lme4::bootMer()
  check_number(nsim, "nsim", 1, 1e8, whole = TRUE)
  if (!missing(re.form)) random <- is.null(re.form) || is_random_form(re.form)
  check_flag(random, "random")
  state <- simulation_seed(seed)
  if (anyNA(object$variances)) {
    abort(
      "undefined", "the posterior means of the variances do not exist, so there is nothing to ",
      "simulate from: posterior_predict() draws the variances, too."
    )
  }
  n <- object$dims$n
  require_draws_memory(n, nsim)
  sigma <- sigma.hdlmm(object) / sqrt(value_or(object$weights, 1))
  rows <- if (!random) fitted_points(object)
  mean <- if (random) object$fitted else fixed_mean(object, rows)
  draws <- with_seed(seed, {
    noise <- cpp_normals(n, nsim)
    fresh <- if (!random && has_random(object)) {
      fresh_values(object, rows, lapply(as.list(object$variances), rep, nsim))
    }
    for (at in column_blocks(n, nsim)) {
      cpp_poll()
      one <- noise[, at] * sigma
      if (!is.null(fresh)) one <- one + fresh[, at]
      noise[, at] <- mean + one
    }
    noise
  })
  out <- as.data.frame(draws)
  names(out) <- paste0("sim_", seq_len(nsim))
  rownames(out) <- rownames(object$frame)
  if (inherits(object$na_action, "exclude")) {
    out <- as.data.frame(stats::naresid(object$na_action, as.matrix(out)))
  }
  attr(out, "seed") <- state
  out
}

simulation_seed <- function(seed) {
  if (!is.null(seed)) {
    check_seed(seed)
    return(structure(seed, kind = as.list(RNGkind())))
  }
  if (!exists(".Random.seed", envir = globalenv(), inherits = FALSE)) stats::runif(1)
  get(".Random.seed", envir = globalenv(), inherits = FALSE)
}

# Parametric bootstrap on the decomposition: matrix [draws x parameters] of refitted values.
bootstrap <- function(fit, draws, seed) {
  if (fit$boundary == "exact" || is.infinite(fit$loglik)) {
    abort("exact_fit", "the response is explained exactly: there is nothing to resample.")
  }
  if (!has_random(fit) || is_zero_design(fit)) return(bootstrap_ols(fit, draws, seed))
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  share <- fit$internal$share
  raw <- with_seed(seed, cpp_refit(
    spectral_system(fit), fit$uncertainty$criterion, search_options(control), share$h, share$nu,
    draws, make_host(control)
  ))
  bootstrap_table(fit, raw)
}

bootstrap_table <- function(fit, raw) {
  internal <- fit$internal
  fixed <- internal$fixed
  design <- lone_design(fit)
  tau2 <- raw[, 3] * internal$tau2
  delta <- t(raw[, -(1:4), drop = FALSE]) * sqrt(internal$tau2)
  out <- matrix(NA_real_, nrow(raw), length(parameter_kinds(fit)))
  colnames(out) <- names(parameter_kinds(fit))
  if (fixed$rank > 0) {
    change <- unscale_changes(fixed, delta)
    kept <- fit$fixed$kept
    out[, kept] <- t(fit$fixed$estimate[kept] + change)
  }
  units <- internal$units
  random <- tau2 * raw[, 1] / internal$system$kappa
  out[, design$label] <- user_variance(units, random, design$label)
  out[, "Residual"] <- user_variance(units, tau2 * raw[, 2], "Residual")
  out[, "pve"] <- raw[, 1]
  out
}

# Without a random term, or with one of zeros alone, whose variance stays at 0.
bootstrap_ols <- function(fit, draws, seed) {
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  df <- fit$dims$n - fit$dims$n_fixed
  kept <- fit$fixed$kept
  sigma2 <- fit$variances[["Residual"]]
  with_seed(seed, {
    normals <- cpp_normals(draws, length(kept))
    variance <- sigma2 * cpp_chi_squares(draws, df) / variance_df(fit)
  })
  out <- matrix(0, draws, length(parameter_kinds(fit)))
  colnames(out) <- names(parameter_kinds(fit))
  out[, fit$fixed$aliased] <- NA
  if (length(kept) > 0) {
    change <- normals %*% covariance_root(fit$fixed$vcov)
    out[, kept] <- sweep(change, 2, fit$fixed$estimate[kept], `+`)
  }
  out[, "Residual"] <- variance
  out
}
