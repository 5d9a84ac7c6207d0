#include "hdlmm/dense/small_dense.cpp"
#include "hdlmm/inference/gibbs/gibbs.cpp"
#include "hdlmm/inference/gibbs/gibbs_model.cpp"
