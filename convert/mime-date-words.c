#include "convert/mime-date.h"

#include <string.h>

/* How the names of months begin.  Where one is the beginning of another, the longer one stands first. */
static const struct {
  const char *begin;
  int month;
} months[] = {
  { "jan", 1 },     { "feb", 2 },      { "mar", 3 },      { "apr", 4 },  { "may", 5 },  { "jun", 6 },
  { "jul", 7 },     { "aug", 8 },      { "sep", 9 },      { "oct", 10 }, { "nov", 11 }, { "dec", 12 },
  { "jaen", 1 },    { "ene", 1 },      { "gen", 1 },      { "ian", 1 },  { "sty", 1 },  { "led", 1 },
  { "oca", 1 },     { "tammi", 1 },    { "fev", 2 },      { "peb", 2 },  { "lut", 2 },  { "uno", 2 },
  { "sub", 2 },     { "helmi", 2 },    { "mae", 3 },      { "mrz", 3 },  { "mrt", 3 },  { "maa", 3 },
  { "bre", 3 },     { "avr", 4 },      { "abr", 4 },      { "avg", 8 },  { "kwi", 4 },  { "dub", 4 },
  { "nis", 4 },     { "huhti", 4 },    { "mai", 5 },      { "mag", 5 },  { "mei", 5 },  { "maj", 5 },
  { "kve", 5 },     { "touko", 5 },    { "juin", 6 },     { "giu", 6 },  { "iun", 6 },  { "cze", 6 },
  { "haz", 6 },     { "kesa", 6 },     { "juil", 7 },     { "lug", 7 },  { "iul", 7 },  { "lip", 7 },
  { "cvc", 7 },     { "cervenec", 7 }, { "cervence", 7 }, { "cvn", 6 },  { "cer", 6 },  { "tem", 7 },
  { "heina", 7 },   { "aou", 8 },      { "ago", 8 },      { "agu", 8 },  { "sie", 8 },  { "srp", 8 },
  { "elo", 8 },     { "set", 9 },      { "szept", 9 },    { "wrz", 9 },  { "zar", 9 },  { "eyl", 9 },
  { "syys", 9 },    { "okt", 10 },     { "out", 10 },     { "ott", 10 }, { "paz", 10 }, { "rij", 10 },
  { "eki", 10 },    { "loka", 10 },    { "noi", 11 },     { "nop", 11 }, { "lis", 11 }, { "kas", 11 },
  { "marras", 11 }, { "dez", 12 },     { "dic", 12 },     { "des", 12 }, { "gru", 12 }, { "pro", 12 },
  { "ara", 12 },    { "joulu", 12 },   { "янв", 1 },      { "фев", 2 },  { "мар", 3 },  { "апр", 4 },
  { "маи", 5 },     { "мая", 5 },      { "июн", 6 },      { "июл", 7 },  { "авг", 8 },  { "сен", 9 },
  { "окт", 10 },    { "ноя", 11 },     { "дек", 12 },
};

int
pn_date_month (const char *word)
{
  int month = 0;
  gsize best = 0;

  for (guint i = 0; i < G_N_ELEMENTS (months); i++) {
    gsize n = strlen (months[i].begin);
    if (n > best && strncmp (word, months[i].begin, n) == 0) {
      best = n;
      month = months[i].month;
    }
  }
  return month;
}

int
pn_date_weekday (const char *word)
{
  static const char *const begins[7] = { "sun dim dom son so zon",         "mon lun seg mo maa man",
                                         "tue mar ter die di din tis tir", "wed mer mie qua mit mi woe ons",
                                         "thu jeu jue gio qui don do tor", "fri ven vie sex fre fr vri",
                                         "sat sam sab sa zat lor" };

  for (int day = 0; day < 7; day++)
    for (const char *begin = begins[day]; *begin != '\0'; begin += *begin == ' ') {
      gsize n = strcspn (begin, " ");
      if (strncmp (word, begin, n) == 0 && (n > 2 || word[n] == '\0'))
        return day;
      begin += n;
    }
  return -1;
}

