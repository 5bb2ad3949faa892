/*
 * lock_read.c - reading the key: the watch, the proof, which reads are trusted.
 */

#include "lock_read.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lock_holder.h"
#include "lock_retry.h"
#include "text.h"
#include "timer.h"

#define WATCH_WAIT	55000	/* ms of one long poll */
#define WATCH_PAUSE	100	/* ms between two of them, as Consul asks for */

/* Is a default read believed?  If in doubt, a consistent one is sent. */
static bool
lock_read_believed(struct lock *l, const struct consul_key *k, bool ours)
{
	/* What touches our own lock is believed from a consistent read only:
	 * an old leader may still answer with what was true before. */
	if (ours || l->held || l->resume[0] != '\0') {
		if (ours != l->held)
			lock_read_look(l);
		return false;
	}
	/* Older than what we have seen: from such a leader, or restored. */
	if (k->exists && k->modify_index < l->key.modify_index) {
		lock_read_look(l);
		return false;
	}
	/* A read that is under way may be older than this. */
	if (l->read != NULL && k->modify_index != l->key.modify_index)
		lock_read_look(l);
	return true;
}

static void
lock_read_record(struct lock *l, const struct consul_key *k,
    int64_t sent_at_ms, bool proof, bool ours)
{
	l->key = *k;
	if (proof)
		l->unproved = 0;
	l->held = ours;
	l->view.proof = proof;
	l->view.at = sent_at_ms;
	l->view.epoch = k->modify_index;
	l->view.clean = l->view.made = l->view.missing = false;
	if (k->session[0] != '\0')
		l->was_held = true;
	if (ours && k->value[0] != '\0')
		lock_holder_read_ours(l, k);
}

void
lock_read_see(struct lock *l, const struct consul_key *k, int64_t sent_at_ms,
    bool proof)
{
	bool	again = l->view.owner == CORE_LOCK_THEIRS &&
		    strcmp(l->key.session, k->session) == 0;
	bool	ours = l->session[0] != '\0' &&
		    strcmp(k->session, l->session) == 0;

	if (!proof && !lock_read_believed(l, k, ours))
		return;
	if (k->session[0] == '\0' || !again) {
		lock_cancel(&l->holder);
		l->stranger[0] = '\0';
	}
	lock_read_record(l, k, sent_at_ms, proof, ours);
	if (ours)
		lock_holder_ours(l);
	else if (k->session[0] != '\0')
		lock_holder_theirs(l, k, again);
	else
		lock_holder_none(l, k);
}

/*
 * The proof, and any other look:  GET KEY?consistent
 */

static void
lock_read_done(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	bool		 waited;

	l->read = NULL;
	timer_in(l->verify_timer, l->config->verify_interval);
	if (r->outcome != CONSUL_OK) {
		l->events->key_trouble(r->text, l->arg);
		return;
	}
	l->look = false;
	waited = l->resume[0] != '\0';
	l->events->key_trouble("", l->arg);
	/* The session of an earlier run of ours still has the lock: go on. */
	if (l->resume[0] != '\0' && strcmp(r->key->session, l->resume) == 0) {
		text_copy(l->session, sizeof l->session, l->resume);
		l->renew_every_ms = 0;
		timer_in(l->session_timer, 0);
		l->events->session(true, l->session, l->arg);
	}
	text_copy(l->resume, sizeof l->resume, "");
	lock_read_see(l, r->key, r->sent_at_ms, true);
	if (waited)
		l->resumed(l);
}

void
lock_read_look(struct lock *l)
{
	/* One that is under way may have been answered before what made us
	 * ask; Consul has it in a moment, so ask again. */
	l->look = true;
	lock_cancel(&l->read);
	l->read = consul_get(l->consul, l->path, true, lock_read_done, l);
}

/*
 * The watch: one long poll after the other.
 */

static void
lock_watch_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lock_read_watch(arg);
}

static void
lock_watch_done(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	l->watch = NULL;
	if (r->outcome != CONSUL_OK) {
		l->index = 0;
		l->events->key_trouble(r->text, l->arg);
		timer_in(l->watch_timer,
		    lock_retry_pause_ms(l->watch_failures++));
		return;
	}
	/* An index that is missing or falls back means that Consul has
	 * forgotten: what we believe may be of another past. */
	if (r->index == 0 || r->index < l->index) {
		l->index = 0;
		timer_in(l->watch_timer,
		    lock_retry_pause_ms(l->watch_failures++));
		lock_read_look(l);
		return;
	}
	l->watch_failures = 0;
	timer_in(l->watch_timer, WATCH_PAUSE + rand() % (WATCH_PAUSE / 4));
	l->index = r->index;
	l->events->key_trouble("", l->arg);
	lock_read_see(l, r->key, r->sent_at_ms, false);
}

void
lock_read_watch(struct lock *l)
{
	l->watch = consul_watch(l->consul, l->path, l->index, WATCH_WAIT,
	    lock_watch_done, l);
}

void
lock_read_init(struct lock *l, struct event_base *base)
{
	l->watch_timer = timer_new(base, lock_watch_timer, l);
}
