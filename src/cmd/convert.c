#include "cmd/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

static const struct {
  const char *name;
  const char *extension;
} kinds[] = {
  [PN_KIND_AUTO] = { "auto", "" },      [PN_KIND_MIME] = { "mime", ".eml" },
  [PN_KIND_ICAL] = { "ical", ".ics" },  [PN_KIND_NATIVE] = { "native", ".native" },
  [PN_KIND_API] = { "api", ".api" },    [PN_KIND_JSON] = { "json", ".json" },
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
  char *from, *to, *out, *report, *key, *dir, *domain, *timezone, *charset;
  char **inputs;
  int threads;
  gboolean verify, force, anew, strict_api;
} Arguments;

static void
arguments_clear (Arguments *self)
{
  char *const texts[] = { self->from, self->to,     self->out,      self->report, self->key,
                          self->dir,  self->domain, self->timezone, self->charset };
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
      "kind of the inputs: auto (default), mime, ical, native, api, tnef", "KIND" },
    { "to", 0, 0, G_OPTION_ARG_STRING, &self->to, "kind of the outputs: mime, ical, native, api, json",
      "KIND" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &self->out,
      "directory, or file for one input; '-': standard output", "OUT" },
    { "jobs", 'j', 0, G_OPTION_ARG_INT, &self->threads, "files converted at a time (default: all cores)",
      "N" },
    { "report", 0, 0, G_OPTION_ARG_FILENAME, &self->report, "write one line of JSON for each input", "FILE" },
    { "verify", 0, 0, G_OPTION_ARG_NONE, &self->verify, "convert there and back and compare", NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &self->force, "replace outputs that exist", NULL },
    { "anew", 0, 0, G_OPTION_ARG_NONE, &self->anew, "compose anew from what was understood, keep no original",
      NULL },
    { "strict-api", 0, 0, G_OPTION_ARG_NONE, &self->strict_api, "write API files without keywords of our own",
      NULL },
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
      "Kinds: mime (.eml), ical (.ics), native (queue file), api (API file with its parts in\n"
      "att_in beside it), json (output only), tnef (winmail.dat, input only).  INPUT may be a directory.\n\n"
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
  g_free (self->timezone);
  g_free (self->charset);
  g_free (self->domain);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnConvertOptions, options_clear)

/* --- the streams --------------------------------------------------------------------------------------- */

typedef struct {
  int fd;
  PnFileSink *buffer;
  PnSink sink;
} Stream;

static void
stream_clear (Stream *self)
{
  g_clear_pointer (&self->buffer, pn_file_sink_free);
  if (self->fd > STDERR_FILENO)
    close (self->fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stream, stream_clear)

static void
stream_use (Stream *self, int fd)
{
  self->fd = fd;
  self->buffer = pn_file_sink_new (fd);
  self->sink = pn_file_sink_sink (self->buffer);
}

/* PATH is made new; FORCE: or emptied. */
static gboolean
stream_open (Stream *self, const char *path, gboolean force)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0666);
  if (fd < 0) {
    fprintf (stderr, "postern convert: %s: %s%s\n", path, g_strerror (errno),
             errno == EEXIST ? "; --force replaces it" : "");
    return FALSE;
  }
  stream_use (self, fd);
  return TRUE;
}

static gboolean
stream_finish (Stream *self, const char *name)
{
  g_autoptr (GError) error = NULL;
  if (!self->buffer || pn_file_sink_flush (self->buffer, &error))
    return TRUE;
  fprintf (stderr, "postern convert: %s: %s\n", name, error->message);
  return FALSE;
}

/* Whether the outputs go into one stream: standard output, or a file of JSON lines. */
static gboolean
is_common (const Arguments *arguments, const PnConvertOptions *options, guint n)
{
  if (options->to == PN_KIND_AUTO)
    return FALSE;
  if (!arguments->out)
    return !options->verify;
  if (g_str_equal (arguments->out, "-"))
    return TRUE;
  return options->to == PN_KIND_JSON && n > 1 && !g_file_test (arguments->out, G_FILE_TEST_IS_DIR)
         && g_str_has_suffix (arguments->out, ".json");
}

