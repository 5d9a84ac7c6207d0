# Generics of lme4.

#' @rdname hdlmm-interop
#' @method isREML hdlmm
#' @exportS3Method lme4::isREML hdlmm
isREML.hdlmm <- function(x, ...) {
  check_dots()
  is_restricted(x$uncertainty)
}

#' @rdname hdlmm-interop
#' @method isLMM hdlmm
#' @exportS3Method lme4::isLMM hdlmm
isLMM.hdlmm <- function(x, ...) {
  check_dots()
  has_random(x)
}

#' @rdname hdlmm-interop
#' @method isGLMM hdlmm
#' @exportS3Method lme4::isGLMM hdlmm
isGLMM.hdlmm <- function(x, ...) {
  check_dots()
  FALSE
}

#' @rdname hdlmm-interop
#' @method isNLMM hdlmm
#' @exportS3Method lme4::isNLMM hdlmm
isNLMM.hdlmm <- function(x, ...) {
  check_dots()
  FALSE
}

#' @rdname hdlmm-interop
#' @method ngrps hdlmm
#' @exportS3Method lme4::ngrps hdlmm
ngrps.hdlmm <- function(object, ...) {
  check_dots()
  vapply(unit_designs(object), function(design) length(level_names(design)), 0L)
}

# Terms in which every row has one of several units.
unit_designs <- function(fit) {
  Filter(function(design) !is.null(unit_index(design)), fit$designs)
}

#' @rdname hdlmm-interop
#' @method getME hdlmm
#' @exportS3Method lme4::getME hdlmm
getME.hdlmm <- function(object, name, ...) {
  check_dots()
  known <- model_elements()
  if (identical(name, "ALL")) name <- names(known)
  for (one in name) check_choice(one, names(known), "name")
  values <- lapply(stats::setNames(name, name), function(one) known[[one]](object))
  if (length(name) == 1) values[[1]] else values
}

model_elements <- function() {
  list(
    X = function(fit) model.matrix.hdlmm(fit), Z = random_matrix,
    Zt = function(fit) Matrix::t(random_matrix(fit)),
    y = function(fit) unname(fit$fitted + fit$residuals),
    mu = function(fit) unname(fit$fitted),
    beta = function(fit) unname(fixef.hdlmm(fit, complete = FALSE)),
    fixef = function(fit) fixef.hdlmm(fit, complete = FALSE),
    b = function(fit) unlist(unname(fit$effects), use.names = FALSE),
    theta = relative_deviations, lower = lower_bounds,
    sigma = function(fit) sigma.hdlmm(fit),
    flist = grouping_factors,
    cnms = function(fit) lapply(unit_designs(fit), block_names),
    offset = function(fit) value_or(fit$offset, numeric(fit$dims$n)),
    n = function(fit) fit$dims$n, N = function(fit) fit$dims$n,
    p = function(fit) fit$dims$n_fixed, q = function(fit) sum(fit$dims$p),
    n_rtrms = function(fit) length(fit$designs),
    REML = function(fit) if (isREML.hdlmm(fit)) fit$dims$n_fixed else 0L,
    is_REML = function(fit) isREML.hdlmm(fit)
  )
}

# The lower triangles of the relative Cholesky factors, named as lme4 names them.
relative_deviations <- function(fit) {
  values <- lapply(unname(fit$designs), function(design) {
    sigma <- covariance_of(fit, design$label)
    l <- lower_root(sigma) / sqrt(fit$variances[["Residual"]])
    at <- which(lower.tri(l, TRUE), arr.ind = TRUE)
    stats::setNames(l[at], cell_names(design, at))
  })
  unlist(values)
}

# What lme4 bounds them by: diagonals by 0.
lower_bounds <- function(fit) {
  bounds <- each_term(fit, function(design) {
    r <- coefficient_width(design)
    ifelse(diag(r) == 1, 0, -Inf)[lower.tri(diag(r), TRUE)]
  })
  unlist(bounds, use.names = FALSE)
}

grouping_factors <- function(fit) {
  lapply(unit_designs(fit), function(design) {
    factor(level_names(design)[unit_index(design)], level_names(design))
  })
}

# The random designs side by side, [n x q], in the user's units and as they entered the
# model.
random_matrix <- function(fit) {
  require_random(fit, "getME(, \"Z\")")
  blocks <- lapply(unname(fit$designs), design_matrix, n = fit$dims$n)
  if (length(blocks) == 1) blocks[[1]] else do.call(cbind, blocks)
}

#' @rdname hdlmm-interop
#' @method refit hdlmm
#' @exportS3Method lme4::refit hdlmm
refit.hdlmm <- function(object, newresp, ...) {
  check_dots(list(control = list(NULL)))  # from lme4::bootMer()
  y <- check_new_response(object, newresp)
  model <- model_of(object, y)
  fixed <- fit_fixed(model)
  if (!is.null(object$prior)) fixed <- apply_fixed_prior(fixed, model, object$prior)
  problem <- new_problem(model, fixed, object$designs, prior = object$prior)
  engine <- find_engine(object$method, object$algorithm)
  result <- run_engine(engine, problem, object$control)
  new_fit(object$call, formula.hdlmm(object), problem, engine, result, object$control)
}

check_new_response <- function(fit, newresp) {
  if (is.data.frame(newresp)) {
    if (ncol(newresp) != 1) {
      bad_input("`newresp` has ", counted(ncol(newresp), "column"), "; one is expected.")
    }
    newresp <- newresp[[1]]
  }
  if (!is.numeric(newresp)) {
    bad_input("`newresp` must be numeric; found ", describe(newresp), ".")
  }
  n <- fit$dims$n
  dropped <- length(fit$na_action)
  if (dropped > 0 && length(newresp) == n + dropped) newresp <- newresp[-fit$na_action]
  if (length(newresp) != n) {
    bad_input(
      "`newresp` has ", counted(length(newresp), "value"), "; the fit has ", n, " rows",
      if (dropped > 0) paste0(" and ", dropped, " dropped ones"), "."
    )
  }
  if (any(!is.finite(newresp))) {
    count <- sum(!is.finite(newresp))
    bad_input("`newresp` has ", counted(count, "missing or infinite value"), ".")
  }
  as.double(newresp)
}
