# Numbers of any size.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)
plain <- lmm(y ~ x + re(X), d)

rounded <- put(d, y = round(1024 * d$y) / 1024)
round_fit <- lmm(y ~ x + re(X), rounded)
units_of_y <- function(s) lmm(y ~ x + re(X), put(d, y = s * d$y))
wide_scales <- 10^seq(-150, 150, length.out = p)

magnitudes <- list(
  input_row(15, "powers of two in y change nothing but the units",
    function() list(units_of_y(2^498), units_of_y(2^-498)),
    check = function(fits) {
      for (i in 1:2) {
        s <- c(2^498, 2^-498)[i]
        expect_identical(varcomp(fits[[i]]) / s / s, varcomp(plain))
        expect_identical(fixef(fits[[i]]) / s, fixef(plain))
        expect_identical(fits[[i]]$pve, plain$pve)
      }
    }
  ),
  input_row(15, "y times 1e150 or 1e-150 is equivariant",
    function() list(units_of_y(1e150), units_of_y(1e-150)),
    check = function(fits) {
      for (i in 1:2) {
        s <- c(1e150, 1e-150)[i]
        # products with s are rounded once
        expect_equal(varcomp(fits[[i]]) / s / s, varcomp(plain), tolerance = 1e-12)
        expect_equal(fixef(fits[[i]]) / s, fixef(plain), tolerance = 1e-12)
        expect_equal(
          sqrt(diag(vcov(fits[[i]]))) / s, sqrt(diag(vcov(plain))), tolerance = 1e-12
        )
        expect_equal(
          as.numeric(logLik(fits[[i]])) + (n - 2) * log(s), as.numeric(logLik(plain)),
          tolerance = 1e-10  # 1e4 less 1e4
        )
      }
    }
  ),
  input_row(15, "a variance above the largest double is an error",
    function() units_of_y(1e200),
    "overflow", message = "a double can.*change the units"
  ),
  input_row(15, "a variance below the smallest double is an error",
    function() units_of_y(1e-300),
    "overflow", message = "a double can.*change the units"
  ),
  input_row(15, "the same for the ordinary linear model",
    function() lmm(y ~ x, put(d, y = 1e200 * d$y)), "overflow",
    message = "residual variance"
  ),
  input_row(15, "differences of y that overflow",
    function() lmm(y ~ x, put(d, y = 1e308 * c(1.7, -1.7, rep(0, n - 2)))),
    "overflow",
    message = "overflow|double cannot hold"
  ),
  input_row(16, "a constant as large as 1e12 costs no digit",
    function() {
      lapply(
        c(1e6, 1e12), function(s) lmm(y ~ x + re(X), put(rounded, y = rounded$y + s))
      )
    },
    check = function(fits) {
      for (i in 1:2) {
        expect_equal(varcomp(fits[[i]]), varcomp(round_fit), tolerance = 1e-12)
        # the intercept is a double of size s
        expect_equal(
          fixef(fits[[i]]) - c(c(1e6, 1e12)[i], 0), fixef(round_fit), tolerance = 1e-3
        )
        expect_equal(residuals(fits[[i]]), residuals(round_fit), tolerance = 1e-11)
      }
    }
  ),
  input_row(16, "so does one in the columns of X",
    function() {
      moved <- put(rounded, X = round(1024 * d$X) / 1024)
      lapply(c(0, 1e6, 1e12), function(s) lmm(y ~ x + re(X), put(moved, X = moved$X + s)))
    },
    check = function(fits) {
      # centred exactly before the decomposition
      expect_equal(varcomp(fits[[2]]), varcomp(fits[[1]]), tolerance = 1e-11)
      expect_equal(varcomp(fits[[3]]), varcomp(fits[[1]]), tolerance = 1e-11)
    }
  ),
  input_row(17, "X times 1e150 or 1e-150 is equivariant",
    function() {
      lapply(c(1e150, 1e-150), function(s) lmm(y ~ x + re(X), put(d, X = s * d$X)))
    },
    check = function(fits) {
      for (i in 1:2) {
        s <- c(1e150, 1e-150)[i]
        expect_equal(varcomp(fits[[i]]) * c(s * s, 1), varcomp(plain), tolerance = 1e-12)
        expect_equal(ranef(fits[[i]])$X * s, ranef(plain)$X, tolerance = 1e-10)
        expect_equal(predict(fits[[i]]), predict(plain), tolerance = 1e-10)
      }
    }
  ),
  input_row(17, "columns of very different size are said to be",
    function() {
      lmm(y ~ x + re(X), put(d, X = sweep(d$X, 2, 10^seq(0, 13, length.out = p), `*`)))
    },
    warning = "badly_scaled", message = "factor of 10\\^13.*re\\(X, scale = TRUE\\)"
  ),
  input_row(17, "and the factor is a number even at 1e300",
    function() lmm(y ~ x + re(X), put(d, X = sweep(d$X, 2, wide_scales, `*`))),
    warning = "badly_scaled", message = "factor of [^I]"
  ),
  input_row(17, "scale = TRUE makes the size of a column irrelevant, up to 1e300 apart",
    function() {
      lmm(y ~ x + re(X, scale = TRUE), put(d, X = sweep(d$X, 2, wide_scales, `*`)))
    },
    check = same_as(lmm(y ~ x + re(X, scale = TRUE), d))
  ),
  input_row(17, "so is the size of a covariate",
    function() lmm(y ~ x + z + re(X), put(d, x = 1e150 * d$x, z = 1e-150 * d$z)),
    check = function(fit) {
      other <- lmm(y ~ x + z + re(X), d)
      units <- c(1, 1e150, 1e-150)
      expect_equal(varcomp(fit), varcomp(other), tolerance = 1e-12)
      expect_equal(fixef(fit) * units, fixef(other), tolerance = 1e-12)
      expect_equal(
        coef(summary(fit))[, "df"], coef(summary(other))[, "df"], tolerance = 1e-10
      )
    }
  ),
  input_row(17, "a variance of a coefficient that a double cannot hold is an error",
    function() summary(lmm(y ~ x + z + re(X), put(d, z = 1e-200 * d$z))),
    "overflow", message = "units"
  ),
  input_row(18, "-0 and denormal cells are zeros",
    function() {
      lapply(c(0, -0, 5e-324, -5e-324), function(tiny) {
        lmm(y ~ x + re(X), put_cells(d, "X", d$X < 0, tiny))
      })
    },
    check = function(fits) {
      for (i in 2:4) expect_identical(varcomp(fits[[i]]), varcomp(fits[[1]]))
    }
  ),
  input_row(18, "a design of denormals only is refused, not computed with",
    function() lmm(y ~ x + re(X), put(d, X = 1e-310 * d$X)),
    "overflow", message = "double cannot hold"
  ),
  input_row(18, "denormal responses likewise",
    function() lmm(y ~ x + re(X), put(d, y = 1e-310 * d$y)),
    "overflow", message = "double cannot hold"
  )
)
check_rows(magnitudes)
