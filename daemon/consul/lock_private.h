/* lock_private.h - what lock.h's user does not see: for its parts only. */
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
	/* Whether that one goes on is known: a new one may be made. */
	void				(*resumed)(struct lock *);
	int64_t				 renew_every_ms;
	int				 session_failures;
	struct consul_request		*session_request;
	int				 destroying;	/* requests under way */
	char				 dropped[CONSUL_ID_MAX];
	struct event			*session_timer, *drop_timer;

	/* the key, as it was seen last */
	struct consul_key		 key;
	struct core_lock		 view;
	struct lock_before		 before;
	bool				 held;		/* by us, we believe */
	bool				 carries;	/* what was left to us */
	bool				 made;		/* see core_types.h */
	bool				 settled;	/* it need not any more */
	bool				 giving_way;	/* given back just now */
	bool				 was_held;	/* ever, by anybody */
	int				 unproved;	/* renewals since a proof */
	uint64_t			 index;
	int				 watch_failures;
	struct consul_request		*watch;
	struct event			*watch_timer;
	struct consul_request		*read;		/* consistent */
	bool				 look;		/* until one succeeds */
	struct event			*verify_timer;
	struct consul_request		*write;		/* acquire or release */
	struct consul_request		*holder;	/* who is it? */
	struct consul_session		 holder_session;
	char				 stranger[LOCK_STRANGER];

	void				(*left)(void *);
	void				*left_arg;
};

/* Ends a request, if it is under way: its answer will not be heard. */
static inline void
lock_cancel(struct consul_request **r)
{
	consul_cancel(*r);
	*r = NULL;
}

#endif
