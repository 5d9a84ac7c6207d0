# Random-effect designs: plain data with a class and verbs.
#
# A design is list(kind, label, n_cols, names, core, exponent, effect_exponent, kappa_scaled,
# mean_columns, ...): `core` is what src/r_design.cpp reads, all numbers inside it scaled by powers
# of two; see units.R. Its classes are its kind and its family: of designs of columns a row holds
# numbers, of designs of units it picks one of several coefficients (levels, individuals). What a
# kind or a family means to the rest of the package is told by the verbs below and by no test of the
# kind: one file a kind, design-<kind>.R, with the methods in which it differs from its family.
#
# Rows: list(x, m, is_fitted): those of new data, `x` as new_design_rows() made it, or the fitted
# ones, of which `x` is NULL. `inside`: list(fixed, units, system), as a fit keeps it.

new_design <- function(kind, family, term, n_cols, names, ...) {
  structure(
    list(kind = kind, label = term$label, n_cols = n_cols, names = names, ...),
    class = c(paste0(kind, "_design"), paste0(family, "_design"), "design")
  )
}

# A design without columns, which no engine sees.
empty_design <- function(term) new_design("none", "column", term, 0L, character())

# The terms that a random term stands for once the data say what its columns are, a list; each goes
# to build_design().
settle_term <- function(term, model) UseMethod("settle_term")

#' @export
settle_term.random_term <- function(term, model) list(term)

# The design of a random term of the formula. centre_weights [n]: weights of rows where the constant
# lies in the span of the fixed effects, along which column means may be taken out; NULL elsewhere.
build_design <- function(term, model, data, env, centre_weights, host) UseMethod("build_design")

# What -------------------------------------------------------------------------------------

# The design in words, such as "12 levels of g".
describe_design <- function(design) UseMethod("describe_design")

# What its coefficients are to lme4 and broom.mixed.
coefficient_name <- function(design) UseMethod("coefficient_name")

effect_names <- function(design) {
  if (is.null(design$names)) as.character(seq_len(design$n_cols)) else design$names
}

# Which unit each fitted row has, [n]; NULL for designs of columns.
unit_index <- function(design) UseMethod("unit_index")

# The levels of a design of units, which are not its coefficients where a level has several.
level_names <- function(design) UseMethod("level_names")

# Whether every row has the same variance of x'beta, whatever its x.
has_even_rows <- function(design) UseMethod("has_even_rows")

# The fitted rows [n x p] in the user's units, as they entered the model.
design_matrix <- function(design, n) UseMethod("design_matrix")

# What varies from level to level, as VarCorr() of lme4 has it; NA where there are no levels.
level_coefficient <- function(design) UseMethod("level_coefficient")

# Variance of the term in the user's units per unit sigma_b^2, as insight counts it.
term_size <- function(design, kappa) UseMethod("term_size")

# For the engines --------------------------------------------------------------------------

# Side of the matrix that is decomposed; NULL where nothing is.
smaller_side <- function(design, n) UseMethod("smaller_side")

# Whether X X' of some rows is a part of that of all rows.
has_row_products <- function(design) UseMethod("has_row_products")

# Whether products are formed between rows, which then lose the digits that weights span.
is_by_rows <- function(design, n) UseMethod("is_by_rows")

# Stops where the design has no columns over which q(beta) factorises.
require_columns <- function(design, method) UseMethod("require_columns")

# How many coefficients share sigma_b^2 in EM, given their decomposition.
n_coefficients <- function(design, system) UseMethod("n_coefficients")

# A decomposition as it comes from the core, checked, or made again by decompose(core).
settle_decomposition <- function(design, out, decompose) UseMethod("settle_decomposition")

# A design of a model with several variances of random effects, where it has no decomposition that
# could be checked.
beside_others <- function(design, host) UseMethod("beside_others")

# What is said of it beside the fit, or NULL.
decomposition_note <- function(design, out) UseMethod("decomposition_note")

# Why variances are not identified where X X' is proportional to the identity.
identity_words <- function(design, is_reml) UseMethod("identity_words")

# Effects ----------------------------------------------------------------------------------

# Prior variances of coefficients inside, per unit sigma_b^2 [index].
prior_variances <- function(design, index) UseMethod("prior_variances")

# A root of their prior covariance inside, R with R'R [index x index]; NULL for the identity.
effect_root <- function(design, index) UseMethod("effect_root")

# Rows -------------------------------------------------------------------------------------

# Rows of new data: `x` of list(x, m, is_fitted). expr: what of the term new rows evaluate, NULL for
# nothing. source: list(evaluate(expr, rule), rules of the frame's variables, values of variables as
# the fit has them, newdata, m, allow_new_levels).
read_rows <- function(design, expr, source) UseMethod("read_rows")

# X beta at the rows for beta [p x s] in the user's units; 0 for levels that the fit does not know.
effect_values <- function(design, rows, beta, inside) UseMethod("effect_values")

# The same at new rows for one beta [p].
effect_mean <- function(design, rows, beta) UseMethod("effect_mean")

# Rows `at` as points x in the core's units: list(covariance = X S x [n x length(at)], prior = x'S x
# [length(at)]). z: their fixed effects in coordinates of Q.
point_covariance <- function(design, rows, at, z, inside) UseMethod("point_covariance")

# The same of all new rows, with prior = x'S x [m x m].
joint_covariance <- function(design, rows, z, inside) UseMethod("joint_covariance")

# x'x at every row in the user's units: Var(x'beta) over sigma_b^2, beta drawn anew [m].
row_variances <- function(design, rows, inside) UseMethod("row_variances")

# The same where coefficients have variances of their own, sum_j x_j^2 variance_j; `unseen` is that
# of levels that the fit does not know.
weighted_squares <- function(design, rows, variance, unseen, inside) UseMethod("weighted_squares")

# x'beta at rows [m x draws] in the user's units, with one beta drawn anew for each standard
# deviation of it: rows of one level, or with related x, share the draw.
fresh_effects <- function(design, rows, sd, inside) UseMethod("fresh_effects")

# Effects of levels that the fit does not know, drawn from their prior [m x draws]; 0 where there
# are none.
unseen_effects <- function(design, rows, sd) UseMethod("unseen_effects")

# What most kinds share.

#' @export
has_even_rows.design <- function(design) FALSE

#' @export
has_row_products.design <- function(design) FALSE

#' @export
level_coefficient.design <- function(design) NA_character_

#' @export
term_size.design <- function(design, kappa) kappa

#' @export
require_columns.design <- function(design, method) invisible()

#' @export
n_coefficients.design <- function(design, system) as.double(design$n_cols)

#' @export
settle_decomposition.design <- function(design, out, decompose) out

#' @export
decomposition_note.design <- function(design, out) NULL

#' @export
beside_others.design <- function(design, host) uncentred(design)

#' @export
smaller_side.design <- function(design, n) min(n, design$n_cols)

#' @export
prior_variances.design <- function(design, index) rep(1, length(index))

#' @export
effect_root.design <- function(design, index) NULL

#' @export
unseen_effects.design <- function(design, rows, sd) 0
