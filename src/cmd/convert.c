#include "cmd/convert.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
  const char *name;
  const char *extension;
} kinds[] = {
  [PN_KIND_AUTO] = { "auto", "" },
  [PN_KIND_MIME] = { "mime", ".eml" },
  [PN_KIND_MBOX] = { "mbox", ".mbox" },
  [PN_KIND_MAILDIR] = { "maildir", "" },
  [PN_KIND_VCARD] = { "vcard", ".vcf" },
  [PN_KIND_ICAL] = { "ical", ".ics" },
  [PN_KIND_NATIVE] = { "native", ".native" },
  [PN_KIND_API] = { "api", ".api" },
  [PN_KIND_JSON] = { "json", ".json" },
  [PN_KIND_TNEF] = { "tnef", ".tnef" },
};

const char *
pn_kind_to_string (PnKind kind)
{
  return kinds[kind].name;
}

const char *
pn_kind_extension (PnKind kind)
{
  return kinds[kind].extension;
}

gboolean
pn_kind_from_string (const char *text, PnKind *kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_ascii_strcasecmp (text, kinds[i].name) == 0) {
      *kind = (PnKind) i;
      return TRUE;
    }
  return FALSE;
}

const char *
pn_result_to_string (PnResult result)
{
  static const char *const words[] = { "converted", "identical", "equivalent", "different", "failed" };
  return words[result];
}

gint64
pn_convert_now (void)
{
  const char *epoch = g_getenv ("SOURCE_DATE_EPOCH");
  return epoch ? g_ascii_strtoll (epoch, NULL, 10) : g_get_real_time () / G_USEC_PER_SEC;
}

/* --- the command line --------------------------------------------------------------------------------- */

typedef struct {
  char *from, *to, *out, *report, *rejects, *key, *dir, *domain, *timezone, *charset;
  char **inputs;
  int threads;
  gboolean verify, force, resume, anew, strict_api, brief, simple_recurrence;
} Arguments;

static void
arguments_clear (Arguments *self)
{
  char *const texts[] = { self->from, self->to,  self->out,    self->report,   self->rejects,
                          self->key,  self->dir, self->domain, self->timezone, self->charset };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_strfreev (self->inputs);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Arguments, arguments_clear)

static gboolean
parse (Arguments *self, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    { "from", 0, 0, G_OPTION_ARG_STRING, &self->from,
      "kind of the inputs: auto (default), mime, mbox, maildir, ical, vcard, native, api, json, tnef",
      "KIND" },
    { "to", 0, 0, G_OPTION_ARG_STRING, &self->to,
      "kind of the outputs: mime, mbox, maildir, ical, vcard, native, api, json", "KIND" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &self->out, "directory or file; '-': standard output", "OUT" },
    { "jobs", 'j', 0, G_OPTION_ARG_INT, &self->threads, "messages converted at a time (default: all cores)",
      "N" },
    { "report", 0, 0, G_OPTION_ARG_FILENAME, &self->report, "write one line of JSON for each message",
      "FILE" },
    { "rejects", 0, 0, G_OPTION_ARG_FILENAME, &self->rejects,
      "copy what cannot be converted there, with the reason", "DIR" },
    { "continue", 0, 0, G_OPTION_ARG_NONE, &self->resume, "go on with an interrupted run", NULL },
    { "verify", 0, 0, G_OPTION_ARG_NONE, &self->verify, "convert there and back and compare", NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &self->force, "replace outputs that exist", NULL },
    { "anew", 0, 0, G_OPTION_ARG_NONE, &self->anew, "compose anew from what was understood, keep no original",
      NULL },
    { "strict-api", 0, 0, G_OPTION_ARG_NONE, &self->strict_api, "write API files without keywords of our own",
      NULL },
    { "simple-recurrence", 0, 0, G_OPTION_ARG_NONE, &self->simple_recurrence,
      "write series into iCalendar as Exchange takes them: by an equal simple rule, else as single items",
      NULL },
    { "brief", 0, 0, G_OPTION_ARG_NONE, &self->brief, "write JSON without the queue file in it", NULL },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &self->key, "key that seals native files", "FILE" },
    { "domain", 0, 0, G_OPTION_ARG_STRING, &self->domain,
      "Internet domain for native addresses and message ids", "DOMAIN" },
    { "timezone", 0, 0, G_OPTION_ARG_STRING, &self->timezone,
      "zone of calendar times that name none (default: UTC)", "ZONE" },
    { "charset", 0, 0, G_OPTION_ARG_STRING, &self->charset, "charset of 8-bit text that declares none",
      "CHARSET" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->inputs, NULL, NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
  };
  return pn_cmd_options (
      argc, argv, entries, &self->dir, NULL, "INPUT...", "Convert message files from any kind to any other.",
      "Kinds: mime (.eml), mbox, maildir, ical (.ics), vcard (.vcf), native (queue file), api (API file with "
      "its parts\n"
      "in att_in beside it), json, tnef (winmail.dat, input only).  INPUT may be a directory.\n\n"
      "Exit status: 0 done, 1 done with losses named, 2 usage, 3 something was not done.");
}

