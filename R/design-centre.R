# Column means are taken out along a constant that the fixed effects hold, and along no other.
uncentred <- function(design) {
  if (!is_centred(design)) return(design)
  design["mean_columns"] <- list(NULL)
  design$core["shift"] <- list(NULL)
  design
}

is_centred <- function(design) !is.null(design$mean_columns)

# Whether products of rows lose more than four digits beside those of the columns' means.
is_far_from_zero <- function(design, n) {
  squares <- sum(value_or(design$core$shift, 0)^2 * value_or(design$core$scale, 1)^2)
  squares > 1e4 * design$kappa_scaled
}
