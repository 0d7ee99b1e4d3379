/* The user agent's library: sending, answering, reading. */
#include "house.h"

#include "convert/native.h"
#include "core/trace.h"
#include "postoffice/mailbox.h"
#include "queue/outgoing.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- making messages and looking at what became of them --- */

static PnMailbox *
open_mailbox (const House *house, const char *user)
{
  g_autoptr (GError) error = NULL;
  PnMailbox *mailbox = pn_mailbox_open (house->config, house->key, user, &error);
  g_assert_no_error (error);
  return mailbox;
}

static PnMessage *
make_mail (const char *subject)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->subject = g_strdup (subject);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Hello.\n", -1)));
  return message;
}

static GPtrArray *
queued (const House *house, guint priority)
{
  GPtrArray *messages = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_autofree char *path = g_strdup_printf ("%s/NORTH/WPCSIN/%u", house->root, priority);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autoptr (GError) error = NULL;
    g_autofree char *file = g_build_filename (path, name, NULL);
    g_autoptr (PnSource) source = pn_queue_open_file (file, house->key, FALSE, NULL, &error);
    g_assert_no_error (error);
    PnMessage *message = pn_native_read (source, &error);
    g_assert_no_error (error);
    g_ptr_array_add (messages, message);
  }
  return messages;
}

/* As the post office server does it: MESSAGE into the In Box of FID. */
static void
deliver (const House *house, PnMessage *message, const char *fid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnStore) store = pn_store_open (house->config, "NORTH", house->key, &error);
  g_autofree char *path = g_build_filename (house->root, "NORTH", "WPCSIN", NULL);
  g_autoptr (PnQueue) queue = pn_queue_open (path, &error);
  g_assert_no_error (error);
  int fd = pn_outgoing_stage (queue, house->key, message, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) sealed = pn_file_source_new (fd, &error);
  g_autoptr (PnItem) item = pn_item_new (message, 1, sealed->size, PN_BOX_IN, 0, 1700000000);
  g_assert_true (pn_store_add_message (store, message->id, 1, sealed, -1, &error));
  g_assert_true (pn_store_add_item (store, fid, item, NULL, NULL, &error));
}

static guint
flags_of (PnMailbox *mailbox, gint64 number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnItem) item
      = pn_store_get (pn_mailbox_store (mailbox), pn_mailbox_fid (mailbox), number, &error);
  g_assert_no_error (error);
  return item->flags;
}

/* --- sending --- */

static void
test_send (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  g_autoptr (PnMessage) message = make_mail ("Out");
  gint64 number = 0;
  message->priority = PN_PRIORITY_HIGH;
  g_assert_true (pn_mailbox_add_recipient (mailbox, message, PN_TO, "bert", &error));
  g_assert_true (
      pn_mailbox_add_recipient (mailbox, message, PN_CC, "\"Doe, Jane\" <jane@example.com>", &error));
  g_assert_true (pn_mailbox_add_recipient (mailbox, message, PN_BC, "carl@north.example", &error));
  g_assert_true (pn_mailbox_send (mailbox, message, &number, &error));
  g_assert_no_error (error);
  g_assert_cmpint (number, ==, 1);
  g_assert_cmphex (flags_of (mailbox, 1) & PN_ITEM_UNSENT, ==, 0);

  g_autoptr (GPtrArray) files = queued (house, 2);
  g_assert_cmpuint (files->len, ==, 1);
  const PnMessage *sent = files->pdata[0];
  const PnRecipient *bert = sent->recipients->pdata[0];
  g_assert_cmpstr (sent->id, ==, message->id);
  g_assert_cmpstr (sent->from->user, ==, "anna");
  g_assert_cmpuint (sent->recipients->len, ==, 3);
  g_assert_cmpstr (bert->address->domain, ==, "HQ");
  g_assert_cmpstr (bert->address->post_office, ==, "NORTH");
  g_assert_nonnull (bert->address->internet);
  g_assert_true (sent->status_request & PN_STATUS_REQUEST_DELIVERED);

  g_autoptr (GPtrArray) info = pn_store_info (pn_mailbox_store (mailbox), "aaa", 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (info->len, ==, 3);
  for (guint i = 0; i < info->len; i++)
    g_assert_cmpint (((PnItemStatus *) info->pdata[i])->action, ==, PN_ACTION_NONE);
  g_assert_cmpstr (((PnItemStatus *) info->pdata[1])->recipient, ==, "\"Doe, Jane\" <jane@example.com>");

  g_assert_false (pn_mailbox_send (mailbox, message, &number, &error)); /* the same message once more */
  g_assert_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE);
}

