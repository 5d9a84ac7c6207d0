#include "hdlmm/inference/em/em_step.cpp"
#include "hdlmm/inference/em/expectation_maximisation.cpp"
#include "hdlmm/inference/em/restricted_em.cpp"
