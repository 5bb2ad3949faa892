/* utf8.h - is that text UTF-8? */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

/* Bytes of the UTF-8 character at s: 0 if there is none.  The bounds on the
 * second byte reject overlong encodings, surrogates, and values above
 * U+10FFFF. */
static inline size_t
utf8_length(const unsigned char *s)
{
	unsigned char	 low = 0x80, high = 0xbf;
	size_t		 n, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	switch (s[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	}
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

#endif
