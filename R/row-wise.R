# Expressions of the user at new rows. log(x), scale(X), poly(x, 3) and whatever else stands in
# re(), (1 | g), offset() or a fixed term must give a new row what it would have given it among
# the fitted rows.
#
# What scale(), poly(), bs() and the like took from the data is written into the call, at any
# depth, by stats::makepredictcall(), as stats::model.frame() does at the top of a fixed term.
# Whether this is enough is tried when new rows come: the fit keeps the variables of a few of its
# rows ("probes"), and the expression must give them their fitted values in whatever company.

# Of every expression that is more than a name: list(expr, raw, value, text), the call for new
# rows, and the probes' variables and values. `value`: the values of the rows `of`.
row_rule <- function(expr, value, of, place, predicting = NULL) {
  names <- all.vars(expr)
  raw <- lapply(stats::setNames(nm = names), variable_of, data = place$data, env = place$env)
  raw <- Filter(function(x) !is.function(x) && NROW(x) == place$n_total, raw)
  rows <- probe_rows(raw, place$rows)
  list(
    expr = value_or(predicting, predicting_call(expr, place, value)),
    raw = lapply(raw, take_rows, rows$at), low = rows$low, high = rows$high,
    value = take_rows(value, if (is.null(of)) rows$at else match(rows$at, of)),
    text = short_text(expr)
  )
}

needs_rule <- function(expr) {
  if (is_named_call(expr, "offset") && length(expr) == 2) expr <- expr[[2]]
  is.call(expr)
}

# A few of the fitted rows, those at the ends of the first variables among them: they show at once
# when an expression goes by ranks, quantiles or the levels that are there.
probe_rows <- function(raw, rows) {
  n <- length(rows)
  at <- rows[unique(ceiling(n * c(1, 3, 5) / 6))]
  is_vector <- vapply(raw, function(x) {
    is.atomic(x) && !is.complex(x) && length(dim(x)) < 2
  }, NA)
  ends <- vapply(utils::head(raw[is_vector], 2), function(x) {
    x <- x[rows]
    x <- as.numeric(if (is.character(x)) factor(x) else x)
    rows[c(which.min(x), which.max(x), 1, 1)[1:2]]
  }, c(0, 0))
  at <- unique(c(at, ends))
  low <- if (length(ends) > 0) match(ends[1], at) else 1
  high <- if (length(ends) > 0) match(ends[2], at) else length(at)
  list(at = at, low = low, high = high)
}

# The call with what makepredictcall() knows of it, of value `value`, and of its parts.
predicting_call <- function(expr, place, value = NULL) {
  if (!is.call(expr) || is_named_call(expr, c("function", "~"))) return(expr)
  predicting_parts(constants_in(expr, place, value), place)
}

predicting_parts <- function(call, place) {
  for (i in seq_along(call)[-1]) {
    one <- call[[i]]
    if (!missing(one) && is.call(one)) call[[i]] <- predicting_call(one, place)
  }
  call
}

constants_in <- function(call, place, value) {
  head <- call[[1]]
  f <- if (is.name(head)) get0(as.character(head), place$env, mode = "function") else
    if (is_named_call(head, c("::", ":::"))) tryCatch(eval(head), error = function(e) NULL)
  if (is.null(f) || is.primitive(f)) return(call)
  is_scale <- identical(f, base::scale)
  # nothing else in base has constants of its own
  if (!is_scale && identical(environment(f), .BaseNamespaceEnv)) return(call)
  value <- value_or(value, tryCatch(
    suppressWarnings(eval(call, place$data, place$env)), error = function(e) NULL
  ))
  out <- call
  if (is_scale) out[[1]] <- quote(scale) else if (!is.name(head)) out[[1]] <- head[[3]]
  out <- tryCatch(stats::makepredictcall(value, out), error = function(e) out)
  out[[1]] <- head
  out
}

# Rules of the variables of a model frame, by their text.
frame_rules <- function(terms, frame, place) {
  variables <- as.list(attr(terms, "variables"))[-1]
  is_ruled <- vapply(variables, needs_rule, NA)
  is_ruled[attr(terms, "response")] <- FALSE
  rules <- list()
  for (i in which(is_ruled)) {
    # model.frame() knows the top only
    known <- predicting_parts(attr(terms, "predvars")[[i + 1]], place)
    rule <- row_rule(variables[[i]], frame[[i]], place$rows, place, known)
    rules[[deparse1(variables[[i]])]] <- rule
  }
  rules
}

# Terms that evaluate what has rules as these say.
with_rules <- function(terms, rules) {
  variables <- variable_names(terms)
  for (i in which(variables %in% names(rules))) {
    attr(terms, "predvars")[[i + 1]] <- rules[[variables[i]]]$expr
  }
  terms
}

# Stops unless the probes have their fitted values in other company and another order.
check_rule <- function(rule, fit) {
  checked <- fit$internal$cache$checked_exprs
  if (any(vapply(checked, identical, NA, rule$expr))) return(invisible())
  k <- NROW(rule$value)
  sets <- list(
    c(seq_len(k), rep(rule$low, k + 1)), c(rep(rule$high, k + 1), rev(seq_len(k))),
    rep(rule$low, 2), rep(rule$high, 2)
  )
  for (set in sets) {
    found <- tryCatch(
      suppressWarnings(eval(rule$expr, lapply(rule$raw, take_rows, set), environment(fit$terms))),
      error = function(e) NULL
    )
    if (!same_values(found, take_rows(rule$value, set))) stop_not_row_wise(rule)
  }
  assign("checked_exprs", c(checked, list(rule$expr)), envir = fit$internal$cache)
}

