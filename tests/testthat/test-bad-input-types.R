# Types in which numbers come.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)

set.seed(2)
genotypes <- matrix(rbinom(n * p, 2, 0.3), n)
stored_as <- function(x) lmm(y ~ x + re(X), put(d, X = x))
halves <- Matrix::Matrix(genotypes * (genotypes == 1), sparse = TRUE)

matrix_kinds <- function() {
  dense <- as.matrix(halves)
  sparse <- methods::as(halves, "generalMatrix")
  kinds <- list(
    base = dense, integer = `storage.mode<-`(dense, "integer"), logical = dense > 0,
    raw = matrix(as.raw(dense), n), dgCMatrix = sparse,
    dgTMatrix = methods::as(sparse, "TsparseMatrix"),
    dgRMatrix = methods::as(sparse, "RsparseMatrix"),
    dgeMatrix = Matrix::Matrix(dense, sparse = FALSE),
    lgCMatrix = methods::as(sparse, "lMatrix"),
    ngCMatrix = methods::as(methods::as(sparse, "lMatrix"), "nMatrix"),
    data.frame = as.data.frame(dense), AsIs = I(dense), table = as.table(dense),
    classed = structure(dense, class = c("snps", "matrix")), ts = stats::ts(dense)
  )
  if (requireNamespace("tibble", quietly = TRUE)) {
    kinds$tibble <- tibble::as_tibble(as.data.frame(dense))
  }
  if (requireNamespace("data.table", quietly = TRUE)) {
    kinds$data.table <- data.table::as.data.table(dense)
  }
  kinds
}

