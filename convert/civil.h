/* Days of the proleptic Gregorian calendar, and the instants in them, without zones. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Days since 1970-01-01 of a date, whose month is 1 to 12. */
gint64 pn_civil_to_days (int year, int month, int day);
/* The date of that many days since 1970-01-01. */
void pn_days_to_civil (gint64 days, int *year, int *month, int *day);
/* The day of the week of that many days since 1970-01-01; 0: Sunday. */
int pn_weekday (gint64 days);
/* 28 to 31; MONTH is 1 to 12. */
int pn_days_of_month (int year, int month);
/* The day, since 1970-01-01, and the year in which an instant lies that is given in seconds since then. */
gint64 pn_day_of (gint64 seconds);
int pn_year_of (gint64 seconds);

G_END_DECLS
