# (1 | g): one coefficient a level. X'X is diagonal, so nothing is decomposed.

build_grouped <- function(term, model) {
  frame <- model$frame
  group <- group_values(term$group, function(expr) {
    name <- deparse1(expr)
    if (!name %in% names(frame)) {
      bad_input("cannot read ", backtick(name), " in ", backtick(term_text(term)), ".")
    }
    frame[[name]]
  })
  group <- droplevels(group)
  counts <- tabulate(group, nlevels(group))
  n <- length(group)
  list(
    kind = "grouped", label = term$label, n_cols = nlevels(group),
    names = levels(group), group = term$group,
    core = list(kind = "grouped", x = as.integer(group), n_cols = nlevels(group)),
    exponent = 0, effect_exponent = 0, mean_columns = NULL,
    kappa_scaled = sum(counts - counts^2 / n) / max(1, n - 1),
    has_constant = nlevels(group) == 1 && n > 1, notes = NULL, log10_spread = 0
  )
}

# A grouping expression as a factor: a:b is the interaction whatever the types of a and b.
group_values <- function(expr, leaf) {
  if (is_named_call(expr, "(")) return(group_values(expr[[2]], leaf))
  if (!is_named_call(expr, ":")) return(as.factor(leaf(expr)))
  interaction(
    group_values(expr[[2]], leaf), group_values(expr[[3]], leaf), sep = ":", lex.order = TRUE,
    drop = TRUE
  )
}

# Levels of new data as columns of the fit: integer [m], NA for a level that the fit does not know.
newdata_grouped <- function(design, value, m, allow_new_levels, ...) {
  levels <- as.character(value)
  if (length(levels) != m) {
    bad_input(
      backtick(design$label), " has ", counted(length(levels), "value"), " in `newdata`; ", m,
      " are expected."
    )
  }
  at <- match(levels, design$names)
  unseen <- unique(levels[is.na(at) & !is.na(levels)])
  if (length(unseen) > 0 && !allow_new_levels) {
    abort(
      "new_levels", "`newdata` has levels of ", backtick(design$label), " that the fit does not ",
      "know: ", enumerate(dQuote(unseen, FALSE)), "; allow.new.levels = TRUE predicts them from ",
      "the prior (effect 0, variance sigma_b^2)."
    )
  }
  at[is.na(levels)] <- NA_integer_
  structure(at, unseen = is.na(at) & !is.na(levels), level = levels)
}
