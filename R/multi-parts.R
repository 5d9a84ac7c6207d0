# Fits of many responses share their designs, their rows and most of the rest: each is kept as what
# differs from the first one, `base`, and made whole when it is asked for.

# Stands where a part is that of `base`.
shared_part <- as.name("part of the base")

# engine: fits that need no vectors keep none, n^2 numbers: full_system() makes them again.
add_fit <- function(store, k, fit, engine) {
  if (is.null(fit)) return(store)
  fit$internal["cache"] <- list(NULL)
  if (engine$needs != "vectors" && !is.null(fit$internal$system)) {
    fit$internal$system["vectors"] <- list(NULL)
  }
  if (is.null(store$base)) store$base <- unclass(fit)
  store$own[[k]] <- own_parts(unclass(fit), store$base)
  store
}

# The base shares its designs with the block of all rows, where there is one.
shared_base <- function(base, blocks) {
  if (is.null(base) || length(blocks) == 0) return(base)
  base$designs <- own_parts(base$designs, blocks[[1]]$problem$designs)
  base
}

whole_base <- function(x) {
  base <- x$base
  if (length(x$blocks) > 0) {
    base$designs <- whole_parts(base$designs, x$blocks[[1]]$problem$designs)
  }
  base
}

# A fit for words, of whatever all responses have in common.
shown_fit <- function(x) {
  if (!is.null(x$base)) return(structure(whole_base(x), class = "hdlmm"))
  structure(list(
    method = x$method, algorithm = x$algorithm, designs = x$blocks[[1]]$problem$designs,
    uncertainty = engine_uncertainty(find_engine(x$method, x$algorithm))
  ), class = "hdlmm")
}

own_parts <- function(own, base) {
  if (identical(own, base)) return(shared_part)
  if (!are_alike(own, base)) return(own)
  out <- lapply(seq_along(own), function(i) own_parts(.subset2(own, i), .subset2(base, i)))
  attributes(out) <- attributes(own)
  out
}

whole_parts <- function(own, base) {
  if (identical(own, shared_part)) return(base)
  if (!are_alike(own, base)) return(own)
  out <- lapply(seq_along(own), function(i) whole_parts(.subset2(own, i), .subset2(base, i)))
  attributes(out) <- attributes(own)
  out
}

# Lists whose elements stand for each other.
are_alike <- function(own, base) {
  is.list(own) && is.list(base) && length(own) == length(base) &&
    identical(attr(own, "names"), attr(base, "names"))
}

#' One response of a fit of several
#'
#' @param x a fit of [lmm()] with a matrix as response.
#' @param i name or number of a response.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return The fit of this response, of class `"hdlmm"`, as [lmm()] would give it. Where there was
#'   none, the error that it stopped with.
#' @examples
#' data(wheat)
#' fit <- lmm(cbind(yield1, yield2) ~ re(markers), data = wheat, subset = 1:100)
#' pve(fit[["yield2"]])
#' @export
`[[.hdlmm_multi` <- function(x, i, ...) {
  check_dots()
  k <- response_index(x, i)
  if (!is.null(x$errors[[k]])) stop(x$errors[[k]])
  if (is.null(x$own[[k]])) return(fit_of_block(x, block_of(x, k), k))
  fit <- whole_parts(x$own[[k]], whole_base(x))
  fit$internal$cache <- new.env(parent = emptyenv())
  remember_environment(fit$internal$cache, written_in(x))
  class(fit) <- "hdlmm"
  fit
}

response_index <- function(x, i) {
  m <- length(x$responses)
  if (length(i) == 1 && is.character(i)) {
    k <- match(i, x$responses)
    if (!is.na(k)) return(k)
    bad_input(
      "there is no response ", dQuote(i, FALSE), meant(i, x$responses), "; the fit has ",
      enumerate(dQuote(x$responses, FALSE)), "."
    )
  }
  is_number <- length(i) == 1 && is.numeric(i) && i %in% seq_len(m)
  if (!is_number) {
    bad_input(
      "a response goes by its name or by its number, from 1 to ", m, "; found ", describe(i), "."
    )
  }
  as.integer(i)
}

# f of every fit: a list named by the responses, NULL where one has no fit.
each_response <- function(x, f, ...) {
  x$blocks <- lapply(seq_along(x$blocks), function(b) with_vectors(x, b))
  out <- vector("list", length(x$responses))
  names(out) <- x$responses
  for (k in which(lengths(x$errors) == 0)) out[k] <- list(f(x[[k]], ...))
  out
}

# One number a response.
number_of_each <- function(x, f, ...) {
  vapply(each_response(x, function(fit) as.numeric(f(fit, ...))), value_or, 0, NA_real_)
}

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
    own <- matrix(NA_real_, size[1], size[2])
    if (!is.null(value)) own[if (is_same) TRUE else match(names_of(value), rows), ] <- value
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
    at <- match(attr(value, "rows"), x$rows)
    whole <- matrix(NA_real_, n, NCOL(value), FALSE, list(x$row_names, colnames(value)))
    whole[at, ] <- value
    if (is.matrix(value)) whole else stats::setNames(whole[, 1], x$row_names)
  }))
  pad_matrix(x, out)
}

pad_matrix <- function(x, values) {
  if (!inherits(x$na_action, "exclude")) return(values)
  padded <- stats::naresid(x$na_action, matrix(values, nrow(values), dimnames = list(x$row_names)))
  array(padded, c(nrow(padded), dim(values)[-1]), c(list(rownames(padded)), dimnames(values)[-1]))
}

# f of every fit at its fitted rows, without padding, each with an attribute `rows`.
each_fitted <- function(x, f, ...) {
  each_response(x, function(fit) {
    fit$na_action <- NULL
    structure(f(fit, ...), rows = value_or(fit$rows, seq_len(fit$dims$n_total)))
  })
}

rows_of_each <- function(x, f, ...) spread_rows(x, each_fitted(x, f, ...))

# Data frames of every fit, below each other, behind a column `response`.
tables_of_each <- function(x, f, ...) {
  tables <- each_response(x, function(fit) as.data.frame(f(fit, ...)))
  tables <- Map(function(table, name) {
    if (is.null(table)) return(NULL)
    out <- cbind(frame_of(list(response = rep(name, nrow(table)))), table)
    rownames(out) <- NULL
    out
  }, tables, x$responses)
  do.call(rbind, unname(Filter(Negate(is.null), tables)))
}
