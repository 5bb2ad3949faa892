/*
 * fit.c - known problems of this copy: a replication that has stopped, and data
 * that it is remembered to lack.
 */
#include "fit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "own.h"

/* Who has the password, and may not replicate, is told so in the text alone. */
static bool
is_shut_out(const struct failover *f)
{
	return copy_follows(&own, f->master_host, f->master_port) &&
	    (failure_is_denied(own.receive_error) ||
	    strstr(table_text(&own.status, "Last_IO_Error"),
	    "(Errno: 1045)") != NULL);
}

static bool
can_not_apply(void)
{
	return !own.applying && own.apply_error != 0;
}

bool
fit_is_stuck(const struct failover *f)
{
	return own.slave && (can_not_apply() || own_is_refused(f));
}

/* The reason may hold a statement of several lines. */
enum failover_result
fit_remember(struct failover *f, const char *fmt, ...)
{
	char	 line[FAILOVER_SENTENCE], *c;
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return f->remember(f, line);
}

/* What it lacks comes by itself then, so no new copy is needed. */
#define SHUT_OUT	"its master "

enum failover_result
fit_remember_shut_out(struct failover *f, const char *host, uint16_t port,
    const char *why)
{
	if (*f->master_host == '\0' || *f->memory != '\0' ||
	    (copy_follows(&own, host, port) &&
	    own.receiving == RECEIVING_YES))
		return FAILOVER_DONE;
	return fit_remember(f, SHUT_OUT "%s:%u does not let it in: %s", host,
	    port, why);
}

enum failover_result
fit_say_stopped(struct failover *f)
{
	const char	*what = can_not_apply() ? "can't apply what it "
			    "received from" : "can't replicate from";
	const char	*reason = table_get(&own.status, 0, can_not_apply() ?
			    "Last_SQL_Error" : "Last_IO_Error");

	if (reason == NULL)
		reason = "";
	if (fit_is_stuck(f) && fit_remember(f, "%s %s:%s: %s", what,
	    copy_master(&own, "Host"), copy_master(&own, "Port"), reason) !=
	    FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (!fit_is_stuck(f) && is_shut_out(f) && fit_remember_shut_out(f,
	    f->master_host, f->master_port, reason) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (fit_is_stuck(f))	/* a sentence would end with the first line */
		return f->say(f, FAILOVER_FAILED, "%s", f->memory);
	return f->say(f, FAILOVER_FAILED, "%s %s:%s: %s", what,
	    copy_master(&own, "Host"), copy_master(&own, "Port"), reason);
}

enum failover_result
fit_say_refused(struct failover *f)
{
	return f->say(f, FAILOVER_FAILED, "%.400s; %s; to make it master "
	    "anyway: consul-failover promote", f->memory, strncmp(f->memory,
	    SHUT_OUT, strlen(SHUT_OUT)) == 0 ? "let it in, and it gets what it "
	    "lacks" : "make a new copy");
}
