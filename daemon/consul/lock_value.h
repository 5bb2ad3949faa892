/* lock_value.h - the lock key in Consul, and what is written there. */
#ifndef LOCK_VALUE_H
#define LOCK_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "json.h"

/* Who had the lock before, as the key said when it was last seen free; if he died
 * before he was the master, who had it before him. */
struct lock_before {
	char		 node[CONSUL_NAME_MAX];	/* "" where it did not say */
	char		 service_id[CONSUL_NAME_MAX];
	char		 host[CONSUL_NAME_MAX];	/* of the application */
	uint16_t	 port;
	char		*position;	/* left with the lock; "" for none */
	bool		 final;		/* nobody can have got further */
	bool		 passed_on;	/* by another one, who could not be master
					 * after him: he may want the lock again */
};

/* The key, and what is written there: who holds it, or how it was given up.
 * The value is the caller's.  A node or an address that is not known is "": who
 * reads the value knows who held the lock.  carried: what was left to one who
 * holds it, and may die before he has made use of it; or NULL.  mark: one of
 * these members, which is true; or NULL. */
#define LOCK_MADE	"made"		/* held: the key was missing */
#define LOCK_PASSED_ON	"passed_on"	/* see struct lock_before */
void		 lock_value_path(const struct config *,
		    char path[CONSUL_NAME_MAX]);
char		*lock_value_make(const struct config *, const char *state,
		    const char *session, const char *node,
		    const char *address, const char *position, bool final,
		    const char *mark, const struct lock_before *carried);

/* What the key says; NULL: nothing that can be read.  The caller's. */
yajl_val	 lock_value_parse(const struct consul_key *);

/* For who gives back a lock of which he knows the key only: passes on what was
 * left to the holder, if that is not made use of yet. */
char		*lock_value_make_last(const struct config *, const char *state,
		    const struct consul_key *);

#endif
