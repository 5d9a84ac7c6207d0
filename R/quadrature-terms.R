# The posterior of two scalar random terms by quadrature, in
#   x = logit of the share of both of the total variance, z = logit of the first one's share of
# both,
#   t = log sigma_e^2,
# so that sigma_1^2 / sigma_e^2 = exp(x) plogis(z) / kappa_1 and likewise the second with
# plogis(-z): dx dz is d log sigma_1^2 d log sigma_2^2. The fixed effects are integrated in closed
# form, t too where it is inverse gamma given x and z; otherwise it has an even grid of its own at
# every point. With one of the terms alone, for its Bayes factor, z is left out. All in the units of
# the core.

# What a posterior of terms `present` (places, of two) is made of; system: of the core.
terms_target <- function(problem, system, present = 1:2) {
  fixed <- problem$fixed
  prior <- pair_prior(problem, present)
  kinds <- vapply(c(if (!prior$on_shares) prior$terms, list(prior$second)), `[[`, "", "kind")
  list(
    system = system, host = problem$host, prior = prior, present = present,
    kappa = unlist(lapply(problem$designs, inside_moments, units = problem$units)),
    rank = fixed$rank, degrees = nrow(fixed$q) - fixed$rank, root = fixed$prior_root,
    is_closed = is.null(fixed$prior_root) && !"half_t" %in% kinds
  )
}

# The prior of terms `present`: shares (of them and of the residual) and total variance `second`, or
# densities `terms` and `second` of the variances; log_constant as in internal_prior().
pair_prior <- function(problem, present) {
  prior <- problem$prior
  units <- problem$units
  designs <- problem$designs
  check_prior_terms(prior, names(designs))
  on_shares <- !is.null(prior$pve)
  second <- internal_density(if (on_shares) prior$total else prior$residual, units, "Residual")
  if (on_shares) {
    shares <- shares_density(prior$pve, names(designs))
    if (!shares$is_split) shares$alpha <- shares$alpha[c(present, length(shares$alpha))]
    return(list(
      on_shares = TRUE, shares = shares, second = second$core, log_constant = second$log_constant
    ))
  }
  terms <- lapply(designs[present], function(design) {
    internal_density(term_density(prior, design), units, design$label)
  })
  list(
    on_shares = FALSE, terms = lapply(unname(terms), `[[`, "core"), second = second$core,
    log_constant = second$log_constant + sum(vapply(terms, `[[`, 0, "log_constant"))
  )
}

# log of sigma_k^2 / sigma_e^2 [N x present] at points y [N x d].
log_ratios <- function(target, y) {
  kappa <- rep(log(target$kappa[target$present]), each = nrow(y))
  if (ncol(y) == 1) return(y - kappa)
  y[, 1] + cbind(stats::plogis(y[, 2], log.p = TRUE), stats::plogis(-y[, 2], log.p = TRUE)) - kappa
}

# Points from log ratios.
points_at <- function(target, log_ratio) {
  size <- log_ratio + rep(log(target$kappa[target$present]), each = nrow(log_ratio))
  if (ncol(size) == 1) return(size)
  top <- pmax(size[, 1], size[, 2])
  cbind(top + log1p(exp(-abs(size[, 1] - size[, 2]))), size[, 1] - size[, 2])
}

# Half vectors of all S_k [m x N] at points.
relative_at <- function(target, y) {
  out <- matrix(0, length(target$kappa), nrow(y))
  out[target$present, ] <- t(exp(pmin(log_ratios(target, y), 600)))
  out
}

# h_1, h_2 and their sum.
lattice_shares <- function(y) {
  total <- stats::plogis(y[, 1])
  cbind(total * stats::plogis(y[, 2]), total * stats::plogis(-y[, 2]), total)
}

# What the likelihood says at points y, as fields [N x F]: log rss, log|V| + log|A| and, where the
# fixed effects have a prior, delta and its covariance; NaN where it says nothing.
likelihood_fields <- function(target, y) {
  out <- cpp_terms_values(target$system, relative_at(target, y), target$host)
  rss <- out$scalars[1, ]
  if (target$degrees == 0) rss[] <- 0  # nothing is left of y but rounding
  fields <- cbind(log(pmax(rss, 1e-300)), out$scalars[2, ] + out$scalars[3, ])
  if (!is.null(target$root)) fields <- cbind(fields, t(out$delta), t(out$covariance))
  fields
}

