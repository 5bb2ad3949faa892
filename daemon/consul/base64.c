/* base64.c - base64, which none of our libraries has. */
#include "base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *
base64_encode(const char *text)
{
	const unsigned char	*in = (const unsigned char *)text;
	size_t			 length = strlen(text), i, k;
	char			*out, *to;
	uint32_t		 three;

	to = out = must_zeroed((length + 2) / 3 * 4 + 1, 1);
	for (i = 0; i < length; i += 3) {
		three = (uint32_t)in[i] << 16;
		if (i + 1 < length)
			three |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < length)
			three |= in[i + 2];
		for (k = 0; k < 4; k++)
			*to++ = k <= length - i ?
			    base64_digits[three >> (18 - 6 * k) & 63] : '=';
	}
	*to = '\0';
	return out;
}

bool
base64_decode(const char *text, char *out, size_t size)
{
	size_t		 length = strcspn(text, "="), n = 0, i;
	uint32_t	 bits = 0;
	const char	*digit;

	if (strlen(text) % 4 != 0 || strlen(text) - length > 2 ||
	    strspn(text + length, "=") != strlen(text) - length)
		return false;
	for (i = 0; i < length; i++) {
		if ((digit = strchr(base64_digits, text[i])) == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
		if (i % 4 != 0 && n < size - 1)
			out[n++] = (char)(bits >> (6 - i % 4 * 2) & 255);
	}
	out[n] = '\0';
	return true;
}
