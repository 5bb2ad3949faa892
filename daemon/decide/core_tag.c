/* core_tag.c - the tag of our service in Consul, which clients query. */

#include "core_tag.h"

#include <string.h>

#include "core_do.h"
#include "core_due.h"
#include "core_lock.h"
#include "text.h"

/* It says again and again that it is not one yet.  When its master dies it need
 * not be told from the others before there can be another master. */
static bool
joins_in_vain(struct core *c)
{
	return c->not_done > 0 && core_due(c, c->not_done_at +
	    c->config.lock_delay_ms + core_lock_grace_ms(c));
}

/* NULL: leave it as it is. */
static const char *
tag(struct core *c)
{
	bool	was_slave = strcmp(c->tag, "slave") == 0;

	switch (c->state) {
	case CORE_STATE_MASTER:
		return "master";
	case CORE_STATE_UNHEALTHY:
		return "unhealthy";
	case CORE_STATE_DISABLED:
		return "disabled";
	case CORE_STATE_SLAVE:
		if (c->done == CORE_OP_ENSURE_SLAVE)
			return "slave";
		return was_slave && !c->failed && !joins_in_vain(c) ?
		    "slave" : "";
	case CORE_STATE_CANDIDATE:
	case CORE_STATE_FENCED:
		return was_slave ? "slave" : "";
	case CORE_STATE_DEMOTING:
		return c->demotion.late ? "" : NULL;
	case CORE_STATE_STOPPING:	/* see leave.deregister */
		return c->maybe_master && c->made_master ? "" : NULL;
	case CORE_STATE_STARTING:
	case CORE_STATE_PROMOTING:
	case CORE_STATES:
		break;
	}
	return NULL;
}

void
core_tag_show(struct core *c)
{
	const char	*t = tag(c);

	if (t == NULL || strcmp(t, c->tag) == 0)
		return;
	text_copy(c->tag, sizeof c->tag, t);
	text_copy(core_do(c, CORE_DO_SET_TAG)->tag, CORE_TAG, t);
}
