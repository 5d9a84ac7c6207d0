# Finite-sample distributions of the likelihood ratio, from the restricted eigenvalues alone.

null_step <- 0.25  # grid step in phi: the statistic is then right to 1e-3, beside a parabola

null_kept <- 2^22  # draws of this many cells (32 MB) are held for further null values

# What the null distributions of a fit have in common. The chi^2 draws chi2 [(k + 1) x draws] are
# shared by all null values: held if they are few and will be used again, otherwise drawn anew from
# the seed, block by block. `rest`: degrees of freedom that K misses.
null_draws <- function(fit, draws, seed, is_reused) {
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  host <- make_host(control)
  lambda <- cpp_restricted_eigenvalues(spectral_system(fit), host)
  k <- length(lambda)
  null <- list(
    lambda = lambda, rest = fit$dims$n - fit$dims$n_fixed - k, draws = draws, seed = seed,
    chi2 = matrix(0, 0, 0), host = host
  )
  if (!is_reused) return(null)
  if ((k + 1) * draws <= null_kept) {
    null$chi2 <- with_seed(seed, cpp_null_draws(k, null$rest, draws))
  } else if (is.null(seed)) {
    null$seed <- sample.int(.Machine$integer.max, 1)
  }
  null
}

null_statistics <- function(fit, null, h) {
  with_seed(null$seed, cpp_null_statistics(
    fit$internal$system, fit$uncertainty$criterion, null$lambda, h, null$rest, null$draws,
    null$chi2, null_step, null$host
  ))
}

# {h0: p(h0) > 1 - level}; the draws are common to all h0, so p is smooth enough for bisection.
exact_null_limits <- function(fit, level, draws, seed) {
  if (is_exact_fit(fit) || is.null(fit$grid) || is.infinite(fit$loglik)) {
    return(pve_limits(fit, level))
  }
  null <- null_draws(fit, draws, seed, is_reused = TRUE)
  excess <- function(h) {
    observed <- max(0, 2 * (fit$loglik - profile_at(fit, h)))
    if (!is.finite(observed)) return(-level)
    null_p_value(null_statistics(fit, null, h), observed) - (1 - level)
  }
  estimate <- min(max(fit$pve, 1e-6), 1 - 1e-6)
  c(exact_limit(excess, estimate, 0), exact_limit(excess, estimate, 1))
}

exact_limit <- function(excess, inside, end) {
  if (excess(end) > 0) return(end)
  for (step in seq_len(24)) {
    middle <- (inside + end) / 2
    if (abs(inside - end) < 5e-5) break
    if (excess(middle) > 0) inside <- middle else end <- middle
  }
  (inside + end) / 2
}

#' Test of a random term
#'
#' Likelihood-ratio test of `sigma_b^2 = 0`, which lies on the boundary of the parameter space:
#' the usual chi-square with one degree of freedom is wrong there.
#'
#' @param fit a fit of [lmm()] by REML or ML with a random term.
#' @param method `"exact"`: the finite-sample null distribution by its spectral representation,
#'   simulated, of a fit with one random term of one variance; `"bootstrap"`, of all other fits: a
#'   parametric bootstrap of the null; `"mixture"`: the asymptotic 1/2 chi2_0 + 1/2 chi2_1, valid
#'   when the data split into many independent parts, and for a block of coefficients the mixture of
#'   chi2 whose weights come from normal draws, projected onto the cone of covariances in the metric
#'   of the information; `"both"`: the mixture beside the simulated one that the fit has.
#' @param draws,seed simulations and their seed; the defaults are those of the fit's
#'   [lmm_control()].
#' @param term label of the term to test; `NULL` tests each. With other terms in the model, or of a
#'   block of coefficients, the null distribution is that of a parametric bootstrap, which fits
#'   `draws` data sets twice.
#' @param ... for `plot()`: graphical parameters; nothing else.
#' @return A data frame of class `"hdlmm_random_test"`, one row a method: `term`, `method`,
#'   `statistic` (twice the difference in (restricted) log-likelihood), `p_value`, `se` (Monte
#'   Carlo standard error of the p-value, 0 for the mixture of one variance). Attribute `"null"`:
#'   data frame(`term`, `method`, `statistic`, `p_value`), the simulated null distributions at 500
#'   of their quantiles at most. `plot()` and `autoplot()` draw p-values by statistic.
#' @references Crainiceanu and Ruppert (2004). *J. R. Stat. Soc. B* 66, 165-185.
#'   \doi{10.1111/j.1467-9868.2004.00438.x}; Self and Liang (1987). *J. Am. Stat. Assoc.* 82,
#'   605-610. \doi{10.1080/01621459.1987.10478472}
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
#' test <- test_random(fit, draws = 200, seed = 1)
#' test
#' plot(test)
#' @export
test_random <- function(fit, ...) UseMethod("test_random")

