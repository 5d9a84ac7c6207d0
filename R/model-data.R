# Model data: everything that the rows of the formula say, before any design is built.
# list(frame, terms, y, z, weights, offset, rows, n_total, dropped, xlevels, contrasts, ...)

build_model_data <- function(formula, data, call, env, contrasts) {
  parts <- split_formula(formula)
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
  z <- build_fixed_matrix(terms, frame, contrasts, rows)
  row_variables <- row_variables(parts, fixed, call$offset, data, env, n_total)
  kept <- kept_environment(new_row_exprs(parts, fixed, call$offset), row_variables, data, env)
  if (!identical(kept, env)) {
    environment(terms) <- kept
    attr(frame, "terms") <- terms
  }
  list(
    frame = frame, terms = terms, y = check_response(frame, parts$response, rows), z = z,
    weights = weights[keep], offset = check_offset(frame, extras$offset, rows), rows = rows,
    n_total = n_total, dropped = dropped,
    xlevels = if (length(attr(terms, "variables")) > 2) stats::.getXlevels(terms, frame),
    contrasts = attr(z, "contrasts"), na_action = attr(frame, "na.action"),
    random = parts$random, variable_classes = variable_classes(fixed, data, env),
    row_variables = row_variables, kept_in = kept, rules = extras$rules, place = place,
    offset_rule = if (!is.null(extras$offset) && needs_rule(call$offset)) {
      row_rule(call$offset, extras$offset, rows, place)
    },
    row_names = attr(frame, "row.names")
  )
}

count_rows <- function(parts, data, env) {
  if (is.data.frame(data)) return(nrow(data))
  response <- on_error(
    eval(parts$response, data, env),
    function(e) bad_input("cannot evaluate the response: ", sentence(e))
  )
  n <- NROW(response)
  if (n > .Machine$integer.max) {
    abort("unsupported", "the data have ", format(n), " rows; at most 2^31 - 1 are supported.")
  }
  n
}

# model.frame() over the fixed part and the grouping factors. Its attribute `extras` holds weights,
# offset, counts of NaN, and the rows of the data that survive subset and na.action: columns that
# model.frame() puts last, whatever the variables before them are called.
build_frame <- function(fixed, parts, data, call, env, n_total) {
  groups <- Filter(Negate(is.null), lapply(parts$random, `[[`, "in_frame"))
  all_variables <- fixed
  for (group in groups) all_variables[[3]] <- call("+", all_variables[[3]], group)
  frame_call <- call[c(1, match(c("subset", "weights", "offset", "na.action"), names(call), 0))]
  frame_call[[1]] <- quote(stats::model.frame)
  frame_call$formula <- all_variables
  frame_call$data <- data
  frame_call$drop.unused.levels <- TRUE
  frame_call$rows <- seq_len(n_total)
  if (!"na.action" %in% names(frame_call) && is_default_omission(data)) {
    frame_call$na.action <- omit_incomplete
  }
  frame <- on_error(
    eval(frame_call, list(), env),
    function(e) stop_frame(e, call, data, env, n_total)
  )
  n_nan <- if (!is.null(attr(frame, "na.action"))) count_nan(all_variables, data)
  frame <- without_rows(frame)
  attr(frame, "extras")$n_nan <- n_nan
  place <- list(data = data, env = env, n_total = n_total, rows = attr(frame, "extras")$rows)
  rules <- frame_rules(attr(frame, "terms"), frame, place)
  if (length(rules) > 0) {
    attr(frame, "extras")$rules <- rules
    attr(frame, "terms") <- with_rules(attr(frame, "terms"), rules)
  }
  if (length(groups) > 0) attr(frame, "terms") <- terms_of_part(fixed, data, attr(frame, "terms"))
  frame
}

# The rows as an attribute instead of a column, and so what the other extra columns hold.
without_rows <- function(frame) {
  about <- attributes(frame)
  n <- length(about$names)
  n_variables <- length(attr(about$terms, "variables")) - 1
  extra <- (n_variables + 1):n
  about$extras <- stats::setNames(.subset(frame, extra), gsub("[()]", "", about$names[extra]))
  attr(about$terms, "dataClasses") <- attr(about$terms, "dataClasses")[seq_len(n_variables)]
  about$names <- about$names[-n]
  out <- .subset(frame, -n)
  attributes(out) <- about
  out
}

