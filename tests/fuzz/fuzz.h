/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one file: LLVMFuzzerTestOneInput gives bytes to one of our
 * parsers, and checks the result.  If it can't set something up, that counts as
 * out of memory; if a check fails, it crashes.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A check; the sanitizers print the stack. */
#define FUZZ_MUST(condition) do {					\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: not true: %s (errno: %m)\n",	\
		    __FILE__, __LINE__, #condition);			\
		abort();						\
	}								\
} while (0)

int	LLVMFuzzerInitialize(int *, char ***);		/* if there is one */
int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The bytes that are not read yet. */
struct fuzz {
	const uint8_t	*bytes;
	size_t		 left;
};

/* One byte; 0 at the end. */
static inline uint8_t
fuzz_byte(struct fuzz *f)
{
	if (f->left == 0)
		return 0;
	f->left--;
	return *f->bytes++;
}

/* That many bytes, or fewer at the end: returns the first one's place. */
static inline const uint8_t *
fuzz_take(struct fuzz *f, size_t *length)
{
	const uint8_t	*bytes = f->bytes;

	if (*length > f->left)
		*length = f->left;
	f->bytes += *length;
	f->left -= *length;
	return bytes;
}

/* A length of two bytes, and that many bytes. */
static inline const uint8_t *
fuzz_counted(struct fuzz *f, size_t *length)
{
	*length = fuzz_byte(f);
	*length |= (size_t)fuzz_byte(f) << 8;
	return fuzz_take(f, length);
}

/* The rest up to the separator, which is skipped, as a string of its own; NULL
 * at the end. */
static inline char *
fuzz_until(struct fuzz *f, const char *separator)
{
	const uint8_t	*end;
	size_t		 length, skip = strlen(separator);
	char		*text;

	if (f->left == 0)
		return NULL;
	end = memmem(f->bytes, f->left, separator, skip);
	length = end == NULL ? f->left : (size_t)(end - f->bytes);
	FUZZ_MUST((text = strndup((const char *)f->bytes, length)) != NULL);
	length += end == NULL ? 0 : skip;
	fuzz_take(f, &length);
	return text;
}

/* Checks that a string can be read to its end. */
static inline void
fuzz_read(const char *text)
{
	FUZZ_MUST(text != NULL);
	FUZZ_MUST(strlen(text) < SIZE_MAX);
}

#endif
