/* agent_notice.c - notices about a copy, in addition to its health. */
#include "agent_private.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "heed.h"
#include "lock.h"
#include "registration.h"

#define JOIN_TIME	5000	/* ms; so long may a slave be joining without */
#define NOTICE_PAUSE	10000	/* a notice, which has new words so often */

void
agent_notice_heed(const struct agent *a, char *text, size_t size)
{
	const char	*check = heed_check(a->heed);
	const char	*other = heed_other(a->heed);

	text[0] = '\0';
	if (check[0] == '\0')
		return;
	snprintf(text, size, "Consul does not hand out this copy, because the "
	    "check %.250s is critical: %s%.100s", check, other[0] != '\0' ?
	    "the master should be " : core_is_master(&a->core) ?
	    "it stays the master, because no other copy is handed out" :
	    "no other copy is handed out either", other);
}

/* What it fails of may change each time that it is tried. */
void
agent_notice_set(struct agent *a)
{
	const struct core	*c = &a->core;
	const char		*stranger = "";
	char			 text[sizeof a->notice];
	int64_t			 now = clock_ms();
	bool			 joins;		/* and has for a while */

	if (c->state != CORE_STATE_SLAVE || core_is_slave(c))
		a->slave_at = now;
	joins = now - a->slave_at >= JOIN_TIME;
	if (joins)
		stranger = lock_stranger(a->lock);
	agent_notice_heed(a, text, sizeof text);
	if (stranger[0] != '\0')
		snprintf(text, sizeof text, "%s", stranger);
	else if (joins)
		snprintf(text, sizeof text, "it does not follow the master: "
		    "%.400s", core_role_why(c));
	else if (text[0] == '\0')
		snprintf(text, sizeof text, "%s", a->files.text);
	trouble_set(&a->stranger_trouble, stranger);
	if (strcmp(a->notice, text) == 0 || (text[0] != '\0' &&
	    a->notice[0] != '\0' && now - a->noticed_at < NOTICE_PAUSE))
		return;
	a->noticed_at = now;
	memcpy(a->notice, text, sizeof a->notice);
	registration_set_notice(a->registration, text);
}
