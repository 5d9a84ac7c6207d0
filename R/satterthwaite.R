# Satterthwaite's degrees of freedom of contrasts of the fixed effects.

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
