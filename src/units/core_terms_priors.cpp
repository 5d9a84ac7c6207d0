#include "hdlmm/model/terms_prior.cpp"
