/*
 * registration_round.h - one check of our registration, and the state between
 * two checks.  For registration.c only.
 */
#ifndef REGISTRATION_ROUND_H
#define REGISTRATION_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "consul_meta.h"
#include "deregistration.h"
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
	bool				 fresh;		/* by us, recently */
	bool				 outdated;	/* what we have */
	char				 check[CONSUL_META_MAX];	/* as
							 * Consul has it */
	bool				 identified;
	bool				 placed;	/* in this run */
	bool				 dirty;		/* check again */
	char				 why[1024];	/* the reason, or its
							 * owner */
	int64_t				 stranger_until_ms;	/* 0: none */
	int64_t				 repaired_at_ms;
	int				 repairs;
	char				 node[CONSUL_NAME_MAX];

	int				 failures;
	struct consul_request		*request;
	struct event			*timer;
	struct registration_watch	 watch;
	struct deregistration		 deregistration;

	void				(*rests)(void *);
	void				*rests_arg;
	void				(*left)(bool, void *);
	void				*left_arg;
};

/* Begins one, if no request is under way; when we leave it deregisters us, and
 * reports that. */
void	registration_round_next(struct registration *);

#endif
