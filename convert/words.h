/* The words of the enumerations in convert/message.h, as the keyword language spells them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  guint value;
  const char *word;
} PnWord;

/* Each ends with a NULL word; the first word of a value is the one that is written. */
extern const PnWord pn_type_words[], pn_role_words[], pn_priority_words[], pn_security_words[],
    pn_status_request_words[], pn_action_words[], pn_call_action_words[], pn_method_words[],
    pn_partstat_words[];

/* The value that WORD names (any case; blanks, hyphens and underscores do not count), or FALLBACK. */
guint pn_word_find (const PnWord *words, const char *word, guint fallback);
/* The word for VALUE, or NULL. */
const char *pn_word_of (const PnWord *words, guint value);

G_END_DECLS