static void
test_bad_recipients (void)
{
  static const char *const bad[]
      = { "nobody", "nobody@north.example", "two words@example.com", "@example.com", "anna@", "" };
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna@north.example");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnMessage) message = make_mail ("Nowhere");
    g_assert_false (pn_mailbox_add_recipient (mailbox, message, PN_TO, bad[i], &error));
    g_assert_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_RECIPIENT);
  }
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = make_mail ("To nobody");
  g_assert_false (pn_mailbox_send (mailbox, message, NULL, &error));
  g_assert_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_RECIPIENT);
  g_clear_error (&error);
  g_assert_null (pn_mailbox_open (house->config, house->key, "nobody", &error));
  g_assert_nonnull (error);
  g_autoptr (GPtrArray) items = pn_store_list (pn_mailbox_store (mailbox), "aaa", -1, NULL);
  g_assert_cmpuint (items->len, ==, 0);
}

/* What a process that died between keeping and queueing left. */
static void
test_queued_again (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMessage) message = make_mail ("Interrupted");
  message->id = g_strdup ("M1.1.1.1");
  message->from = pn_address_new ("HQ", "NORTH", "anna");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "NORTH", "bert"));
  g_autoptr (PnStore) store = pn_store_open (house->config, "NORTH", house->key, &error);
  g_autofree char *path = g_build_filename (house->root, "NORTH", "WPCSIN", NULL);
  g_autoptr (PnQueue) queue = pn_queue_open (path, &error);
  int fd = pn_outgoing_stage (queue, house->key, message, &error);
  g_autoptr (PnSource) sealed = pn_file_source_new (fd, &error);
  g_autoptr (PnItem) item = pn_item_new (message, 1, sealed->size, PN_BOX_OUT, PN_ITEM_UNSENT, 1700000000);
  g_assert_true (pn_store_add_message (store, message->id, 1, sealed, -1, &error));
  g_assert_true (pn_store_add_item (store, "aaa", item, NULL, NULL, &error));

  for (guint i = 0; i < 2; i++) {
    g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
    g_assert_cmphex (flags_of (mailbox, 1) & PN_ITEM_UNSENT, ==, 0);
  }
  g_autoptr (GPtrArray) files = queued (house, 4);
  g_assert_cmpuint (files->len, ==, 1);
  g_assert_cmpstr (((PnMessage *) files->pdata[0])->id, ==, "M1.1.1.1");
}

/* --- invitations --- */

static PnMessage *
make_invitation (const char *id)
{
  PnMessage *message = make_mail ("Meeting");
  message->type = PN_TYPE_APPOINTMENT;
  message->id = g_strdup (id);
  message->date = (PnTime){ TRUE, 1700000000, 0 };
  message->from = pn_address_new_internet ("boss@example.org", "The Boss");
  message->envelope_from = g_strdup ("boss@example.org");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "NORTH", "anna"));
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->method = PN_METHOD_REQUEST;
  calendar->component = g_strdup ("VEVENT");
  calendar->uid = g_strdup ("u1@example.org");
  calendar->sequence = 3;
  calendar->organizer = pn_address_new_internet ("boss@example.org", "The Boss");
  calendar->start = (PnCalendarTime){
    .set = TRUE, .year = 2024, .month = 5, .day = 6, .hour = 9, .unix_time = 1714986000
  };
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  attendee->address = pn_address_new_internet ("Anna@north.example", NULL);
  g_ptr_array_add (calendar->attendees, attendee);
  return message;
}

