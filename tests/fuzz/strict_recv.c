/*
 * strict_recv.c - instead of recv(2) and recvmsg(2): what was not received is no
 * memory.
 *
 * A message lies in a buffer with room for the longest, so that the sanitizer
 * sees no harm in one that is read beyond its end.
 */
#include <sanitizer/asan_interface.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t
strictly(ssize_t n, void *to, size_t size)
{
	if (n > 0 && (size_t)n <= size) {
		ASAN_UNPOISON_MEMORY_REGION(to, (size_t)n);
		ASAN_POISON_MEMORY_REGION((char *)to + n, size - (size_t)n);
	}
	return n;
}

ssize_t
recv(int fd, void *to, size_t size, int flags)	/* strict_recv, by -D */
{
	return strictly(syscall(SYS_recvfrom, fd, to, size, flags, NULL, NULL),
	    to, size);
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)	/* and strict_recvmsg */
{
	return strictly(syscall(SYS_recvmsg, fd, m, flags),
	    m->msg_iov->iov_base, m->msg_iov->iov_len);
}