static int
usage (const char *format, const char *what)
{
  fprintf (stderr, "postern convert: ");
  fprintf (stderr, format, what);
  fprintf (stderr, "\nTry 'postern convert --help'.\n");
  return PN_EXIT_USAGE;
}

/* The settings of a domain, when one is named: its key, zone and Internet domain. */
static gboolean
take_settings (const Arguments *arguments, PnConvertOptions *options)
{
  if (arguments->dir || (!arguments->key && g_getenv ("POSTERN_DIR"))) {
    PnConfig *config = NULL;
    if (!pn_cmd_open (arguments->dir, &config, arguments->key ? NULL : &options->key))
      return FALSE;
    options->timezone = g_strdup (config->timezone);
    options->domain = g_strdup (config->internet_domain);
    pn_config_free (config);
  }
  if (arguments->key) {
    GError *error = NULL;
    options->key = pn_key_load (arguments->key, &error);
    if (!options->key) {
      pn_cmd_fail ("convert", error);
      return FALSE;
    }
  }
  const struct {
    const char *given;
    char **to;
  } texts[] = { { arguments->timezone, &options->timezone },
                { arguments->domain, &options->domain },
                { arguments->charset, &options->charset } };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].given) {
      g_free (*texts[i].to);
      *texts[i].to = g_strdup (texts[i].given);
    }
  if (!options->domain)
    options->domain = g_strdup ("localhost");
  return TRUE;
}

static void
options_clear (PnConvertOptions *self)
{
  g_clear_pointer (&self->key, pn_key_unref);
  g_clear_pointer (&self->inputs, g_hash_table_unref);
  g_free (self->out);
  g_free (self->rejects);
  g_free (self->timezone);
  g_free (self->charset);
  g_free (self->domain);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnConvertOptions, options_clear)

/* --- what goes where ------------------------------------------------------------------------------------ */

static gboolean
is_stdout (const Arguments *arguments)
{
  return !arguments->out || g_str_equal (arguments->out, "-");
}

static int
check_kinds (const Arguments *arguments, PnConvertOptions *options)
{
  if (arguments->from && pn_mbox_quoting_from_string (arguments->from, &options->quoting))
    options->from = PN_KIND_MBOX;
  else if (arguments->from && !pn_kind_from_string (arguments->from, &options->from))
    return usage ("--from: '%s' is no kind that can be read", arguments->from);
  if (arguments->to
      && (!pn_kind_from_string (arguments->to, &options->to) || options->to == PN_KIND_AUTO
          || options->to == PN_KIND_TNEF))
    return usage ("--to: '%s' is no kind that can be written", arguments->to);
  if (!arguments->to && !arguments->verify)
    return usage ("%s", "--to is missing");
  return PN_EXIT_DONE;
}

static int
check (const Arguments *arguments, PnConvertOptions *options)
{
  if (!arguments->inputs || !arguments->inputs[0])
    return usage ("%s", "no input");
  int code = check_kinds (arguments, options);
  if (code != PN_EXIT_DONE)
    return code;
  if (arguments->threads < 0)
    return usage ("%s", "-j wants a number above 0");
  if (options->to == PN_KIND_API && is_stdout (arguments))
    return usage ("%s", "API files have parts beside them and need -o");
  if (options->to == PN_KIND_MAILDIR && is_stdout (arguments))
    return usage ("%s", "a Maildir is a directory and needs -o");
  if (arguments->resume && arguments->force)
    return usage ("%s", "--continue goes on with a run, --force begins anew");
  return PN_EXIT_DONE;
}

/* Whether the only input is one message, too. */
static gboolean
is_one (const PnConvertOptions *options, GPtrArray *files)
{
  const PnConvertFile *file = g_ptr_array_index (files, 0);
  if (g_str_equal (file->path, "-")) /* can be read only once */
    return options->from != PN_KIND_MBOX;
  g_autoptr (PnConvertItems) items = pn_convert_items_open (options, file, 0);
  return !pn_convert_items_several (items);
}

