# Rows to predict: those of the fit, or of new data.

# The fitted rows as points: the designs themselves.
fitted_points <- function(object) {
  list(
    m = object$dims$n, z = model.matrix.hdlmm(object), offset = object$offset, x = NULL,
    names = rownames(object$frame), is_fitted = TRUE
  )
}

# New rows: fixed-effect matrix, offset, and rows of the random designs with these labels. Levels
# that the fit does not know are no error in terms that are not `used`.
new_rows <- function(object, newdata, labels, allow_new_levels, used = labels) {
  object$random_terms <- Filter(function(term) term$label %in% labels, object$random_terms)
  random <- length(object$random_terms) > 0
  if (is.environment(newdata)) newdata <- as.list(newdata)
  if (!is.list(newdata)) {
    bad_input("`newdata` must be a data frame or a list; found ", describe(newdata), ".")
  }
  check_variables(object, newdata, random)
  check_types(object$variable_classes, newdata)
  values <- aligned_values(newdata, object)
  frame <- new_frame(object, newdata, values)
  m <- nrow(frame)
  z <- fixed_matrix(stats::delete.response(object$terms), frame, object$contrasts)
  list(
    m = m, z = z, offset = new_offset(object, frame, values, m), names = rownames(frame),
    x = if (random) new_design_rows(object, values, m, newdata, function(label) {
      allow_new_levels || !label %in% used_labels(object, used)
    }),
    is_fitted = FALSE
  )
}

check_variables <- function(object, newdata, random) {
  needed <- all.vars(stats::delete.response(object$terms))
  if (random) needed <- c(needed, random_variables(object$random_terms))
  needed <- intersect(unique(needed), object$row_variables)
  lacking <- setdiff(needed, names(newdata))
  if (random && length(lacking) > 0) {
    lacking <- setdiff(lacking, fitted_variables(object$random_terms))
  }
  if (length(lacking) > 0) {
    bad_input("`newdata` lacks ", enumerate(backtick(lacking)), ".")
  }
}

new_frame <- function(object, newdata, values) {
  terms <- stats::delete.response(object$terms)
  variables <- all.vars(terms)
  if (length(variables) == 0) return(empty_frame(object, newdata))
  data <- values[intersect(variables, names(values))]
  names <- if (is.data.frame(newdata)) attr(newdata, "row.names")
  m <- if (is.data.frame(newdata)) nrow(newdata) else if (length(data)) NROW(data[[1]])
  own <- variable_names(terms)
  rules <- object$rules[intersect(own, names(object$rules))]
  for (rule in rules) check_rule(rule, object)
  evaluate <- function(data) {
    stats::model.frame(terms, data, na.action = stats::na.pass, xlev = object$xlevels)
  }
  if (identical(m, 0L)) return(frame_rows(own_frame(object, own), integer(), NULL))
  if (length(rules) == 0) {
    attr(data, "row.names") <- names
    return(on_error(evaluate(data), function(e) stop_new_frame(e, object)))
  }
  frame <- tryCatch(
    evaluate(if (m == 1) lapply(data, take_rows, c(1, 1)) else data), error = identity
  )
  if (!inherits(frame, "error")) return(frame_rows(frame, seq_len(m), names))
  # poly() and others refuse missing values
  is_bad <- has_missing(data, m)
  if (!any(is_bad)) stop_new_frame(frame, object)
  if (all(is_bad)) return(frame_rows(own_frame(object, own), rep(NA_integer_, m), names))
  at <- which(!is_bad)
  frame <- on_error(
    evaluate(lapply(data, take_rows, if (length(at) == 1) c(at, at) else at)),
    function(e) stop_new_frame(e, object)
  )
  frame_rows(frame, match(seq_len(m), at), names)
}

# The fit's own columns; text has the fit's levels where no row is left to tell them.
own_frame <- function(object, names) {
  frame <- object$frame[names]
  for (name in intersect(names(object$xlevels), names)) {
    if (!is.factor(frame[[name]])) {
      frame[[name]] <- factor(frame[[name]], object$xlevels[[name]])
    }
  }
  frame
}

