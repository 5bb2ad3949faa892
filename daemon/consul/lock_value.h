/* lock_value.h - the lock key in Consul, and its value. */
#ifndef LOCK_VALUE_H
#define LOCK_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "json.h"

#define LOCK_WHY	256

/* Why a holder released the lock, for people. */
struct lock_reason {
	char	 text[LOCK_WHY];	/* "" for none */
	bool	 planned;	/* an operator stopped its agent or disabled
				 * its copy */
	bool	 unpromoted;	/* it was not the master then */
};

/* The last holder, from the key when it was last seen free; if that node died
 * before it was the master, the holder before it. */
struct lock_before {
	char		 node[CONSUL_NAME_MAX];	/* "" if it was not recorded */
	char		 service_id[CONSUL_NAME_MAX];
	char		 host[CONSUL_NAME_MAX];	/* of the application */
	uint16_t	 port;
	char		*position;	/* left with the lock; "" for none */
	bool		 final;		/* no copy can have more data */
	bool		 passed_on;	/* by another node, which could not
					 * succeed the master: it may want the
					 * lock again */
	/* How the lock became free; these are for people only. */
	char		 state[16];	/* "released", "dropped", "held" if it
					 * was lost; "": not recorded */
	char		 last[CONSUL_NAME_MAX];	/* the node that had it last */
	struct lock_reason reason;	/* the last holder's */
};

/* The key's value: its holder, or how it was released.  The caller frees it.
 * An unknown node or address is ""; the reader knows who held the lock.
 * carried: the position left to a holder that may die before using it; or NULL.
 * reason, the first to go if all of it does not fit: of a release; or NULL.
 * mark: one of the members below, which is set to true; or NULL. */
#define LOCK_MADE	"made"		/* held: the key was missing */
#define LOCK_PASSED_ON	"passed_on"	/* see struct lock_before */
void		 lock_value_path(const struct config *,
		    char path[CONSUL_NAME_MAX]);
char		*lock_value_make(const struct config *, const char *state,
		    const char *session, const char *node,
		    const char *address, const char *position, bool final,
		    const struct lock_reason *reason, const char *mark,
		    const struct lock_before *carried);

/* The key's value, parsed; the caller frees it.  NULL: it can't be parsed. */
yajl_val	 lock_value_parse(const struct consul_key *);

/* For a process that releases a lock and knows only the key: passes on the
 * position that was left to the holder, if it has not been used yet. */
char		*lock_value_make_last(const struct config *, const char *state,
		    const struct consul_key *);

#endif
