/* operation.c - the operations of a plugin, a row each. */
#include "operation.h"

#include <string.h>

#include "config.h"

#define ROW(name, required, ensures, takes, answer, deadline)		\
	{ #name, required, ensures, OPERATION_TAKES_##takes,		\
	    OPERATION_ANSWER_##answer, offsetof(struct config, deadline) }

const struct operation_row	operation_rows[OPERATION_ROWS] = {
				/* name, required, ensures, takes, answer, deadline */
	[OPERATION_HEALTH] =		ROW(health,		true,	false,	NOTHING,	SENTENCE,	health_deadline),
	[OPERATION_ENSURE_MASTER] =	ROW(ensure_master,	true,	true,	NOTHING,	SENTENCE,	master_deadline),
	[OPERATION_ENSURE_SLAVE] =	ROW(ensure_slave,	true,	true,	MASTER,		SENTENCE,	slave_deadline),
	[OPERATION_ENSURE_DEMOTED] =	ROW(ensure_demoted,	false,	true,	NOTHING,	SENTENCE,	demote_deadline),
	[OPERATION_POSITION] =		ROW(position,		false,	false,	NOTHING,	POSITION,	health_deadline),
	[OPERATION_HAS_POSITION] =	ROW(has_position,	false,	false,	POSITION,	RESULT,		health_deadline),
	[OPERATION_BEHIND] =		ROW(behind,		false,	false,	POSITION,	NUMBER,		health_deadline),
	[OPERATION_WATCH_FD] =		ROW(watch_fd,		false,	false,	NOTHING,	NUMBER,		health_deadline),
	[OPERATION_PLUGIN_START] =	ROW(plugin_start,	false,	false,	NOTHING,	RESULT,		health_deadline),
	[OPERATION_PLUGIN_STOP] =	ROW(plugin_stop,	false,	false,	NOTHING,	RESULT,		health_deadline),
	[OPERATION_TRACES] =		ROW(traces,		false,	false,	NOTHING,	RESULT,		health_deadline),
};

const char *
operation_name(enum operation op)
{
	return operation_rows[op].name;
}

bool
operation_find(const char *name, enum operation *op)
{
	int	i;

	for (i = 0; i < OPERATIONS; i++)
		if (strcmp(operation_rows[i].name, name) == 0) {
			*op = (enum operation)i;
			return true;
		}
	return false;
}

int64_t
operation_deadline_ms(enum operation op, const struct config *c)
{
	int64_t	deadline;

	memcpy(&deadline, (const char *)c + operation_rows[op].deadline,
	    sizeof deadline);
	return deadline;
}
