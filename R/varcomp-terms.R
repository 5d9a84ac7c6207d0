# The table of the variances and covariances of several random terms.

# A row a parameter.
terms_variance_rows <- function(fit) {
  parameters <- fit$parameters
  k <- parameters$term
  off <- is_covariance(parameters)
  label <- ifelse(is.na(k), "Residual", names(fit$covariances)[k])
  v <- unname(fit$variances)
  se <- unname(variance_se(fit))
  correlations <- terms_correlations(fit)
  sdcor <- sqrt(pmax(0, v))
  se_sdcor <- ifelse(v > 0, se / (2 * sdcor), NA_real_)
  sdcor[off] <- correlations$estimate
  se_sdcor[off] <- terms_correlation_se(fit, correlations)
  own <- coefficients_at(fit, ifelse(off, parameters$column, parameters$row))
  frame_of(list(
    grp = label, var1 = ifelse(has_levels(fit)[label] %in% TRUE, own, NA_character_),
    var2 = ifelse(off, coefficients_at(fit, parameters$row), NA_character_), vcov = v,
    sdcor = sdcor, se = se, se_sdcor = se_sdcor,
    parameter = replace(parameters$name, off, correlations$name),
    coefficient = replace(own, is.na(k), "Observation"), size = variance_sizes(fit, label)
  ))
}

# Names of the coefficients of all parameters at places within their blocks; NA for the residual.
coefficients_at <- function(fit, place) {
  vapply(seq_along(place), function(i) {
    k <- fit$parameters$term[i]
    if (is.na(k)) NA_character_ else block_names(fit$designs[[k]])[place[i]]
  }, "")
}

# By label, whether something varies by level.
has_levels <- function(fit) {
  unlist(each_term(fit, function(design) !is.na(level_coefficient(design)[1])))
}

# The expected sample variance of a term, in its first row.
variance_sizes <- function(fit, label) {
  # of a posterior the means of the shares, not the shares of the means
  is_mean <- has_posterior(fit)
  size <- if (is_mean) fit$pve[label] else explained_sizes(fit$designs, fit$covariances)[label]
  size[label == "Residual"] <- if (is_mean) 1 - sum(fit$pve) else fit$variances[["Residual"]]
  size[duplicated(label)] <- NA
  unname(size)
}