#' @export
test_random.default <- function(fit, ...) check_fit(fit, "fit")

#' @rdname test_random
#' @export
test_random.hdlmm <- function(fit, method = c("both", "exact", "bootstrap", "mixture"),
                              draws = NULL, seed = NULL, term = NULL, ...) {
  check_dots()
  require_random(fit, "test_random()")
  require_likelihood(fit, "test_random()")
  method <- check_choice(method, test_methods, "method")
  if (!is.null(term)) term <- check_choice(term, term_labels(fit), "term")
  if (is_exact_fit(fit) || is.infinite(fit$loglik)) {
    abort("exact_fit", "the response is explained exactly: there is nothing to test.")
  }
  structure(
    random_test(fit, term, method, draws, seed), class = c("hdlmm_random_test", "data.frame")
  )
}

test_methods <- c("both", "exact", "bootstrap", "mixture")

# The variance of the only random term.
test_one_variance <- function(fit, method, draws, seed) {
  if (method == "bootstrap") {
    abort(
      "unsupported", "with one random term of one variance the null distribution is known: write ",
      "method = \"exact\"."
    )
  }
  label <- term_labels(fit)
  statistic <- max(0, 2 * (fit$loglik - profile_at(fit, 0)))
  rows <- list()
  curve <- NULL
  if (method != "mixture") {
    null <- null_draws(fit, draws, seed, is_reused = FALSE)
    drawn <- null_statistics(fit, null, 0)
    p <- null_p_value(drawn, statistic)
    rows$exact <- data.frame(
      term = label, method = "exact", statistic = statistic, p_value = p,
      se = sqrt(p * (1 - p) / null$draws)
    )
    curve <- null_curve(drawn, label, "exact")
  }
  if (method != "exact") {
    rows$mixture <- data.frame(
      term = label, method = "mixture", statistic = statistic,
      p_value = half_chi2_tail(statistic), se = 0
    )
  }
  structure(do.call(rbind, rows), null = curve)
}

#' @export
print.hdlmm_random_test <- function(x, digits = 4, ...) {
  check_dots(print_settings)
  for (term in unique(x$term)) print_term_test(x[x$term == term, ], digits)
  invisible(x)
}

print_term_test <- function(x, digits) {
  cells <- test_cells(x, digits)
  cat("Likelihood-ratio test of", paste0("variance(", x$term[1], ") = 0"), "\n")
  cat("  statistic ", cells$statistic[1], "\n", sep = "")
  p <- sub("^(?!<)", "= ", cells$p, perl = TRUE)
  cat(paste0("  p ", p, "  ", cells$null, "\n"), sep = "")
}

# Of every test its numbers as text, and what `p` is taken from.
test_cells <- function(x, digits) {
  label <- c(
    exact = "exact finite-sample null", bootstrap = "parametric bootstrap of the null",
    mixture = "asymptotic 1/2 chi2_0 + 1/2 chi2_1"
  )[x$method]
  label[names(label) == "mixture" & x$se > 0] <- "asymptotic mixture of chi2"
  is_shown <- x$se > 0 & x$p_value >= 1e-16
  error <- ifelse(is_shown, paste0("  (Monte Carlo s.e. ", signif(x$se, 2), ")"), "")
  # as small as the number of draws can show: none of them reached the statistic
  is_bound <- x$se > 0 & x$se >= 0.99 * x$p_value
  error[is_bound] <- "  (no simulated statistic is as large)"
  p <- formatC(pmax(x$p_value, 1e-16), digits = digits, format = "g")
  frame_of(list(
    term = x$term, statistic = vapply(x$statistic, format, "", digits = digits),
    p = paste0(ifelse(is_bound | x$p_value < 1e-16, "< ", ""), p), null = paste0(label, error)
  ))
}
