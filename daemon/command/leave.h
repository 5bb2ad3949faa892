/*
 * leave.h - takes a copy out of the service when its agent can't: what the guard
 * runs, once, after it has demoted the copy; and an operator after a mishap.
 */
#ifndef LEAVE_H
#define LEAVE_H

#include <stdbool.h>

#include "config.h"
#include "consul.h"
#include "deregistration.h"
#include "error.h"
#include "registration_address.h"
#include "stranger.h"

enum leave_as {
	LEAVE_RELEASED,	/* no copy is a master: the next one need not wait */
	LEAVE_DROPPED,	/* this copy is none, but another one may be */
	LEAVE_UNFENCED,	/* this copy may be one: keep the lock, warn people */
};

struct leave {
	const struct config	*config;
	struct event_base	*base;		/* its loop, */
	struct consul		*consul;	/* and that of this one */
	enum leave_as		 as;
	bool			 for_the_guard;
	int			 port;		/* of our API */
	/* Only the lock of this session is released; "": of the one that the
	 * run file names. */
	char			 session[CONSUL_ID_MAX];
	void			(*done)(void *arg);
	void			*arg;

	bool			 ok;	/* nothing of it has failed */
	struct registration	*registration;	/* for the caller to free */
	/* leave.c's own. */
	int			 looking;	/* for the next three */
	struct consul_key	 key;		/* of our session, or empty */
	char			 here[CONSUL_NAME_MAX];	/* Consul's node */
	char			 there[CONSUL_NAME_MAX];	/* the session's */
	char			 check_url[REGISTRATION_URL];
	char			 mark[STRANGER_MARK];
	struct deregistration	 deregistration;
};

/* The caller has set all above ok, and the rest is zero.  Logs what it did, and
 * what it could not do.  False: it has not begun, and done won't run.  Else it
 * may run more than once. */
bool	leave_begin(struct leave *) CHECKED;

/* Blocks until Consul has answered all of it, or has not. */
bool	leave_run(const struct config *, enum leave_as, bool for_the_guard,
	    const char *session) CHECKED;

/* False while a guard is at work on this copy. */
bool	leave_may(const struct config *, struct error *) CHECKED;

#endif