# Whether model.frame() would take stats::na.omit() by itself.
is_default_omission <- function(data) {
  identical(getOption("na.action"), "na.omit") && is.null(attr(data, "na.action"))
}

# na.omit(), which copies every column, where there is something to leave out (or a time series,
# which it makes a plain vector).
omit_incomplete <- function(frame, ...) {
  is_changed <- vapply(frame, function(column) {
    stats::is.ts(column) || anyNA(column, recursive = is.list(column))
  }, NA)
  if (any(is_changed)) stats::na.omit(frame) else frame
}

# model.frame()'s own messages, with the arguments called by their names.
stop_frame <- function(error, call, data, env, n_total) {
  message <- conditionMessage(error)
  for (name in intersect(c("weights", "offset"), names(call))) {
    if (!grepl(paste0("(", name, ")"), message, fixed = TRUE)) next
    value <- eval(call[[name]], data, env)
    if (is.list(value)) bad_input("`", name, "` must be a numeric vector; found a list.")
    bad_input(
      "`", name, "` has ", counted(length(value), "value"), "; the data have ", n_total, " rows",
      if (inherits(value, "formula")) ": a column goes by its name, without `~`", "."
    )
  }
  hint <- if (grepl("invalid type (list)", message, fixed = TRUE)) {
    " (a list column is not a variable)"
  }
  bad_input(sub("[.]$", "", message), hint, ".")
}

# The fixed part's terms with the predvars that model.frame() found for poly(), splines, scale()
# among all variables.
terms_of_part <- function(fixed, data, frame_terms) {
  terms <- on_error(
    stats::terms(fixed, data = if (is.data.frame(data)) data[0, , drop = FALSE] else NULL),
    function(e) bad_input("in `formula`: ", sentence(e))
  )
  wanted <- variable_names(terms)
  have <- variable_names(frame_terms)
  at <- match(wanted, have)
  predvars <- attr(frame_terms, "predvars")
  attr(terms, "predvars") <- as.call(c(quote(list), as.list(predvars)[-1][at]))
  classes <- attr(frame_terms, "dataClasses")
  attr(terms, "dataClasses") <- classes[wanted]
  terms
}

count_nan <- function(formula, data) {
  counts <- vapply(all.vars(formula), function(name) {
    value <- if (name %in% names(data)) variable_of(name, data)
    if (is.double(value)) sum(is.nan(value)) else 0L
  }, 0)
  counts[counts > 0]
}

# Whether na.action pads: rows of weight zero are then padded too.
excludes <- function(call, env) {
  action <- if (is.null(call$na.action)) getOption("na.action") else eval(call$na.action, env)
  identical(action, stats::na.exclude) || identical(action, "na.exclude")
}

