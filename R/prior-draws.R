# Draws from priors.

#' @rdname lmm_prior
#' @importFrom stats simulate
#' @export
simulate.lmm_density <- function(object, nsim = 1, seed = NULL, ...) {
  check_dots()
  check_number(nsim, "nsim", 0, 1e9, whole = TRUE)
  if (!is.null(seed)) check_seed(seed)
  if (!is_proper(object)) stop_improper(paste0("prior_", object$kind, "()"), "drawing from it")
  with_seed(seed, draw_density(object, nsim))
}

# One number, or one for every term.
check_kappa <- function(kappa, count) {
  if (length(kappa) == 1 || !is.numeric(kappa)) return(check_positive(kappa, "kappa"))
  if (length(kappa) != count) {
    bad_input("`kappa` must be one number, or ", count, "; found ", describe(kappa), ".")
  }
  vapply(kappa, check_positive, 0, name = "kappa")
}

draw_density <- function(density, n) {
  if (length(density$b) > 1) {
    bad_input(
      "prior_half_t() has ", length(density$b), " scales: it is of a block, not of a variance."
    )
  }
  switch(density$kind,
    beta = stats::rbeta(n, density$a, density$b),
    flat = stats::runif(n),  # of a share, the only flat density that is proper
    inverse_gamma = density$b / stats::rgamma(n, density$a),
    half_t = (density$b * stats::rt(n, density$a))^2,
    normal = stats::rnorm(n, density$mean, density$sd)
  )
}

#' @rdname lmm_prior
#' @export
simulate.lmm_prior <- function(object, nsim = 1, seed = NULL, kappa = 1, ...) {
  check_dots()
  check_number(nsim, "nsim", 0, 1e9, whole = TRUE)
  if (!is.null(seed)) check_seed(seed)
  check_kappa(kappa, max(1, length(named_terms(object))))
  bad <- setdiff(improper_parts(object), "fixed")
  if (length(bad) > 0) stop_improper(bad, "drawing from a prior")
  labels <- named_terms(object)
  if (is.null(labels)) return(with_seed(seed, draw_variances(object, nsim, kappa)))
  with_seed(seed, draw_named_variances(object, labels, nsim, kappa))
}

# The same of a prior that names several terms, all of one variance.
draw_named_variances <- function(prior, labels, n, kappa) {
  kappa <- rep_len(kappa, length(labels))
  if (is.null(prior$pve)) {
    random <- vapply(prior$random, draw_density, numeric(n), n = n)
    residual <- draw_density(prior$residual, n)
  } else {
    total <- draw_density(prior$total, n)
    drawn <- total * draw_shares(shares_density(prior$pve, labels), length(labels), n)
    random <- drawn[, seq_along(labels), drop = FALSE] / rep(kappa, each = n)
    residual <- drawn[, length(labels) + 1]
  }
  random <- matrix(random, n)
  explained <- random * rep(kappa, each = n)
  pve <- explained / (rowSums(explained) + residual)
  out <- data.frame(random, residual, pve)
  stats::setNames(out, c(labels, "Residual", paste0("pve.", labels)))
}

# Labels of the terms that a prior names, where they are several.
named_terms <- function(prior) {
  count <- length(prior$pve$alpha) - 1
  if (count > 1) {
    if (is.null(names(prior$pve$alpha))) return(paste0("term", seq_len(count)))
    return(setdiff(names(prior$pve$alpha), "Residual"))
  }
  if (inherits(prior$random, "lmm_density") || length(prior$random) < 2) return(NULL)
  names(prior$random)
}

draw_variances <- function(prior, n, kappa, label = NULL) {
  if (is.null(prior$pve)) {
    random <- draw_density(random_density(prior, label), n)
    residual <- draw_density(prior$residual, n)
    return(data.frame(
      random = random, residual = residual, pve = kappa * random / (kappa * random + residual)
    ))
  }
  pve <- draw_density(lone_share(prior$pve, label), n)
  total <- draw_density(prior$total, n)
  data.frame(random = total * pve / kappa, residual = total * (1 - pve), pve = pve)
}

# Draws of the variances of a problem, by label and "Residual"; of blocks as [r x r x draws].
draw_problem_variances <- function(problem, prior, draws) {
  designs <- problem$designs
  if (length(designs) == 0) {
    residual <- if (is.null(prior$total)) prior$residual else prior$total
    return(list(Residual = draw_density(residual, draws)))
  }
  if (is.null(prior$pve)) {
    check_prior_terms(prior, names(designs))
    drawn <- lapply(designs, function(design) {
      draw_term(term_density(prior, design), design, draws)
    })
    return(c(drawn, list(Residual = draw_density(prior$residual, draws))))
  }
  shares <- draw_shares(shares_density(prior$pve, names(designs)), length(designs), draws)
  explained <- shares * draw_density(prior$total, draws)
  drawn <- lapply(seq_along(designs), function(k) {
    draw_directions(user_moments(designs[[k]]), explained[, k])
  })
  c(stats::setNames(drawn, names(designs)), list(Residual = explained[, length(designs) + 1]))
}

# Of one variance [n], or of the half t of a block [r x r x n].
draw_term <- function(density, design, n) {
  r <- coefficient_width(design)
  if (r == 1) return(draw_density(density, n))
  scale <- rep_len(density$b, r)
  vapply(seq_len(n), function(i) {
    mixing <- 1 / (scale^2 * stats::rgamma(r, 0.5))
    root <- wishart_root(density$a + r - 1, sqrt(mixing / (2 * density$a)))
    chol2inv(t(root))
  }, matrix(0, r, r))
}

# Lower triangular R with R R' ~ Wishart(df, diag(scale^2)) (Bartlett 1933), df > r - 1 any number.
wishart_root <- function(df, scale) {
  r <- length(scale)
  root <- diag(sqrt(stats::rchisq(r, df - seq_len(r) + 1)), r)
  root[lower.tri(root)] <- stats::rnorm(r * (r - 1) / 2)
  scale * root
}

# Shares [n x K + 1] of K terms and of the residual.
draw_shares <- function(shares, n_terms, n) {
  dirichlet <- function(alpha) {
    x <- matrix(stats::rgamma(n * length(alpha), rep(alpha, each = n)), n)
    x / rowSums(x)
  }
  if (!shares$is_split) return(dirichlet(shares$alpha))
  random <- stats::rbeta(n, shares$alpha[1], shares$alpha[2])
  cbind(random * dirichlet(rep(1, n_terms)), 1 - random)
}

# Sigma with tr(M Sigma) = kappa [n], its direction uniform: that of a Wishart matrix of r + 1
# degrees of freedom, whose density is exp(-tr(M S)).
draw_directions <- function(moments, kappa) {
  r <- nrow(moments)
  if (r == 1) return(kappa / moments[1])
  whitener <- backsolve(chol(moments), diag(r))
  vapply(kappa, function(size) {
    root <- whitener %*% wishart_root(r + 1, rep(1, r))
    sigma <- tcrossprod(root)
    sigma * (size / sum(moments * sigma))
  }, matrix(0, r, r))
}
