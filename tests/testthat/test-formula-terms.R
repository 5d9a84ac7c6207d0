# Random terms of a formula: what each form stands for, what terms are called, what is refused.

d <- terms_data()

labels_of <- function(formula, data = d) names(designs_for(formula, data))

# The terms of a formula as text, before the data are seen.
texts_of <- function(formula) {
  vapply(hdlmm:::split_formula(formula)$random, hdlmm:::term_text, "")
}

test_that("a nesting stands for its factors, each within the finest before it", {
  expect_identical(texts_of(y ~ (1 | a / b)), c("(1 | a)", "(1 | b:a)"))
  expect_identical(texts_of(y ~ (x | a / b)), c("(x | a)", "(x | b:a)"))
  expect_identical(texts_of(y ~ (1 | a / b / g)), c("(1 | a)", "(1 | b:a)", "(1 | g:(b:a))"))
  expect_identical(texts_of(y ~ (1 | (a / b))), texts_of(y ~ (1 | a / b)))
  expect_identical(texts_of(y ~ (1 | a / (b / g))), c("(1 | a)", "(1 | b:a)", "(1 | g:b:a)"))
  expect_identical(texts_of(y ~ (1 | a:b / g)), c("(1 | a:b)", "(1 | g:(a:b))"))
  # a division is one where the factor is computed
  expect_identical(texts_of(y ~ (1 | cut(x / 2, 3))), "(1 | cut(x/2, 3))")
})

test_that("terms are called by their group and, where they have one column, by that", {
  expect_identical(labels_of(y ~ (1 | g)), "g")
  expect_identical(labels_of(y ~ (x | g)), "g")
  expect_identical(labels_of(y ~ (0 + x | g)), "g.x")
  expect_identical(labels_of(y ~ (0 + scale(x) | g)), "g.scale(x)")
  expect_identical(labels_of(y ~ (0 + f | g)), "g")
  expect_identical(labels_of(y ~ (x || g)), c("g", "g.x"))
  expect_identical(labels_of(y ~ (f || g)), c("g", "g.fv", "g.fw"))
  expect_identical(labels_of(y ~ (0 + x * z || g)), c("g.x", "g.z", "g.x:z"))
  expect_identical(labels_of(y ~ (x || a / b)), c("a", "a.x", "b:a", "b:a.x"))
  expect_identical(labels_of(y ~ (1 || g)), "g")
})

test_that("equal labels are counted on, and none is that of a fixed effect or a parameter", {
  expect_identical(labels_of(y ~ (1 | g) + (x | g) + (z | g)), c("g", "g.1", "g.2"))
  expect_identical(labels_of(y ~ x + (1 | x)), "(1 | x)")
  own <- put(d, Residual = d$g, pve = d$a, g.x = d$z)
  expect_identical(labels_of(y ~ (1 | Residual) + (1 | pve), own), c("(1 | Residual)", "(1 | pve)"))
  expect_identical(labels_of(y ~ g.x + (0 + x | g), own), "(0 + x | g)")
})

test_that("names of lme4 are those of blocks and of intercepts", {
  skip_if_not_installed("lme4")
  formulas <- list(
    y ~ (1 | a) + (1 | b), y ~ (x | g) + (1 | a:b), y ~ (1 | a / b), y ~ (1 | a / b / f),
    y ~ (f | g) + (1 | g)
  )
  for (formula in formulas) {
    theirs <- lme4_matrices(formula, d)$group
    # lme4 counts in print and VarCorr()
    expect_setequal(labels_of(formula), make.unique(theirs))
  }
})

test_that("`name =` calls a term of re(), whatever its expression", {
  expect_identical(labels_of(y ~ re(X, name = "snps")), "snps")
  expect_identical(labels_of(y ~ re(X, name = "snps") + re(X)), c("snps", "X"))
  expect_identical(labels_of(y ~ (1 | g) + re(X, name = "g")), c("g.1", "g"))
  expect_identical(labels_of(y ~ re(scale(X), na = "mean", name = "long name")), "long name")
  expect_identical(
    varcomp(lmm(y ~ re(X, name = "snps"), d))[["snps"]], varcomp(lmm(y ~ re(X), d))[["X"]]
  )
})

test_that("`.` in the fixed part has the variables left of bars, not those right of them", {
  own <- d[c("y", "x", "z", "g", "a")]
  names_of <- function(formula) colnames(problem_for(formula, own)$model$z)
  expect_identical(names_of(y ~ . + (x | g) + (1 | a)), c("(Intercept)", "x", "z"))
})

test_that("update() carries random terms over as they were written", {
  edited <- function(new) deparse1(hdlmm:::update_formula(y ~ z + (x || a / b) + (x | g), new))
  expect_identical(edited(. ~ . - z), "y ~ (x || a/b) + (x | g)")
  expect_identical(edited(. ~ . - (x | g)), "y ~ z + (x || a/b)")
  expect_identical(edited(. ~ . + (1 | f) - (x || a / b)), "y ~ z + (x | g) + (1 | f)")
  parts <- hdlmm:::split_formula(y ~ (x || a / b) + re(X))
  written <- vapply(hdlmm:::written_terms(parts$random), deparse1, "")
  expect_identical(written, c("(x || a/b)", "re(X)"))
})

