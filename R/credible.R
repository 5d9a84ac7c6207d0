# What a posterior says of single parameters, in the user's units.

credible_interval <- function(fit, name, kind, level) {
  p <- tail_levels(level)
  switch(kind,
    pve = share_quantiles(fit, p),
    variance = variance_limits(fit, name, p),
    fixed = drop(fixed_quantiles(fit, match(name, rownames(fit$fixed$vcov)), p))
  )
}

fixed_quantiles <- function(fit, index, p) {
  parts <- fixed_at_nodes(fit, index)
  mixture_quantiles(fit$posterior, parts$mean, parts$sd, p)
}

variance_limits <- function(fit, name, p, fine = fine_of(fit)) {
  quantiles <- variance_quantiles(fit, variance_role(name), p, fine)
  user_variance(fit$internal$units, quantiles, name)
}
