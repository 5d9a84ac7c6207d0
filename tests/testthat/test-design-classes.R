# Every class of design answers every verb of R/design.R, and the answers agree with each other and
# with the matrix of the design.

class_data <- function() {
  set.seed(31)
  n <- 20
  kernel <- crossprod(matrix(rnorm(49), 7)) + diag(7)
  dimnames(kernel) <- list(letters[1:7], letters[1:7])
  list(
    y = rnorm(n), x = rnorm(n), g = factor(sample(letters[1:7], n, TRUE), letters[1:7]),
    X = matrix(rnorm(n * 9, 1), n, dimnames = list(NULL, paste0("v", 1:9))),
    W = matrix(rnorm(n * 31) * 1e3, n), S = Matrix::rsparsematrix(n, 11, 0.3), kernel = kernel
  )
}

# Without fixed effects no column means are taken out, so that points are rows of the matrix.
class_formulas <- list(
  dense = y ~ 0 + re(X), scaled = y ~ 0 + re(X, center = TRUE, scale = TRUE), wide = y ~ 0 + re(W),
  sparse = y ~ 0 + re(S), grouped = y ~ 0 + (1 | g), level = y ~ 0 + (0 + x | g),
  kernel = y ~ 0 + re(kernel = kernel, id = g)
)

class_fits <- lapply(class_formulas, lmm, data = class_data())

new_points <- function(fit, at) {
  by_rows <- class_data()[names(class_data()) != "kernel"]
  data <- lapply(by_rows, function(v) {
    if (is.null(dim(v))) v[at] else v[at, , drop = FALSE]
  })
  hdlmm:::new_rows(fit, data, names(fit$designs), FALSE)
}

design_rows <- function(fit, at = 1:20) {
  hdlmm:::term_rows(new_points(fit, at), fit$designs[[1]])
}

fitted_rows <- list(x = NULL, m = 20, is_fitted = TRUE)

# X and the prior covariance S of the effects, as the user has them.
user_design <- function(fit) {
  design <- fit$designs[[1]]
  s <- if (design$kind == "kernel") class_data()$kernel else diag(design$n_cols)
  list(x = as.matrix(hdlmm:::design_matrix(design, 20)), s = unname(s))
}

verbs <- local({
  methods <- getNamespaceInfo("hdlmm", "S3methods")
  unique(methods[grepl("(^|_)design$", methods[, 2]), 1])
})

test_that("every design class answers every verb", {
  only_units <- c("unit_covariances", "fresh_units", "level_names")
  expect_gt(length(verbs), 15)
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    asked <- if (inherits(design, "unit_design")) verbs else setdiff(verbs, only_units)
    for (verb in asked) {
      found <- Filter(Negate(is.null), lapply(class(design), function(class) {
        utils::getS3method(verb, class, optional = TRUE, envir = asNamespace("hdlmm"))
      }))
      expect_gt(length(found), 0, label = paste(verb, "of", class(design)[1]))
    }
  }
})

test_that("words and counts are those of the design", {
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    named <- if (is.null(design$group)) design$label else deparse1(design$group)
    expect_match(hdlmm:::describe_design(design), named, fixed = TRUE)
    expect_length(hdlmm:::effect_names(design), design$n_cols)
    unit <- hdlmm:::unit_index(design)
    expect_true(is.null(unit) || all(unit %in% seq_len(design$n_cols)) && length(unit) == 20)
    expect_type(hdlmm:::identity_words(design, TRUE), "character")
    expect_lte(hdlmm:::n_coefficients(design, fit$internal$system), design$n_cols)
  }
})

test_that("values of effects are X beta, at fitted rows and at the same rows anew", {
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    beta <- matrix(rnorm(3 * design$n_cols), ncol = 3)
    wanted <- unname(user_design(fit)$x %*% beta)
    for (rows in list(fitted_rows, design_rows(fit))) {
      # sums of at most 31 products
      expect_equal(
        unname(hdlmm:::effect_values(design, rows, beta, fit$internal)), wanted, tolerance = 1e-13
      )
    }
    one <- hdlmm:::effect_mean(design, design_rows(fit), beta[, 1])
    expect_equal(unname(one), wanted[, 1], tolerance = 1e-13)
  }
})

