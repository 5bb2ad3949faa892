/*
 * election.h - which of the copies takes a free lock: the one with the most
 * data.
 *
 * Pure, like core.h, and linked into the same three programs.  Its user asks
 * for the next step, performs it, reports the result, and asks again.
 *
 * Every candidate has a record in Consul: its priority, and, once it has been
 * asked for during an election, its position.  Only a plugin can compare two
 * positions, and only one way round: has_position answers "I have everything up
 * to this one".  So each candidate compares the others' positions with its own
 * copy, yields while another one has data that it lacks, and names in its
 * record the candidates that it yields to.  Positions need not be ordered: if
 * two each lack data of the other (GTID sets that have diverged), the one with
 * the higher priority wins, then the one with the greater name.
 */
#ifndef ELECTION_H
#define ELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELECTION_ID	520		/* node "/" service id */
#define ELECTION_POSITION 4096		/* as FAILOVER_POSITION */

/* A candidate's record, as read from Consul; the reader owns all strings. */
struct election_record {
	const char	*id;
	bool		 alive;		/* its session exists */
	bool		 compares;	/* its plugin can compare positions */
	int64_t		 priority;
	uint64_t	 epoch;		/* the free lock that it is about */
	const char	*position;	/* at that time; "" if unknown */
	const char *const *yields;	/* ids, NULL at the end */
};

struct election_config {
	char		 id[ELECTION_ID];	/* ours */
	int64_t		 wait_ms;
	int64_t		 priority;
	int64_t		 max_behind;		/* -1: any */
	bool		 compares, measures;	/* the plugin has has_position
						 * and position, behind */
};

enum election_step_type {
	ELECTION_NOTHING,	/* wait for a report, or until `at` */
	ELECTION_POSITION_OF_OURS,	/* ask the plugin: position */
	ELECTION_COMPARE,	/* has_position of text */
	ELECTION_MEASURE,	/* behind of text */
	ELECTION_PUBLISH,	/* our record: text is the position */
	ELECTION_TAKE,		/* we take the lock; over */
	ELECTION_REFUSE,	/* we must not take it; text: why; over */
};

struct election_step {
	enum election_step_type	 type;
	int64_t			 at;
	const char		*text;		/* borrowed */
	const char *const	*yields;	/* PUBLISH; borrowed */
};

/* The plugin's answers to ASK, COMPARE and MEASURE. */
enum election_answer { ELECTION_YES, ELECTION_NO, ELECTION_CAN_NOT_TELL };

struct election;

/* Config is borrowed and may change between two elections. */
struct election		*election_new(const struct election_config *);
void			 election_free(struct election *);	/* NULL is fine */

/* A free lock, seen as epoch: its last holder (an id, "" if not known) has left
 * this position ("" for none).  If it is final, no copy can have more data.
 * `told` is the last published position of a master, for max_behind. */
void			 election_begin(struct election *, uint64_t epoch,
			    const char *last_holder, const char *left,
			    bool final, const char *told, int64_t now);
void			 election_end(struct election *);
bool			 election_runs(const struct election *);

/* The records, borrowed until the next call or election_end.  current: they are
 * complete; else a better copy may have appeared since they were read, and the
 * election waits for newer ones. */
void			 election_records(struct election *,
			    const struct election_record *, size_t,
			    bool current);

struct election_step	 election_next(struct election *, int64_t now);

/* After ELECTION_TAKE, while the lock can't be taken yet: true if another copy
 * has appeared, or has published its position, since the decision.  Then a new
 * decision is needed. */
bool			 election_is_void(struct election *);
/* Our record has been written again, without our position. */
void			 election_say_again(struct election *);

/* The answer to the last question; text is the position, or the number. */
void			 election_answer(struct election *,
			    enum election_answer, const char *text);

/* Why this copy waits, or has taken the lock, for people. */
const char		*election_reason(const struct election *);

#endif
