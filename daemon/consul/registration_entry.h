/* registration_entry.h - what Consul is to have of our service. */
#ifndef REGISTRATION_ENTRY_H
#define REGISTRATION_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "value.h"

#define REGISTRATION_ENTRY_ROLE	16
#define REGISTRATION_ENTRY_TAGS	(REGISTRATION_ENTRY_ROLE + 1 + VALUE_TAGS_MAX)
#define REGISTRATION_ENTRY_META	500	/* Consul takes 512 characters of a
					 * meta value */

struct registration_entry {
	struct consul		*consul;
	const struct config	*config;
	const char		*check_url, *mark;

	bool			 passing;
	char			 health[REGISTRATION_ENTRY_META];
	char			 health_at[32];	/* it was said */
	char			 told[REGISTRATION_ENTRY_META];	/* as Consul
							 * has it */
	int64_t			 told_at_ms;	/* clock_ms */
	char			 role[REGISTRATION_ENTRY_ROLE];	/* "?": as it
							 * is */
	char			 since[32];	/* of the role */
	char			 notice[REGISTRATION_ENTRY_META];
	const char		*warning;
};

/* Of one that is all 0; borrows all.  Mark is who we are (stranger.h). */
void	registration_entry_init(struct registration_entry *, struct consul *,
	    const struct config *, const char *check_url, const char *mark);

/* What own_service shows of an earlier run stays until ours is known. */
void	registration_entry_take_role(struct registration_entry *,
	    const struct consul_reply *own_service);
/* Copy role, which begins now, and text. */
void	registration_entry_set_role(struct registration_entry *,
	    const char *role);
void	registration_entry_set_health(struct registration_entry *, bool passing,
	    const char *text);
void	registration_entry_set_notice(struct registration_entry *,
	    const char *text);

/* In Consul's terms, without with_check: borrows the entry and tags. */
void	registration_entry_describe(const struct registration_entry *,
	    struct consul_registration *, char tags[REGISTRATION_ENTRY_TAGS]);
/* Does own_service show all of it?  And its check, at least? */
bool	registration_entry_is_right(const struct registration_entry *,
	    const struct consul_reply *own_service, bool *same_check);
/* Its health is not as Consul has it, who may be told again. */
bool	registration_entry_has_news(const struct registration_entry *);

#endif
