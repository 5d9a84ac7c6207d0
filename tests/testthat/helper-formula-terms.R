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
  list(group = group, x = lapply(terms$Ztlist, function(zt) unname(as.matrix(Matrix::t(zt)))))
}
