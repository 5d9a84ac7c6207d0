# Arguments that make no sense.
# One row of the table a case; the numbers are those of the design notes.

d <- bad_input_data()
plain <- lmm(y ~ x + re(X), d)

nonsense <- list(
  tol = list(-1, NaN, NA_real_, "a", c(1, 2), NULL, -Inf),
  max_iter = list(0, 1.5, Inf, NA, -3),
  draws = list(0, 1e9, 2.5), seed = list("a", 1e10, NA, 1.5),
  threads = list(0, -1, 1.5, "two"),
  progress = list(2, NA, "yes"), grid_step = list(0, 5, NaN)
)
check_rows(unlist(lapply(names(nonsense), function(name) {
  lapply(nonsense[[name]], function(value) {
    input_row(62, paste0("lmm_control(", name, " = ", deparse1(value), ")"),
      function() do.call("lmm_control", stats::setNames(list(value), name)),
      "bad_input", message = paste0("^`", name, "` must be .*; found ")
    )
  })
}), recursive = FALSE))
check_rows(list(
  input_row(62, "a control that is nonsense stops before anything is computed",
    function() lmm(y ~ x + re(X), d, control = lmm_control(tol = -1)),
    "bad_input", message = "`tol` must be"
  ),
  input_row(62, "blocks that are no factor over columns",
    function() lmm_control(blocks = c(1, NA)), "bad_input", message = "`blocks` must be .*a factor"
  ),
  input_row(62, "blocks over another number of columns",
    function() {
      lmm(y ~ x + re(X), d, method = "VB", control = lmm_control(blocks = 1:3))
    },
    "bad_input", message = "`blocks` has 3 values; `X` has 60 columns"
  ),
  input_row(62, "max_iter = NULL is each algorithm's own limit",
    function() lmm(y ~ x + re(X), d, control = lmm_control(max_iter = NULL)),
    check = same_as(plain)
  ),
  input_row(62, "a control that is a plain list",
    function() lmm(y ~ x + re(X), d, control = list(tol = 1)),
    "bad_input", message = "`control` must come from lmm_control\\(\\)"
  )
))
