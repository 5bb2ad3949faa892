/*
 * servers.h - what the model's Consul servers know, and what the requests in
 * consul_model.c do with it.
 */
#ifndef SERVERS_H
#define SERVERS_H

#include "sim.h"

#include "consul.h"

#define SESSIONS	1024
#define RECORDS		48	/* keys below a prefix, of sessions */

struct session {
	char		 id[CONSUL_ID_MAX];
	struct node	*node;
	bool		 alive, serf;
	int64_t		 ttl, lock_delay;
	uint32_t	 stamp;			/* of its end by TTL */
};

struct key {
	struct consul_key	 shown;
	struct session		*holder;
	uint64_t		 index;		/* X-Consul-Index */
};

/* A key that belongs to a session, beside those of the same prefix. */
struct record {
	char		 key[96];
	char		 value[640];
	struct session	*holder;		/* NULL once it has ended */
};

struct records {
	uint64_t	 index;			/* X-Consul-Index */
	size_t		 count;
	struct record	 list[RECORDS];
};

struct servers {
	int64_t		 ppm;
	int		 late;		/* percent of the packets */
	bool		 leader;
	uint64_t	 index;
	struct key	 key;
	struct records	 records;
	int64_t		 delayed_until;
	struct session	 sessions[SESSIONS];
	size_t		 session_count;
	/* A leader that was voted out may not know it yet. */
	struct key	 old;
	struct records	 old_records;
	int64_t		 old_until, stale_until;
};

extern struct servers	servers;

bool	 by_old_leader(const struct node *);	/* its reads are answered */
#define PROMPT	(2 * MS)	/* takes a packet, where nothing is slow */
int64_t	 latency(void);				/* of a packet */
struct session	*session_find(const char *id);	/* dead ones too */
void	 session_live(struct session *);	/* its TTL begins again */
void	 session_end(struct session *, const char *why);
void	 key_changed(void);
void	 key_released(const char *value);
struct record	*record_find(const char *key);
void	 records_changed(void);

/* consul_model.c */
void	 requests_wake(bool of_old_leader);	/* those that watch */
void	 requests_break(const struct node *);	/* its Consul agent is dead */

#endif
