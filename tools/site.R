# The documentation site, in build-site, without a network:   Rscript tools/site.R
#   pkgdown with the templates of pkgdown/, formulas as MathML, a search index that needs no server;
#   links are followed by tools/check-links. Needs pkgdown (Debian: r-cran-pkgdown) and pandoc.
if (!requireNamespace("pkgdown", quietly = TRUE)) {
  stop("pkgdown is missing (Debian: r-cran-pkgdown).", call. = FALSE)
}
target <- "build-site"
unlink(target, recursive = TRUE)
options(pkgdown.internet = FALSE)
pkgdown::build_site(
  ".", override = list(destination = target), install = FALSE, new_process = FALSE,
  preview = FALSE, devel = FALSE
)

# Formulas of all pages as MathML, by one call of pandoc: a paragraph each.
as_mathml <- function(tex, is_block) {
  input <- tempfile(fileext = ".md")
  output <- tempfile(fileext = ".html")
  fence <- ifelse(is_block, "$$", "$")
  tex <- gsub("\n+", " ", trimws(tex))
  writeLines(paste0(fence, tex, fence, "\n"), input)
  arguments <- c("-f", "markdown", "-t", "html", "--mathml", "--wrap=none", "-o", output, input)
  if (system2("pandoc", arguments) != 0) stop("pandoc failed.", call. = FALSE)
  out <- xml2::xml_find_all(xml2::read_html(output, encoding = "UTF-8"), "//math")
  if (length(out) != length(tex)) stop("pandoc left a formula out.", call. = FALSE)
  out
}

pages <- list.files(target, "[.]html$", recursive = TRUE, full.names = TRUE)
for (page in pages) {
  html <- xml2::read_html(page, encoding = "UTF-8")
  formulas <- xml2::xml_find_all(html, "//span[contains(concat(' ', @class, ' '), ' math ')]")
  if (length(formulas) == 0) next
  text <- gsub("^\\\\[([]|\\\\[])]$", "", xml2::xml_text(formulas))
  new <- as_mathml(text, grepl("display", xml2::xml_attr(formulas, "class")))
  for (i in seq_along(formulas)) xml2::xml_replace(formulas[[i]], new[[i]])
  xml2::write_html(html, page, options = character())
}

# The index of pkgdown as a script of short entries.
found <- jsonlite::fromJSON(file.path(target, "search.json"), simplifyVector = FALSE)
prefix <- paste0(yaml::read_yaml("_pkgdown.yml")$url, "/")
one_line <- function(x) tolower(substr(paste(unlist(x), collapse = " "), 1, 20000))
entries <- lapply(found, function(entry) {
  id <- if (length(entry$id) > 0 && !is.na(entry$id)) paste0("#", entry$id) else ""
  list(
    href = paste0(sub(prefix, "", entry$path, fixed = TRUE), id), title = entry$title,
    what = entry$what, page = tolower(entry$title), heading = tolower(entry$what),
    text = one_line(entry[c("text", "code")])
  )
})
json <- jsonlite::toJSON(entries, auto_unbox = TRUE)
writeLines(paste0("window.searchIndex = ", json, ";"), file.path(target, "search-index.js"))
cat(length(pages), "pages in", target, "\n")