stop_not_row_wise <- function(rule) {
  abort(
    "not_row_wise", backtick(rule$text), " cannot be evaluated at new rows: it does not give ",
    "fitted rows their fitted values when they stand in other company (it uses other rows than ",
    "its own, or what it calls has changed). Compute it as a variable of the data before the fit, ",
    "or take what it needs from all rows, such as a mean or breaks, as a constant."
  )
}

# Whether two values agree to rounding; names and attributes do not count.
same_values <- function(found, expected) {
  found <- plain_cells(found)
  expected <- plain_cells(expected)
  if (!identical(dim(found), dim(expected)) || is.character(found) != is.character(expected)) {
    return(FALSE)
  }
  if (!identical(is.na(found), is.na(expected))) return(FALSE)
  if (is.character(found)) return(identical(found, expected))
  size <- apply(abs(expected), 2, max, 0, na.rm = TRUE)
  # rounding of products, and of the recurrence by which poly() finds new values
  allowed <- 1e-7 * size + 1e-11 * max(0, size[is.finite(size)])
  difference <- abs(found - expected)
  difference[found == expected] <- 0  # infinite cells
  all(difference <= rep(allowed, each = nrow(found)), na.rm = TRUE)
}

plain_cells <- function(x) {
  if (is.factor(x)) x <- as.character(x)
  if (is.data.frame(x) || isS4(x)) x <- as.matrix(x)
  if (!is.atomic(x) || is.null(x)) return(NULL)
  cells <- if (is.character(x)) as.vector(x) else as.double(x)
  matrix(cells, NROW(x))
}

# Variables of new data as the fit has them: factors with its levels (and new ones after them),
# columns of matrices in its order where both have names.
aligned_values <- function(newdata, fit) {
  values <- as.list(newdata)[intersect(fit$row_variables, names(newdata))]
  raw <- do.call(c, lapply(unname(all_rules(fit)), `[[`, "raw"))
  for (name in intersect(names(values), names(raw))) {
    values[[name]] <- as_in_fit(values[[name]], raw[[name]], name)
  }
  # NA alone is logical
  for (name in intersect(names(values), names(fit$xlevels))) {
    if (is.logical(values[[name]]) && all(is.na(values[[name]]))) {
      values[[name]] <- factor(as.character(values[[name]]), fit$xlevels[[name]])
    }
  }
  values
}

all_rules <- function(fit) {
  c(fit$rules, list(fit$offset_rule), lapply(fit$designs, `[[`, "rule"))
}

as_in_fit <- function(value, raw, name) {
  if (is.factor(raw) && (is.factor(value) || is.atomic(value))) {
    text <- as.character(value)
    levels <- c(levels(raw), setdiff(text[!is.na(text)], levels(raw)))
    return(factor(text, levels, ordered = is.ordered(raw), exclude = if (!anyNA(levels)) NA))
  }
  if (is.numeric(raw) && is.logical(value)) storage.mode(value) <- storage.mode(raw)
  if (is.null(dim(raw)) && is.numeric(raw) != is.numeric(value)) {
    bad_input(
      backtick(name), " is of type ", dQuote(shown_type(value), FALSE), " in `newdata`; the ",
      "fit has ", dQuote(shown_type(raw), FALSE), "."
    )
  }
  have <- colnames(value)
  wanted <- colnames(raw)
  if (is.null(have) || is.null(wanted) || identical(have, wanted)) return(value)
  if (anyDuplicated(wanted) || anyDuplicated(have)) return(value)
  lacking <- setdiff(wanted, have)
  if (length(lacking) > 0) {
    bad_input(backtick(name), " lacks ", enumerate(backtick(lacking)), " in `newdata`.")
  }
  value[, wanted, drop = FALSE]
}

# The value of an expression at m new rows.
value_at <- function(rule, values, m, fit) {
  check_rule(rule, fit)
  if (m == 0) return(take_rows(rule$value, integer()))
  env <- environment(fit$terms)
  values <- values[intersect(names(rule$raw), names(values))]
  at <- if (m == 1) c(1L, 1L) else seq_len(m)  # of one row many functions make a vector
  evaluate <- function(rows) {
    if (length(rows) == 1) rows <- rep(rows, 2)
    eval(rule$expr, lapply(values, take_rows, rows), env)
  }
  out <- tryCatch(evaluate(at), error = identity)
  is_short <- !inherits(out, "error") && NROW(out) != length(at) && any(has_missing(values, m))
  if (inherits(out, "error") || is_short) {
    out <- without_missing(out, evaluate, values, m, rule)
  }
  if (NROW(out) != length(at) && NROW(out) != m) {
    bad_input(
      backtick(rule$text), " has ", counted(NROW(out), "row"), " in `newdata`; ", m,
      " are expected."
    )
  }
  take_rows(out, seq_len(m))
}

# poly() refuses missing values and model.matrix() leaves their rows out: they are missing then.
without_missing <- function(error, evaluate, values, m, rule) {
  is_bad <- has_missing(values, m)
  if (!any(is_bad)) bad_input("in `newdata`: ", sentence(error))
  index <- rep(NA_integer_, m)
  index[!is_bad] <- seq_len(sum(!is_bad))
  if (all(is_bad)) return(take_rows(rule$value, index))
  out <- on_error(
    evaluate(which(!is_bad)), function(e) bad_input("in `newdata`: ", sentence(e))
  )
  if (isS4(out)) out <- as.matrix(out)
  take_rows(out, index)
}

# Which of m rows have a missing value in any variable.
has_missing <- function(values, m) {
  out <- logical(m)
  for (x in values) {
    is_bad <- if (length(dim(x)) == 2) rowSums(is.na(as.matrix(x))) > 0 else is.na(x)
    if (length(is_bad) == m) out <- out | is_bad
  }
  unname(out)
}
