/* guard_tell.c - what the guard reports to its agent. */
#include "guard_tell.h"

#include "guard_state.h"

void
guard_tell(struct guard *g, enum core_guard what, const char *text)
{
	wire_begin(&g->out, WIRE_GUARD);
	wire_put_number(&g->out, what);
	wire_put_number(&g->out, (uint64_t)g->lease.until);
	wire_put_string(&g->out, text);
	if (g->agent)
		may_fail(wire_offer(CHANNEL, &g->out),
		    "it must not hold us up: one that hangs reads it later");
}
