/* registration_entry.h - our service as Consul should have it. */
#ifndef REGISTRATION_ENTRY_H
#define REGISTRATION_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "value.h"

#define REGISTRATION_ENTRY_ROLE	16
#define REGISTRATION_ENTRY_TAGS	(REGISTRATION_ENTRY_ROLE + 1 + VALUE_TAGS_MAX)
#define REGISTRATION_ENTRY_META	500	/* Consul's limit for a meta value is
					 * 512 characters */

struct registration_entry {
	struct consul		*consul;
	const struct config	*config;
	const char		*check_url, *mark;

	bool			 passing;
	char			 health[REGISTRATION_ENTRY_META];
	char			 health_at[32];	/* when it was reported */
	char			 told[REGISTRATION_ENTRY_META];	/* as Consul
							 * has it */
	int64_t			 told_at_ms;	/* clock_ms */
	char			 role[REGISTRATION_ENTRY_ROLE];	/* "?": leave it
								 * as it is */
	char			 since[32];	/* of the role */
	char			 notice[REGISTRATION_ENTRY_META];
	const char		*warning;
};

/* The entry is all 0 before; borrows all.  Mark identifies us (stranger.h). */
void	registration_entry_init(struct registration_entry *, struct consul *,
	    const struct config *, const char *check_url, const char *mark);

/* Takes the role of an earlier run from own_service, until ours is known. */
void	registration_entry_take_role(struct registration_entry *,
	    const struct consul_reply *own_service);
/* Both copy their text; the role begins now. */
void	registration_entry_set_role(struct registration_entry *,
	    const char *role);
void	registration_entry_set_health(struct registration_entry *, bool passing,
	    const char *text);
void	registration_entry_set_notice(struct registration_entry *,
	    const char *text);

/* Fills Consul's struct, to register the check, too; it borrows the entry and tags. */
void	registration_entry_describe(const struct registration_entry *,
	    struct consul_registration *, char tags[REGISTRATION_ENTRY_TAGS]);
/* Does own_service match all of it?  And at least its check? */
bool	registration_entry_is_right(const struct registration_entry *,
	    const struct consul_reply *own_service, bool *same_check);
/* Has the health changed since Consul got it, and may it be written again? */
bool	registration_entry_has_news(const struct registration_entry *);

#endif
