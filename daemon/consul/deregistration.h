/* deregistration.h - takes our service out of Consul. */
#ifndef DEREGISTRATION_H
#define DEREGISTRATION_H

#include <stdbool.h>

#include "config.h"
#include "consul.h"

struct deregistration {
	struct consul		*consul;
	const struct config	*config;
	const char		*check_url, *mark;
	const char		*check;		/* as own_service described it
						 * in this run, or "" */
	/* ok: the service is no longer registered, or it is another agent's.
	 * If not, text says why; it is borrowed. */
	void			(*done)(bool ok, const char *text, void *arg);
	void			*arg;
	struct consul_request	*request;	/* NULL: none is under way */
};

/* The caller has set all above request; they are borrowed until done runs.
 * Another agent's registration is left as it is, with a warning in the log. */
void	deregistration_begin(struct deregistration *);
/* done won't run any more. */
void	deregistration_cancel(struct deregistration *);

#endif
