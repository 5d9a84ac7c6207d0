# Wald limits of the parameters of fits with several random terms: variances on the log scale,
# correlations on Fisher's z, shares on the logit scale, fixed effects by Satterthwaite's t.

terms_wald_limits <- function(fit, name, kind, level) {
  z <- c(-1, 1) * stats::qnorm((1 + level) / 2)
  switch(kind,
    fixed = {
      contrast <- as.numeric(rownames(fit$fixed$vcov) == name)
      t_interval(fit, name, level, contrast_df(fit, contrast))
    },
    variance = {
      v <- fit$variances[[name]]
      v * exp(z * variance_se(fit)[[name]] / v)
    },
    covariance = fit$variances[[name]] + z * variance_se(fit)[[name]],
    correlation = {
      table <- terms_correlations(fit)
      one <- table[table$name == name, ]
      r <- one$estimate
      tanh(atanh(r) + z * terms_correlation_se(fit, one) / (1 - r^2))
    },
    pve = wald_share_limits(fit, level)[paste0("pve.", names(shares(fit))) == name, ]
  )
}

# A row a share.
wald_share_limits <- function(fit, level) {
  z <- stats::qnorm((1 + level) / 2)
  logit_limits(unname(shares(fit)), pve_se(fit), z)
}
