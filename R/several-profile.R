# Profile likelihood of one parameter of the covariances of several random terms: held at a value,
# the others maximised out.
#
# All in the units of the core. Free are Cholesky factors L_k of the Sigma_k, rows in an order that
# puts the held coefficients first, and log sigma_e^2; a constraint then is one of entries of L:
#   variance     L_11 = sqrt(v)           covariance  L_21 = v / L_11
#   correlation  (L_21, L_22) = d (rho, sqrt(1 - rho^2))
#   share        Sigma_k = t L L', t from the sizes of the others
# f = N log(2 pi sigma_e^2) + log|V| + rss / sigma_e^2 is minimised, by its exact gradient.

# held: list(kind, term, at: places in the block), "Residual" for the residual variance; term NA
# for the total of shares. Returns f(value) of twice the loss of log-likelihood against the fit.
terms_profile <- function(fit, held) {
  model <- profile_model(fit, held)
  memory <- new.env(parent = emptyenv())
  memory$par <- profile_start(fit, model)
  function(value) {
    cpp_poll()
    if (held$kind == "share" && value >= 1) return(Inf)
    found <- stats::nlminb(
      memory$par, function(par) profile_at_point(par, value, model)$f,
      function(par) profile_at_point(par, value, model)$gradient,
      control = list(rel.tol = 1e-10, iter.max = 200, eval.max = 400)
    )
    if (is.finite(found$objective)) memory$par <- found$par
    found$objective + 2 * fit$internal$value
  }
}

# What stays the same from point to point.
profile_model <- function(fit, held) {
  internal <- fit$internal
  designs <- fit$designs
  order <- lapply(designs, function(design) seq_len(coefficient_width(design)))
  if (!held$kind %in% c("share", "Residual")) {
    order[[held$term]] <- union(held$at, order[[held$term]])
  }
  sigma <- lapply(internal$relative, `*`, internal$tau2)
  moments <- lapply(designs, inside_moments, units = internal$units)
  floor <- Map(function(m) 0.01 * internal$tau2 / pmax(diagonal(m), 1e-300), moments)
  list(
    held = held, order = order, moments = moments, designs = designs, internal = internal,
    scale = Map(function(s, low, at) sqrt(pmax(diagonal(s), low))[at], sigma, floor, order),
    system = terms_system(fit), criterion = fit$uncertainty$criterion,
    df = criterion_df(fit), host = make_host(fit$control)
  )
}

profile_start <- function(fit, model) {
  sigma <- lapply(fit$internal$relative, `*`, fit$internal$tau2)
  blocks <- Map(function(s, at, scale) {
    l <- lower_root(s[at, at, drop = FALSE])
    # off an exact zero, which is a stationary point
    low <- 0.03 * scale
    diag(l) <- ifelse(diag(l) < low, low, diag(l))
    (l / scale)[lower.tri(l, TRUE)]
  }, sigma, model$order, model$scale)
  c(unlist(blocks, use.names = FALSE), log(fit$internal$tau2))
}

# list(f, gradient) at free parameters.
profile_at_point <- function(par, value, model) {
  at <- constrained_point(par, value, model)
  relative <- lapply(at$sigma, `/`, at$sigma2)
  lost <- list(f = Inf, gradient = rep(0, length(par)))
  if (!all(is.finite(unlist(relative)))) return(lost)
  e <- cpp_terms_evaluate(model$system, model$criterion, relative, model$host)
  if (!is.finite(e$value) || !(e$rss > 0)) return(lost)
  n <- model$df
  log_det <- -2 * e$value - n * (log(2 * pi) + 1 + log(e$rss / n))
  scores <- term_scores(model, e$py)
  # of f by Sigma_k, and by log sigma_e^2 with the Sigma_k held
  traces <- Map(function(g, u) g + u * (n / e$rss), e$gradient, scores)
  slopes <- Map(function(t, u) (t - u / at$sigma2) / at$sigma2, traces, scores)
  along <- sum(mapply(function(slope, s) sum(slope * s), slopes, at$sigma))
  list(
    f = n * log(2 * pi * at$sigma2) + log_det + e$rss / at$sigma2,
    gradient = at$pull_back(slopes, n - e$rss / at$sigma2 - along)
  )
}

