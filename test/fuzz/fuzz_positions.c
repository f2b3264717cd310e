// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a state file: it is refused with words, or read; then it can be written to, and what
 * was written is read again. Damage of a file of weir's own never makes a position larger than any
 * that was in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "fuzz.h"
#include "source/positions.h"

static char directory[] = "/tmp/weir-fuzz-XXXXXX";
static char state[64];

static void remove_all(void)
{
    (void)unlink(state);
    (void)rmdir(directory); // what is left of a crash is looked at
}

static struct lines *open_file(void)
{
    static const char TEXT[] = "first\nsecond\nthird\n";
    struct lines *l;
    struct err err;
    int fd = memfd_create("log", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, TEXT, sizeof(TEXT) - 1) == sizeof(TEXT) - 1);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(lines_new(fd, "log", 100, &l, &err) == 0);
    return l;
}

/// Where reading goes on with the file, which is then said to be read to `end`.
static uint64_t go_on(struct positions *p, uint64_t end)
{
    struct lines *l = open_file();
    struct track *t;
    struct file_id id;
    struct line line;
    enum lines_state is;
    uint64_t fingerprint[2];
    CHECK(lines_fingerprint(l, true, fingerprint) == 0);
    CHECK(positions_take(p, l, fingerprint, "log", &t, &id) == 0);
    uint64_t begin = lines_offset(l);
    CHECK(begin <= 19);
    while (lines_offset(l) < end && lines_read(l, true, &line, 1, &is) == 1) {
        positions_mark(p, t, l);
    }
    positions_acknowledge(p, t, begin, lines_offset(l));
    positions_release(p, t, l);
    lines_free(l);
    return begin;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct positions *p;
    struct err err = { 0 };
    if (state[0] == '\0') {
        log_set_up(100, false); // quiet
        CHECK(mkdtemp(directory) != NULL);
        (void)snprintf(state, sizeof(state), "%s/state", directory); // fits
        CHECK(atexit(remove_all) == 0);
    }
    FILE *f = fopen(state, "wb");
    CHECK(f != NULL);
    CHECK(fwrite(data, 1, size, f) == size);
    CHECK(fclose(f) == 0);
    if (positions_open(state, &p, &err) != 0) {
        CHECK(err.text[0] != '\0');
        return 0;
    }
    (void)go_on(p, 13); // anywhere that a line ends
    CHECK(positions_save(p, &err) == 0);
    positions_close(p);
    CHECK(positions_open(state, &p, &err) == 0);
    CHECK(go_on(p, 19) >= 13);
    CHECK(positions_save(p, &err) == 0);
    positions_close(p);
    CHECK(positions_open(state, &p, &err) == 0);
    CHECK(go_on(p, 19) == 19);
    positions_close(p);
    return 0;
}
