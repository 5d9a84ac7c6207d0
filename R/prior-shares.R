# Priors of several random terms: shares of the total variance, and which density a term has.

#' @rdname lmm_prior
#' @export
prior_dirichlet <- function(alpha, ...) {
  check_dots()
  if (missing(alpha)) bad_input("`alpha` is missing: prior_dirichlet(c(g = 1, Residual = 1)).")
  if (!is.numeric(alpha) || length(alpha) < 2 || any(!is.finite(alpha)) || any(alpha <= 0)) {
    bad_input(
      "`alpha` must be positive numbers, one for every random term and one for the residual; ",
      "found ", describe(alpha), "."
    )
  }
  labels <- names(alpha)
  if (!is.null(labels) && (any(labels == "") || !"Residual" %in% labels || anyDuplicated(labels))) {
    bad_input(
      "`alpha` must be named by random term and \"Residual\", each once, or not at all with the ",
      "residual last; found the names ", enumerate(dQuote(labels, FALSE)), "."
    )
  }
  new_density("dirichlet", alpha = stats::setNames(as.double(alpha), labels))
}

# list(is_split, alpha) of the shares of terms by these labels: the total random share is
# beta(alpha[1], alpha[2]) and split uniformly, or all are Dirichlet, the residual last.
shares_density <- function(pve, labels) {
  if (pve$kind == "flat") return(list(is_split = TRUE, alpha = c(1, 1)))
  if (pve$kind == "beta") return(list(is_split = TRUE, alpha = c(pve$a, pve$b)))
  list(is_split = FALSE, alpha = unname(dirichlet_alpha(pve, labels)))
}

# In the order of the labels, the residual last.
dirichlet_alpha <- function(pve, labels) {
  wanted <- c(labels, "Residual")
  alpha <- pve$alpha
  if (length(alpha) != length(wanted) || !setequal(value_or(names(alpha), wanted), wanted)) {
    bad_input(
      "prior_dirichlet() has ", counted(length(alpha), "number"),
      if (!is.null(names(alpha))) paste(" for", enumerate(backtick(names(alpha)), Inf)),
      "; the model needs one each for ", enumerate(backtick(wanted), Inf), "."
    )
  }
  if (is.null(names(alpha))) stats::setNames(alpha, wanted) else alpha[wanted]
}

# The prior of the share of the only random term: a Dirichlet density of two shares is a beta one.
lone_share <- function(pve, label) {
  if (is.null(pve) || pve$kind != "dirichlet") return(pve)
  if (is.null(label)) label <- setdiff(names(pve$alpha), "Residual")
  if (length(label) == 0) label <- "random"
  alpha <- dirichlet_alpha(pve, label)
  prior_beta(alpha[[1]], alpha[[2]])
}

is_flat_share <- function(pve) {
  switch(pve$kind, flat = TRUE, beta = pve$a == 1 && pve$b == 1, all(pve$alpha == 1))
}

# The prior of a random term: `random` may be a list named by term.
random_density <- function(prior, label) {
  random <- prior$random
  if (inherits(random, "lmm_density")) return(random)
  if (is.null(label)) label <- names(random)[1]
  if (is.null(random[[label]])) check_prior_terms(prior, label)
  random[[label]]
}

# The prior of one of several terms, or of a block of coefficients.
term_density <- function(prior, design) {
  density <- random_density(prior, design$label)
  r <- coefficient_width(design)
  if (r > 1 && !density$kind %in% c("flat", "half_t")) {
    bad_input(
      "prior_", density$kind, "() is for one variance; ", backtick(design$label), " has a ", r,
      " x ", r, " covariance matrix: use prior_half_t(2, scale), a half t of every standard ",
      "deviation, or prior_flat()."
    )
  }
  check_scales(density, r, design$label)
  density
}

# A half t has one scale, or one for every coefficient of a level.
check_scales <- function(density, r, label) {
  count <- length(density$b)
  if (density$kind != "half_t" || count %in% c(1, r)) return(invisible())
  bad_input(
    "prior_half_t() has ", count, " scales; ", backtick(label), " has ",
    counted(r, "coefficient"), " a level: give one scale", if (r > 1) paste(" or", r), "."
  )
}

# Every name of a list of priors is one of the terms.
check_prior_terms <- function(prior, labels) {
  random <- prior$random
  if (is.null(random) || inherits(random, "lmm_density")) return(invisible())
  unknown <- setdiff(names(random), labels)
  lacking <- setdiff(labels, names(random))
  if (length(unknown) == 0 && length(lacking) == 0) return(invisible())
  bad_input(
    "the prior names the random ", if (length(random) == 1) "term " else "terms ",
    enumerate(backtick(names(random)), Inf), "; the model has ",
    enumerate(backtick(labels), Inf), ": name every one of them."
  )
}