test_that("points have the covariances X S x, joint ones are points side by side", {
  at <- c(3, 8, 8, 20)
  none <- matrix(0, 20, 0)
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    user <- user_design(fit)
    v <- user$x %*% user$s %*% t(user$x)
    # covariances inside are those of the scaled design
    unit <- hdlmm:::inside_squares(design, 1)
    for (rows in list(fitted_rows, design_rows(fit))) {
      point <- hdlmm:::point_covariance(design, rows, at, none[at, ], fit$internal)
      expect_equal(unname(point$covariance), unname(v[, at]) * unit, tolerance = 1e-12)
      expect_equal(point$prior, unname(diag(v)[at]) * unit, tolerance = 1e-12)
    }
    joint <- hdlmm:::joint_covariance(design, design_rows(fit), none, fit$internal)
    expect_equal(unname(joint$prior), unname(v) * unit, tolerance = 1e-12)
    expect_equal(unname(joint$covariance), unname(v) * unit, tolerance = 1e-12)
  }
})

test_that("squares of rows are the diagonal of X S X', with variances of their own X diag(v) X'", {
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    user <- user_design(fit)
    v <- unname(diag(user$x %*% user$s %*% t(user$x)))
    weight <- seq_len(design$n_cols)
    for (rows in list(fitted_rows, design_rows(fit))) {
      expect_equal(unname(hdlmm:::row_variances(design, rows, fit$internal)), v, tolerance = 1e-12)
      squares <- hdlmm:::weighted_squares(design, rows, weight, 1, fit$internal)
      expect_equal(unname(squares), drop(user$x^2 %*% weight), tolerance = 1e-12)
    }
    expect_true(!hdlmm:::has_even_rows(design) || all(v == v[1]))
  }
})

test_that("effects have a root of their prior covariance, whose diagonal is that of single ones", {
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    all <- seq_len(design$n_cols)
    root <- hdlmm:::effect_root(design, all)
    if (is.null(root)) root <- diag(design$n_cols)
    expect_equal(
      unname(hdlmm:::prior_variances(design, all)), unname(colSums(root^2)), tolerance = 1e-12
    )
    scaled <- crossprod(root)
    expect_equal(unname(scaled / scaled[1]), user_design(fit)$s / user_design(fit)$s[1],
      tolerance = 1e-12
    )
  }
})

test_that("fresh effects are as wide as their standard deviations, and shared by equal rows", {
  for (fit in class_fits) {
    design <- fit$designs[[1]]
    twice <- design_rows(fit, c(1:20, 1:20))
    set.seed(5)
    value <- hdlmm:::fresh_effects(design, twice, c(0, 1, 2), fit$internal)
    expect_identical(dim(value), c(40L, 3L))
    expect_identical(value[, 1], numeric(40))
    expect_equal(value[1:20, ], value[21:40, ], tolerance = 1e-12)
    set.seed(5)
    wider <- hdlmm:::fresh_effects(design, twice, c(0, 2, 4), fit$internal)
    expect_identical(wider, 2 * value)
    expect_identical(hdlmm:::unseen_effects(design, twice, 1), 0)
  }
})

test_that("a class of the user's own is a design by two methods, and has rows of new data", {
  # where dispatch looks last; a method that is registered stays for the rest of the session
  methods <- list(
    dim.lookup = function(x) c(length(x$at), ncol(x$table)),
    `[.lookup` = function(x, i, j, drop) {
      x$at <- x$at[i]
      x
    },
    as.matrix.lookup = function(x, ...) x$table[x$at, , drop = FALSE],
    as_design_matrix.lookup = function(x, term) x,
    build_columns.lookup = function(x, ...) hdlmm:::build_columns(as.matrix(x), ...)
  )
  list2env(methods, globalenv())
  on.exit(rm(list = names(methods), envir = globalenv()))
  d <- class_data()
  d$own <- structure(list(table = matrix(d$X, ncol = 9), at = c(3:20, 1:2)), class = "lookup")
  d$same <- as.matrix(d$own)
  own <- lmm(y ~ x + re(own), d, subset = x > -1)
  same <- lmm(y ~ x + re(same), d, subset = x > -1)
  expect_identical(fitted(own), fitted(same))
  new <- list(x = c(0, 1), own = d$own[c(7, 7)], same = d$same[c(7, 7), ])
  expect_identical(predict(own, new), predict(same, new))
  new$own <- d$own[1:3]
  expect_error(
    predict(own, new), "`own` has 3 rows in `newdata`; 2 are expected",
    class = "hdlmm_bad_input"
  )
})