test_that("variables left of a bar join the model frame: their missing rows are left out", {
  own <- put(d, x = replace(d$x, c(2, 5), NA), g = replace(d$g, 9, NA))
  problem <- problem_for(y ~ z + (x | g), own)
  expect_identical(problem$model$rows, setdiff(seq_len(90), c(2, 5, 9)))
  expect_true(all(c("x", "g") %in% problem$model$row_variables))
  expect_true(all(c("x", "g") %in% names(problem$model$frame)))
  some <- problem_for(y ~ (x | g), d, subset = quote(z > 0.5))
  expect_identical(some$model$rows, which(d$z > 0.5))
  expect_equal(user_matrix(some$designs$g), user_matrix(designs_for(y ~ (x | g), d[d$z > 0.5, ])$g),
    tolerance = 0
  )
})

refused <- list(
  list(y ~ us(x | g), "unsupported", "`us\\(x \\| g\\)`.*write \\(x \\| g\\)"),
  list(y ~ z + diag(x | g), "unsupported", "write .*\\(x \\|\\| g\\)"),
  list(y ~ cs(1 | g), "unsupported", "structures have no names"),
  list(y ~ ar1(0 + f | g), "unsupported", "structures have no names"),
  list(y ~ (1 | a + b), "unsupported", "write \\(1 \\| a\\) \\+ \\(1 \\| b\\)"),
  list(y ~ (1 | a * b), "unsupported", "\\(1 \\| a:b\\) for"),
  list(y ~ (1 | a %in% b), "unsupported", "write \\(1 \\| a:b\\)"),
  list(y ~ (1 | g:(a / b)), "unsupported", "stands alone right of the bar"),
  list(y ~ (1 | a - b), "unsupported", "one factor or an interaction"),
  list(y ~ (0 | g), "unsupported", "has no columns: write \\(1 \\| g\\)"),
  list(y ~ (x - x - 1 | g), "unsupported", "has no columns"),
  list(y ~ (1 | a | b), "unsupported", "left of the bar"),
  list(y ~ ((1 | a) | b), "unsupported", "left of the bar"),
  list(y ~ (re(X) | g), "unsupported", "left of the bar: write each in a summand"),
  list(y ~ (x + offset(z) | g), "unsupported", "offset has no coefficient"),
  list(y ~ (. | g), "bad_input", "must be named; found `\\.`"),
  list(y ~ (1 | .), "bad_input", "must be named; found `\\.`"),
  list(y ~ (x^z | g), "bad_input", "cannot read the left side of `\\(x\\^z \\| g\\)`"),
  list(y ~ (y | g), "bad_input", "the response stands left of the bar"),
  list(log(y + 9) ~ (log(y + 9) | g), "bad_input", "the response stands left of the bar"),
  list(y ~ (nowhere | g), "bad_input", "'nowhere' not found"),
  list(y ~ (x | nowhere), "bad_input", "'nowhere' not found"),
  list(y ~ (x | X), "bad_input", "grouping factor `X` must be a vector"),
  list(y ~ (x | 1), "bad_input", "cannot read `1` in `\\(x \\| 1\\)`"),
  list(y ~ (short | g), "bad_input", "variable lengths differ.*short"),
  list(y ~ (parts | g), "bad_input", "invalid type \\(list\\)"),
  list(y ~ (huge | g), "bad_input", "infinite"),
  list(y ~ (one | g), "bad_input", "`one` has only one level"),
  list(y ~ (two + x | g), "not_identified", "`two` is a linear combination"),
  list(y ~ (x + I(2 * x - 1) | g), "not_identified", "`I\\(2 \\* x - 1\\)` is a linear"),
  list(y ~ (0 + none | g), "bad_input", "has no columns"),
  list(y ~ re(X, name = 3), "bad_input", "must be a string such as \"snps\"; found 3"),
  list(y ~ re(X, name = X), "bad_input", "must be a string .* found `X`"),
  list(y ~ re(X, name = ""), "bad_input", "must be a string"),
  list(y ~ re(X, name = c("a", "b")), "bad_input", "must be a string"),
  list(y ~ re(X, name = NA_character_), "bad_input", "must be a string"),
  list(y ~ re(X, name = "a") + re(z, name = "a"), "bad_input", "found \"a\" twice"),
  list(y ~ x + re(X, name = "x"), "bad_input", "is the name of another parameter"),
  list(y ~ re(X, name = "Residual"), "bad_input", "is the name of another parameter")
)

test_that("what cannot be a random term is refused, and what to write is said", {
  own <- put(d, huge = replace(d$x, 3, Inf), one = factor(rep("k", 90)), two = rep(2, 90))
  own$none <- matrix(0, 90, 0)
  own <- c(own, list(short = 1:7, parts = lapply(1:90, identity)))
  for (one in refused) {
    seen <- observe(function() lmm(one[[1]], own))
    expect_false(is.null(seen$error), info = deparse1(one[[1]]))
    if (is.null(seen$error)) next
    expect_condition_laws(seen$error, one[[2]], "error")
    expect_match(conditionMessage(seen$error), one[[3]])
  }
})

test_that("missing values that na.action kept are said, left and right of the bar", {
  own <- put(d, x = replace(d$x, 2, NA), g = replace(d$g, 9, NA))
  expect_error(
    lmm(y ~ (0 + x | a), own, na.action = na.pass), "missing values that na.action kept in `x`",
    class = "hdlmm_bad_input"
  )
  expect_error(
    lmm(y ~ (0 + z | g), own, na.action = na.pass), "grouping factor `g` has 1 missing value",
    class = "hdlmm_bad_input"
  )
})

test_that("an engine that has no room for a block says which terms it was given", {
  expect_error(
    lmm(y ~ (x | g), d, method = "Bayes"), "`\\(x \\| g\\)`|gibbs", class = "hdlmm_unsupported"
  )
})
