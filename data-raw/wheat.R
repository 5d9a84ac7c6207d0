# data/wheat.rda: the wheat lines of the CRAN package BGLR (GPL-3; Perez and de los
# Campos, 2014, Genetics 198, 483-495; first used by Crossa et al., 2010, Genetics 186,
# 713-724). 599 CIMMYT lines, grain yield in four environments (each column centred and
# scaled to unit variance), 1279 DArT markers coded 0/1. Run from the top directory.

source <- new.env()
utils::data("wheat", package = "BGLR", envir = source)
yields <- source$wheat.Y # its columns are called 1, 2, 4, 5
markers <- source$wheat.X
stopifnot(
  identical(dim(yields), c(599L, 4L)), identical(dim(markers), c(599L, 1279L)),
  !anyNA(yields), all(markers == round(markers)), !anyDuplicated(rownames(yields))
)
storage.mode(markers) <- "integer"

wheat <- data.frame(yields, row.names = rownames(yields))
names(wheat) <- paste0("yield", 1:4)
if (!is.null(source$wheat.sets)) wheat$set <- factor(source$wheat.sets)
wheat$markers <- markers

dir.create("data", showWarnings = FALSE)
save(wheat, file = "data/wheat.rda", compress = "xz", compression_level = 9)
cat(sprintf("data/wheat.rda: %.0f KB\n", file.size("data/wheat.rda") / 1024))
