# Column means are taken out along a constant that the fixed effects hold, and along no other.
uncentred <- function(design) {
  if (!is_centred(design)) return(design)
  design["mean_columns"] <- list(NULL)
  design$core["shift"] <- list(NULL)
  design
}

is_centred <- function(design) !is.null(design$mean_columns)