stored_types <- list(
  input_row(19, "integer, logical and raw designs are converted exactly",
    function() {
      list(
        stored_as(genotypes + 0), stored_as(genotypes),
        stored_as(matrix(as.raw(genotypes), n)),
        stored_as((genotypes > 0) + 0), stored_as(genotypes > 0)
      )
    },
    check = function(fits) {
      expect_identical(varcomp(fits[[2]]), varcomp(fits[[1]]))
      expect_identical(varcomp(fits[[3]]), varcomp(fits[[1]]))
      expect_identical(varcomp(fits[[5]]), varcomp(fits[[4]]))
      raw <- put(d, X = matrix(as.raw(genotypes), n))
      # one product by columns, one by blocks
      expect_equal(predict(fits[[3]], raw), predict(fits[[1]]), tolerance = 1e-12)
    }
  ),
  input_row(19, "NA of an integer design is missing, not -2^31",
    function() stored_as(put_cells(list(x = genotypes), "x", cbind(2, 2), NA_integer_)$x),
    "bad_input", message = "missing values in 1 column"
  ),
  input_row(19, "an integer and a logical response are numbers",
    function() {
      list(
        lmm(y ~ x + re(X), put(d, y = as.integer(10 * d$y))),
        lmm(y ~ x + re(X), put(d, y = trunc(10 * d$y))),
        lmm(y ~ x + re(X), put(d, y = d$y > 0)),
        lmm(y ~ x + re(X), put(d, y = (d$y > 0) + 0))
      )
    },
    check = function(fits) {
      expect_identical(varcomp(fits[[1]]), varcomp(fits[[2]]))
      expect_identical(varcomp(fits[[3]]), varcomp(fits[[4]]))
    }
  ),
  input_row(32, "every kind of matrix gives the same fit and the same predictions",
    function() {
      lapply(matrix_kinds(), function(m) {
        fit <- lmm(y ~ x + re(m), d)
        rows <- if (is.data.frame(m)) m[1:3, ] else m[1:3, , drop = FALSE]
        list(fit = fit, at = predict(fit, list(x = d$x[1:3], m = rows)))
      })
    },
    check = function(all) {
      for (kind in names(all)) {
        fit <- all[[kind]]$fit
        # sums in another order
        expect_equal(varcomp(fit), varcomp(all$base$fit), tolerance = 1e-9, info = kind)
        expect_equal(
          unname(all[[kind]]$at), unname(predict(all$base$fit)[1:3]), tolerance = 1e-9,
          info = kind
        )
      }
      is_sparse <- grepl("^.g[CTR]Matrix$", names(all))
      sparse <- vapply(
        all, function(one) inherits(one$fit$designs[[1]]$core$x, "Matrix"), NA
      )
      expect_identical(unname(sparse), is_sparse)
    }
  ),
  input_row(32, "symmetric, diagonal, triangular, permutation and index matrices too",
    function() {
      square <- crossprod(genotypes[, 1:n] - 0.6)
      kinds <- list(
        dsy = Matrix::Matrix(square), ddi = Matrix::Diagonal(n, seq_len(n)),
        dtr = methods::as(Matrix::Matrix(square * upper.tri(square)), "triangularMatrix"),
        ind = methods::as(rep(1:8, 5), "indMatrix"),
        dsC = Matrix::crossprod(halves[, 1:n])
      )
      lapply(
        kinds, function(m) list(lmm(y ~ x + re(m), d), lmm(y ~ x + re(as.matrix(m)), d))
      )
    },
    note = "1 column of `m`",
    check = function(pairs) {
      for (pair in pairs) {
        expect_equal(
          as.numeric(logLik(pair[[1]])), as.numeric(logLik(pair[[2]])), tolerance = 1e-9
        )
      }
    }
  ),
  input_row(32, "a sparse matrix may be a member of a list of data",
    function() lmm(y ~ x + re(S), list(y = d$y, x = d$x, S = halves)),
    check = function(fit) expect_same_fit(fit, lmm(y ~ x + re(halves), d))
  ),
  input_row(32, "a kernel in a list of data may have another number of rows",
    function() {
      kernel <- crossprod(matrix(sin(1:77), 7)) + diag(11)
      lmm(
        y ~ x + re(kernel = K, id = id),
        list(y = d$y, x = d$x, K = kernel, id = as.integer(d$g))
      )
    },
    check = function(fit) {
      K <- crossprod(matrix(sin(1:77), 7)) + diag(11)
      expect_same_fit(fit, lmm(y ~ x + re(kernel = K, id = as.integer(g)), d))
    }
  ),
  input_row(32, "a sparse vector is one column",
    function() {
      v <- methods::as(d$z, "sparseVector")
      lmm(y ~ x + re(v), d)
    },
    check = function(fit) expect_same_fit(fit, lmm(y ~ x + re(z), d))
  ),
  input_row(32, "a matrix of text says what it holds",
    function() lmm(y ~ x + re(m), put(d, m = matrix("1", n, 2))),
    "bad_input", message = "`m` must be a numeric matrix; found .*character"
  ),
  input_row(32, "a column of text in a data frame is named",
    function() {
      lmm(y ~ x + re(m), list(y = d$y, x = d$x, m = data.frame(a = d$x, b = "1")))
    },
    "bad_input", message = "`m` must hold numbers only; column `b` does not"
  ),
  input_row(32, "a factor is pointed to (1 | f)",
    function() lmm(y ~ x + re(f), d), "bad_input",
    message = "`f` is a factor: write \\(1 \\| f\\)"
  ),
  input_row(32, "a list, an array and NULL are no matrix",
    function() lmm(y ~ x + re(m), list(y = d$y, x = d$x, m = NULL)),
    "bad_input", message = "`?m`?"
  ),
  input_row(32, "a matrix with other rows than the data gives both numbers",
    function() lmm(y ~ x + re(m), list2env(list(y = d$y, x = d$x, m = d$X[-1, ]))),
    "bad_input", message = "`m` has 39 rows; `y` has 40\\."
  ),
  input_row(33, "nothing that the user passes is modified",
    function() {
      kernel <- tcrossprod(d$X)
      passed <- list(d = d, kernel = kernel, genotypes = genotypes, halves = halves)
      before <- serialize(passed, NULL)
      fits <- list(
        lmm(y ~ x + re(X, center = TRUE, scale = TRUE), d, weights = z),
        lmm(y ~ x + re(kernel = kernel), d), lmm(y ~ x + re(genotypes, scale = TRUE), d),
        lmm(y ~ x + re(halves, center = TRUE), d)
      )
      for (fit in fits) {
        ranef(fit, se = TRUE)
        loo(fit)
        confint(fit, "pve")
        simulate(fit, 1, seed = 1)
      }
      predict(fits[[1]], d, interval = "prediction")
      identical(before, serialize(passed, NULL))
    },
    check = function(same) expect_true(same)
  ),
  input_row(33, "a compact sequence is a column like any other",
    function() {
      ramp <- 1:40
      list(
        lmm(y ~ ramp + re(ramp, center = TRUE) - ramp, d),
        lmm(y ~ re(as.double(ramp)), d), ramp
      )
    },
    check = function(value) {
      expect_same_fit(value[[1]], value[[2]])
      expect_identical(value[[3]], 1:40)
    }
  ),
  input_row(33, "a fit owns its data: the user's copy may change or vanish",
    function() {
      own <- d$X + 0
      fit <- lmm(y ~ x + re(own), d)
      before <- predict(fit, interval = "prediction")
      own[] <- 0
      rm(own)
      gc()
      list(before, predict(fit, interval = "prediction"))
    },
    check = function(value) expect_identical(value[[1]], value[[2]])
  )
)
check_rows(stored_types)
