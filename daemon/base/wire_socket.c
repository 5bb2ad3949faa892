/* wire_socket.c - send and receive one message. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

bool
wire_pair(int channel[2], struct error *err)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    channel) == 0 ||
	    error_set(err, "can't make a channel: %s", strerror(errno));
}

static bool
wire_send_with(int fd, const struct wire *w, int flags)
{
	ssize_t		 n;

	if (w->broken) {
		errno = EMSGSIZE;
		return false;
	}
	do
		n = send(fd, w->bytes, w->length, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

bool
wire_send(int fd, const struct wire *w)
{
	return wire_send_with(fd, w, 0);
}

bool
wire_offer(int fd, const struct wire *w)
{
	return wire_send_with(fd, w, MSG_DONTWAIT);
}

bool
wire_send_files(int fd, const struct wire *w, const int files[WIRE_FILES],
    int flags)
{
	union {
		char		 bytes[CMSG_SPACE(WIRE_FILES * sizeof(int))];
		struct cmsghdr	 align;
	}			 control = { 0 };
	struct iovec		 body = { (void *)(uintptr_t)w->bytes,
				    w->length };
	struct msghdr		 m = { .msg_iov = &body, .msg_iovlen = 1,
				    .msg_control = control.bytes,
				    .msg_controllen = sizeof control.bytes };
	struct cmsghdr		*c = CMSG_FIRSTHDR(&m);

	if (w->broken) {
		errno = EMSGSIZE;
		return false;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(WIRE_FILES * sizeof(int));
	memcpy(CMSG_DATA(c), files, WIRE_FILES * sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL | flags) >= 0;
}

/* A peer that ended with our words unread makes one ECONNRESET, ahead of its own
 * last words: those are worth reading. */
static bool
wire_tries_again(ssize_t n)
{
	return n < 0 && (errno == EINTR || errno == ECONNRESET);
}

static int
wire_received(struct wire *w, ssize_t n)
{
	if (n > (ssize_t)sizeof w->bytes) {
		errno = EMSGSIZE;
		n = -1;
	}
	w->length = n < 0 ? 0 : (size_t)n;
	w->at = 0;
	w->broken = n <= 0;
	return n < 0 ? -1 : n > 0;
}

int
wire_receive(int fd, struct wire *w, int flags)
{
	ssize_t		 n;

	do
		n = recv(fd, w->bytes, sizeof w->bytes, flags | MSG_TRUNC);
	while (wire_tries_again(n));
	return wire_received(w, n);
}

int
wire_receive_files(int fd, struct wire *w, int files[WIRE_FILES], int flags)
{
	union {
		char		 bytes[CMSG_SPACE(WIRE_FILES * sizeof(int))];
		struct cmsghdr	 align;
	}			 control;
	struct iovec		 body = { w->bytes, sizeof w->bytes };
	struct msghdr		 m = { .msg_iov = &body, .msg_iovlen = 1 };
	struct cmsghdr		*c;
	ssize_t			 n;
	size_t			 i;

	do {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		n = recvmsg(fd, &m, flags | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	} while (wire_tries_again(n));

	for (i = 0; i < WIRE_FILES; i++)
		files[i] = -1;
	c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS)
		memcpy(files, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return wire_received(w, n);
}
