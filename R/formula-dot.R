# What `.` stands for in re(.): the columns of the data that the rest of the formula does not name.

write_out_dot <- function(parts, data) {
  is_dot <- vapply(parts$random, function(term) identical(term$main, quote(.)), NA)
  if (!any(is_dot)) return(parts)
  if (sum(is_dot) > 1 || "." %in% all.vars(parts$fixed)) {
    bad_input("`.` stands twice in `formula`: the other columns of the data can be in one term.")
  }
  if (!is.data.frame(data)) bad_input("`re(.)` needs a data frame as `data`.")
  others <- lapply(parts$random[!is_dot], `[[`, "expr")
  taken <- unlist(lapply(c(list(parts$response, parts$fixed), others), all.vars))
  columns <- setdiff(names(data), taken)
  check_dot_columns(columns, data)
  parts$random[is_dot] <- lapply(
    parts$random[is_dot], stand_for, as.call(c(quote(cbind), lapply(columns, as.name)))
  )
  parts
}

# The term with an expression in the place of `.`; it is called and shown as before.
stand_for <- function(term, main) {
  term$written <- swap_terms(term$expr, list(quote(.)), list(main))
  if (!term$is_named) term$written$name <- term$label
  term$main <- term$at_new_rows <- term$arguments$x <- main
  term
}

check_dot_columns <- function(columns, data) {
  if (length(columns) == 0) {
    bad_input("`re(.)` stands for nothing: `formula` names all columns of the data.")
  }
  is_number <- vapply(data[columns], function(x) {
    (is.numeric(x) || is.logical(x)) && !is.factor(x)
  }, NA)
  if (all(is_number)) return(invisible())
  bad_input(
    "`re(.)` stands for columns that hold no numbers: ", enumerate(backtick(columns[!is_number])),
    "; leave them out of the data or name them in another term."
  )
}
