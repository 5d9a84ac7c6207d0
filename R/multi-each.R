# What accessors ask of the fit of each response, under the user's plan of futures.

# f(fit, ...) of every fit: a list named by the responses, NULL where one has no fit, or a fit that
# has no such answer, of which a warning tells. given: answers that are at hand, NULL where a fit
# has to tell. What draws from R's generator goes in turn.
each_response <- function(x, f, ..., given = NULL, in_turn = FALSE) {
  out <- value_or(given, vector("list", length(x$responses)))
  names(out) <- x$responses
  known <- which(lengths(x$errors) == 0 & lengths(out) == 0)
  if (length(known) == 0) return(out)
  x$blocks <- lapply(seq_along(x$blocks), function(b) with_vectors(x, b))
  if (in_turn) {
    for (k in known) out[k] <- list(answer_of_response(x[[k]], f, ...))
    return(known_answers(out))
  }
  # an error of what was asked for comes at once
  out[known[1]] <- list(answer_of_response(x[[known[1]]], f, ...))
  rest <- known[-1]
  arguments <- list(f, ...)
  shared <- list(x = portable_fits(x), at = rest, f = answer_of_response, arguments = arguments)
  out[rest] <- task_values(run_tasks(length(rest), response_task, shared))
  known_answers(out)
}

# Errors that the response is the reason of, not what was asked for.
of_response <- c(
  "exact_fit", "lost_worker", "new_levels", "no_residual_df", "not_identified", "overflow",
  "unbounded_likelihood", "unbounded_posterior"
)

# f(fit, ...), or such an error.
answer_of_response <- function(fit, f, ...) {
  tryCatch(f(fit, ...), hdlmm_error = function(e) {
    if (inherits(e, paste0("hdlmm_", of_response))) e else stop(e)
  })
}

# NULL in the place of errors, unless there is nothing else.
known_answers <- function(out) {
  is_error <- vapply(out, inherits, NA, "hdlmm_error")
  if (!any(is_error)) return(out)
  errors <- out[is_error]
  if (all(is_error | lengths(out) == 0)) stop(errors[[1]])
  warn(
    "no_answer", counted(sum(is_error), "response"), " of ", length(out), " without an answer, ",
    enumerate(backtick(names(errors))), ": ", conditionMessage(errors[[1]])
  )
  out[is_error] <- list(NULL)
  out
}

response_task <- function(shared, i) {
  arguments <- shared$arguments
  fit <- shared$x[[shared$at[i]]]
  given <- lapply(seq_along(arguments), function(j) call("[[", quote(arguments), j))
  names(given) <- names(arguments)
  eval(as.call(c(list(shared$f, quote(fit)), given)))
}

# Fits that go to other processes, if there are any, take no environment of the user's along.
portable_fits <- function(x) {
  if (n_workers() < 2) return(x)
  x$internal$cache <- new.env(parent = emptyenv())
  x$control <- worker_control(x$control)
  x
}

# One number a response.
number_of_each <- function(x, f, ..., given = NULL) {
  vapply(each_response(x, number_of, f, ..., given = given), value_or, 0, NA_real_)
}

# f(fact) of every response that a block's search has fitted, NULL for others; no method but the
# maximum of a likelihood has such a search.
of_facts <- function(x, f) {
  out <- vector("list", length(x$responses))
  for (block in x$blocks) {
    at <- block$at[searched_in_block(x, block)]
    out[at] <- lapply(x$facts[at], f)
  }
  out
}

fact_parameters <- function(fact) sum(!is.na(fact$fixed)) + length(fact$variances)

number_of <- function(fit, f, ...) as.numeric(f(fit, ...))

# Named vectors as columns, rows by name in the order in which they come; of matrices an array with
# the responses last.
bind_responses <- function(values) {
  known <- Filter(Negate(is.null), values)
  is_matrix <- is.matrix(known[[1]])
  names_of <- if (is_matrix) rownames else names
  rows <- names_of(known[[1]])
  is_same <- all(vapply(known, function(value) identical(names_of(value), rows), NA))
  if (!is_same) rows <- unique(unlist(lapply(known, names_of)))
  columns <- if (is_matrix) colnames(known[[1]])
  size <- c(if (is_same) NROW(known[[1]]) else length(rows), max(1, length(columns)))
  out <- vapply(values, function(value) {
    if (is_same && !is.null(value)) return(as.double(value))
    own <- matrix(NA_real_, size[1], size[2])
    if (!is.null(value)) own[match(names_of(value), rows), ] <- value
    as.vector(own)
  }, numeric(prod(size)))
  out <- matrix(out, prod(size), length(values))
  if (!is_matrix) return(`dimnames<-`(out, list(rows, names(values))))
  array(out, c(size, length(values)), list(rows, columns, names(values)))
}

# Values of the fitted rows of every response, [rows x responses], NA in other rows; of matrices an
# array. Padded as na.exclude asks.
spread_rows <- function(x, values) {
  n <- length(x$row_names)
  out <- bind_responses(lapply(values, function(value) {
    if (is.null(value)) return(NULL)
    at <- match(row_keys(attr(value, "rows")), row_keys(x$rows))
    whole <- matrix(NA_real_, n, NCOL(value), FALSE, list(x$row_names, colnames(value)))
    whole[at, ] <- value
    if (is.matrix(value)) whole else stats::setNames(whole[, 1], x$row_names)
  }))
  pad_matrix(x, out)
}

# Rows that `subset` takes more than once, told apart.
row_keys <- function(rows) {
  if (!anyDuplicated(rows)) return(rows)
  paste(rows, stats::ave(seq_along(rows), rows, FUN = seq_along))
}

pad_matrix <- function(x, values) {
  if (!inherits(x$na_action, "exclude")) return(values)
  padded <- stats::naresid(x$na_action, matrix(values, nrow(values), dimnames = list(x$row_names)))
  array(padded, c(nrow(padded), dim(values)[-1]), c(list(rownames(padded)), dimnames(values)[-1]))
}

# f of every fit at its fitted rows, without padding, each with an attribute `rows`.
each_fitted <- function(x, f, ..., given = NULL, in_turn = FALSE) {
  each_response(x, at_fitted_rows, f, ..., given = given, in_turn = in_turn)
}

at_fitted_rows <- function(fit, f, ...) {
  fit$na_action <- NULL
  structure(f(fit, ...), rows = value_or(fit$rows, seq_len(fit$dims$n_total)))
}

rows_of_each <- function(x, f, ...) spread_rows(x, each_fitted(x, f, ...))

# Data frames of every fit, below each other, behind a column `response`.
tables_of_each <- function(x, f, ..., given = NULL, in_turn = FALSE) {
  tables <- each_response(x, table_of, f, ..., given = given, in_turn = in_turn)
  tables <- Map(function(table, name) {
    if (is.null(table)) return(NULL)
    out <- cbind(frame_of(list(response = rep(name, nrow(table)))), table)
    rownames(out) <- NULL
    out
  }, tables, x$responses)
  do.call(rbind, unname(Filter(Negate(is.null), tables)))
}

table_of <- function(fit, f, ...) as.data.frame(f(fit, ...))
