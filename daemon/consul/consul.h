/*
 * consul.h - Consul's HTTP API: one function a request, typed answers.
 *
 * Every function returns a request that consul owns: consul_cancel it (cb never
 * runs) or let cb run once.  All string arguments are copied; strings in an
 * answer are borrowed for the callback.
 *
 * This header is the client; it includes the requests, by subject, and
 * consul_reply.h with their answers.
 */
#ifndef CONSUL_H
#define CONSUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consul_instances.h"
#include "consul_keys.h"
#include "consul_reply.h"
#include "consul_service.h"
#include "consul_sessions.h"
#include "error.h"
#include "http.h"

struct consul;
struct consul_request;

bool	consul_new(struct consul **, struct event_base *, const struct config *,
	    struct error *) CHECKED;
void	consul_free(struct consul *);
/* The config (the same struct) has changed: new requests use it; those under
 * way end where they were sent.  Fails, and changes nothing, if the config is
 * bad. */
bool	consul_reload(struct consul *, struct error *) CHECKED;
void	consul_cancel(struct consul_request *);		/* NULL is fine */
const char	*consul_address(const struct consul *);
/* Requests sent, and those that were denied or had no usable answer. */
void	consul_count(const struct consul *, uint64_t *asked, uint64_t *failed);
/* When the last usable answer came; -1 for none yet. */
int64_t	consul_answered_at_ms(const struct consul *);
/* Requests that had no usable answer.  A long poll sent before the last of them
 * may hang, and not report later changes. */
uint64_t	consul_silences(const struct consul *);

#endif
