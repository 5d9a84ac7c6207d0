# The model frame: the rows that subset and na.action leave, with what the formula evaluates to.

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
  if (length(groups) > 0) attr(frame, "terms") <- terms_of_part(fixed, attr(frame, "terms"))
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
terms_of_part <- function(fixed, frame_terms) {
  terms <- on_error(
    stats::terms(fixed),
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
  action <- na_action(call, env)
  identical(action, stats::na.exclude) || identical(action, "na.exclude")
}

# What the user asks for, a function or its name; NULL where missing values are to stay.
na_action <- function(call, env) {
  if (!"na.action" %in% names(call)) return(getOption("na.action"))
  eval(call$na.action, env)
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
