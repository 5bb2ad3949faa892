/* printable.h - foreign text, made safe for a terminal. */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stddef.h>

/* The length of the control character at s; 0: there is none.  Those of C1 have
 * two bytes in UTF-8, and some terminals act on them. */
static inline size_t
printable_control(const char *s)
{
	const unsigned char	*u = (const unsigned char *)s;

	if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0)
		return 2;
	return u[0] != '\0' && (u[0] < ' ' || u[0] == 0x7f);
}

/* Each control character becomes '?', one for each byte. */
static inline char *
printable(char *text)
{
	char	*at = text;
	size_t	 n;

	while (*at != '\0')
		if ((n = printable_control(at)) == 0)
			at++;
		else
			while (n-- > 0)
				*at++ = '?';
	return text;
}

#endif
