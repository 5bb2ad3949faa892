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

/* Arguments for PQconnectStartParams. */
struct keywords {
	PQconninfoOption	*options;	/* owns the option's values */
	int			 count;
	const char		*key[KEYWORDS + 1];
	const char		*value[KEYWORDS + 1];
};

/* Takes them from the text of an option; free them with
 * PQconninfoFree(k->options).  False, with *why to be freed by PQfreemem, if it
 * can't be parsed. */
bool	keywords_read(struct keywords *, const char *text, char **why);

/* Adds a keyword, or replaces it; its text is not copied. */
void	keywords_add(struct keywords *, const char *key, const char *value);
void	keywords_set(struct keywords *, const char *key, const char *value);

/* A keyword's value in the option, or else in the environment; "" if it is in
 * neither. */
const char	*keywords_value(const struct keywords *, const char *key,
		    const char *variable);

/* Must the host name of the local server be looked up?  Without a network that
 * takes longer than a demotion may, and no deadline ends it. */
bool	keywords_look_up(struct failover *);

/* How slaves reach this master: the text for primary_conninfo or, with a
 * database, for one of PostgreSQL's programs.  False if it does not fit. */
bool	keywords_conninfo(struct failover *, const char *host, uint16_t port,
	    const char *database, char *text, size_t size);

/* Checks that the options can be parsed; false with the sentence set. */
bool	keywords_check(struct failover *);

#endif
