/*
 * operation.h - what a plugin can be asked to do, a row each.
 *
 * The agent and the handler read the same rows, and an operation's number is
 * what goes from one to the other.
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
	OPERATIONS,		/* what follows is for the handler itself */
	OPERATION_WATCH_FD = OPERATIONS,
	OPERATION_PLUGIN_START,	/* as a call: that, and nothing else */
	OPERATION_PLUGIN_STOP,
	OPERATION_FUNCTIONS,	/* what follows no plugin has */
	OPERATION_TRACES = OPERATION_FUNCTIONS,	/* what its calls have left:
						 * trace.h */
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
	bool			 ensures;	/* changes the copy; it is the
						 * role handler that runs it */
	enum operation_takes	 takes;
	enum operation_answer	 answer;
	size_t			 deadline;	/* in struct config */
};

extern const struct operation_row	operation_rows[OPERATION_ROWS];

const char	*operation_name(enum operation);

/* One of OPERATIONS, by its name. */
bool	operation_find(const char *name, enum operation *);

/* The longest that one call may take. */
int64_t	operation_deadline_ms(enum operation, const struct config *);

#endif
