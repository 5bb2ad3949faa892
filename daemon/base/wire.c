/* wire.c - pack and unpack one message. */
#include "wire.h"

#include <string.h>

static void
wire_put(struct wire *w, const void *bytes, size_t length)
{
	if (w->broken || length > sizeof w->bytes - w->length) {
		w->broken = true;
		return;
	}
	memcpy(w->bytes + w->length, bytes, length);
	w->length += length;
}

/* The next length bytes, or NULL where so many are not left. */
static const void *
wire_take(struct wire *w, size_t length)
{
	const void	*bytes = w->bytes + w->at;

	if (w->broken || length > w->length - w->at) {
		w->broken = true;
		return NULL;
	}
	w->at += length;
	return bytes;
}

void
wire_begin(struct wire *w, enum wire_type type)
{
	unsigned char	 byte = (unsigned char)type;

	/* Not the bytes: most messages use a few of them. */
	w->length = w->at = 0;
	w->broken = false;
	wire_put(w, &byte, sizeof byte);
}

void
wire_put_number(struct wire *w, uint64_t number)
{
	wire_put(w, &number, sizeof number);
}

void
wire_put_string(struct wire *w, const char *string)
{
	size_t		 length = string == NULL ? 0 : strlen(string);
	uint32_t	 prefix = (uint32_t)length;

	if (length > sizeof w->bytes) {
		w->broken = true;
		return;
	}
	wire_put(w, &prefix, sizeof prefix);
	wire_put(w, string == NULL ? "" : string, length + 1);
}

enum wire_type
wire_type(struct wire *w)
{
	const unsigned char	*type = wire_take(w, 1);

	if (type != NULL && *type >= WIRE_DESCRIPTION && *type < WIRE_TYPES)
		return (enum wire_type)*type;
	w->broken = true;
	return (enum wire_type)0;
}

uint64_t
wire_number(struct wire *w)
{
	const void	*bytes = wire_take(w, sizeof(uint64_t));
	uint64_t	 number = 0;

	if (bytes != NULL)
		memcpy(&number, bytes, sizeof number);
	return number;
}

const char *
wire_string(struct wire *w)
{
	const void	*bytes = wire_take(w, sizeof(uint32_t));
	const char	*string;
	uint32_t	 length;

	if (bytes == NULL)
		return "";
	memcpy(&length, bytes, sizeof length);
	string = wire_take(w, (size_t)length + 1);
	if (string == NULL)
		return "";
	if (memchr(string, '\0', (size_t)length + 1) != string + length) {
		w->broken = true;
		return "";
	}
	return string;
}

bool
wire_end(const struct wire *w)
{
	return !w->broken && w->at == w->length;
}

void
wire_put_call(struct wire *w, const struct wire_call *c)
{
	wire_begin(w, WIRE_CALL);
	wire_put_number(w, c->op);
	wire_put_number(w, c->epoch);
	wire_put_number(w, (uint64_t)c->not_after_ms);
	wire_put_number(w, (uint64_t)c->deadline_ms);
	wire_put_string(w, c->node);
	wire_put_string(w, c->reason);
	wire_put_string(w, c->master_host);
	wire_put_number(w, c->master_port);
	wire_put_string(w, c->position);
	wire_put_number(w, c->role);
	wire_put_string(w, c->previous_host);
	wire_put_number(w, c->previous_port);
	wire_put_string(w, c->target);
	wire_put_number(w, c->enough);
	wire_put_number(w, c->promote);
	wire_put_string(w, c->address);
}

bool
wire_read_call(struct wire *w, struct wire_call *c)
{
	uint64_t	op = wire_number(w);

	if (op >= OPERATION_ROWS)
		w->broken = true;
	c->op = w->broken ? OPERATION_HEALTH : (enum operation)op;
	c->epoch = wire_number(w);
	c->not_after_ms = (int64_t)wire_number(w);
	c->deadline_ms = (int64_t)wire_number(w);
	c->node = wire_string(w);
	c->reason = wire_string(w);
	c->master_host = wire_string(w);
	c->master_port = (uint16_t)wire_number(w);
	c->position = wire_string(w);
	c->role = (unsigned)wire_number(w);
	c->previous_host = wire_string(w);
	c->previous_port = (uint16_t)wire_number(w);
	c->target = wire_string(w);
	c->enough = wire_number(w) != 0;
	c->promote = wire_number(w) != 0;
	c->address = wire_string(w);
	return wire_end(w);
}
