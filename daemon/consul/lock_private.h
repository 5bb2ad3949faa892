/* lock_private.h - the internals of lock.h, for its parts only. */
#ifndef LOCK_PRIVATE_H
#define LOCK_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "core.h"
#include "lock_events.h"
#include "lock_stranger.h"
#include "lock_value.h"

struct lock {
	struct consul			*consul;
	const struct config		*config;
	const struct lock_events	*events;
	void				*arg;
	char				 path[CONSUL_NAME_MAX];	/* of the key */

	char				 node[CONSUL_NAME_MAX];	/* "" at first */
	char				 address[CONSUL_NAME_MAX];

	/* the session */
	bool				 wanted;
	bool				 barred;
	char				 session[CONSUL_ID_MAX];
	char				 resume[CONSUL_ID_MAX];
	/* It is known whether that one continues: a new one may be created. */
	void				(*resumed)(struct lock *);
	int64_t				 renew_every_ms;
	int				 session_failures;
	struct consul_request		*session_request;
	int				 destroying;	/* requests under way */
	char				 dropped[CONSUL_ID_MAX];
	struct event			*session_timer, *drop_timer;

	/* the key, as it was last read */
	struct consul_key		 key;
	struct core_lock		 view;
	struct lock_before		 before;
	bool				 held;		/* ours, we believe */
	bool				 carries;	/* a position left us */
	bool				 made;		/* see core_types.h */
	bool				 settled;	/* no longer needed */
	bool				 giving_way;	/* just released */
	bool				 was_held;	/* at any time */
	struct lock_reason		 reason;	/* of the next release */
	int				 unproved;	/* since a proof */
	uint64_t			 index;
	int				 watch_failures;
	struct consul_request		*watch;
	struct event			*watch_timer;
	struct consul_request		*read;		/* consistent */
	bool				 look;		/* until one works */
	struct event			*verify_timer;
	struct consul_request		*write;		/* acquire or release */
	struct consul_request		*holder;	/* finds the holder */
	struct consul_session		 holder_session;
	char				 stranger[LOCK_STRANGER];

	void				(*left)(void *);
	void				*left_arg;
};

/* Cancels a request, if it is under way. */
static inline void
lock_cancel(struct consul_request **r)
{
	consul_cancel(*r);
	*r = NULL;
}

#endif
