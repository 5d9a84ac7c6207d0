#include "hdlmm/inference/terms/expected_posterior.cpp"
#include "hdlmm/inference/terms/row_polish.cpp"
#include "hdlmm/inference/terms/terms_em.cpp"
#include "hdlmm/inference/terms/terms_expectation.cpp"
