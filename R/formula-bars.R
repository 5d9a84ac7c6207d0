# (left | group): what a level of the grouping factor has coefficients of, and the grouping factor.
# `|` lets the coefficients of a level be correlated, `||` makes them independent terms; a / b
# stands for two grouping factors.

# The terms that a bar stands for, one a grouping factor; see also settle_term().
read_bar <- function(bar) {
  text <- backtick(paste0("(", short_text(bar), ")"))
  is_intercept <- identical(bar[[2]], 1) || is_intercept_only(check_left(bar[[2]], text))
  groups <- nested_groups(bar[[3]])
  for (group in groups) check_group(group, text)
  lapply(groups, read_group, bar = bar, is_intercept = is_intercept)
}

# (1 | g) is a term of its own: nothing but levels.
read_group <- function(group, bar, is_intercept) {
  written <- call("(", bar)
  bar[[3]] <- group
  left <- bar[[2]]
  new_term(
    if (is_intercept) "group" else "level", if (is_intercept) group else call("+", left, group),
    call("(", bar), group = group, left = left, label = short_text(group),
    in_frame = if (is_intercept) group else call("+", left, group),
    is_independent = is_named_call(bar, "||"), written = written
  )
}

# The left side as terms, without the environment of the formula.
left_terms <- function(left) {
  formula <- call("~", left)
  class(formula) <- "formula"
  environment(formula) <- baseenv()
  stats::terms(formula)
}

# Its terms, if it may stand there.
check_left <- function(left, text) {
  if (contains_random(left)) {
    abort(
      "unsupported", "in ", text, " a random term stands left of the bar: write each in a summand ",
      "of its own, as (x | g) + re(X)."
    )
  }
  if ("." %in% all.vars(left)) {
    bad_input("in ", text, " the variables left of the bar must be named; found `.`.")
  }
  terms <- on_error(
    left_terms(left),
    function(e) bad_input("cannot read the left side of ", text, ": ", sentence(e))
  )
  if (!is.null(attr(terms, "offset"))) {
    abort("unsupported", "an offset has no coefficient that could vary, as in ", text, ".")
  }
  if (attr(terms, "intercept") == 0 && length(attr(terms, "term.labels")) == 0) {
    abort("unsupported", "the left side of ", text, " has no columns: write (1 | g) or (x | g).")
  }
  terms
}

# What varies by level is no response.
check_own_response <- function(term, response) {
  if (is.null(term$left) || identical(term$left, 1)) return(invisible())
  variables <- as.list(attr(left_terms(term$left), "variables"))[-1]
  if (!any(vapply(variables, identical, NA, response))) return(invisible())
  bad_input("the response stands left of the bar of ", backtick(term_text(term)), ".")
}

# a / b as a and b:a, as lme4 calls them, however deep: every factor within the finest before it.
nested_groups <- function(group) {
  inside <- group
  while (is_named_call(inside, "(")) inside <- inside[[2]]
  if (!is_named_call(inside, "/")) return(list(group))
  outer <- nested_groups(inside[[2]])
  around <- outer[[length(outer)]]
  c(outer, lapply(nested_groups(inside[[3]]), function(inner) call(":", inner, around)))
}

# What stands right of the bar is a factor or an interaction of factors.
check_group <- function(group, text) {
  if (is_named_call(group, c("(", ":"))) {
    for (part in as.list(group)[-1]) check_group(part, text)
    return(invisible())
  }
  if (identical(group, quote(.))) {
    bad_input("in ", text, " the grouping factor must be named; found `.`.")
  }
  operator <- if (is.call(group) && is.name(group[[1]])) as.character(group[[1]]) else ""
  advice <- group_advice[[match(operator, names(group_advice), length(group_advice))]]
  if (is.na(advice)) return(invisible())
  abort(
    "unsupported", "the grouping factor of ", text, " must be one factor or an interaction a:b",
    advice, "."
  )
}

# By operator; NA for what is one factor.
group_advice <- list(
  `+` = ": write (1 | a) + (1 | b) for (1 | a + b)",
  `*` = ": write (1 | a) + (1 | b) + (1 | a:b) for (1 | a * b)",
  `%in%` = ": write (1 | a:b) for (1 | a %in% b)",
  `/` = ": a nesting a / b stands alone right of the bar",
  `|` = ": write (1 | a) + (1 | b) for (1 | a | b)", `||` = "; found another bar",
  `-` = ": compute a difference as a variable", `^` = ": compute a power as a variable",
  other = NA_character_
)

# us(x | g) and the like of glmmTMB and lme4.
stop_structured <- function(expr) {
  forms <- c(
    "us", "diag", "cs", "ar1", "homdiag", "homcs", "hetar1", "toep", "homtoep", "ou", "exp", "gau",
    "mat", "rr", "propto", "equalto"
  )
  is_structured <- is_named_call(expr, forms) && any(vapply(as.list(expr)[-1], is_bar, NA))
  if (!is_structured) return(invisible())
  abort(
    "unsupported", backtick(short_text(expr)), ": covariance structures have no names here; write ",
    "(x | g) for correlated coefficients, as us(x | g), or (x || g) for independent ones, as ",
    "diag(x | g)."
  )
}