static const struct {
  const char *name;
  int offset;
} zones[] = {
  { "ut", 0 },      { "utc", 0 },    { "gmt", 0 },     { "wet", 0 },    { "est", -300 },   { "edt", -240 },
  { "cst", -360 },  { "cdt", -300 }, { "mst", -420 },  { "mdt", -360 }, { "pst", -480 },   { "pdt", -420 },
  { "ast", -240 },  { "adt", -180 }, { "nst", -210 },  { "ndt", -150 }, { "hst", -600 },   { "akst", -540 },
  { "akdt", -480 }, { "brt", -180 }, { "brst", -120 }, { "art", -180 }, { "clt", -240 },   { "clst", -180 },
  { "bst", 60 },    { "west", 60 },  { "wedt", 60 },   { "met", 60 },   { "mewt", 60 },    { "cet", 60 },
  { "mez", 60 },    { "mest", 120 }, { "cest", 120 },  { "mesz", 120 }, { "metdst", 120 }, { "cetdst", 120 },
  { "eet", 120 },   { "sast", 120 }, { "cat", 120 },   { "eest", 180 }, { "eetdst", 180 }, { "msk", 180 },
  { "msd", 240 },   { "eat", 180 },  { "irst", 210 },  { "pkt", 300 },  { "uzt", 300 },    { "yekt", 300 },
  { "novt", 420 },  { "ict", 420 },  { "wib", 420 },   { "hkt", 480 },  { "sgt", 480 },    { "myt", 480 },
  { "awst", 480 },  { "jst", 540 },  { "kst", 540 },   { "acst", 570 }, { "acdt", 630 },   { "aest", 600 },
  { "aedt", 660 },  { "nzst", 720 }, { "nzdt", 780 },
};

gboolean
pn_date_zone (const char *word, int *offset)
{
  for (guint i = 0; i < G_N_ELEMENTS (zones); i++)
    if (strcmp (word, zones[i].name) == 0) {
      *offset = zones[i].offset;
      return TRUE;
    }
  /* Zones of one letter were misprinted in RFC 822, so that nothing but UTC can be made of them. */
  if (word[0] >= 'a' && word[0] <= 'z' && word[0] != 'j' && word[0] != 't' && word[1] == '\0') {
    *offset = 0;
    return TRUE;
  }
  return FALSE;
}

gboolean
pn_date_zone_part (const char *word, int *offset)
{
  static const struct {
    const char *begin;
    int offset;
  } parts[] = { { "eastern", -300 }, { "central", -360 },   { "mountain", -420 }, { "pacific", -480 },
                { "romance", 60 },   { "mitteleurop", 60 }, { "westeurop", 60 },  { "daylight", 60 },
                { "summer", 60 },    { "sommerzeit", 60 },  { "tokyo", 540 },     { "korea", 540 },
                { "china", 480 },    { "taipei", 480 },     { "russian", 180 } };

  /* "Central Europe", "W. Europe" */
  if (g_str_has_prefix (word, "europ")) {
    *offset += *offset == -360 ? 420 : 60;
    return TRUE;
  }
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (g_str_has_prefix (word, parts[i].begin)) {
      *offset += parts[i].offset;
      return TRUE;
    }
  return FALSE;
}

char *
pn_date_fold (const char *text)
{
  g_autofree char *plain = g_utf8_normalize (text, -1, G_NORMALIZE_NFKD);
  GString *out = g_string_new (NULL);

  for (const char *p = plain; p != NULL && *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    if (!g_unichar_ismark (c))
      g_string_append_unichar (out, g_unichar_tolower (c));
  }
  /* Hangul came apart too. */
  char *folded = g_utf8_normalize (out->str, (gssize) out->len, G_NORMALIZE_NFC);
  g_string_free (out, TRUE);
  return folded;
}
