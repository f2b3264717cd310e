// SPDX-License-Identifier: Apache-2.0
/* The line is written over itself; whoever redirects standard error does not get it. */
#include "app/progress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { INTERVAL_MS = 500, LOOK_MS = 50, LINE_SIZE = 160 };

void progress_begin(struct progress *p)
{
    *p = (struct progress){ .shown = isatty(STDERR_FILENO) == 1 };
}

static uint64_t bad_lines(const struct ledger_sums *sums)
{
    uint64_t bad = 0;
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        if (LEDGER_ENTRIES[i].group == LEDGER_GROUP_LINE &&
            LEDGER_ENTRIES[i].side == LEDGER_SIDE_ASIDE) {
            bad += sums->entries[i];
        }
    }
    return bad;
}

static uint64_t files_done(const struct progress_state *s)
{
    uint64_t files = 0;
    for (int i = 0; i < FILE_OUTCOME_COUNT; i++) {
        files += s->files[i];
    }
    return files;
}

/// "12.3 MB" into `text`, returned.
static const char *put_bytes(uint64_t bytes, char text[static 16])
{
    static const char *const UNITS[] = { "B", "kB", "MB", "GB", "TB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit < 4) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(text, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]); // fits
    return text;
}

static double seconds_of(uint64_t elapsed_ns)
{
    double seconds = (double)elapsed_ns / (double)NS_PER_S;
    return seconds > 0 ? seconds : 1e-9;
}

/// Whether it is time to show something.
static bool is_due(const struct progress *p)
{
    return p->shown && clock_mono_ns() >= p->next_ns;
}

/// Shows a line of `size` characters, with the time that is left if `share` of the work tells.
static void show_line(struct progress *p, char line[static LINE_SIZE], int size, double share,
                      double seconds)
{
    p->next_ns = clock_mono_ns() + INTERVAL_MS * NS_PER_MS;
    if (share > 0 && share <= 1 && size < LINE_SIZE) {
        unsigned long left = (unsigned long)(seconds / share - seconds);
        size += snprintf(line + size, LINE_SIZE - (size_t)size, ", %lu:%02lu:%02lu left",
                         left / 3600, left / 60 % 60, left % 60);
    }
    int width = size < LINE_SIZE ? size : LINE_SIZE - 1;
    int blanks = p->width > width ? p->width - width : 0;
    // The cursor goes back, so that a line of the log stands in a row of its own.
    (void)dprintf(STDERR_FILENO, "\r%s%*s\r", line, blanks, ""); // for eyes only
    p->width = width;
}

static double share_of(uint64_t bytes, uint64_t bytes_total)
{
    return bytes_total == 0 ? 0 : (double)bytes / (double)bytes_total;
}

void progress_show(struct progress *p, const struct progress_state *s)
{
    char line[LINE_SIZE];
    char done[16];
    char total[16];
    if (!is_due(p)) {
        return;
    }
    double seconds = seconds_of(s->elapsed_ns);
    int size = snprintf(line, sizeof(line), "%llu of %llu files, %s of %s, %.0f lines/s, %llu bad",
                        (unsigned long long)files_done(s), (unsigned long long)s->files_total,
                        put_bytes(s->bytes, done), put_bytes(s->bytes_total, total),
                        (double)s->sums.entries[LEDGER_LINES] / seconds,
                        (unsigned long long)bad_lines(&s->sums));
    show_line(p, line, size, share_of(s->bytes, s->bytes_total), seconds);
}

void progress_show_bytes(struct progress *p, uint64_t bytes, uint64_t bytes_total,
                         uint64_t elapsed_ns)
{
    char line[LINE_SIZE];
    char done[16];
    char total[16];
    if (is_due(p)) {
        int size = snprintf(line, sizeof(line), "%s of %s", put_bytes(bytes, done),
                            put_bytes(bytes_total, total));
        show_line(p, line, size, share_of(bytes, bytes_total), seconds_of(elapsed_ns));
    }
}

void progress_end(struct progress *p)
{
    if (p->width > 0) {
        (void)dprintf(STDERR_FILENO, "\r%*s\r", p->width, ""); // for eyes only
    }
}

// --- Work that is one call -----------------------------------------------------------------------

static void *watch(void *argument)
{
    struct progress_watch *w = argument;
    uint64_t bytes;
    uint64_t total;
    while (!atomic_load(&w->over)) {
        if (is_due(&w->progress) && w->look(w->context, &bytes, &total)) {
            progress_show_bytes(&w->progress, bytes, total, clock_mono_ns() - w->begun_ns);
        }
        struct timespec pause = { .tv_nsec = LOOK_MS * (long)NS_PER_MS };
        (void)nanosleep(&pause, NULL); // may end early
    }
    progress_end(&w->progress);
    return NULL;
}

void progress_watch_begin(struct progress_watch *w, progress_look_fn *look, void *context)
{
    *w = (struct progress_watch){ .look = look, .context = context };
    w->begun_ns = clock_mono_ns();
    progress_begin(&w->progress);
    // Without a thread nothing is shown, and the work is done all the same.
    w->has_thread = w->progress.shown && pthread_create(&w->thread, NULL, watch, w) == 0;
}

void progress_watch_end(struct progress_watch *w)
{
    atomic_store(&w->over, true);
    if (w->has_thread) {
        CHECK(pthread_join(w->thread, NULL) == 0);
    }
}

// --- The summary ---------------------------------------------------------------------------------

void progress_print_summary(const struct progress_state *s, FILE *out)
{
    const uint64_t *n = s->sums.entries;
    (void)fprintf(out,
                  "{\"files\":%llu,\"files_nothing_new\":%llu,\"files_damaged\":%llu,"
                  "\"files_unreadable\":%llu,\"bytes\":%llu,\"lines\":%llu,\"records\":%llu,"
                  "\"empty\":%llu,\"outside\":%llu,\"error_documents\":%llu,\"duplicates\":%llu,"
                  "\"refused\":%llu,\"errors\":{",
                  (unsigned long long)files_done(s), (unsigned long long)s->files[FILE_NOTHING_NEW],
                  (unsigned long long)s->files[FILE_DAMAGED],
                  (unsigned long long)s->files[FILE_UNREADABLE], (unsigned long long)s->bytes,
                  (unsigned long long)n[LEDGER_LINES], (unsigned long long)n[LEDGER_LINE_FLOW],
                  (unsigned long long)n[LEDGER_LINE_EMPTY],
                  (unsigned long long)n[LEDGER_LINE_OUTSIDE],
                  (unsigned long long)s->error_documents, (unsigned long long)s->duplicates,
                  (unsigned long long)s->refused); // looked at once, below
    const char *comma = "";
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        if (LEDGER_ENTRIES[i].group == LEDGER_GROUP_LINE &&
            LEDGER_ENTRIES[i].side == LEDGER_SIDE_ASIDE && n[i] > 0) {
            (void)fprintf(out, "%s\"%s\":%llu", comma, LEDGER_ENTRIES[i].name,
                          (unsigned long long)n[i]); // likewise
            comma = ",";
        }
    }
    (void)fprintf(out, "},\"seconds\":%.3f}\n", seconds_of(s->elapsed_ns)); // likewise
    (void)fflush(out); // who cannot read it has it in the log too
}