drop_rows <- function(frame, keep, is_padded) {
  terms <- attr(frame, "terms")
  out <- frame[keep, , drop = FALSE]
  for (name in names(out)) {
    if (is.factor(out[[name]])) out[[name]] <- droplevels(out[[name]])
  }
  attr(out, "terms") <- terms
  omitted <- attr(frame, "na.action")
  if (is_padded) {
    total <- nrow(frame) + length(omitted)
    zero <- setdiff(seq_len(total), omitted)[!keep]
    at <- c(omitted, zero)
    names(at) <- c(names(omitted), rownames(frame)[!keep])
    omitted <- structure(at[order(at)], class = "exclude")
  }
  attr(out, "na.action") <- omitted
  out
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

check_finite <- function(x, rows, name) {
  bad <- which(is.infinite(x))
  if (length(bad) > 0) {
    bad_input(
      name, " has ", counted(length(bad), "infinite value"), " (",
      if (length(bad) == 1) "row " else "rows ", enumerate(rows[bad]), ")."
    )
  }
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

build_fixed_matrix <- function(terms, frame, contrasts, rows) {
  check_contrasts(contrasts, frame)
  if (is_intercept_only(terms)) {
    one <- matrix(1, nrow(frame), 1, dimnames = list(NULL, "(Intercept)"))
    attr(one, "assign") <- 0L
    return(one)
  }
  z <- on_error(
    stats::model.matrix(terms, frame, contrasts),
    function(e) {
      used <- frame[names(frame) %in% rownames(attr(terms, "factors"))]
      single <- names(Filter(has_one_level, used))
      if (length(single) > 0) {
        bad_input(
          enumerate(backtick(single)), if (length(single) == 1) " has" else " have",
          " only one level in the fitted rows; contrasts need two or more."
        )
      }
      bad_input("cannot build the fixed-effect design: ", sentence(e))
    }
  )
  if (!is.finite(sum(z))) check_fixed_cells(z, rows)
  z
}

# model.matrix() stops at one-level factors of terms that are none, as in y ~ 1 / f.
fixed_matrix <- function(terms, frame, contrasts) {
  if (!is_intercept_only(terms)) return(stats::model.matrix(terms, frame, contrasts))
  structure(
    matrix(1, nrow(frame), 1, dimnames = list(rownames(frame), "(Intercept)")), assign = 0L
  )
}

# Variables as the columns of a model frame are called.
variable_names <- function(terms) {
  vapply(as.list(attr(terms, "variables"))[-1], deparse1, "")
}

# The commonest fixed part, which model.matrix() makes row names for.
is_intercept_only <- function(terms) {
  attr(terms, "intercept") == 1 && length(attr(terms, "term.labels")) == 0
}

check_fixed_cells <- function(z, rows) {
  infinite <- which(colSums(is.infinite(z)) > 0)
  if (length(infinite) > 0) {
    column <- colnames(z)[infinite[1]]
    check_finite(z[, infinite[1]], rows, backtick(column))
  }
  if (anyNA(z)) {
    bad <- colnames(z)[colSums(is.na(z)) > 0]
    bad_input("missing values that na.action kept in ", enumerate(backtick(bad)), ".")
  }
}

# stats::model.matrix() would warn of what it does not use, and go on.
check_contrasts <- function(contrasts, frame) {
  if (is.null(contrasts)) return(invisible())
  if (!is.list(contrasts) || is.null(names(contrasts)) || any(names(contrasts) == "")) {
    bad_input("`contrasts` must be a list named by factors; found ", describe(contrasts), ".")
  }
  is_factor <- vapply(frame, function(x) is.factor(x) || is.character(x) || is.logical(x), NA)
  unknown <- setdiff(names(contrasts), names(frame)[is_factor])
  if (length(unknown) > 0) {
    bad_input(
      "`contrasts` names ", enumerate(backtick(unknown)), ", no factor of the fixed effects."
    )
  }
}

has_one_level <- function(x) {
  (is.factor(x) || is.character(x) || is.logical(x)) && length(unique(x)) < 2
}

# A variable of the data or, where they lack it, of the environment; NULL where there is none.
variable_of <- function(name, data, env = emptyenv()) {
  if (is.environment(data)) {
    value <- get0(name, data, inherits = FALSE)
    return(if (is.null(value)) get0(name, env) else value)
  }
  at <- match(name, names(data))
  if (is.na(at)) get0(name, env) else .subset2(data, at)
}

# Types of the raw variables of the fixed part, which new data must share.
variable_classes <- function(fixed, data, env) {
  names <- all.vars(fixed[[3]])
  out <- vapply(names, function(name) {
    value <- variable_of(name, data, env)
    if (is.null(value) || is.function(value)) "" else stats::.MFclass(value)
  }, "")
  out[out != ""]
}

# What new rows evaluate: not the response, and of a kernel its id only.
new_row_exprs <- function(parts, fixed, offset) {
  c(list(fixed[[3]], offset), lapply(parts$random, `[[`, "at_new_rows"))
}

# Of every factor of the frame, the levels of which no row is fitted.
lost_levels <- function(frame, place) {
  out <- lapply(stats::setNames(nm = names(frame)), function(name) {
    value <- variable_of(name, place$data, place$env)
    if (is.factor(value) || is.character(value)) {
      setdiff(as.character(value[!is.na(value)]), as.character(frame[[name]]))
    }
  })
  Filter(length, out)
}

# Names that new data must bring: variables of the formula with one value a row.
row_variables <- function(parts, fixed, offset, data, env, n_total) {
  names <- unique(c(all.vars(fixed[[3]]), random_variables(parts$random), all.vars(offset)))
  is_row <- vapply(names, function(name) {
    value <- variable_of(name, data, env)
    !is.function(value) && NROW(value) == n_total
  }, NA)
  names[is_row]
}
