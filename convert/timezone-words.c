/* Zones by the words of a display name in the sender's language: "(GMT+0100) Westeuropäische Normalzeit". The
 * offset says which zone of a part of the world is meant. */
#include "convert/ical-private.h"

#include <string.h>

typedef enum { NOWHERE, EUROPE, PACIFIC, MOUNTAIN, CENTRAL, EASTERN, AUSTRALIA, NEW_ZEALAND } Region;

/* Beginnings or middles of words, case folded, in the languages GroupWise speaks. */
static const struct {
  Region region;
  const char *words;
} names[] = {
  { NOWHERE, "südamer|sudam|suram|sydam|sør-am|zuid-am|south am|sa east|sa west|sa pac|etelä-am|южноам|"
             "南美|南米|남미|mexi|méxi|мекс|墨西|メキシ|멕시" },
  { AUSTRALIA, "austral|aus |австрал|オーストラリア|호주|오스트레일|澳|أسترال|אוסטרל|ออสเตร" },
  { NEW_ZEALAND, "zealand|seeland|zeeland|zélande|zeland|zelandia|zéland|зеланд|ニュージ|뉴질|新西|紐西|"
                 "نيوزيل|זילנד|นิวซี" },
  { EUROPE, "europ|evrop|avrup|európa|европ|європ|欧|歐|ヨーロッパ|유럽|أوروب|اوروب|אירופ|ยุโรป|ευρώπ|romance|"
            "romansk|romani|romaan" },
  { PACIFIC,
    "pacif|pacíf|pazif|pacyf|stille|stilla|stilleh|tyynen|tichom|csendes|тихоок|pasifik|太平|태평|هادئ|"
    "הפסיפי|השקט|แปซิฟ" },
  { MOUNTAIN, "mountain|rocky|rocheu|gebirg|berg|montañ|montagn|montanh|fjell|fjäll|bjerg|vuoris|kalliov|gór|"
              "skalist|hegy|горн|гірськ|dağ|山|산지|جبل|ההרים|ภูเขา" },
  { CENTRAL,
    "centr|zentral|midden|mitten|keski|środk|střed|közép|центр|orta|merkezi|中部|중부|وسط|מרכז|กลาง" },
  { EASTERN,
    "east|ost|est|este|orient|oost|öst|øst|itä|wschod|východ|kelet|восто|схід|doğu|東|东|동부|شرق|מזרח|"
    "ตะวันออก" },
};

static const struct {
  Region region;
  int offset; /* of standard time */
  const char *zone;
} zones[] = {
  { EUROPE, 0, "Europe/London" },
  { EUROPE, 3600, "Europe/Berlin" },
  { EUROPE, 7200, "Europe/Helsinki" },
  { EUROPE, 10800, "Europe/Moscow" },
  { PACIFIC, -28800, "America/Los_Angeles" },
  { MOUNTAIN, -25200, "America/Denver" },
  { CENTRAL, -21600, "America/Chicago" },
  { EASTERN, -18000, "America/New_York" },
  { AUSTRALIA, 28800, "Australia/Perth" },
  { AUSTRALIA, 34200, "Australia/Adelaide" },
  { AUSTRALIA, 36000, "Australia/Sydney" },
  { NEW_ZEALAND, 43200, "Pacific/Auckland" },
};

static gboolean
has_word (const char *text, const char *words)
{
  g_auto (GStrv) list = g_strsplit (words, "|", -1);
  for (guint i = 0; list[i]; i++) {
    const char *found = strstr (text, list[i]);
    /* Short ones of letters are beginnings of words: "est" stands in the middle of many. */
    gboolean beginning
        = found && (found == text || !g_unichar_isalpha (g_utf8_get_char (g_utf8_prev_char (found))));
    if (found && (beginning || strlen (list[i]) > 4 || (guchar) list[i][0] >= 0x80))
      return TRUE;
  }
  return FALSE;
}

const char *
pn_timezone_by_words (const char *text, int offset)
{
  g_autofree char *folded = g_utf8_casefold (text, -1);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (!has_word (folded, names[i].words))
      continue;
    if (names[i].region == NOWHERE)
      return NULL;
    for (guint k = 0; k < G_N_ELEMENTS (zones); k++) {
      if (zones[k].region == names[i].region && zones[k].offset == offset)
        return zones[k].zone;
    }
  }
  return NULL;
}
