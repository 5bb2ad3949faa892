/* api_metrics.h - /metrics: the status as Prometheus reads it. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "api_answer.h"
#include "api_status.h"

/* One sample of each; times are in seconds. */
void	api_metrics_answer(struct api_answer *, const struct api_status *);

#endif
