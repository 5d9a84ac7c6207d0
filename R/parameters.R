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
