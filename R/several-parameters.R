# What the information says of the covariances of several random terms.

# Covariance matrix of the parameters inside, NA where they are on a boundary: there it is that of
# the face, Sigma = A A' with as many columns as the rank, J (J'IJ)^- J' for J = dSigma / dA.
terms_parameter_covariance <- function(fit) {
  m <- nrow(fit$parameters)
  out <- matrix(NA_real_, m, m)
  information <- fit$information
  if (is.null(information) || anyNA(information)) return(out)
  directions <- face_directions(fit)
  inner <- crossprod(directions, information %*% directions)
  # a residual variance that is all but 0 leaves rounding
  is_told <- is.finite(diagonal(inner)) & diagonal(inner) > 0
  directions <- directions[, is_told, drop = FALSE]
  if (ncol(directions) == 0) return(out)
  inner <- inner[is_told, is_told, drop = FALSE]
  scale <- sqrt(diagonal(inner))
  spectrum <- eigen(inner / outer(scale, scale), symmetric = TRUE)
  is_known <- spectrum$values > 1e-10 * spectrum$values[1]
  half <- spectrum$vectors[, is_known, drop = FALSE] %*%
    diag(1 / sqrt(spectrum$values[is_known]), sum(is_known))
  root <- (directions / rep(scale, each = m)) %*% half
  is_free <- rowSums(directions != 0) > 0
  out[is_free, is_free] <- tcrossprod(root)[is_free, is_free]
  out
}

# Directions [m x f] in which the parameters can move from the estimate.
face_directions <- function(fit) {
  terms <- lapply(seq_along(fit$internal$relative), function(k) {
    tangent_of(fit$internal$relative[[k]] * fit$internal$tau2, fit$rank[[k]])
  })
  residual <- matrix(1, 1, if ("Residual" %in% fit$boundary) 0 else 1)
  as.matrix(Matrix::bdiag(c(terms, list(residual))))
}

# Of vech(Sigma) for Sigma [r x r] of this rank.
tangent_of <- function(sigma, rank) {
  r <- nrow(sigma)
  lower <- lower.tri(sigma, TRUE)
  if (rank == r) return(diag(1, sum(lower)))
  if (rank == 0) return(matrix(0, sum(lower), 0))
  spectrum <- eigen(sigma, symmetric = TRUE)
  a <- spectrum$vectors[, seq_len(rank), drop = FALSE] %*%
    diag(sqrt(spectrum$values[seq_len(rank)]), rank)
  vapply(seq_along(a), function(i) {
    change <- matrix(0, r, rank)
    change[i] <- 1
    (a %*% t(change) + change %*% t(a))[lower]
  }, numeric(sum(lower)))
}

# The same in the user's units, with names.
terms_variance_covariance <- function(fit) {
  names <- fit$parameters$name
  out <- user_parameter_covariance(
    fit$internal$units, all_terms(fit), fit$parameters, terms_parameter_covariance(fit)
  )
  dimnames(out) <- list(names, names)
  out
}

# Correlations of the coefficients of blocks: correlation_places() and their estimates.
terms_correlations <- function(fit) {
  out <- correlation_places(fit$parameters)
  out$estimate <- as.vector(correlations_of(out, t(fit$variances)))
  out
}

# Standard errors of the correlations by the delta method; NA where a block is singular.
terms_correlation_se <- function(fit, table = terms_correlations(fit)) {
  covariance <- terms_variance_covariance(fit)
  v <- unname(fit$variances)
  vapply(seq_len(nrow(table)), function(i) {
    one <- table[i, ]
    if (fit$rank[[fit$parameters$term[one$at]]] < length_of_block(fit, one$at)) return(NA_real_)
    at <- c(one$at, one$a, one$b)
    # relative to the standard deviations, so that nothing overflows
    slope <- c(1 / sqrt(v[one$a]) / sqrt(v[one$b]), -one$estimate / 2 / v[c(one$a, one$b)])
    sqrt(max(0, sum(slope * (covariance[at, at] %*% slope))))
  }, 0)
}

length_of_block <- function(fit, at) {
  max(fit$parameters$row[fit$parameters$term %in% fit$parameters$term[at]])
}

# Shares of variance: of every term, and with several of them their total.
terms_shares <- function(fit) {
  if (length(fit$pve) < 2) return(fit$pve)
  c(fit$pve, total = sum(fit$pve))
}

# Their standard errors by the delta method.
terms_share_se <- function(fit) {
  covariance <- terms_variance_covariance(fit)
  parameters <- fit$parameters
  weight <- explained_weights(fit)
  is_residual <- is.na(parameters$term)
  explained <- weight * fit$variances
  total <- sum(explained) + fit$variances[["Residual"]]
  out <- vapply(names(terms_shares(fit)), function(label) {
    k <- match(label, names(fit$pve))
    own <- if (is.na(k)) !is_residual else parameters$term %in% k
    share <- terms_shares(fit)[[label]]
    slope <- (ifelse(own, weight, 0) - share * (weight + is_residual)) / total
    known <- !is.na(diagonal(covariance))
    if (!any(known & own) || !(share > 0) || share >= 1) return(NA_real_)
    sqrt(max(0, sum(slope[known] * (covariance[known, known] %*% slope[known]))))
  }, 0)
  unname(out)
}

# What each parameter adds to the expected sample variance per unit; 0 for the residual.
explained_weights <- function(fit) {
  parameters <- fit$parameters
  vapply(seq_len(nrow(parameters)), function(i) {
    one <- parameters[i, ]
    if (is.na(one$term)) return(0)
    fit$kappa[[one$term]][one$row, one$column] * if (one$row == one$column) 1 else 2
  }, 0)
}

# Shares of variance of all terms at draws of the parameters [draws x terms].
drawn_shares <- function(fit, variances) {
  parameters <- fit$parameters
  sizes <- variances * rep(explained_weights(fit), each = nrow(variances))
  explained <- vapply(seq_along(fit$pve), function(k) {
    rowSums(sizes[, parameters$term %in% k, drop = FALSE])
  }, numeric(nrow(variances)))
  explained <- matrix(explained, nrow(variances), dimnames = list(NULL, names(fit$pve)))
  explained / (rowSums(explained) + variances[, "Residual"])
}

# Degrees of freedom of a contrast of the fixed effects: 2 v^2 / Var(v), v = l'C l (Satterthwaite),
# its derivatives by all parameters those of C on the coordinates of Q.
terms_satterthwaite <- function(fit, contrast) {
  v <- sum(contrast * (fit$fixed$vcov %*% contrast))
  if (!(v > 0)) return(NA_real_)
  slope <- variance_slopes(fit, contrast, v)
  covariance <- terms_parameter_covariance(fit)
  known <- !is.na(diagonal(covariance))
  if (!any(known)) return(NA_real_)
  2 / sum(slope[known] * (covariance[known, known] %*% slope[known]))
}

# Names and kinds of the parameters that are not fixed effects.
terms_variance_kinds <- function(fit) {
  parameters <- fit$parameters
  kinds <- ifelse(is_covariance(parameters), "covariance", "variance")
  correlations <- terms_correlations(fit)$name
  share <- paste0("pve.", names(shares(fit)))
  c(
    stats::setNames(kinds, parameters$name),
    stats::setNames(rep("correlation", length(correlations)), correlations),
    stats::setNames(rep("pve", length(share)), share)
  )
}
