# Names, and where things are looked up.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)
p <- ncol(d$X)
plain <- lmm(y ~ x + re(X), d)
grouped <- lmm(y ~ x + (1 | g), d)

odd_names <- c("\u00e9t\u00e9", "\u03b2", "", "same", "same", "a b", "\u00fc")
odd_names[7] <- iconv(odd_names[7], "UTF-8", "latin1")
odd <- put(d, X = `colnames<-`(d$X, c(odd_names, colnames(d$X)[8:p])))
odd_fit <- lmm(y ~ x + re(X), odd)
reserved <- c(
  "T", "F", "c", "n", "t", "rows", "weights", ".weights", "subset", "offset", "data",
  "formula",
  "env", "call", "frame", "list", "model", "control", "method", "contrasts", "re", "fixed"
)
make_in_function <- function(data, w) {
  columns <- data$X
  formula <- y ~ x + re(columns)
  fit <- lmm(formula, data = data, weights = w, method = "ML")
  list(
    fit = fit, updated = stats::update(fit, . ~ . + z),
    without = lmm(y ~ re(columns), data, weights = w)
  )
}

names_and_scopes <- list(
  input_row(55, "column names keep their text and their encoding",
    function() names(ranef(odd_fit)$X)[1:7],
    check = function(found) {
      expect_identical(found, odd_names)
      expect_identical(Encoding(found), Encoding(odd_names))
    }
  ),
  input_row(55, "odd names neither change a fit nor its predictions",
    function() odd_fit,
    check = function(fit) {
      expect_same_fit(fit, plain)
      expect_equal(predict(fit, odd), predict(fit), tolerance = 1e-12)
      expect_match(printed(ranef(fit), n = p), "same.*same")
    }
  ),
  input_row(55, "duplicated names in another order are refused",
    function() predict(odd_fit, put(odd[1:2, ], X = odd$X[1:2, p:1])),
    "bad_input", message = "duplicated"
  ),
  input_row(55, "a column without a name is called by its number",
    function() lmm(y ~ x + re(X), put_cells(odd, "X", cbind(1, 3), NA)),
    "bad_input", message = "in 1 column: .*3"
  ),
  input_row(55, "a covariate may have any name",
    function() {
      name <- "l'\u00e9t\u00e9 (x)"
      data <- stats::setNames(d, replace(names(d), 1, name))
      formula <- stats::reformulate(c(paste0("`", name, "`"), "re(X)"), "y")
      fit <- lmm(formula, data)
      list(fit = fit, at = predict(fit, data), text = printed(summary(fit)), name = name)
    },
    check = function(value) {
      expect_same_fit(value$fit, plain)
      expect_equal(value$at, predict(plain), tolerance = 1e-12)
      expect_match(value$text, value$name, fixed = TRUE)
    }
  ),
  input_row(55, "the same in the C locale",
    function() {
      old <- Sys.getlocale("LC_CTYPE")
      on.exit(Sys.setlocale("LC_CTYPE", old))
      Sys.setlocale("LC_CTYPE", "C")
      fit <- lmm(y ~ x + re(X), odd)
      list(fit = fit, text = printed(ranef(fit)))
    },
    check = function(value) {
      expect_identical(varcomp(value$fit), varcomp(odd_fit))
      expect_match(value$text, "60 random effects of X, the 10 largest")
    }
  ),
  input_row(56, "no name of a variable is captured",
    function() {
      lapply(reserved, function(name) {
        data <- stats::setNames(d, replace(names(d), match("x", names(d)), name))
        fit <- lmm(stats::reformulate(c(name, "re(X)"), "y"), data)
        list(fit = fit, at = predict(fit, data), more = stats::update(fit, . ~ . + z))
      })
    },
    check = function(all) {
      for (i in seq_along(all)) {
        expect_identical(varcomp(all[[i]]$fit), varcomp(plain), info = reserved[i])
        expect_identical(names(fixef(all[[i]]$more)), c("(Intercept)", reserved[i], "z"))
        expect_equal(all[[i]]$at, predict(plain), tolerance = 1e-12)
      }
    }
  ),
  input_row(56, "nor as an argument, a grouping factor or a design",
    function() {
      own <- put(d, weights = d$z + 1, offset = d$z, rows = d$g, n = d$X)
      list(
        lmm(y ~ x, own, weights = weights, offset = offset, subset = weights > 1.2),
        lmm(y ~ x + (1 | rows), own), lmm(y ~ x + re(n), own)
      )
    },
    check = function(fits) {
      referee <- lm(y ~ x, d, weights = z + 1, offset = z, subset = z > 0.2)
      expect_equal(coef(fits[[1]]), coef(referee), tolerance = 1e-12)
      expect_identical(unname(varcomp(fits[[2]])), unname(varcomp(grouped)))
      expect_identical(unname(varcomp(fits[[3]])), unname(varcomp(plain)))
    }
  ),
  input_row(57, "a formula, weights and a design that are local to a function",
    function() make_in_function(d, rep(2, n)),
    check = function(fits) {
      # weights 2 double sigma_e^2
      likewise <- unname(varcomp(lmm(y ~ x + re(X), d, method = "ML"))) * c(1, 2)
      expect_equal(unname(varcomp(fits$fit)), likewise, tolerance = 1e-10)
      expect_identical(names(fixef(fits$updated)), c("(Intercept)", "x", "z"))
    }
  ),
  input_row(57, "update() outside of that function finds its data",
    function() stats::update(make_in_function(d, rep(2, n))$fit, . ~ . + z),
    check = function(fit) expect_identical(names(fixef(fit)), c("(Intercept)", "x", "z"))
  ),
  input_row(57, "so do drop1() and anova(refit = TRUE)",
    function() {
      made <- make_in_function(d, rep(2, n))
      restricted <- lapply(made[c("fit", "without")], stats::update, method = "REML")
      list(drop1(made$fit), anova(restricted[[1]], restricted[[2]], refit = TRUE))
    },
    check = function(tables) {
      expect_identical(rownames(tables[[1]]), c("<none>", "x"))
      expect_equal(tables[[1]]$LRT[2], tables[[2]]$Chisq[2], tolerance = 1e-9)
    }
  ),
  input_row(57, "drop1() uses the data of the fit, whatever they are called",
    function() {
      full <- d
      drop1(lmm(y ~ x + z + re(X), data = full))
    },
    check = function(table) expect_identical(rownames(table), c("<none>", "x", "z"))
  ),
  input_row(57, "do.call() with values",
    function() do.call(lmm, list(y ~ x + re(X), data = d)),
    check = function(fit) {
      expect_same_fit(fit, plain)
      expect_lt(nchar(printed(fit)), 1000)
      expect_identical(
        names(fixef(stats::update(fit, . ~ . + z))), c("(Intercept)", "x", "z")
      )
    }
  ),
  input_row(57, "do.call() does not put the function into the message",
    function() do.call(lmm, list(y ~ nowhere + re(X), data = d)),
    "bad_input", message = "nowhere"
  ),
  input_row(57, "a matrix put into the formula is not printed",
    function() eval(substitute(lmm(y ~ x + re(M), d), list(M = d$X))),
    check = function(fit) {
      expect_same_fit(fit, plain)
      expect_lt(nchar(printed(fit)), 1000)
    }
  ),
  input_row(57, "a fit holds its design once",
    function() plain,
    check = function(fit) {
      parts <- list(d$X, fit$frame, fit$internal$system)
      # names, text and the eigenvectors beside the design; held twice it would be 1.7
      expect_lt(length(serialize(fit, NULL)), 1.4 * length(serialize(parts, NULL)))
    }
  )
)
check_rows(names_and_scopes)
