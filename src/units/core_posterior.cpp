#include "hdlmm/inference/posterior/mixture.cpp"
#include "hdlmm/inference/posterior/prediction.cpp"
