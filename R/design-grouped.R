# (1 | g): one coefficient a level. X'X is diagonal, so nothing is decomposed.

#' @export
build_design.group_term <- function(term, model, data, env, centre_weights, host) {
  group <- fitted_groups(term, model$frame)
  counts <- tabulate(group, nlevels(group))
  n <- length(group)
  new_design(
    "grouped", "unit", term, nlevels(group), levels(group), group = term$group,
    core = list(kind = "grouped", x = as.integer(group), n_cols = nlevels(group)),
    exponent = 0, effect_exponent = 0, mean_columns = NULL,
    kappa_scaled = sum(counts - counts^2 / n) / max(1, n - 1),
    has_constant = nlevels(group) == 1 && n > 1, notes = NULL, log10_spread = 0
  )
}

# The grouping factor of the fitted rows, with the levels that are there.
fitted_groups <- function(term, frame) {
  group <- group_values(term$group, function(expr) {
    name <- deparse1(expr)
    if (!name %in% names(frame)) {
      bad_input("cannot read ", backtick(name), " in ", backtick(term_text(term)), ".")
    }
    frame[[name]]
  })
  missing <- sum(is.na(group))
  if (missing > 0) {
    bad_input(
      "the grouping factor ", backtick(short_text(term$group)), " has ",
      counted(missing, "missing value"), " that na.action kept."
    )
  }
  if (all(tabulate(group, nlevels(group)) > 0)) group else droplevels(group)
}

# A grouping expression as a factor: a:b is the interaction whatever the types of a and b.
group_values <- function(expr, leaf) {
  if (is_named_call(expr, "(")) return(group_values(expr[[2]], leaf))
  if (!is_named_call(expr, ":")) return(group_factor(leaf(expr), expr))
  interaction(
    group_values(expr[[2]], leaf), group_values(expr[[3]], leaf), sep = ":", lex.order = TRUE,
    drop = TRUE
  )
}

group_factor <- function(value, expr) {
  if (!is.atomic(value) || is.null(value) || length(dim(value)) > 1 && NCOL(value) != 1) {
    bad_input(
      "the grouping factor ", backtick(short_text(expr)), " must be a vector or a factor with one ",
      "value a row; found ", describe(value), "."
    )
  }
  if (is.factor(value)) return(value)
  as.factor(if (is.raw(value)) as.integer(value) else drop(value))
}

#' @export
describe_design.grouped_design <- function(design) {
  paste0(counted(design$n_cols, "level"), " of ", short_text(design$group))
}

#' @export
level_values.grouped_design <- function(design) matrix(1, length(design$core$x), 1)

#' @export
unit_index.grouped_design <- function(design) design$core$x

#' @export
has_even_rows.grouped_design <- function(design) TRUE

#' @export
level_coefficient.grouped_design <- function(design) "(Intercept)"

#' @export
term_size.grouped_design <- function(design, kappa) 1

#' @export
smaller_side.grouped_design <- function(design, n) NULL

#' @export
is_by_rows.grouped_design <- function(design, n) FALSE

#' @export
identity_words.grouped_design <- function(design, is_reml) {
  paste("every level of", backtick(design$label), "has one row")
}

#' @export
unit_covariances.grouped_design <- function(design, unit) outer(unit, unit, `==`) * 1

#' @export
row_variances.grouped_design <- function(design, rows, inside) rep(1, rows$m)

# Levels of new data as columns of the fit: integer [m], NA for a level that the fit does not know.
#' @export
read_rows.grouped_design <- function(design, expr, source) {
  read_levels(expr, design$names, source)
}

read_levels <- function(expr, known, source) {
  name <- short_text(expr)
  value <- group_values(expr, function(leaf) {
    source$evaluate(leaf, source$rules[[deparse1(leaf)]])
  })
  levels <- as.character(value)
  if (length(levels) != source$m) {
    bad_input(
      backtick(name), " has ", counted(length(levels), "value"), " in `newdata`; ",
      source$m, " are expected."
    )
  }
  at <- match(levels, known)
  is_missing <- is.na(levels) & is.na(at)  # NA may be a level, as addNA() makes it
  unseen <- unique(levels[is.na(at) & !is_missing])
  if (length(unseen) > 0 && !source$allow_new_levels) {
    stop_new_levels(
      unseen, name,
      "; allow.new.levels = TRUE predicts them from the prior (effect 0, variance sigma_b^2)"
    )
  }
  structure(at, unseen = is.na(at) & !is_missing, level = levels)
}

stop_new_levels <- function(unseen, name, hint = "") {
  abort(
    "new_levels", "`newdata` has levels of ", backtick(name), " that the fit does not know: ",
    enumerate(dQuote(unseen, FALSE)), hint, "."
  )
}

#' @exportS3Method
row_cells.grouped_design <- function(design, rows) {
  # an unseen level is NA as a missing one is
  unit <- if (rows$is_fitted) design$core$x else as.vector(rows$x)
  unseen <- value_or(attr(rows$x, "unseen"), rep(FALSE, rows$m))
  list(unit = unit, values = matrix(1, rows$m, 1), is_missing = is.na(unit) & !unseen)
}