static int
check (const Arguments *arguments, PnConvertOptions *options)
{
  if (!arguments->inputs || !arguments->inputs[0])
    return usage ("%s", "no input");
  if (arguments->from
      && (!pn_kind_from_string (arguments->from, &options->from) || options->from == PN_KIND_JSON))
    return usage ("--from: '%s' is no kind that can be read", arguments->from);
  if (arguments->to
      && (!pn_kind_from_string (arguments->to, &options->to) || options->to == PN_KIND_AUTO
          || options->to == PN_KIND_TNEF))
    return usage ("--to: '%s' is no kind that can be written", arguments->to);
  if (!arguments->to && !arguments->verify)
    return usage ("%s", "--to is missing");
  if (arguments->threads < 0)
    return usage ("%s", "-j wants a number above 0");
  if (options->to == PN_KIND_API && (!arguments->out || g_str_equal (arguments->out, "-")))
    return usage ("%s", "API files have parts beside them and need -o");
  return PN_EXIT_DONE;
}

/* The jobs, with the output each is to have. */
static GPtrArray *
plan (const Arguments *arguments, PnConvertOptions *options, Stream *common)
{
  g_autoptr (GError) error = NULL;
  gboolean single
      = g_strv_length (arguments->inputs) == 1 && !g_file_test (arguments->inputs[0], G_FILE_TEST_IS_DIR);
  gboolean one_stream = is_common (arguments, options, single ? 1 : 2);
  gboolean writes = options->to != PN_KIND_AUTO && (arguments->out || !options->verify);
  g_autoptr (GPtrArray) jobs = pn_convert_collect (options, arguments->inputs,
                                                   writes && !one_stream ? arguments->out : NULL, &error);
  if (!jobs) {
    fprintf (stderr, "postern convert: %s\n", error->message);
    return NULL;
  }
  if (!writes)
    options->to = PN_KIND_AUTO;
  options->lines = one_stream && options->to == PN_KIND_JSON;
  if (one_stream && !single && options->to != PN_KIND_JSON) {
    fprintf (stderr, "postern convert: several inputs need -o DIRECTORY\n");
    return NULL;
  }
  if (!one_stream)
    return g_steal_pointer (&jobs);
  if (!arguments->out || g_str_equal (arguments->out, "-"))
    stream_use (common, STDOUT_FILENO);
  else if (!stream_open (common, arguments->out, options->force))
    return NULL;
  return g_steal_pointer (&jobs);
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
                                        .anew = arguments.anew,
                                        .strict_api = arguments.strict_api };
  mode_t mask = umask (0);
  umask (mask);
  options.mode = 0666 & ~mask;
  int code = check (&arguments, &options);
  if (code != PN_EXIT_DONE)
    return code;
  if (!take_settings (&arguments, &options))
    return PN_EXIT_NOT_DONE;

  g_auto (Stream) common = { .fd = -1 };
  g_auto (Stream) report = { .fd = -1 };
  g_autoptr (GPtrArray) jobs = plan (&arguments, &options, &common);
  if (!jobs)
    return PN_EXIT_USAGE;
  if (arguments.report && !stream_open (&report, arguments.report, TRUE))
    return PN_EXIT_NOT_DONE;
  guint threads = arguments.threads ? (guint) arguments.threads : g_get_num_processors ();
  code = pn_convert_run (&options, jobs, MIN (threads, 256), common.buffer ? &common.sink : NULL,
                         report.buffer ? &report.sink : NULL);
  gboolean written = stream_finish (&common, arguments.out ? arguments.out : "standard output");
  written &= stream_finish (&report, arguments.report);
  return written ? code : PN_EXIT_NOT_DONE;
}
