#include "hdlmm/inference/terms/terms_nodes.cpp"
#include "hdlmm/objective/terms_coordinates.cpp"
