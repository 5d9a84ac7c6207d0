# Data of four responses on one random term, and the law that every column of every answer is that
# of the fit of this response alone.

responses_data <- function(n = 60, p = 90, m = 4, missing = 0, seed = 1) {
  set.seed(seed)
  d <- data.frame(x = rnorm(n), f = factor(rep(letters[1:4], length.out = n)), w = runif(n, 0.5, 2))
  d$X <- matrix(rnorm(n * p, 0.3), n, dimnames = list(NULL, paste0("s", seq_len(p))))
  effects <- matrix(rnorm(p * m), p) * rep(seq(0, 0.5, length.out = m), each = p)
  d$Y <- d$X %*% effects + outer(d$x, seq_len(m)) + matrix(rnorm(n * m), n)
  colnames(d$Y) <- paste0("g", seq_len(m))
  d$Y[sample(length(d$Y), round(missing * length(d$Y)))] <- NA
  d
}

# own: the fits by lmm() of every response alone, in order. Tolerances are relative: estimates stop
# where a step of log(sigma_b^2 / sigma_e^2) is below 1e-10, effects are sums over p of them.
expect_same_fits <- function(fit, own, newdata = NULL) {
  names <- fit$responses
  n <- fit$dims$n
  for (k in seq_along(own)) {
    one <- own[[k]]
    at <- match(if (is.null(one$rows)) seq_len(one$dims$n_total) else one$rows, fit$rows)
    column <- function(m, names) if (length(names)) m[names, k] else m[, k]
    same <- function(found, wanted, tolerance = 1e-8) {
      expect_equal(unname(found), unname(wanted), tolerance = tolerance)
    }
    same(column(fixef(fit), names(fixef(one))), fixef(one))
    same(column(varcomp(fit), names(varcomp(one))), varcomp(one))
    same(c(nobs(fit)[k], sigma(fit)[k]), c(nobs(one), sigma(one)))
    same(as.numeric(logLik(fit)[k]), as.numeric(logLik(one)))
    same(vcov(fit)[[k]], vcov(one))
    rows <- rep(NA_real_, n)
    same(fitted(fit)[, k], replace(rows, at, unname(fitted(one))), 1e-7)
    same(residuals(fit)[, k], replace(rows, at, unname(residuals(one))), 1e-7)
    same(predict(fit)[, k], replace(rows, at, unname(predict(one))), 1e-7)
    for (term in names(ranef(one))) {
      effects <- ranef(fit)[[term]]  # [levels x responses], of blocks [levels x r x responses]
      effects <- if (length(dim(effects)) == 3) effects[, , k] else effects[, k]
      same(effects, ranef(one)[[term]], 1e-7)
    }
    if (!is.null(newdata)) same(predict(fit, newdata)[, k], predict(one, newdata), 1e-7)
    # at once, where there is a choice
    by_wald <- "wald" %in% hdlmm:::limit_methods(one, "pve")
    shares <- function(fit) if (by_wald) pve(fit, method = "wald") else pve(fit)
    table <- shares(fit)
    table <- table[table$response == names[k], ]
    same(as.matrix(table[-(1:2)]), as.matrix(shares(one)[-1]))
    loo_one <- loo(one)
    same(loo(fit)$prediction[, k], replace(rows, at, loo_one$table$prediction), 1e-7)
    same(loo(fit)$table$elpd[k], loo_one$elpd, 1e-7)
    boundary <- if (length(one$boundary)) paste(one$boundary, collapse = ", ") else "none"
    row <- as.data.frame(fit)[k, ]
    expect_identical(c(row$response, row$boundary), c(names[k], boundary))
    expect_identical(row$converged, one$is_converged)
  }
  at_boundary <- sum(!as.data.frame(fit)$boundary %in% c("none", NA))
  expect_output(print(summary(fit)), paste0("At a boundary of the parameters: ", at_boundary, ";"))
}

fits_alone <- function(d, formula, ...) {
  lapply(seq_len(ncol(d$Y)), function(k) {
    d$y <- d$Y[, k]
    lmm(stats::update(formula, y ~ .), d, ...)
  })
}
