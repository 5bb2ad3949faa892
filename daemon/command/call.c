/* call.c - one call of the plugin, on a loop of its own. */
#include "call.h"

#include <stdio.h>

#include "must.h"

static void
call_keep(enum handler_result result, const char *text, void *arg)
{
	struct call_answer	*a = arg;

	a->result = result;
	snprintf(a->text, sizeof a->text, "%s", text);
	event_base_loopbreak(a->base);
}

void
call_once(const struct config *c, const struct plugin_description *p,
    const struct handler_call *call, struct call_answer *a)
{
	struct handler	*h;

	a->result = HANDLER_LOST;
	a->base = must(event_base_new());
	h = handler_new(a->base, "call", c, p, NULL, NULL);
	may_fail(handler_call(h, call, call_keep, a), "it is the first one");
	event_base_dispatch(a->base);
	handler_free(h);
	event_base_free(a->base);
}
