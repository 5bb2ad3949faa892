/* trouble.c - a problem that lasts for a while. */
#include "trouble.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"

/* The same trouble with other words is logged no oftener than this. */
#define TROUBLE_PAUSE	10000	/* ms */

void
trouble_set(struct trouble *t, const char *text)
{
	if (strcmp(t->text, text) == 0)
		return;
	if (text[0] == '\0')
		log_info("%s: all is well again", t->what);
	else if (t->text[0] == '\0' ||
	    clock_ms() - t->said_at_ms >= TROUBLE_PAUSE) {
		log_warning("%s: %s; retrying", t->what, text);
		t->said_at_ms = clock_ms();
	}
	snprintf(t->text, sizeof t->text, "%s", text);
}
