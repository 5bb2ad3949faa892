/*
 * properties.h - Java's format of core.properties: one key changed, every other
 * byte kept.
 */
#ifndef SOLR_PROPERTIES_H
#define SOLR_PROPERTIES_H

/* Gives the value of key in text, as the last one of that key has it; NULL:
 * none, or no memory. */
char	*properties_get(const char *text, const char *key);

/* Gives text with key = value, where the key was first or else at the end;
 * NULL: no memory. */
char	*properties_set(const char *text, const char *key, const char *value);

#endif
