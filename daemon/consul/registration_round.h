/*
 * registration_round.h - a round of looking at our registration, and what is
 * kept from one to the next.  For registration.c alone.
 */
#ifndef REGISTRATION_ROUND_H
#define REGISTRATION_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "registration_address.h"
#include "registration_entry.h"
#include "registration_events.h"
#include "registration_watch.h"
#include "stranger.h"

struct registration {
	struct consul				*consul;
	const struct config			*config;
	const struct registration_events	*events;
	void					*arg;
	char					 check_url[REGISTRATION_URL];
	char					 mark[STRANGER_MARK];

	bool				 started;
	struct registration_entry	 entry;
	bool				 registered;	/* in this round */
	bool				 fresh;		/* by us, just now */
	bool				 outdated;	/* what is registered */
	bool				 identified;
	bool				 placed;	/* once, in this run */
	bool				 dirty;		/* look once more */
	char				 why[1024];	/* it was withdrawn, or
							 * whose it is */
	int64_t				 stranger_until_ms;	/* 0: none */
	int64_t				 repaired_at_ms;
	int				 repairs;
	char				 node[CONSUL_NAME_MAX];

	int				 failures;
	struct consul_request		*request;
	struct event			*timer;
	struct registration_watch	 watch;

	void				(*rests)(void *);
	void				*rests_arg;
	void				(*left)(bool, void *);
	void				*left_arg;
};

/* Begins one, where no request is under way; when we leave it deregisters, and
 * says so. */
void	registration_round_next(struct registration *);

#endif
