# A share that the factorisation made small, not the data. The bound is the log-likelihood less the
# divergence, which grows with sigma_b^2 between correlated columns and can outweigh what the
# likelihood gains: q(beta) then prefers hardly any random effect. A fit says so.

# Log-likelihood lost at the share of the bound, beyond which it is named: half a unit, one
# standard error from the mode, of a share below a tenth; the 95 % interval's limit of any other.
collapse_loss <- c(vanishing = 0.5, smaller = stats::qchisq(0.95, 1) / 2)

# The highest mode of the likelihood inside of [0, 1] where the bound has left it for a smaller
# share: list(mode, loss, gap, is_maximum), gap the divergence at that mode; else NULL. q as the
# core describes it.
collapsed_from <- function(problem, control, columns, q, least = collapse_loss[["smaller"]]) {
  search <- cpp_search(problem$system, "ML", search_options(control), problem$host)
  modes <- search$modes
  if (nrow(modes) == 0 || modes$kind[1] == "zero") return(NULL)
  mode <- modes[modes$kind == "interior", ][1, ]
  if (is.na(mode$h) || q$h > mode$h / 2) return(NULL)
  at <- c(log(q$h) - log(q$nu) - log(problem$system$kappa), mode$phi)
  bound <- cpp_bound_curve(problem$system, columns, at, problem$host)$value
  loss <- mode$value - (bound[1] + q$gap)
  needed <- if (q$h < mode$h / 10) collapse_loss[["vanishing"]] else least
  # a bound that is higher at the mode was only not climbed: that is no matter of its factors
  if (!isTRUE(loss > needed && bound[2] < bound[1])) return(NULL)
  list(
    mode = mode, loss = loss, gap = mode$value - bound[2],
    is_maximum = !search$is_unbounded && modes$kind[1] == "interior"
  )
}

collapse_note <- function(problem, control, columns, q) {
  from <- collapsed_from(problem, control, columns, q)
  if (is.null(from)) return(NULL)
  paste0(
    collapse_cause(q$h, columns), "the likelihood is higher by ", one_decimal(from$loss), " at ",
    if (from$is_maximum) "its maximum" else "its interior mode", ", pve ",
    shown_share(from$mode$h), ", where the bound falls short of it by ", one_decimal(from$gap),
    " (the divergence; kl_gap() = ", one_decimal(q$gap), " at the fit); ", collapse_advice
  )
}

# The same of a fit with priors of the variances, which may themselves want a small share: what
# counts is the exact posterior of pve under them.
full_collapse_note <- function(problem, control, columns, prior, result, q) {
  from <- collapsed_from(problem, control, columns, q, collapse_loss[["vanishing"]])
  if (is.null(from)) return(NULL)
  found <- tryCatch(integrate_posterior(problem, prior, control), hdlmm_error = function(e) NULL)
  if (is.null(found)) return(NULL)
  mass <- exp(found$log_weight - log_sum(found$log_weight))
  share <- stats::plogis(found$x)
  pve <- result$pve[[1]]
  below <- sum(mass[share <= pve])
  if (below > 0.025) return(NULL)
  paste0(
    collapse_cause(pve, columns), "the exact posterior under the same priors has mean pve ",
    shown_share(sum(mass * share)), " and probability ", format(below, digits = 1),
    " of a share as small, and the bound falls short of the log evidence by kl_gap() = ",
    one_decimal(quadrature_evidence(problem, prior, found)$log - result$elbo), "; ",
    collapse_advice
  )
}

collapse_cause <- function(share, columns) {
  paste0(
    "the factorisation over correlated ",
    if (is.null(columns$block)) "columns" else "blocks of columns", ", not the data, makes pve ",
    shown_share(share), ": "
  )
}

collapse_advice <- paste(
  "use method \"REML\" or \"Bayes\", or put columns that correlate into one block by",
  "lmm_control(blocks = )"
)

# Several random terms --------------------------------------------------------------------

# The same of each of several terms: their shares where the likelihood has its maximum, and what
# the bound says there. result: of a fit by estimated variances.
terms_collapse_note <- function(problem, control, system, blocks, result) {
  ml <- cpp_terms_search(system, "ML", NULL, terms_options(control), problem$host)
  loss <- ml$value - result$value
  if (!isTRUE(loss > collapse_loss[["vanishing"]]) || isTRUE(ml$is_unbounded)) return(NULL)
  at_maximum <- terms_result(problem, "ML", ml)$pve
  is_smaller <- result$pve < at_maximum / 2 & at_maximum > noise_floor
  is_vanishing <- result$pve < at_maximum / 10
  is_collapsed <- is_smaller & (is_vanishing | loss > collapse_loss[["smaller"]])
  bound <- cpp_terms_bound(system, blocks, ml$relative, problem$host)$value
  # a bound that is higher there was only not climbed
  constant <- loglik_constant(problem$fixed, "ML")
  if (!any(is_collapsed) || bound + constant > result$elbo) return(NULL)
  labels <- names(at_maximum)[is_collapsed]
  paste0(
    "the factorisation over coefficients that correlate, not the data, makes pve ",
    enumerate(paste0(shown_share(result$pve[labels]), " (", backtick(labels), ")"), Inf),
    ": the likelihood is higher by ", one_decimal(loss), " at its maximum, pve ",
    enumerate(paste0(shown_share(at_maximum[labels]), " (", backtick(labels), ")"), Inf),
    ", where the bound falls short of it by ", one_decimal(ml$value - bound),
    " (the divergence; kl_gap() = ", one_decimal(result$kl_gap), " at the fit); use method ",
    "\"REML\", or put coefficients that correlate into one block by lmm_control(blocks = )"
  )
}
