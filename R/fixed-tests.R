# How fixed effects are tested: list(name, vcov [c x c], df(contrast), joint(contrasts)), contrasts
# of the coefficients that are not aliased, one [c] or rows [q x c]. joint() gives c(q, denominator
# degrees of freedom, F, p).

degree_names <- c("Satterthwaite", "Kenward-Roger")

fixed_tests <- function(fit, ddf) {
  if (check_choice(ddf, degree_names, "ddf") == "Satterthwaite") return(moment_tests(fit))
  covariances <- small_sample(fit, "Kenward and Roger's tests")
  if (is.null(covariances)) moment_tests(fit) else adjusted_tests(fit, covariances)
}

# The degrees of freedom that the fit itself stands for.
moment_tests <- function(fit) {
  list(
    name = "Satterthwaite", vcov = fit$fixed$vcov,
    df = function(contrast) contrast_df(fit, contrast),
    joint = function(contrasts) moment_f(fit, contrasts)
  )
}

adjusted_tests <- function(fit, covariances) {
  parts <- kenward_roger(fit, covariances)
  list(
    name = "Kenward-Roger", vcov = parts$vcov,
    df = function(contrast) kenward_roger_law(parts, t(contrast))[["df"]],
    joint = function(contrasts) kenward_roger_f(fit, parts, contrasts)
  )
}

kenward_roger_f <- function(fit, parts, contrasts) {
  estimate <- contrasts %*% fit$fixed$estimate[fit$fixed$kept]
  law <- kenward_roger_law(parts, contrasts)
  q <- nrow(contrasts)
  value <- law[["scale"]] / q *
    sum(estimate * solve(contrasts %*% parts$vcov %*% t(contrasts), estimate))
  c(q, law[["df"]], value, stats::pf(value, q, law[["df"]], lower.tail = FALSE))
}

# Fai & Cornelius (1996): Satterthwaite on the eigenvectors of L C L'.
moment_f <- function(fit, contrasts) {
  estimate <- fit$fixed$estimate[fit$fixed$kept]
  spectrum <- eigen(contrasts %*% fit$fixed$vcov %*% t(contrasts), symmetric = TRUE)
  q <- nrow(contrasts)
  rotated <- crossprod(spectrum$vectors, contrasts)
  t2 <- drop(rotated %*% estimate)^2 / spectrum$values
  df <- apply(rotated, 1, function(contrast) contrast_df(fit, contrast))
  usable <- sum((df / (df - 2))[which(df > 2)])
  denominator <- if (q == 1) df else if (usable > q) 2 * usable / (usable - q) else 0
  # as many degrees of freedom for all: the limit of the above
  if (q > 1 && all(is.finite(df)) && max(df) - min(df) <= 1e-8 * max(df)) denominator <- mean(df)
  value <- sum(t2) / q
  p <- NA_real_
  if (isTRUE(denominator > 0)) p <- stats::pf(value, q, denominator, lower.tail = FALSE)
  c(q, denominator, value, p)
}

# Estimates with t-tests; a posterior has means and standard deviations and no tests.
fixed_table <- function(fit, tests = moment_tests(fit)) {
  kept <- fit$fixed$kept
  estimate <- fit$fixed$estimate[kept]
  se <- sqrt(diagonal(tests$vcov))
  df <- vapply(seq_along(kept), function(j) tests$df(as.numeric(seq_along(kept) == j)), 0)
  statistic <- estimate / se
  table <- matrix(NA_real_, length(fit$fixed$estimate), 5, dimnames = list(
    names(fit$fixed$estimate), c("Estimate", "Std. Error", "df", "t value", "Pr(>|t|)")
  ))
  if (!at_maximum(fit)) statistic[] <- df[] <- NA
  p <- 2 * stats::pt(abs(statistic), df, lower.tail = FALSE)
  table[kept, ] <- cbind(estimate, se, df, statistic, p)
  table
}
