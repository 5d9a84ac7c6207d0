# Names and kinds of the parameters of a fit.

# Named character: "fixed", "variance", "pve", or what else variance_kinds() has, by parameter.
parameter_kinds <- function(fit) {
  fixed <- names(fit$fixed$estimate)
  c(
    stats::setNames(rep("fixed", length(fixed)), fixed),
    variance_kinds(fit)
  )
}

choose_parameters <- function(parm, kinds, method) {
  all <- names(kinds)
  if (is.null(parm)) return(if (method == "exact") "pve" else all)
  if (is.numeric(parm)) {
    if (any(!parm %in% seq_along(all))) {
      bad_input("`parm` must be between 1 and ", length(all), "; found ", enumerate(parm), ".")
    }
    return(all[parm])
  }
  expanded <- unlist(lapply(as.character(parm), function(name) {
    switch(name, beta_ = all[kinds == "fixed"], theta_ = all[kinds != "fixed"], name)
  }))
  unknown <- setdiff(expanded, all)
  if (length(unknown) > 0) {
    bad_input(
      "`parm` names no parameter: ", enumerate(dQuote(unknown, FALSE)), "; there are ",
      enumerate(dQuote(all, FALSE), 10), "."
    )
  }
  expanded
}

# As stats names quantiles, whatever options() say of numbers.
percent_names <- function(tails) {
  paste(formatC(100 * tails, digits = 4, width = 1, format = "fg", decimal.mark = "."), "%")
}

# How limits of a kind are made: as is wanted where the fit has it.
limit_method <- function(fit, kind, wanted) {
  own <- limit_methods(fit, kind)
  if (wanted %in% own) wanted else c(own, "own")[1]
}

# A method that is asked for is not replaced by another one.
require_limits <- function(fit, kinds, method) {
  for (kind in kinds) {
    own <- limit_methods(fit, kind)
    if (method %in% own) next
    abort(
      "unsupported", "a fit by ", fit_words(fit)$method, " has no limits of ",
      kind_words[[kind]], " by method ", dQuote(method, FALSE), "; it has ",
      if (length(own) == 0) "those of its distribution, without `method`" else
        paste("those by", enumerate(dQuote(own, FALSE))), "."
    )
  }
}

kind_words <- c(
  fixed = "fixed effects", variance = "variances", covariance = "covariances",
  correlation = "correlations", pve = "pve"
)