static void
test_answer (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMessage) invitation = make_invitation ("M2.1.1.1");
  deliver (house, invitation, "aaa");
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  g_assert_true (pn_mailbox_answer (mailbox, 1, PN_PARTSTAT_DECLINED, "Sorry", &error));
  g_assert_no_error (error);
  g_assert_true (flags_of (mailbox, 1) & PN_ITEM_DECLINED);

  g_autoptr (GPtrArray) files = queued (house, 5);
  g_assert_cmpuint (files->len, ==, 1);
  const PnMessage *reply = files->pdata[0];
  const PnRecipient *to = reply->recipients->pdata[0];
  const PnAttendee *attendee = reply->calendar->attendees->pdata[0];
  const PnStatusReport *report = reply->reports->pdata[0];
  g_assert_cmpint (reply->type, ==, PN_TYPE_STATUS);
  g_assert_null (reply->orig_id);
  g_assert_cmpstr (to->address->internet, ==, "boss@example.org");
  g_assert_cmpstr (reply->calendar->uid, ==, "u1@example.org");
  g_assert_cmpint (reply->calendar->sequence, ==, 3);
  g_assert_cmpint (attendee->partstat, ==, PN_PARTSTAT_DECLINED);
  g_assert_cmpstr (attendee->address->internet, ==, "Anna@north.example"); /* as he was invited */
  g_assert_cmpint (report->action, ==, PN_ACTION_DECLINED);
  g_assert_cmpstr (report->comment, ==, "Sorry");

  g_assert_true (pn_mailbox_answer (mailbox, 1, PN_PARTSTAT_ACCEPTED, NULL, &error));
  g_assert_cmphex (flags_of (mailbox, 1) & PN_ITEM_ANSWERS, ==, PN_ITEM_ACCEPTED);
}

static void
test_not_answerable (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMessage) mail = make_mail ("Mail");
  g_autoptr (PnMessage) invitation = make_invitation ("M3.1.1.1");
  mail->id = g_strdup ("M3.1.1.2");
  mail->from = pn_address_new_internet ("boss@example.org", NULL);
  deliver (house, mail, "aaa");
  deliver (house, invitation, "aaa");
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  g_assert_false (pn_mailbox_answer (mailbox, 1, PN_PARTSTAT_ACCEPTED, NULL, &error));
  g_assert_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE);
  g_clear_error (&error);
  g_assert_true (pn_store_set_flags (pn_mailbox_store (mailbox), "aaa", 2, PN_ITEM_CANCELLED, 0, &error));
  g_assert_false (pn_mailbox_answer (mailbox, 2, PN_PARTSTAT_ACCEPTED, NULL, &error));
  g_assert_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (pn_mailbox_answer (mailbox, 7, PN_PARTSTAT_ACCEPTED, NULL, &error));
  g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN);
  g_autoptr (GPtrArray) files = queued (house, 5);
  g_assert_cmpuint (files->len, ==, 0);
}

static void
test_send_appointment (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  g_autoptr (PnMessage) message = make_mail ("Staff meeting");
  message->type = PN_TYPE_APPOINTMENT;
  message->calendar = pn_calendar_new ();
  message->calendar->start = (PnCalendarTime){
    .set = TRUE, .year = 2024, .month = 5, .day = 6, .hour = 9, .unix_time = 1714986000
  };
  g_assert_true (pn_mailbox_add_recipient (mailbox, message, PN_TO, "bert", &error));
  g_assert_true (pn_mailbox_add_recipient (mailbox, message, PN_TO, "guest@example.com", &error));
  g_assert_true (pn_mailbox_send (mailbox, message, NULL, &error));
  g_assert_no_error (error);
  g_autoptr (GPtrArray) files = queued (house, 4);
  const PnCalendar *calendar = ((PnMessage *) files->pdata[0])->calendar;
  g_assert_cmpint (calendar->method, ==, PN_METHOD_REQUEST);
  g_assert_cmpstr (calendar->component, ==, "VEVENT");
  g_assert_cmpstr (calendar->summary, ==, "Staff meeting");
  g_assert_nonnull (calendar->uid);
  g_assert_cmpstr (calendar->organizer->user, ==, "anna");
  g_assert_cmpuint (calendar->attendees->len, ==, 2);
}

