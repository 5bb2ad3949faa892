/*
 * ask.h - every kind of request to Consul, and the check of its answer.
 *
 * The sessions, keys and names are fixed, so that an input can hold them.
 */
#ifndef ASK_H
#define ASK_H

#include "consul.h"
#include "fuzz.h"

#define ASK_KEY		"lock/app/leader"
#define ASK_PREFIX	"lock/app/candidates/"
#define ASK_SESSION	"s-1"
#define ASK_SERVICE	"app"

/* An input begins with the letter of one: 'a' is the first. */
enum ask_kind {
	ASK_GET, ASK_WATCH, ASK_LOCK, ASK_RELEASE, ASK_CREATE, ASK_RENEW,
	ASK_DESTROY, ASK_INFO, ASK_SESSIONS, ASK_OWN_SERVICE, ASK_OWN_CHECK,
	ASK_INSTANCES, ASK_HEALTH, ASK_REGISTER, ASK_DEREGISTER, ASK_LIST,
	ASK_PUT, ASK_DELETE, ASK_SERVICES,
	ASK_CRITICAL, ASK_KINDS
};

static struct consul		*ask_consul;
static const struct consul_key	ask_seen = { .exists = true };

static const struct consul_registration	ask_registration = {
	.id = ASK_SERVICE, .name = ASK_SERVICE, .address = "", .tags = "a,b",
	.since = "1", .health = "fine", .health_at = "2", .agent = "word x",
	.warning = "", .notice = "", .check_url = "http://127.0.0.1:1/",
};

static int	ask_answers;		/* of the request that is under way */

static void
ask_look_at_sessions(const struct consul_reply *r)
{
	size_t	 i;

	for (i = 0; i < r->session_count; i++) {
		FUZZ_MUST(r->sessions[i].id[0] != '\0');
		fuzz_read(r->sessions[i].name);
		fuzz_read(r->sessions[i].node);
		fuzz_read(r->sessions[i].ttl);
		FUZZ_MUST(r->sessions[i].lock_delay_ms >= 0);
	}
}

static void
ask_look_at_instances(const struct consul_reply *r)
{
	size_t	 i;

	for (i = 0; i < r->instance_count; i++) {
		fuzz_read(r->instances[i].node);
		fuzz_read(r->instances[i].address);
		fuzz_read(r->instances[i].service_id);
		fuzz_read(r->instances[i].tags);
		fuzz_read(r->instances[i].status);
		fuzz_read(r->instances[i].output);
		fuzz_read(r->instances[i].since);
	}
}

static void
ask_look_at_records(const struct consul_reply *r, enum ask_kind kind)
{
	size_t	 i;

	for (i = 0; i < r->record_count; i++) {
		FUZZ_MUST(kind == ASK_SERVICES || kind == ASK_CRITICAL ||
		    strncmp(r->records[i].key, ASK_PREFIX,
		    strlen(ASK_PREFIX)) == 0);
		fuzz_read(r->records[i].session);
		fuzz_read(r->records[i].value);
	}
}

/* Only a trustworthy answer may show that we hold the lock, or that it is
 * free. */
static void
ask_look_at_key(const struct consul_reply *r)
{
	const struct consul_key	*k = r->key;

	if (k == NULL)
		return;
	FUZZ_MUST(r->status == 200 || r->status == 404);
	FUZZ_MUST(k->exists == (r->status == 200));
	FUZZ_MUST(k->exists || (k->session[0] == '\0' && r->index > 0));
	FUZZ_MUST(strlen(k->session) < sizeof(k->session));
	FUZZ_MUST(memchr(k->value, '\0', sizeof(k->value)) != NULL);
}

