# Fits of many responses share their designs, their rows and most of the rest: each is kept as what
# differs from the first one, `base`, and made whole when it is asked for.

# Stands where a part is that of `base`.
shared_part <- as.name("part of the base")

# list(own, facts, heard, base): what is stored of recorded(), own parts beside a base; the first
# fit is the base. Fits that need no vectors keep none, n^2 numbers: full_system() makes them again.
stored_fit <- function(heard, base, engine) {
  fit <- heard$fit
  out <- list(heard = heard[c("error", "warnings")])
  if (is.null(fit)) return(out)
  out$facts <- fit_facts(fit)
  fit$internal["cache"] <- list(NULL)
  if (engine$needs != "vectors" && !is.null(fit$internal$system)) {
    fit$internal$system["vectors"] <- list(NULL)
  }
  if (is.null(base)) out$base <- unclass(fit)
  out$own <- own_parts(unclass(fit), value_or(base, out$base))
  out
}

add_response <- function(store, k, found) {
  store$base <- value_or(store$base, found$base)
  for (part in c("own", "facts", "heard")) {
    if (!is.null(found[[part]])) store[[part]][[k]] <- found[[part]]
  }
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
