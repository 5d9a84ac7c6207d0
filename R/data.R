#' Grain yield and markers of 599 wheat lines
#'
#' Historical lines of the Global Wheat Program of CIMMYT, with their average grain yield in four
#' environments and 1279 DArT markers: more than twice as many markers as lines. The same values
#' as in the package BGLR, in one data frame.
#'
#' @format A data frame with 599 rows (row names: the lines) and columns
#' \describe{
#'   \item{yield1, yield2, yield3, yield4}{numeric: grain yield in four groups of environments,
#'     standardised to mean 0 and variance 1.}
#'   \item{set}{factor: one of ten folds for cross-validation.}
#'   \item{markers}{integer matrix, 599 x 1279: presence (1) or absence (0) of a marker.}
#' }
#' @source The data set `wheat` of the package BGLR (GPL-3), `data-raw/wheat.R` makes this copy.
#' @references Crossa et al. (2010). Prediction of genetic values of quantitative traits in plant
#'   breeding using pedigree and molecular markers. *Genetics* 186, 713-724.
#'   \doi{10.1534/genetics.110.118521}
#' @examples
#' data(wheat)
#' lmm(yield1 ~ re(markers), data = wheat, subset = set %in% 1:3)
"wheat"
