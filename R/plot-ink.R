# One look for all pictures: inks, colours of groups and how a line of text is cut.

plot_ink <- function(what) {
  unname(c(
    line = "#B5382A", point = "#1F3A5F", shade = "#DCE3EF", reference = "grey45", soft = "grey50",
    black = "black"
  )[what])
}

# Colours by name that are told apart without red and green: of Okabe and Ito, or of a scale where
# they do not suffice. What all others are judged by, `reference`, is black.
group_colours <- function(names, reference = NULL) {
  names <- unique(as.character(names))
  others <- setdiff(names, reference)
  few <- unname(grDevices::palette.colors(9, "Okabe-Ito"))[c(6, 7, 4, 8, 2, 3, 9)]
  colours <- if (length(others) <= length(few)) few[seq_along(others)] else
    grDevices::hcl.colors(length(others), "Viridis")
  out <- stats::setNames(c(colours, rep("black", length(reference))), c(others, reference))
  out[names]
}

# Points that stay legible from 3 to 1e6 of them: smaller and more transparent as they multiply.
point_size <- function(n) c(0.9, 0.7, 0.5, 0.4)[point_class(n)]

point_alpha <- function(n) c(0.8, 0.6, 0.35, 0.2)[point_class(n)]

point_class <- function(n) 1 + sum(n > c(100, 1000, 10000))

# Both ends are kept: names often differ in the last characters.
shorten <- function(text, longest) {
  long <- nchar(text) > longest
  half <- max(1, (longest - 2) / 2)
  text[long] <- paste0(
    substr(text[long], 1, ceiling(half)), "..",
    substring(text[long], nchar(text[long]) - floor(half) + 1)
  )
  text
}

percent <- function(level) paste0(format(100 * level), "%")
