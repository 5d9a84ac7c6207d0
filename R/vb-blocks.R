# The blocks of coefficients between which q(beta) factorises, as lmm_control(blocks = ) has them.

# What lmm_control(blocks = ) says of every term: "levels", "coefficients", "terms", or a factor
# over its columns; "all" of the whole.
block_choices <- function(designs, control) {
  chosen <- control$blocks
  if (is.null(chosen)) chosen <- "levels"
  if (is.character(chosen)) return(rep(list(chosen), length(designs)))
  if (is.factor(chosen)) {
    if (length(designs) > 1) {
      bad_input(
        "`blocks` is a factor over the columns of one term, and the model has ",
        enumerate(backtick(names(designs)), Inf), ": write a list of factors named by term."
      )
    }
    return(list(chosen))
  }
  unknown <- setdiff(names(chosen), names(designs))
  if (length(unknown) > 0) {
    bad_input(
      "`blocks` names the random terms ", enumerate(backtick(unknown)), "; the model has ",
      enumerate(backtick(names(designs)), Inf), "."
    )
  }
  lapply(names(designs), function(label) value_or(chosen[[label]], "levels"))
}

# The same for the core; NULL for one block of all coefficients.
term_blocks <- function(designs, control) {
  choices <- block_choices(designs, control)
  if (any(vapply(choices, identical, NA, "all"))) return(NULL)
  Map(function(choice, design) {
    if (is.factor(choice)) return(column_codes(choice, design))
    c(levels = "level", coefficients = "coefficient", terms = "term")[[choice]]
  }, choices, unname(designs))
}

column_codes <- function(blocks, design) {
  if (coefficient_width(design) > 1) {
    bad_input(
      "`blocks` has a factor for ", backtick(design$label), ", whose coefficients come by level: ",
      "write \"levels\" or \"coefficients\"."
    )
  }
  check_block_count(blocks, design)
  list(block = as.integer(blocks) - 1L, n_blocks = nlevels(blocks))
}

# The blocks of the columns of one term, NULL where factors are single columns.
single_blocks <- function(control, design) {
  choice <- block_choices(stats::setNames(list(design), design$label), control)[[1]]
  if (is.factor(choice)) return(check_block_count(choice, design))
  if (choice %in% c("terms", "all")) factor(rep(1L, design$n_cols))
}

check_block_count <- function(blocks, design) {
  if (length(blocks) != design$n_cols) {
    bad_input(
      "`blocks` has ", counted(length(blocks), "value"), "; ", backtick(design$label), " has ",
      counted(design$n_cols, "column"), "."
    )
  }
  blocks
}