static gboolean
has_stream_name (const PnConvertOptions *options, const char *out)
{
  static const char *const extensions[][2] = { [PN_KIND_JSON] = { ".json", ".jsonl" },
                                               [PN_KIND_ICAL] = { ".ics", ".ical" },
                                               [PN_KIND_VCARD] = { ".vcf", ".vcard" } };
  if (options->to != PN_KIND_JSON && options->to != PN_KIND_ICAL && options->to != PN_KIND_VCARD)
    return FALSE;
  return g_str_has_suffix (out, extensions[options->to][0])
         || g_str_has_suffix (out, extensions[options->to][1]);
}

static int
choose_layout (const Arguments *arguments, PnConvertOptions *options, GPtrArray *files)
{
  const char *out = arguments->out;
  gboolean streams = options->to == PN_KIND_JSON || options->to == PN_KIND_ICAL
                     || options->to == PN_KIND_VCARD || options->to == PN_KIND_MBOX;
  options->layout = PN_LAYOUT_NONE;
  if (options->to == PN_KIND_AUTO || (!out && options->verify))
    return PN_EXIT_DONE;
  if (is_stdout (arguments)) {
    if (!streams && !options->single)
      return usage ("%s", "several inputs need -o DIRECTORY");
    options->layout = streams ? PN_LAYOUT_STREAM : PN_LAYOUT_DIRECT;
    return PN_EXIT_DONE;
  }
  options->out = g_strdup (out);
  options->one = options->single && is_one (options, files);
  gboolean directory = g_file_test (out, G_FILE_TEST_IS_DIR) || g_str_has_suffix (out, "/");
  if (options->to == PN_KIND_MAILDIR)
    options->layout = PN_LAYOUT_MAILDIR;
  else if (options->to == PN_KIND_MBOX)
    options->layout = directory ? PN_LAYOUT_FOLDERS : PN_LAYOUT_STREAM;
  else
    options->layout
        = !directory && !options->one && has_stream_name (options, out) ? PN_LAYOUT_STREAM : PN_LAYOUT_FILES;
  gboolean wants_directory
      = options->layout == PN_LAYOUT_MAILDIR || (options->layout == PN_LAYOUT_FILES && !options->one);
  if (wants_directory && !directory && g_file_test (out, G_FILE_TEST_EXISTS))
    return usage ("%s: a directory is needed here", out);
  return PN_EXIT_DONE;
}

/* The inputs, and where their outputs go. */
static GPtrArray *
plan (const Arguments *arguments, PnConvertOptions *options)
{
  g_autoptr (GError) error = NULL;
  options->single = !arguments->inputs[1] && !g_file_test (arguments->inputs[0], G_FILE_TEST_IS_DIR);
  g_autoptr (GPtrArray) files = pn_convert_collect (options, arguments->inputs, &error);
  if (!files) {
    fprintf (stderr, "postern convert: %s\n", error->message);
    return NULL;
  }
  return choose_layout (arguments, options, files) == PN_EXIT_DONE ? g_steal_pointer (&files) : NULL;
}

/* "-j4" as "-j", "4", which is the only form that GOption takes.  Caller frees the array, not the texts. */
static char **
split_jobs (int *argc, char **argv)
{
  GPtrArray *split = g_ptr_array_new ();
  for (int i = 0; i < *argc; i++) {
    gboolean joined = g_str_has_prefix (argv[i], "-j") && g_ascii_isdigit (argv[i][2]);
    g_ptr_array_add (split, joined ? (gpointer) "-j" : argv[i]);
    if (joined)
      g_ptr_array_add (split, argv[i] + 2);
  }
  *argc = (int) split->len;
  g_ptr_array_add (split, NULL);
  return (char **) g_ptr_array_free (split, FALSE);
}

int
pn_cmd_convert (int argc, char **argv)
{
  g_autofree char **split = split_jobs (&argc, argv);
  argv = split;
  g_auto (Arguments) arguments = { 0 };
  if (!parse (&arguments, &argc, &argv))
    return PN_EXIT_USAGE;
  g_auto (PnConvertOptions) options = { .verify = arguments.verify,
                                        .force = arguments.force,
                                        .resume = arguments.resume,
                                        .anew = arguments.anew,
                                        .brief = arguments.brief,
                                        .strict_api = arguments.strict_api,
                                        .simple_recurrence = arguments.simple_recurrence };
  options.rejects = g_strdup (arguments.rejects);
  mode_t mask = umask (0);
  umask (mask);
  options.mode = 0666 & ~mask;
  int code = check (&arguments, &options);
  if (code != PN_EXIT_DONE)
    return code;
  if (!take_settings (&arguments, &options))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GPtrArray) files = plan (&arguments, &options);
  if (!files)
    return PN_EXIT_USAGE;
  guint threads = arguments.threads ? (guint) arguments.threads : g_get_num_processors ();
  return pn_convert_run (&options, files, threads, arguments.report);
}
