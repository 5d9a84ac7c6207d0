# Model data: everything that the rows of the formula say, before any design is built.
# list(frame, terms, y, z, weights, offset, rows, n_total, dropped, xlevels, contrasts, ...)

build_model_data <- function(formula, data, call, env, contrasts) {
  parts <- split_formula(formula, data)
  fixed <- fixed_formula(parts, data, env)
  n_total <- count_rows(parts, data, env)
  frame <- build_frame(fixed, parts, data, call, env, n_total)
  extras <- attr(frame, "extras")
  rows <- extras$rows
  weights <- check_weights(extras$weights)
  keep <- if (is.null(weights)) rep(TRUE, length(rows)) else weights > 0
  dropped <- list(
    missing = length(attr(frame, "na.action")), nan = extras$n_nan,
    zero_weight = sum(!keep), action = class(attr(frame, "na.action"))
  )
  if (!all(keep)) {
    frame <- drop_rows(frame, keep, excludes(call, env))
    extras$offset <- extras$offset[keep]
    rows <- rows[keep]
  }
  attr(frame, "extras") <- NULL
  place <- list(data = data, env = env, n_total = n_total, rows = rows)
  if (nrow(frame) == 0) {
    bad_input("there are 0 complete rows: every row is dropped by missing values or `subset`.")
  }
  if (length(rows) < n_total) dropped$levels <- lost_levels(frame, place)
  terms <- attr(frame, "terms")
  y <- check_response(frame, parts$response, rows)
  z <- build_fixed_matrix(terms, frame, contrasts, rows)
  row_variables <- row_variables(parts, fixed, call$offset, data, env, n_total)
  kept <- kept_environment(new_row_exprs(parts, fixed, call$offset), row_variables, data, env)
  if (!identical(kept, env)) {
    environment(terms) <- kept
    attr(frame, "terms") <- terms
  }
  list(
    frame = frame, terms = terms, y = y, z = z,
    weights = weights[keep], offset = check_offset(frame, extras$offset, rows), rows = rows,
    n_total = n_total, dropped = dropped,
    xlevels = if (length(attr(terms, "variables")) > 2) stats::.getXlevels(terms, frame),
    contrasts = attr(z, "contrasts"), na_action = attr(frame, "na.action"),
    random = parts$random, variable_classes = variable_classes(parts, fixed, data, env),
    row_variables = row_variables, kept_in = kept, rules = extras$rules, place = place,
    offset_rule = if (!is.null(extras$offset) && needs_rule(call$offset)) {
      row_rule(call$offset, extras$offset, rows, place)
    },
    row_names = attr(frame, "row.names")
  )
}

check_response <- function(frame, response, rows) {
  y <- .subset2(frame, 1)
  delayedAssign("name", backtick(deparse1(response)))
  if (is.factor(y) || is.character(y) || !(is.numeric(y) || is.logical(y))) {
    bad_input("the response ", name, " must be numeric; found ", describe(y), ".")
  }
  if (is.matrix(y) && ncol(y) != 1) {
    bad_input("the response ", name, " has ", ncol(y), " columns; one response is expected.")
  }
  y <- as.double(y)
  check_finite(y, rows, name)
  if (anyNA(y)) bad_input("the response ", name, " has missing values that na.action kept.")
  y
}

check_weights <- function(weights) {
  if (is.null(weights)) return(NULL)
  if (!is.numeric(weights) || NCOL(weights) != 1) {
    bad_input("`weights` must be a numeric vector; found ", describe(weights), ".")
  }
  bad <- is.na(weights) | weights < 0 | is.infinite(weights)
  if (any(bad)) {
    found <- enumerate(format(unique(weights[bad]), digits = 3, trim = TRUE))
    bad_input("`weights` must be finite and not negative; found ", found, ".")
  }
  if (length(weights) == 0) return(numeric())
  if (all(weights == 0)) bad_input("`weights` are all zero.")
  # squares of their ratios must be numbers
  spread <- log10(max(weights)) - log10(min(weights[weights > 0]))
  if (spread > 150) {
    abort(
      "overflow", "the `weights` span a factor of 10^", round(spread), "; at most 10^150 can be ",
      "computed with, and up to 10^8 without loss of digits."
    )
  }
  as.double(weights)
}

# The sum of the offsets of the formula and of the argument.
check_offset <- function(frame, argument, rows) {
  parts <- lapply(attr(attr(frame, "terms"), "offset"), function(i) .subset2(frame, i))
  parts <- c(parts, if (!is.null(argument)) list(argument))
  if (length(parts) == 0) return(NULL)
  is_vector <- vapply(parts, function(part) is.numeric(part) && NCOL(part) == 1, NA)
  if (!all(is_vector)) bad_input("the offset must be a numeric vector.")
  offset <- Reduce(`+`, lapply(parts, as.double))
  check_finite(offset, rows, "the offset")
  if (anyNA(offset)) bad_input("the offset has missing values that na.action kept.")
  offset
}
