# What happens when the package is loaded and unloaded.

# An interrupted eigendecomposition finishes in the background; R must not exit before it has.
background <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  background$is_loaded <- TRUE
  reg.finalizer(background, function(e) if (e$is_loaded) cpp_join_orphans(), onexit = TRUE)
  # engines live in a table of parsnip's, which is there when that is loaded, before us or after
  if (isNamespaceLoaded("parsnip")) register_engine()
  setHook(packageEvent("parsnip", "onLoad"), function(...) register_engine())
  # marginaleffects asks this option for the classes that other packages have methods for
  if (isNamespaceLoaded("marginaleffects")) offer_marginal_effects()
  setHook(packageEvent("marginaleffects", "onLoad"), function(...) offer_marginal_effects())
}

offer_marginal_effects <- function() {
  known <- getOption("marginaleffects_model_classes")
  options(marginaleffects_model_classes = union(known, "hdlmm"))
}

.onUnload <- function(libpath) {
  cpp_join_orphans()
  background$is_loaded <- FALSE
  library.dynam.unload("hdlmm", libpath)
}
