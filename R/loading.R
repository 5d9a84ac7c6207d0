# What happens when the package is loaded and unloaded.

# An interrupted eigendecomposition finishes in the background; R must not exit before it has.
background <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  background$is_loaded <- TRUE
  reg.finalizer(background, function(e) if (e$is_loaded) cpp_join_orphans(), onexit = TRUE)
  # engines live in a table of parsnip's, which is there when that is loaded, before us or after
  if (isNamespaceLoaded("parsnip")) register_engine()
  setHook(packageEvent("parsnip", "onLoad"), function(...) register_engine())
}

.onUnload <- function(libpath) {
  cpp_join_orphans()
  background$is_loaded <- FALSE
  library.dynam.unload("hdlmm", libpath)
}