/* --- reading --- */

static void
test_opened (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMessage) inside = make_mail ("Inside");
  g_autoptr (PnMessage) differs = make_mail ("Another envelope");
  inside->id = g_strdup ("M4.1.1.1");
  inside->from = pn_address_new ("HQ", "NORTH", "bert");
  inside->status_request = PN_STATUS_REQUEST_DELIVERED | PN_STATUS_REQUEST_OPENED;
  differs->id = g_strdup ("M4.1.1.2");
  differs->from = pn_address_new_internet ("a@example.org", NULL);
  differs->envelope_from = g_strdup ("b@example.org");
  differs->status_request = PN_STATUS_REQUEST_OPENED;
  deliver (house, inside, "aaa");
  deliver (house, differs, "aaa");
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  for (guint i = 0; i < 2; i++) {
    g_autoptr (PnMessage) first = pn_mailbox_read (mailbox, 1, NULL, &error);
    g_autoptr (PnMessage) second = pn_mailbox_read (mailbox, 2, NULL, &error);
    g_assert_no_error (error);
  }
  g_assert_true (flags_of (mailbox, 1) & PN_ITEM_READ);
  g_autoptr (GPtrArray) files = queued (house, 5);
  g_assert_cmpuint (files->len, ==, 1); /* once, and not to who may be somebody else */
  const PnMessage *status = files->pdata[0];
  g_assert_cmpstr (status->orig_id, ==, "M4.1.1.1");
  g_assert_cmpint (((PnStatusReport *) status->reports->pdata[0])->action, ==, PN_ACTION_OPENED);
}

static PnMessage *
make_outside (const char *id, const char *envelope, const char *wanted)
{
  PnMessage *message = make_mail ("Outside");
  message->id = g_strdup (id);
  message->message_id = g_strdup_printf ("%s@example.org", id);
  message->from = pn_address_new_internet ("writer@example.org", "A Writer");
  message->envelope_from = g_strdup (envelope);
  message->status_request = PN_STATUS_REQUEST_OPENED;
  const char *const fields[][2] = { { "Disposition-Notification-To", wanted },
                                    { "Original-Recipient", "rfc822;first@example.net" },
                                    { "X-MSExch-Correlation-Key", "Qm9vayBJIQ==" } };
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    PnHeader *header = g_new0 (PnHeader, 1);
    header->name = g_strdup (fields[i][0]);
    header->value = g_strdup (fields[i][1]);
    g_ptr_array_add (message->headers, header);
  }
  return message;
}

/* RFC 8098 2.1: without asking only to the return path, and to one; the owner may agree to more. */
static void
test_receipt (void)
{
  static const struct {
    const char *envelope, *wanted;
    gboolean sent;
  } cases[] = {
    { "desk@example.org", "The Desk <desk@EXAMPLE.org>", TRUE },
    { "writer@example.org", "desk@example.org", FALSE },
    { "Desk@example.org", "desk@example.org", FALSE },
    { "desk@example.org", "desk@example.org, other@example.org", FALSE },
    { "", "desk@example.org", FALSE },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *id = g_strdup_printf ("M6.1.1.%u", i);
    g_autoptr (PnMessage) message = make_outside (id, cases[i].envelope, cases[i].wanted);
    deliver (house, message, "aaa");
    g_autoptr (PnMessage) read = pn_mailbox_read (mailbox, i + 1, NULL, &error);
    g_assert_no_error (error);
    g_autoptr (GPtrArray) files = queued (house, 5);
    g_assert_cmpuint (files->len, ==, 1);
  }
  g_autoptr (GPtrArray) files = queued (house, 5);
  const PnMessage *status = files->pdata[0];
  const PnStatusReport *report = status->reports->pdata[0];
  g_assert_cmpstr (((PnRecipient *) status->recipients->pdata[0])->address->internet, ==, "desk@EXAMPLE.org");
  g_assert_cmpstr (status->in_reply_to, ==, "M6.1.1.0@example.org");
  g_assert_cmpstr (pn_message_get_header (status, "X-MSExch-Correlation-Key"), ==, "Qm9vayBJIQ==");
  g_assert_cmpstr (report->original_recipient, ==, "first@example.net");

  g_assert_true (pn_mailbox_confirm (mailbox, 2, &error));
  g_assert_no_error (error);
  g_autoptr (GPtrArray) more = queued (house, 5);
  g_assert_cmpuint (more->len, ==, 2);
  guint manual = 0;
  for (guint i = 0; i < more->len; i++) {
    const PnMessage *one = more->pdata[i];
    manual += g_strcmp0 (((PnStatusReport *) one->reports->pdata[0])->wording,
                         "manual-action/MDN-sent-manually; displayed") == 0;
  }
  g_assert_cmpuint (manual, ==, 1);
  g_autoptr (PnMessage) plain = make_mail ("Nothing asked");
  plain->id = g_strdup ("M6.2");
  plain->from = pn_address_new_internet ("a@example.org", NULL);
  deliver (house, plain, "aaa");
  g_assert_false (pn_mailbox_confirm (mailbox, G_N_ELEMENTS (cases) + 1, &error));
  g_assert_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE);
}

