library(testthat)
library(hdlmm)

test_check("hdlmm")