terms_density <- function(target, y) {
  fields <- likelihood_fields(target, y)
  list(log_density = known(scale_law(target, y, fields)$log_density), fields = fields)
}

# log density of points with t integrated, and the law of t at each: `log_rate` [N x 1] of an
# inverse gamma of the shape scale_shape(), or a grid: `window` [N x 2] its first t and step,
# `table` [N x J] the logarithms of the joint density.
scale_law <- function(target, y, fields) {
  if (target$is_closed) closed_scale(target, y, fields) else gridded_scale(target, y, fields)
}

scale_shape <- function(target) {
  prior <- target$prior
  densities <- c(if (!prior$on_shares) prior$terms, list(prior$second))
  target$degrees / 2 + sum(vapply(densities, function(one) as_inverse_gamma(one)[1], 0))
}

closed_scale <- function(target, y, fields) {
  prior <- target$prior
  shape <- scale_shape(target)
  if (!(shape > 0)) stop_improper_posterior("the total variance is large")
  second <- as_inverse_gamma(prior$second)
  rate <- exp(fields[, 1]) / 2
  log_rest <- stats::plogis(-y[, 1], log.p = TRUE)  # sigma_e^2 over the total variance
  if (prior$on_shares) {
    rate <- rate + second[2] * exp(log_rest)
    log_prior <- pair_share_density(prior$shares, y) + second[1] * log_rest
  } else {
    rate <- rate + second[2]
    ratios <- log_ratios(target, y)
    log_prior <- 0
    for (k in seq_len(ncol(ratios))) {
      own <- as_inverse_gamma(prior$terms[[k]])
      if (own[2] > 0) rate <- rate + own[2] * exp(-ratios[, k])
      log_prior <- log_prior - own[1] * ratios[, k]
    }
  }
  log_density <- -0.5 * (target$degrees * log(2 * pi) + fields[, 2]) + log_prior +
    lgamma(shape) - shape * log(rate)
  list(log_density = log_density, log_rate = cbind(log(rate)))
}

# Density of the shares by dx dz, normalised.
pair_share_density <- function(shares, y) {
  log_total <- stats::plogis(y[, 1], log.p = TRUE)
  log_rest <- stats::plogis(-y[, 1], log.p = TRUE)
  alpha <- shares$alpha
  split <- if (ncol(y) == 1) matrix(0, nrow(y), 1) else
    cbind(stats::plogis(y[, 2], log.p = TRUE), stats::plogis(-y[, 2], log.p = TRUE))
  if (shares$is_split) {
    out <- alpha[1] * log_total + alpha[2] * log_rest - lbeta(alpha[1], alpha[2])
    return(if (ncol(y) == 1) out else out + split[, 1] + split[, 2])
  }
  own <- alpha[-length(alpha)]
  out <- drop((log_total + split) %*% own) + alpha[length(alpha)] * log_rest
  out + lgamma(sum(alpha)) - sum(lgamma(alpha))
}

# An even grid of t about the mode at every point, in steps of a part of the standard deviation.
gridded_scale <- function(target, y, fields) {
  f <- scale_function(target, y, fields)
  count <- nrow(y)
  if (target$degrees == 0 && is.null(target$root)) {
    stop_improper_posterior("the total variance is large")
  }
  centre <- fields[, 1] - log(max(target$degrees, 1))
  # under a normal prior of the fixed effects nothing need be left of y
  if (!is.null(target$root)) centre <- pmax(centre, -20)
  centre[!is.finite(centre)] <- -20
  turns <- cbind(centre, scale_turns(target, y))
  centre <- apply(turns, 1, min, na.rm = TRUE) - 20
  rough <- seq(0, max(apply(turns, 1, max, na.rm = TRUE) + 60 - centre), by = 1)
  best <- max.col(known(f(outer(centre, rough, `+`))), "first")
  if (any(best == length(rough))) stop_improper_posterior("the total variance is large")
  centre <- centre + rough[best]
  near <- seq(-1, 1, by = 1 / 8)
  centre <- centre + near[max.col(known(f(outer(centre, near, `+`))), "first")]
  for (i in 1:3) {
    width <- 1e-2
    at <- f(centre + cbind(rep(-width, count), 0, width))
    bend <- (at[, 1] - 2 * at[, 2] + at[, 3]) / width^2
    move <- (at[, 3] - at[, 1]) / (2 * width) / pmax(-bend, 1e-3)
    centre <- centre + pmax(-0.25, pmin(0.25, ifelse(is.finite(move), move, 0)))
  }
  step <- 0.35 * ifelse(is.finite(bend) & bend < 0, pmin(1, 1 / sqrt(-bend)), 1)
  reach <- c(scale_reach(f, centre, -step), scale_reach(f, centre, step))
  table <- f(centre + outer(step, -reach[1]:reach[2]))
  list(
    log_density = row_log_sums(table) + log(step), window = cbind(centre - reach[1] * step, step),
    table = table
  )
}

