/*
 * keywords.h - the options connection and replication as libpq's connection
 * parameters.
 */
#ifndef KEYWORDS_H
#define KEYWORDS_H

#include <consul-failover/plugin.h>

#include <libpq-fe.h>
#include <stdbool.h>

#define KEYWORDS	64

/* What PQconnectStartParams wants. */
struct keywords {
	PQconninfoOption	*options;	/* holds the option's values */
	int			 count;
	const char		*key[KEYWORDS + 1];
	const char		*value[KEYWORDS + 1];
};

/* Takes them from the text of an option; it is for PQconninfoFree(k->options)
 * after that.  False, with *why to be freed by PQfreemem, where it can't be
 * parsed. */
bool	keywords_read(struct keywords *, const char *text, char **why);

/* Adds one that is not there, or puts it in the place of one that is; neither
 * copies its text. */
void	keywords_add(struct keywords *, const char *key, const char *value);
void	keywords_set(struct keywords *, const char *key, const char *value);

/* Where the option leaves it out, the environment has it; "" where neither
 * does. */
const char	*keywords_value(const struct keywords *, const char *key,
		    const char *variable);

/* Is the server here named by a host that must be looked up?  That takes longer
 * than a demotion has where the network is away, and no deadline ends it. */
bool	keywords_look_up(struct failover *);

/* How slaves reach this master: the text for primary_conninfo or, with a
 * database, for one of PostgreSQL's programs.  False where it does not fit. */
bool	keywords_conninfo(struct failover *, const char *host, uint16_t port,
	    const char *database, char *text, size_t size);

/* Can the options be understood?  False with the sentence set. */
bool	keywords_check(struct failover *);

#endif