# Rows of a model frame, itself one.
frame_rows <- function(frame, rows, names) {
  terms <- value_or(attr(frame, "terms"), structure(list(), class = "terms"))
  out <- lapply(frame, take_rows, rows)
  structure(
    out, class = "data.frame", terms = terms, row.names = value_or(names, seq_along(rows))
  )
}

stop_new_frame <- function(error, object) {
  text <- conditionMessage(error)
  lost <- Filter(function(name) grepl(paste("factor", name, "has new level"), text, fixed = TRUE),
    names(object$dropped$levels))
  hint <- if (length(lost) > 0) {
    gone <- object$dropped$levels[[lost[1]]]
    paste0(
      " (rows of ", enumerate(dQuote(gone, FALSE)), " in the data of the fit were left out of it ",
      "for missing values, by `subset` or with weight zero)"
    )
  }
  class <- c(if (grepl("has new level", text, fixed = TRUE)) "new_levels", "bad_input")
  abort(class, "in `newdata`: ", sub("[.[:space:]]+$", "", text), hint, ".")
}

# No variable in the fixed part: the number of rows comes from the data themselves.
empty_frame <- function(object, newdata) {
  if (is.data.frame(newdata)) {
    m <- nrow(newdata)
    names <- attr(newdata, "row.names")
  } else {
    found <- newdata[intersect(object$row_variables, names(newdata))]
    m <- if (length(found)) NROW(found[[1]]) else 0L
    names <- seq_len(m)
  }
  structure(list(), names = character(), class = "data.frame", row.names = names)
}

new_offset <- function(object, frame, values, m) {
  parts <- lapply(attr(stats::delete.response(object$terms), "offset"), function(i) frame[[i]])
  argument <- object$call$offset
  if (!is.null(argument)) {
    lacking <- setdiff(intersect(all.vars(argument), object$row_variables), names(values))
    if (!is.language(argument)) lacking <- "a variable, the fit having been given numbers"
    if (length(lacking) > 0) {
      bad_input("the offset cannot be found in `newdata`: it lacks ", enumerate(lacking), ".")
    }
    rule <- object$offset_rule
    parts <- c(parts, list(
      if (is.null(rule)) values[[as.character(argument)]] else value_at(rule, values, m, object)
    ))
  }
  if (length(parts) == 0) return(NULL)
  total <- Reduce(`+`, lapply(parts, as.double))
  if (length(total) != m) {
    bad_input(
      "the offset has ", counted(length(total), "value"), " in `newdata`; ", m, " are expected."
    )
  }
  total
}

# Rows of the terms of a fit in new data, by label; see read_rows(). allows_new_levels(label).
new_design_rows <- function(object, values, m, newdata, allows_new_levels) {
  source <- list(
    evaluate = function(expr, rule) {
      if (!is.null(rule)) return(value_at(rule, values, m, object))
      on_error(
        eval(expr, values, environment(object$terms)),
        function(e) bad_input("in `newdata`: ", sentence(e))
      )
    },
    rules = object$rules, values = values, newdata = newdata, m = m
  )
  labels <- vapply(object$random_terms, `[[`, "", "label")
  labels <- intersect(labels, names(object$designs))
  rows <- lapply(stats::setNames(nm = labels), function(label) {
    source$allow_new_levels <- allows_new_levels(label)
    term <- Find(function(term) term$label == label, object$random_terms)
    read_rows(object$designs[[label]], term$at_new_rows, source)
  })
  rows
}

fixed_mean <- function(object, rows) {
  kept <- object$fixed$kept
  out <- drop(rows$z[, kept, drop = FALSE] %*% object$fixed$estimate[kept])
  if (!is.null(rows$offset)) out <- out + rows$offset
  out
}

point_mean <- function(object, rows, random) {
  out <- fixed_mean(object, rows)
  used <- used_labels(object, random)
  if (length(used) > 0) out <- out + random_mean(with_terms(object, used), rows)
  out
}

training_mean <- function(object, rows, random) {
  if (isTRUE(random)) return(object$fitted)
  out <- fixed_mean(object, rows)
  used <- used_labels(object, random)
  if (length(used) > 0) out <- out + fitted_random(with_terms(object, used))
  out
}