# t at which the priors of the variances turn, given the points.
scale_turns <- function(target, y) {
  prior <- target$prior
  residual <- log_turn(prior$second)
  if (prior$on_shares) return(residual + stats::plogis(-y[, 1], log.p = TRUE))
  cbind(rep(vapply(prior$terms, log_turn, 0), each = nrow(y)) - log_ratios(target, y), residual)
}

known <- function(x) replace(x, is.na(x), -Inf)

row_log_sums <- function(x) {
  top <- apply(x, 1, max)
  top + log(rowSums(exp(x - top)))
}

# Steps until the density is negligible at every point.
scale_reach <- function(f, centre, step) {
  top <- drop(f(cbind(centre)))
  count <- 16
  while (any(f(cbind(centre + count * step)) > top - 37, na.rm = TRUE)) {
    count <- count + 8
    # a proper density falls there at least as a power of the standard deviation
    if (any(count * step < -700)) stop_improper_posterior("the total variance is small")
  }
  count
}

# log joint density of (x, z, t) at points, as a function of t [N x J].
scale_function <- function(target, y, fields) {
  prior <- target$prior
  ratios <- log_ratios(target, y)
  log_rest <- stats::plogis(-y[, 1], log.p = TRUE)
  constant <- -0.5 * (target$degrees * log(2 * pi) + fields[, 2])
  if (prior$on_shares) constant <- constant + pair_share_density(prior$shares, y)
  fixed <- fixed_prior_function(target, fields)
  function(t) {
    out <- constant - 0.5 * (target$degrees * t + exp(fields[, 1] - t)) + fixed(t)
    if (prior$on_shares) return(out + log_variance_density(prior$second, t - log_rest))
    for (k in seq_len(ncol(ratios))) {
      out <- out + log_variance_density(prior$terms[[k]], t + ratios[, k])
    }
    out + log_variance_density(prior$second, t)
  }
}

# log density of a log variance u, as internal_density() has it.
log_variance_density <- function(density, u) {
  switch(density$kind,
    inverse_gamma = -density$a * u - density$b * exp(-u),
    half_t = u / 2 - (density$a + 1) / 2 * log1p(exp(u) / (density$a * density$b)),
    jeffreys = 0 * u, flat = u
  )
}

# log N(delta; 0, sigma_e^2 C + Lambda^-1) as a function of t [N x J]: along the eigenvectors of
# Lambda^1/2 C Lambda^1/2'.
fixed_prior_function <- function(target, fields) {
  root <- target$root
  if (is.null(root)) return(function(t) 0)
  c <- target$rank
  parts <- lapply(seq_len(nrow(fields)), function(i) {
    if (anyNA(fields[i, ])) return(list(spread = rep(NaN, c), along2 = rep(NaN, c)))
    covariance <- matrix(fields[i, 2 + c + seq_len(c^2)], c)
    spectrum <- eigen(root %*% covariance %*% t(root), symmetric = TRUE)
    along <- crossprod(spectrum$vectors, root %*% fields[i, 2 + seq_len(c)])
    list(spread = pmax(spectrum$values, 0), along2 = drop(along)^2)
  })
  spread <- do.call(rbind, lapply(parts, `[[`, "spread"))
  along2 <- do.call(rbind, lapply(parts, `[[`, "along2"))
  constant <- half_log_det(root) - c / 2 * log(2 * pi)
  function(t) {
    out <- constant
    for (j in seq_len(c)) {
      scaled <- 1 + exp(t) * spread[, j]
      out <- out - 0.5 * (log(scaled) + along2[, j] / scaled)
    }
    out
  }
}
