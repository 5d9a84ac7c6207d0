# Profiles of the parameters of several random terms as a table and as panels.

#' @rdname profile.hdlmm
#' @export
print.hdlmm_profiles <- function(x, digits = 6, ...) {
  check_dots(print_settings)
  parameters <- unique(x$parameter)
  cat(
    "Profiles of the ", attr(x, "criterion"), " log-likelihood over ",
    counted(length(parameters), "parameter"), ":\n", sep = ""
  )
  rows <- lapply(parameters, function(name) {
    one <- x[x$parameter == name, ]
    data.frame(
      parameter = name, values = nrow(one), from = min(one$value), estimate = estimate_of(one),
      to = max(one$value)
    )
  })
  print(format(do.call(rbind, rows), digits = digits), row.names = FALSE)
  invisible(x)
}

# The estimate is where nothing is lost.
estimate_of <- function(one) one$value[which.min(abs(one$root))]
