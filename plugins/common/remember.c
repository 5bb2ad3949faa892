/* remember.c - the problem that the agent remembers for this copy. */
#include "remember.h"

#include <stdarg.h>
#include <stdio.h>

void
remember_that(struct failover *f, const char *fmt, ...)
{
	char	 text[FAILOVER_SENTENCE];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (f->remember(f, text) != FAILOVER_DONE)
		f->log(f, FAILOVER_WARNING, "can't record (is [agent] "
		    "state_dir writable?) that %s", text);
}

void
remember_nothing(struct failover *f)
{
	if (f->memory[0] != '\0' && f->remember(f, "") != FAILOVER_DONE)
		f->log(f, FAILOVER_WARNING, "can't clear the record (is "
		    "[agent] state_dir writable?) that %s", f->memory);
}
