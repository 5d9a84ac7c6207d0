#include "hdlmm/inference/terms/terms_nodes.cpp"
#include "hdlmm/model/terms_prior.cpp"
#include "hdlmm/objective/terms_coordinates.cpp"
#include "hdlmm/objective/terms_posterior.cpp"
