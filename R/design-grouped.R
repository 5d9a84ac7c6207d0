# (1 | g): one coefficient a level. X'X is diagonal, so nothing is decomposed.

build_grouped <- function(term, model) {
  group <- tryCatch(
    eval(term$group, group_columns(model$frame), environment(model$terms)),
    error = function(e) bad_input("in ", backtick(term$text), ": ", conditionMessage(e), ".")
  )
  group <- droplevels(as.factor(group))
  if (length(group) != nrow(model$frame)) {
    bad_input(
      backtick(term$label), " has ", counted(length(group), "value"), "; ", nrow(model$frame),
      " rows are fitted."
    )
  }
  counts <- tabulate(group, nlevels(group))
  n <- length(group)
  list(
    kind = "grouped", label = term$label, text = term$text, n_cols = nlevels(group),
    names = levels(group), group = term$group,
    core = list(kind = "grouped", x = as.integer(group), n_cols = nlevels(group)),
    exponent = 0, effect_exponent = 0, mean_columns = NULL, kappa_scaled = sum(counts - counts^2 / n) / (n - 1),
    has_constant = nlevels(group) == 1, notes = NULL, spread = 1
  )
}

# Columns of the frame as factors, so that (1 | a:b) means the interaction.
group_columns <- function(frame) {
  columns <- as.list(frame[setdiff(names(frame), c("(rows)", "(weights)", "(offset)"))])
  lapply(columns, function(x) if (is.character(x) || is.logical(x)) as.factor(x) else x)
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
  structure(at, unseen = is.na(at) & !is.na(levels))
}