# u_k u_k' [r x r] with u_k = X_k'P y [r x J], for every term.
term_scores <- function(model, py) {
  root <- model$internal$fixed$root
  lapply(unname(model$designs), function(design) {
    u <- cpp_covariance_product(design$core, root, as.matrix(py))
    if (coefficient_width(design) == 1) {
      return(matrix(sum(py * cpp_product(design$core, root, u))))
    }
    tcrossprod(matrix(u, coefficient_width(design)))
  })
}

# list(sigma: list of Sigma_k, sigma2, pull_back(slopes, slope)) at free parameters, the constraint
# put in; pull_back gives the gradient by these from those by Sigma_k and by log sigma_e^2.
constrained_point <- function(par, value, model) {
  held <- model$held
  factors <- factors_of(par, model)
  log_sigma2 <- if (held$kind == "Residual") log(value) else par[length(par)]
  fixed <- factors
  if (!held$kind %in% c("share", "Residual")) {
    fixed[[held$term]] <- held_factor(factors[[held$term]], value, held$kind)
  }
  sigma <- Map(function(l, at) {
    out <- tcrossprod(l)
    out[at, at] <- out
    out
  }, fixed, model$order)
  point <- list(sigma = sigma, sigma2 = exp(log_sigma2))
  share <- if (held$kind == "share") shared_point(point, value, model)
  if (!is.null(share)) point$sigma <- share$sigma
  point$pull_back <- function(slopes, slope) {
    if (!is.null(share)) {
      back <- share$pull_back(slopes)
      slopes <- back$slopes
      slope <- slope + back$slope
    }
    blocks <- Map(function(g, l, at) 2 * g[at, at, drop = FALSE] %*% l, slopes, fixed, model$order)
    if (!held$kind %in% c("share", "Residual")) {
      blocks[[held$term]] <- held_gradient(
        blocks[[held$term]], factors[[held$term]], value, held$kind
      )
    }
    c(
      unlist(Map(function(g, scale) (g * scale)[lower.tri(g, TRUE)], blocks, model$scale)),
      if (held$kind == "Residual") 0 else slope
    )
  }
  point
}

# Free factors, rows in the order of the model.
factors_of <- function(par, model) {
  counts <- vapply(model$scale, function(scale) length(scale) * (length(scale) + 1) / 2, 0)
  Map(function(scale, count, end) {
    l <- matrix(0, length(scale), length(scale))
    l[lower.tri(l, TRUE)] <- par[end - count + seq_len(count)]
    l * scale
  }, model$scale, counts, cumsum(counts))
}

held_factor <- function(l, value, kind) {
  switch(kind,
    variance = l[1, 1] <- sqrt(value),
    covariance = l[2, 1] <- value / l[1, 1],
    correlation = l[2, 1:2] <- l[2, 2] * c(value, sqrt(1 - value^2))
  )
  l
}

# Of what is left free, from the gradient by all entries.
held_gradient <- function(g, l, value, kind) {
  switch(kind,
    variance = g[1, 1] <- 0,
    covariance = {
      g[1, 1] <- g[1, 1] - g[2, 1] * value / l[1, 1]^2
      g[2, 1] <- 0
    },
    correlation = {
      g[2, 2] <- sum(g[2, 1:2] * c(value, sqrt(1 - value^2)))
      g[2, 1] <- 0
    }
  )
  g
}

# Sigma_k = t B_k, of all terms where k is NA, with the share of the sizes s = <M, Sigma> held at h:
# t = h / (1 - h) (sum of the others' s + sigma_e^2) / s(B).
shared_point <- function(point, value, model) {
  k <- model$held$term
  own <- if (is.na(k)) seq_along(point$sigma) else k
  sizes <- mapply(function(m, s) sum(m * s), model$moments, point$sigma)
  rest <- sum(sizes[-own]) + point$sigma2
  ratio <- value / (1 - value)
  t <- ratio * rest / sum(sizes[own])
  shapes <- point$sigma[own]
  point$sigma[own] <- lapply(shapes, `*`, t)
  list(sigma = point$sigma, pull_back = function(slopes) {
    along <- sum(mapply(function(g, b) sum(g * b), slopes[own], shapes))  # by t
    slopes[own] <- Map(function(g, m) t * (g - along / sum(sizes[own]) * m), slopes[own],
      model$moments[own])
    by_rest <- along * ratio / sum(sizes[own])
    slopes[-own] <- Map(function(g, m) g + by_rest * m, slopes[-own], model$moments[-own])
    list(slopes = slopes, slope = by_rest * point$sigma2)
  })
}
