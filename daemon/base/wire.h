/*
 * wire.h - the messages between the daemon, its handlers and its guard.
 *
 * One message is one packet of a SOCK_SEQPACKET pair: a type byte, then the
 * type's fields in order.  A number is 8 bytes in host order (both ends are the
 * same build on the same machine); a string is its length as 4 bytes and its
 * bytes with a final NUL.  A reader never trusts a length, and rejects a packet
 * that is too long or too short as a whole.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "operation.h"

#define WIRE_MAX	65536

/* Both directions; the fields are listed in the files that use them. */
enum wire_type {
	WIRE_DESCRIPTION = 1,	/* handler: what the plugin is */
	WIRE_REFUSED,		/* handler: why it can't be loaded */
	WIRE_START,		/* daemon: service, port, options */
	WIRE_CALL,		/* daemon: run this */
	WIRE_RESULT,		/* handler: result and sentence */
	WIRE_LOG,		/* handler: level and line */
	WIRE_WATCH,		/* handler: watch_fd is readable */
	WIRE_SETUP,		/* daemon: what the guard works with, and enum
				 * wire_file; then a START, as the guard's own
				 * handlers will get it */
	WIRE_ROLE,		/* daemon: the role handler's process, or none */
	WIRE_LEASE,		/* daemon: until, by, and the mastership */
	WIRE_END,		/* daemon: the copy is not a master */
	WIRE_BYE,		/* daemon: ends properly; so can the guard */
	WIRE_GUARD,		/* guard: enum core_guard, until, text */
	WIRE_GROWN,		/* handler: how much; replace it after this
				 * call's RESULT, which comes next */
	WIRE_TYPES
};

struct wire {
	unsigned char	 bytes[WIRE_MAX];
	size_t		 length;	/* of what was written or received */
	size_t		 at;		/* reading: the next byte */
	bool		 broken;	/* overflow, or a missing field */
};

void		 wire_begin(struct wire *, enum wire_type);
void		 wire_put_number(struct wire *, uint64_t);
void		 wire_put_string(struct wire *, const char *);	/* NULL: "" */

/* The two ends of a channel. */
bool		 wire_pair(int channel[2], struct error *) CHECKED;

/* Sends the message; false with errno (EMSGSIZE when broken). */
bool		 wire_send(int fd, const struct wire *) CHECKED;
/* The same, but never waits for a reader. */
bool		 wire_offer(int fd, const struct wire *) CHECKED;

/* The files of SETUP: programs and plugin as they were when they were taken. */
enum wire_file { WIRE_HANDLER, WIRE_PLUGIN, WIRE_LEAVE, WIRE_FILES };

/* Sends copies of these descriptors, too.  Flags as send(2)'s. */
bool		 wire_send_files(int fd, const struct wire *,
		    const int files[WIRE_FILES], int flags) CHECKED;

/* The content of WIRE_CALL; struct failover is what a plugin sees of it.
 * Strings are borrowed, from the message if it was read. */
struct wire_call {
	enum operation	 op;
	uint64_t	 epoch;
	int64_t		 not_after_ms;	/* must not begin then; 0: no limit */
	int64_t		 deadline_ms;
	const char	*node, *reason;
	const char	*master_host;
	uint16_t	 master_port;
	const char	*position;	/* has_position, behind */
	unsigned	 role;		/* enum failover_role */
	const char	*previous_host;
	uint16_t	 previous_port;
	const char	*target;
	bool		 enough;
	bool		 promote;
	const char	*address;	/* our own; NULL: not known */
};

void		 wire_put_call(struct wire *, const struct wire_call *);
/* After wire_type; false if it is not one whole call. */
bool		 wire_read_call(struct wire *, struct wire_call *) CHECKED;

/* Receives one packet: 1, 0 at the end of the stream, -1 with errno.  Flags as
 * recv(2)'s. */
int		 wire_receive(int fd, struct wire *, int flags) CHECKED;
/* The same, with the descriptors that came along, now the caller's; -1 for
 * none. */
int		 wire_receive_files(int fd, struct wire *,
		    int files[WIRE_FILES], int flags) CHECKED;
enum wire_type	 wire_type(struct wire *);	/* read it first; 0 if broken */
uint64_t	 wire_number(struct wire *);
const char	*wire_string(struct wire *);	/* borrowed; "" if broken */
/* All fields were read, and nothing was broken. */
bool		 wire_end(const struct wire *) CHECKED;

#endif
