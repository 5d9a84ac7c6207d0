# Random terms as a formula reads them, without a fit: their designs, and those of lme4.

terms_data <- function(n = 90) {
  set.seed(17)
  d <- data.frame(
    x = rnorm(n, 3), z = runif(n), f = factor(sample(c("u", "v", "w"), n, TRUE)),
    flag = rep(c(TRUE, FALSE, FALSE), length.out = n),
    a = factor(sample(letters[1:4], n, TRUE)), b = factor(sample(1:3, n, TRUE)),
    g = factor(sample(LETTERS[1:8], n, TRUE))
  )
  d$text <- as.character(d$f)
  d$X <- matrix(rnorm(n * 5), n)
  d$y <- rnorm(n)
  d
}

# The problem of a formula, as lmm() makes it before it looks for an engine.
problem_for <- function(formula, data, ...) {
  call <- as.call(list(quote(lmm), formula = formula, data = quote(data), ...))
  env <- environment(formula)
  hdlmm:::build_problem(formula, data, call, env, NULL, NULL, hdlmm:::make_host(lmm_control()))
}

designs_for <- function(formula, data, ...) problem_for(formula, data, ...)$designs

# The matrix of a design in the user's units, and the blocks of t(Zt) of lme4, term by term.
user_matrix <- function(design, n = length(hdlmm:::unit_index(design))) {
  unname(as.matrix(hdlmm:::design_matrix(design, n)))
}

lme4_matrices <- function(formula, data) {
  relaxed <- lme4::lmerControl(
    check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.nobs.vs.rankZ = "ignore",
    check.nlev.gtr.1 = "ignore"
  )
  terms <- lme4::lFormula(formula, data, control = relaxed)$reTrms
  # lme4 sorts its terms by their number of levels
  group <- names(terms$flist)[attr(terms$flist, "assign")]
  x <- lapply(unname(terms$Ztlist), function(zt) unname(as.matrix(Matrix::t(zt))))
  list(group = group, x = x)
}

# What new rows need of a fit, from a problem that no engine has seen.
unfitted <- function(problem) {
  model <- problem$model
  kept <- c(
    "terms", "xlevels", "contrasts", "row_variables", "variable_classes", "rules", "offset_rule",
    "frame", "dropped"
  )
  inside <- list(cache = new.env(), fixed = problem$fixed, units = problem$units)
  c(
    model[kept],
    list(
      designs = problem$designs, random_terms = model$random, internal = inside, call = quote(f())
    )
  )
}

new_term_rows <- function(fit, newdata, label = names(fit$designs)[1], allow_new_levels = FALSE) {
  rows <- hdlmm:::new_rows(fit, newdata, names(fit$designs), allow_new_levels)
  hdlmm:::term_rows(rows, fit$designs[[label]])
}

# The matrix of a design at rows.
rows_matrix <- function(design, rows) {
  unname(hdlmm:::effect_values(design, rows, diag(design$n_cols), NULL))
}