static void
ask_look(const struct consul_reply *r, void *kind)
{
	FUZZ_MUST(++ask_answers == 1);
	FUZZ_MUST((r->outcome == CONSUL_OK) == (r->text[0] == '\0'));
	FUZZ_MUST(r->outcome != CONSUL_DENIED || r->status == 403 ||
	    r->status == 409);
	FUZZ_MUST(r->outcome == CONSUL_UNKNOWN || r->status != 0);
	FUZZ_MUST(!r->delayed || r->outcome == CONSUL_REFUSED);
	ask_look_at_key(r);
	ask_look_at_sessions(r);
	ask_look_at_instances(r);
	ask_look_at_records(r, *(const enum ask_kind *)kind);
	fuzz_read(r->id);
	fuzz_read(r->node);
	fuzz_read(r->check_status);
	fuzz_read(r->tags);
	fuzz_read(r->address);
	fuzz_read(r->since);
	fuzz_read(r->check);
	consul_same_check(ask_consul, r->check, &ask_registration);
	/* The caller continues only after a success. */
	if (r->outcome != CONSUL_OK)
		return;
	switch (*(const enum ask_kind *)kind) {
	case ASK_GET:
	case ASK_WATCH:
		FUZZ_MUST(r->key != NULL);
		break;
	case ASK_LOCK:
		FUZZ_MUST(strcmp(r->key->session, ASK_SESSION) == 0);
		break;
	case ASK_CREATE:
		FUZZ_MUST(r->id[0] != '\0' && strlen(r->id) < CONSUL_ID_MAX);
		break;
	case ASK_RENEW:
		FUZZ_MUST(strcmp(r->sessions[0].id, ASK_SESSION) == 0);
		break;
	case ASK_OWN_CHECK:
		FUZZ_MUST(r->node[0] != '\0' && r->check_status[0] != '\0');
		break;
	default:
		break;
	}
}

/* The kind for a letter; every byte is one. */
static enum ask_kind
ask_kind(uint8_t letter)
{
	return (enum ask_kind)((uint8_t)(letter - 'a') % ASK_KINDS);
}

/* Sends a request of that kind; kind is borrowed until it is answered. */
static struct consul_request *
ask(struct consul *c, enum ask_kind *kind)
{
	ask_answers = 0;
	ask_consul = c;
	switch (*kind) {
	case ASK_GET:
		return consul_get(c, ASK_KEY, true, ask_look, kind);
	case ASK_WATCH:
		return consul_watch(c, ASK_KEY, 7, 1000, ask_look, kind);
	case ASK_LOCK:
		return consul_lock(c, ASK_KEY, &ask_seen, ASK_SESSION, "{}",
		    ask_look, kind);
	case ASK_RELEASE:
		return consul_release(c, ASK_KEY, ASK_SESSION, "released",
		    ask_look, kind);
	case ASK_CREATE:
		return consul_session_create(c, ASK_SERVICE, ASK_SERVICE, true,
		    10000, 15000, ask_look, kind);
	case ASK_RENEW:
		return consul_session_renew(c, ASK_SESSION, ask_look, kind);
	case ASK_DESTROY:
		return consul_session_destroy(c, ASK_SESSION, ask_look, kind);
	case ASK_INFO:
		return consul_session_info(c, ASK_SESSION, ASK_SERVICE, ask_look,
		    kind);
	case ASK_SESSIONS:
		return consul_sessions(c, "n1", ASK_SERVICE, ask_look, kind);
	case ASK_OWN_SERVICE:
		return consul_own_service(c, ASK_SERVICE, ask_look, kind);
	case ASK_OWN_CHECK:
		return consul_own_check(c, ASK_SERVICE, ask_look, kind);
	case ASK_INSTANCES:
		return consul_instances(c, ASK_SERVICE, ask_look, kind);
	case ASK_HEALTH:
		return consul_health(c, ASK_SERVICE, ask_look, kind);
	case ASK_REGISTER:
		return consul_register(c, &ask_registration, ask_look, kind);
	case ASK_DEREGISTER:
		return consul_deregister(c, ASK_SERVICE, ask_look, kind);
	case ASK_LIST:
		return consul_list(c, ASK_PREFIX, 7, 1000, ask_look, kind);
	case ASK_PUT:
		return consul_put(c, ASK_PREFIX "s-1", ASK_SESSION, "{}",
		    ask_look, kind);
	case ASK_DELETE:
		return consul_delete(c, ASK_PREFIX "s-1", ask_look, kind);
	case ASK_SERVICES:
		return consul_services(c, ask_look, kind);
	case ASK_CRITICAL:
		return consul_critical(c, ask_look, kind);
	case ASK_KINDS:
		break;
	}
	return NULL;
}

#endif
