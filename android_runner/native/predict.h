/* What outputs mean, by task. */
#ifndef BENCH_PREDICT_H
#define BENCH_PREDICT_H

#include "json.h"
#include "session.h"

/* Writes the prediction that the session's outputs are; null for tasks without one. */
void write_prediction(const bench_session *session, json_writer *json);

/* The name of class `index`, or NULL. */
const char *class_label(const bench_model *model, size_t index);

/* Logistic function; in this form it cannot overflow. */
float sigmoid(float x);

#endif
