/*
 * strict_recv.c - instead of recv(2): what was not received is no memory.
 *
 * A message lies in a buffer with room for the longest, so that the sanitizer
 * sees no harm in one that is read beyond its end.
 */
#include <sanitizer/asan_interface.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t
recv(int fd, void *to, size_t size, int flags)	/* strict_recv, by -D */
{
	ssize_t	 n = syscall(SYS_recvfrom, fd, to, size, flags, NULL, NULL);

	if (n > 0 && (size_t)n <= size) {
		ASAN_UNPOISON_MEMORY_REGION(to, (size_t)n);
		ASAN_POISON_MEMORY_REGION((char *)to + n, size - (size_t)n);
	}
	return n;
}
