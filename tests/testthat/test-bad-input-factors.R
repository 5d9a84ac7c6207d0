# Factors and levels.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
n <- nrow(d)

grouped <- lmm(y ~ x + (1 | g), d)
by_factor <- lmm(y ~ f + re(X), d)
individuals <- crossprod(matrix(sin(1:70), 7)) + diag(10)
rownames(individuals) <- levels(d$g)
by_kernel <- lmm(y ~ x + re(kernel = individuals, id = g), d)
typed <- put(
  d, text = as.character(d$f), flag = d$x > 0, order = factor(d$f, ordered = TRUE)
)
same_as_lm <- function(formula, data) {
  list(
    fit = suppressMessages(lmm(formula, data)), lm = lm(formula, data),
    mixed = suppressMessages(lmm(stats::update(formula, . ~ . + re(X)), data))
  )
}

factors <- list(
  input_row(37, "a factor with one level is named",
    function() lmm(y ~ x + k + re(X), put(d, k = factor(rep("only", n)))),
    "bad_input", message = "^`k` has only one level in the fitted rows"
  ),
  input_row(37, "two of them, one of text",
    function() lmm(y ~ k + q, put(d, k = factor(rep("only", n)), q = rep("one", n))),
    "bad_input",
    message = "^`k` and `q` have only one level"
  ),
  input_row(37, "one level is left by the subset",
    function() lmm(y ~ f + re(X), d, subset = f == "a"),
    "bad_input", message = "`f` has only one level"
  ),
  input_row(37, "one level is left by the weights",
    function() lmm(y ~ f * x + re(X), d, weights = as.numeric(f == "a")),
    "bad_input", message = "`f` has only one level"
  ),
  input_row(38, "unused levels, ordered factors, text and flags are as in lm()",
    function() {
      unused <- put(typed, f = factor(d$f, levels = c("q", "d", "b", "a", "c")))
      lapply(
        list(y ~ f, y ~ order, y ~ text, y ~ flag, y ~ flag * text), same_as_lm,
        data = unused
      )
    },
    check = function(all) {
      for (one in all) {
        expect_equal(coef(one$fit), coef(one$lm), tolerance = 1e-12)
        expect_identical(names(fixef(one$mixed)), names(coef(one$lm)))
        expect_identical(one$mixed$xlevels, one$lm$xlevels)
      }
    }
  ),
  input_row(39, "levels of new data are matched by name, text or factor, in any order",
    function() {
      rows <- put(d[1:8, ], f = factor(d$f[1:8], levels = c("d", "c", "b", "a")))
      text <- put(rows, f = as.character(rows$f))
      turned <- put(d[1:8, ], g = factor(d$g[1:8], levels = 10:1))
      list(
        predict(by_factor, d[1:8, ]), predict(by_factor, rows), predict(by_factor, text),
        predict(grouped, d[1:8, ]), predict(grouped, turned),
        predict(grouped, put(turned, g = as.character(turned$g)))
      )
    },
    check = function(at) {
      expect_identical(at[[2]], at[[1]])
      expect_identical(at[[3]], at[[1]])
      expect_identical(at[[5]], at[[4]])
      expect_identical(at[[6]], at[[4]])
    }
  ),
  input_row(40, "an unseen level of a fixed factor is listed",
    function() predict(by_factor, put(d[1:3, ], f = c("new", "a", "odd"))),
    "bad_input", message = "`?f`? has new levels? .*new.*odd"
  ),
  input_row(40, "an unseen level of a grouping factor is listed, with the way out",
    function() predict(grouped, put(d[1:2, ], g = c("new", "1"))),
    "new_levels",
    message = "levels of `g` that the fit does not know: \"new\".*allow.new.levels"
  ),
  input_row(40, "allow.new.levels = TRUE predicts it from the prior, and its variance",
    function() {
      new <- put(d[1:3, ], g = c("new", "1", NA))
      at <- predict(grouped, new, se.fit = TRUE, allow.new.levels = TRUE)
      list(at = at, fixed = predict(grouped, new, random = FALSE, se.fit = TRUE))
    },
    check = function(value) {
      expect_identical(value$at$fit[1], value$fixed$fit[1])
      prior <- value$at$se.fit[[1]]^2 - value$fixed$se.fit[[1]]^2
      expect_equal(prior, varcomp(grouped)[["g"]], tolerance = 1e-10)
      expect_identical(is.na(unname(value$at$fit)), c(FALSE, FALSE, TRUE))
    }
  ),
  input_row(40, "an individual that the kernel lacks is named",
    function() predict(by_kernel, put(d[1:2, ], g = c("new", "1"))),
    c("bad_input", "new_levels"), message = "not rows of `individuals`: \"new\""
  )
)
check_rows(factors)
