# Builds the vignettes by the package that is installed, and puts them where vignette(),
# browseVignettes() and help.start() look:
#   Rscript tools/vignettes.R <directory with DESCRIPTION and vignettes/> <installed package>
# Called by tools/install.sh on a copy, as results are written beside the sources. Needs knitr,
# rmarkdown and pandoc.

args <- commandArgs(trailingOnly = TRUE)
installed <- normalizePath(args[2])

# The columns that R CMD build writes.
index_of <- function(built) {
  info <- lapply(built$docs, tools::vignetteInfo)
  column <- function(name) vapply(info, function(one) as.character(one[[name]]), "")
  code <- vapply(built$docs, function(doc) basename(built$sources[[doc]][1]), "")
  index <- data.frame(
    File = column("file"), Title = column("title"), PDF = basename(built$outputs), R = code,
    row.names = NULL
  )
  index$Depends <- lapply(info, `[[`, "depends")
  index$Keywords <- lapply(info, `[[`, "keywords")
  index
}

# What R CMD INSTALL writes where vignettes come with the package: a page of titles, and a link to
# it from the page of help topics.
write_links <- function(index, installed) {
  name <- basename(installed)
  item <- function(page, text) sprintf("<li><a href=\"%s\">%s</a></li>", page, text)
  writeLines(
    c(
      "<!DOCTYPE html>", "<html><head><meta charset=\"utf-8\">",
      sprintf("<title>Vignettes of %s</title>", name),
      "<link rel=\"stylesheet\" href=\"../html/R.css\"></head><body>",
      sprintf("<h2>Vignettes of %s</h2><ul>", name), item(index$PDF, index$Title),
      "</ul></body></html>"
    ),
    file.path(installed, "doc", "index.html")
  )
  topics <- file.path(installed, "html", "00Index.html")
  lines <- readLines(topics)
  link <- item("../doc/index.html", "User guides, package vignettes and other documentation.")
  at <- grep("DESCRIPTION file", lines)
  if (!any(grepl(link, lines, fixed = TRUE))) writeLines(append(lines, link, at[1]), topics)
}

tools::buildVignettes(dir = args[1], tangle = TRUE, quiet = TRUE)
built <- tools::pkgVignettes(dir = args[1], output = TRUE, source = TRUE)
index <- index_of(built)
doc <- file.path(installed, "doc")
unlink(doc, recursive = TRUE)
dir.create(doc)
invisible(file.copy(c(built$docs, built$outputs, unlist(built$sources)), doc))
saveRDS(index, file.path(installed, "Meta", "vignette.rds"))
write_links(index, installed)
cat(nrow(index), "vignettes:", tools::file_path_sans_ext(index$File), "\n")
