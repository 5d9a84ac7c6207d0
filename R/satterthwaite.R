# t-tests of fixed effects with Satterthwaite's degrees of freedom.

# df = 2 v^2 / Var(v), v = l'C l with C the covariance of omega hat: its derivatives by the log
# variances are the fit's `sensitivity`, on the coordinates of Q, their covariance the inverse
# observed information as in lmerTest, which a boundary or an estimate beside it may lack: then the
# expected one
# (Satterthwaite 1946; Giesbrecht & Burns 1985, Biometrics 41, 477-486).
satterthwaite_df <- function(fit, contrast) {
  v <- sum(contrast * (fit$fixed$vcov %*% contrast))
  free <- free_variances(fit)
  if (length(free) == 0 || !(v > 0)) return(NA_real_)
  gradient <- variance_slopes(fit, contrast, v)[free]
  information <- value_or(if (length(free) == 2) fit$observed, fit$information)
  2 / drop(gradient %*% inverse_information(fit, free, information) %*% gradient)
}

# Estimates with t-tests; a posterior has means and standard deviations and no tests.
fixed_table <- function(fit) {
  kept <- fit$fixed$kept
  estimate <- fit$fixed$estimate[kept]
  se <- sqrt(diagonal(fit$fixed$vcov))
  df <- vapply(seq_along(kept), function(j) {
    contrast_df(fit, as.numeric(seq_along(kept) == j))
  }, 0)
  statistic <- estimate / se
  table <- matrix(NA_real_, length(fit$fixed$estimate), 5, dimnames = list(
    names(fit$fixed$estimate), c("Estimate", "Std. Error", "df", "t value", "Pr(>|t|)")
  ))
  if (!at_maximum(fit)) statistic[] <- df[] <- NA
  p <- 2 * stats::pt(abs(statistic), df, lower.tail = FALSE)
  table[kept, ] <- cbind(estimate, se, df, statistic, p)
  table
}
