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
      fresh_held(object, rows, nsim)
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
