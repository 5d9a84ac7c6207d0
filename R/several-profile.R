# Profile likelihoods of the parameters of several random terms: the core moves along them, here
# they get names and units.

# [names x 2] limits of parameters of one kind.
profile_terms_limits <- function(fit, names, kind, level) {
  if (is.infinite(fit$loglik)) return(matrix(NA_real_, length(names), 2))
  asked <- lapply(names, function(name) asked_parameter(fit, name, kind))
  inside <- cpp_terms_limits(
    terms_system(fit), fit$uncertainty$criterion, profiled_point(fit), lapply(asked, `[[`, "core"),
    sqrt(stats::qchisq(level, 1)), terms_options(fit$control), make_host(fit$control)
  )
  inside[is.nan(inside)] <- NA_real_
  t(vapply(seq_along(asked), function(i) asked[[i]]$user(inside[i, ]), numeric(2)))
}

# Profiles of parameters, see profile.hdlmm(); n: about the number of points of each.
terms_profiles <- function(fit, which, n) {
  require_likelihood(fit, "the profile of a parameter")
  if (is.infinite(fit$loglik)) {
    abort("undefined", "the likelihood has no maximum: there are no profiles.")
  }
  kinds <- variance_kinds(fit)
  default <- names(kinds)[kinds %in% c("variance", "correlation")]
  kinds <- parameter_kinds(fit)
  chosen <- if (is.null(which)) default else choose_parameters(which, kinds, "profile")
  chosen <- setdiff(chosen, fit$fixed$aliased)
  asked <- lapply(chosen, function(name) asked_parameter(fit, name, kinds[[name]]))
  height <- sqrt(stats::qchisq(0.995, 1))
  curves <- cpp_terms_curves(
    terms_system(fit), fit$uncertainty$criterion, profiled_point(fit), lapply(asked, `[[`, "core"),
    height, 2 * height / (if (is.null(n)) 20 else n), terms_options(fit$control),
    make_host(fit$control)
  )
  rows <- Map(function(name, one, curve) {
    data.frame(
      parameter = rep(name, length(curve$value)), value = one$user(curve$value),
      root = curve$root, relative = -curve$root^2 / 2
    )
  }, chosen, asked, curves)
  out <- do.call(rbind, unname(rows))
  structure(
    out, class = c("hdlmm_profiles", "data.frame"), criterion = fit$uncertainty$criterion
  )
}

# Where the core begins: the estimates and the sizes of terms in the shares, in its own units.
profiled_point <- function(fit) {
  internal <- fit$internal
  list(
    relative = unname(internal$relative), sigma2 = internal$tau2,
    moments = lapply(unname(fit$designs), inside_moments, units = internal$units)
  )
}

# list(core, user(x)): what is asked of the core, and the user's number of what it answers.
asked_parameter <- function(fit, name, kind) {
  switch(kind,
    fixed = asked_coefficient(fit, name),
    pve = list(
      core = asked_core("share", asked_term(fit, name)), user = identity
    ),
    correlation = {
      table <- terms_correlations(fit)
      one <- fit$parameters[table$at[table$name == name], ]
      list(core = asked_core(kind, one$term, one$row, one$column), user = identity)
    },
    asked_variance(fit, fit$parameters[match(name, fit$parameters$name), ])
  )
}

asked_core <- function(kind, term = 0L, row = 1L, column = 1L, contrast = numeric()) {
  list(
    kind = kind, term = as.integer(term), row = as.integer(row), col = as.integer(column),
    contrast = contrast
  )
}

# Place of the term of a share; 0 for the total.
asked_term <- function(fit, name) {
  at <- match(name, paste0("pve.", names(shares(fit))))
  if (at > length(fit$pve)) 0L else at
}

# one: a row of the parameters.
asked_variance <- function(fit, one) {
  core <- if (is.na(one$term)) asked_core("residual") else
    asked_core(if (is_covariance(one)) "covariance" else "variance", one$term, one$row, one$column)
  list(core = core, user = function(x) user_parameter(fit$internal$units, fit$designs, one, x))
}

# A coefficient of the fixed effects is a contrast of those of the basis, at the estimate as there.
asked_coefficient <- function(fit, name) {
  fixed <- fit$internal$fixed
  j <- match(name, names(fit$fixed$estimate)[fit$fixed$kept])
  row <- drop(backsolve(fixed$r, as.numeric(seq_len(fixed$rank) == j), transpose = TRUE))
  here <- sum(row * fit$internal$delta)
  list(
    core = asked_core("contrast", contrast = row),
    user = function(x) {
      units <- fit$internal$units
      fit$fixed$estimate[[name]] + user_coefficients(units, x - here, rep(j, length(x)))
    }
  )
}
