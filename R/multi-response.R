# The responses of lmm(cbind(y1, y2) ~ ...): what they are called, the expression of each alone, and
# the data in which a stand-in says which rows have any of them.

# The response as the user wrote it, where it is a matrix of several columns; NULL otherwise. What
# cannot be evaluated is left to the fit of one response, which says why.
response_matrix <- function(asked) {
  expr <- asked$formula[[2]]
  if (length(asked$formula) != 3) return(NULL)
  y <- tryCatch(
    suppressWarnings(eval(expr, asked$data, asked$env)), error = function(e) NULL
  )
  is_several <- is.matrix(y) && ncol(y) > 1 && (is.numeric(y) || is.logical(y)) &&
    (!is.data.frame(asked$data) || nrow(asked$data) == nrow(y))
  if (is_several) y
}

# Names of the columns, all of them different.
response_names <- function(y, expr) {
  names <- value_or(colnames(y), rep("", ncol(y)))
  is_empty <- is.na(names) | !nzchar(names)
  parts <- bound_columns(expr, ncol(y))
  names[is_empty] <- if (is.null(parts)) paste0("Y", which(is_empty)) else
    vapply(parts[is_empty], short_text, "")
  make.unique(names)
}

# One expression a column, by which a fit of this response alone is written.
response_exprs <- function(y, expr) {
  parts <- bound_columns(expr, ncol(y))
  if (!is.null(parts)) return(parts)
  names <- colnames(y)
  is_named <- !is.null(names) && !anyNA(names) && all(nzchar(names)) && !anyDuplicated(names)
  lapply(seq_len(ncol(y)), function(k) {
    as.call(list(as.name("["), expr, formals(function(x) NULL)$x, if (is_named) names[k] else k))
  })
}

# The arguments of cbind() where each is a column.
bound_columns <- function(expr, count) {
  if (!is_named_call(expr, "cbind")) return(NULL)
  parts <- as.list(expr)[-1]
  parts <- parts[!value_or(names(parts), rep("", length(parts))) %in% "deparse.level"]
  if (length(parts) == count) unname(parts)
}

# The request for one response, `.` written out as what no response is.
asked_response <- function(asked, expr) {
  formula <- asked$formula
  if ("." %in% all.vars(formula[[3]])) {
    parts <- split_formula(formula, asked$data)
    fixed <- fixed_formula(parts, asked$data, asked$env)
    for (term in written_terms(parts$random)) fixed[[3]] <- call("+", fixed[[3]], term)
    formula[[3]] <- fixed[[3]]
  }
  formula[[2]] <- expr
  asked$formula <- formula
  asked
}

# The request for a stand-in, 0 where a row has any response and NA elsewhere: its problem has the
# rows, the fixed part and the designs of all responses that miss nothing there.
asked_stand_in <- function(asked, y) {
  name <- "(any response)"
  asked <- asked_response(asked, as.name(name))
  value <- ifelse(rowSums(!is.na(y)) > 0, 0, NA_real_)
  names(value) <- rownames(y)
  data <- asked$data
  if (is.data.frame(data)) {
    data[[name]] <- unname(value)
  } else if (is.environment(data)) {
    # a copy, as variables of the data are looked for in the environment itself
    data <- list2env(as.list(data, all.names = TRUE), parent = parent.env(data))
    assign(name, value, data)
  } else {
    asked$env <- new.env(parent = asked$env)
    assign(name, value, asked$env)
    environment(asked$formula) <- asked$env
  }
  asked$data <- data
  asked
}

# What lmm() has to fit for all responses, see start_fit().
start_stand_in <- function(asked, y) {
  own <- asked_stand_in(asked, y)
  start_fit(own$formula, own$data, own$call, asked$settings, own$env)
}

# The same, with names and formulas of the responses.
start_several <- function(asked, y) {
  expr <- asked$formula[[2]]
  start <- start_stand_in(asked, y)
  check_missing_cells(asked, y[start$problem$model$rows, , drop = FALSE])
  start$responses <- list(
    names = response_names(y, expr),
    formulas = lapply(response_exprs(y, expr), function(own) asked_response(asked, own)$formula)
  )
  start
}

# Missing cells are those of a row that a response lacks, unless the user's na.action refuses or
# keeps them.
check_missing_cells <- function(asked, cells) {
  if (!anyNA(cells)) return(invisible())
  action <- na_action(asked$call, asked$env)
  if (is.character(action)) action <- get(action, envir = asked$env, mode = "function")
  omits <- identical(action, stats::na.omit) || identical(action, stats::na.exclude)
  if (omits) return(invisible())
  kept <- cells
  if (!is.null(action)) {
    kept <- on_error(action(as.data.frame(cells)), function(e) bad_input(sentence(e)))
  }
  if (anyNA(kept)) bad_input("the responses have missing values that na.action kept.")
}