/* --- death while sending --- */

static void
send_many (const House *house, guint round)
{
  g_autoptr (GError) error = NULL;
  PnMailbox *mailbox = open_mailbox (house, "anna");
  for (guint i = 0; i < 1000; i++) {
    g_autoptr (PnMessage) message = make_mail ("Killed");
    message->id = g_strdup_printf ("K1.1.%u.%u", round, i);
    pn_mailbox_add_recipient (mailbox, message, PN_TO, "bert", &error);
    pn_mailbox_send (mailbox, message, NULL, &error);
    g_assert_no_error (error);
  }
  _exit (0);
}

static gint
find_id (GPtrArray *items, const char *id)
{
  for (guint i = 0; i < items->len; i++)
    if (strcmp (((PnItem *) items->pdata[i])->id, id) == 0)
      return (gint) i;
  return -1;
}

/* Whatever is in the queue is in the Out Box; what is in the Out Box and not marked is in the queue. */
static void
test_killed (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  for (guint round = 0; round < 12; round++) {
    pid_t pid = fork ();
    if (pid == 0)
      send_many (house, round);
    int status;
    g_usleep ((gulong) g_rand_int_range (rand, 5000, 120000));
    kill (pid, SIGKILL);
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_true (WIFSIGNALED (status));
  }
  g_autoptr (PnMailbox) mailbox = open_mailbox (house, "anna");
  g_autoptr (GPtrArray) items = pn_store_list (pn_mailbox_store (mailbox), "aaa", PN_BOX_OUT, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) files = queued (house, 4);
  guint unsent = 0;
  for (guint i = 0; i < items->len; i++)
    unsent += ((PnItem *) items->pdata[i])->flags & PN_ITEM_UNSENT ? 1 : 0;
  g_test_message ("%u items, %u queue files, %u marked", items->len, files->len, unsent);
  g_assert_cmpuint (items->len, >, 0);
  for (guint i = 0; i < files->len; i++)
    g_assert_cmpint (find_id (items, ((PnMessage *) files->pdata[i])->id), >=, 0);
  g_assert_cmpuint (files->len + unsent, >=, items->len);
  g_assert_cmpuint (unsent, <=, 12);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  g_test_add_func ("/mailbox/send", test_send);
  g_test_add_func ("/mailbox/bad-recipients", test_bad_recipients);
  g_test_add_func ("/mailbox/queued-again", test_queued_again);
  g_test_add_func ("/mailbox/answer", test_answer);
  g_test_add_func ("/mailbox/not-answerable", test_not_answerable);
  g_test_add_func ("/mailbox/send-appointment", test_send_appointment);
  g_test_add_func ("/mailbox/opened", test_opened);
  g_test_add_func ("/mailbox/receipt", test_receipt);
  g_test_add_func ("/mailbox/killed", test_killed);
  return g_test_run ();
}
