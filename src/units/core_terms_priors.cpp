#include "hdlmm/model/terms_prior.cpp"
#include "hdlmm/objective/terms_posterior.cpp"
