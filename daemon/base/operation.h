/*
 * operation.h - the operations of a plugin, a row each.
 *
 * The agent and the handler read the same rows, and pass an operation by its
 * number.
 */
#ifndef OPERATION_H
#define OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

enum operation {
	OPERATION_HEALTH,
	OPERATION_ENSURE_MASTER,
	OPERATION_ENSURE_SLAVE,
	OPERATION_ENSURE_DEMOTED,
	OPERATION_POSITION,
	OPERATION_HAS_POSITION,
	OPERATION_BEHIND,
	OPERATIONS,		/* those below are for the handler itself */
	OPERATION_WATCH_FD = OPERATIONS,
	OPERATION_PLUGIN_START,	/* a call of plugin_start alone */
	OPERATION_PLUGIN_STOP,
	OPERATION_FUNCTIONS,	/* no plugin has those below */
	OPERATION_TRACES = OPERATION_FUNCTIONS,	/* what the calls have left
						 * behind: trace.h */
	OPERATION_ROWS
};

enum operation_takes {
	OPERATION_TAKES_NOTHING,
	OPERATION_TAKES_MASTER,		/* master_host and master_port */
	OPERATION_TAKES_POSITION	/* another copy's */
};

enum operation_answer {
	OPERATION_ANSWER_RESULT,	/* and no more */
	OPERATION_ANSWER_SENTENCE,	/* one line, for people */
	OPERATION_ANSWER_POSITION,
	OPERATION_ANSWER_NUMBER
};

struct operation_row {
	const char		*name;
	bool			 required;	/* of every plugin */
	bool			 ensures;	/* changes the copy; runs in the
						 * role handler */
	enum operation_takes	 takes;
	enum operation_answer	 answer;
	size_t			 deadline;	/* in struct config */
};

extern const struct operation_row	operation_rows[OPERATION_ROWS];

const char	*operation_name(enum operation);

/* The one of OPERATIONS with this name. */
bool	operation_find(const char *name, enum operation *);

/* The limit of one call. */
int64_t	operation_deadline_ms(enum operation, const struct config *);

#endif
