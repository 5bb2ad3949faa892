/* call.h - one call of the plugin, on a loop of its own. */
#ifndef CALL_H
#define CALL_H

#include <consul-failover/plugin.h>
#include <event2/event.h>

#include "config.h"
#include "description.h"
#include "handler.h"

struct call_answer {
	struct event_base	*base;
	enum handler_result	 result;
	char			 text[FAILOVER_POSITION];
};

/* Blocks until the plugin has answered, or the deadline has passed. */
void	call_once(const struct config *, const struct plugin_description *,
	    const struct handler_call *, struct call_answer *);

#endif
