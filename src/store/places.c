// SPDX-License-Identifier: Apache-2.0
/*
 * Both are short lists, searched from the end: what is read now came last. A batch has lines of few
 * files, and of each only its first line is looked for.
 */
#include "store/places.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum {
    LIST_FIRST = 64,
    POSITIONS_TIDY = 100 * 1000, ///< rows from which on `positions` is made short
    IMPORTED_FIRST = 1 << 30,    ///< numbers from here on are given by records_import()
};

struct file {
    uint64_t hash; ///< of all that is in the row
    uint32_t id;
    bool is_new;
    struct origin *origin; ///< of a new one, until it is stored
};

struct position {
    struct file_id id;
    uint64_t reach;
    bool is_new;
};

struct places {
    struct file *files;
    size_t file_count;
    size_t file_room;
    uint32_t last_file;
    struct position *positions;
    size_t position_count;
    size_t position_room;
};

/// Room for one more element of `size` bytes.
static int grow(void **list, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return 0;
    }
    size_t more = *room == 0 ? LIST_FIRST : 2 * *room;
    void *wider = mem_resize(*list, more * size);
    if (wider == NULL) {
        return ERR_NO_MEMORY;
    }
    *list = wider;
    *room = more;
    return 0;
}

static struct file *add_file(struct places *p, uint64_t hash, uint32_t id)
{
    if (grow((void **)&p->files, p->file_count, &p->file_room, sizeof(p->files[0])) != 0) {
        return NULL;
    }
    struct file *f = &p->files[p->file_count++];
    *f = (struct file){ .hash = hash, .id = id };
    if (id < IMPORTED_FIRST && id > p->last_file) {
        p->last_file = id;
    }
    return f;
}

static struct position *find_position(const struct places *p, const struct file_id *id)
{
    for (size_t i = p->position_count; i-- > 0;) {
        if (memcmp(&p->positions[i].id, id, sizeof(*id)) == 0) {
            return &p->positions[i];
        }
    }
    return NULL;
}

static int set_position(struct places *p, const struct file_id *id, uint64_t reach, bool is_new)
{
    struct position *position = find_position(p, id);
    if (position == NULL) {
        if (grow((void **)&p->positions, p->position_count, &p->position_room,
                 sizeof(p->positions[0])) != 0) {
            return ERR_NO_MEMORY;
        }
        position = &p->positions[p->position_count++];
        *position = (struct position){ .id = *id };
    }
    if (reach > position->reach) {
        position->reach = reach;
        position->is_new = is_new;
    }
    return 0;
}

// --- The tables ----------------------------------------------------------------------------------

static uint64_t hash_of(const struct file_id *id, uint64_t device, uint64_t inode, bool is_file,
                        const char *path, size_t path_size, const char *type, size_t type_size)
{
    const uint64_t parts[] = { id->fingerprint[0],
                               id->fingerprint[1],
                               id->number,
                               device,
                               inode,
                               is_file,
                               hash128(path, path_size).low,
                               hash128(type, type_size).low };
    return hash128(parts, sizeof(parts)).low;
}

static int load_files(struct places *p, struct duck_conn *c, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_ask(c,
                          "SELECT id, fingerprint_lo, fingerprint_hi, number, device, inode, "
                          "is_file, path, input_type FROM files ORDER BY id",
                          &rows, err);
    if (status != 0) {
        return status;
    }
    int found;
    while ((found = duck_next(rows, err)) > 0) {
        const struct file_id id = { .fingerprint = { duck_u64(rows, 1), duck_u64(rows, 2) },
                                    .number = duck_u64(rows, 3) };
        struct duck_text path = duck_bytes(rows, 7);
        struct duck_text type = duck_bytes(rows, 8);
        uint64_t hash = hash_of(&id, duck_u64(rows, 4), duck_u64(rows, 5), duck_u64(rows, 6) != 0,
                                path.data, path.size, type.data, type.size);
        if (add_file(p, hash, (uint32_t)duck_u64(rows, 0)) == NULL) {
            found = err_set(err, ERR_NO_MEMORY, "out of memory");
            break;
        }
    }
    duck_rows_free(rows);
    return found;
}

/// Every commit that had lines has added a row; only the largest of a file says anything.
static int tidy(struct duck_conn *c, struct err *err)
{
    uint64_t count;
    int status = duck_ask_u64(c, "SELECT count(*) FROM positions", &count, err);
    if (status != 0 || count < POSITIONS_TIDY) {
        return status;
    }
    return duck_exec(c,
                     "CREATE TEMP TABLE reached AS SELECT fingerprint_hi, fingerprint_lo, number, "
                     "max(reach) AS reach FROM positions GROUP BY ALL; BEGIN; DELETE FROM "
                     "positions; INSERT INTO positions FROM reached; COMMIT; DROP TABLE reached;",
                     err);
}

static int load_positions(struct places *p, struct duck_conn *c, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_ask(c,
                          "SELECT fingerprint_lo, fingerprint_hi, number, max(reach) FROM "
                          "positions GROUP BY ALL",
                          &rows, err);
    if (status != 0) {
        return status;
    }
    int found;
    while ((found = duck_next(rows, err)) > 0) {
        const struct file_id id = { .fingerprint = { duck_u64(rows, 0), duck_u64(rows, 1) },
                                    .number = duck_u64(rows, 2) };
        if (grow((void **)&p->positions, p->position_count, &p->position_room,
                 sizeof(p->positions[0])) != 0) {
            found = err_set(err, ERR_NO_MEMORY, "out of memory");
            break;
        }
        p->positions[p->position_count++] =
            (struct position){ .id = id, .reach = duck_u64(rows, 3) };
    }
    duck_rows_free(rows);
    return found;
}

int places_open(struct duck_conn *c, struct places **ret_places, struct err *err)
{
    struct places *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    if (load_files(p, c, err) != 0 || tidy(c, err) != 0 || load_positions(p, c, err) != 0) {
        places_close(p);
        return err->status;
    }
    *ret_places = p;
    return 0;
}

void places_close(struct places *p)
{
    if (p != NULL) {
        places_stored(p);
        mem_free(p->files);
        mem_free(p->positions);
        mem_free(p);
    }
}

// --- What the writer asks ------------------------------------------------------------------------

uint32_t places_file(struct places *p, const struct origin *origin)
{
    uint64_t hash =
        hash_of(&origin->id, origin->device, origin->inode, origin->is_file, origin->path,
                strlen(origin->path), origin->input_type, strlen(origin->input_type));
    for (size_t i = p->file_count; i-- > 0;) {
        if (p->files[i].hash == hash) {
            return p->files[i].id;
        }
    }
    struct origin *copy = origin_new(origin);
    struct file *f = copy == NULL ? NULL : add_file(p, hash, p->last_file + 1);
    if (f == NULL) {
        origin_unref(copy);
        return 0;
    }
    f->is_new = true;
    f->origin = copy;
    return f->id;
}

uint64_t places_reach(struct places *p, const struct origin *origin)
{
    const struct position *position = origin->has_places ? find_position(p, &origin->id) : NULL;
    return position == NULL ? 0 : position->reach;
}

int places_move(struct places *p, const struct origin *origin, uint64_t end)
{
    return origin->has_places ? set_position(p, &origin->id, end, true) : 0;
}

static int store_files(struct places *p, struct duck_conn *c, struct err *err)
{
    struct duck_stmt *s = NULL;
    int status = duck_prepare(c, "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", &s, err);
    for (size_t i = 0; status == 0 && i < p->file_count; i++) {
        const struct origin *o = p->files[i].origin;
        if (p->files[i].is_new) {
            duck_bind_u64(s, 1, p->files[i].id);
            duck_bind_u64(s, 2, o->id.fingerprint[1]);
            duck_bind_u64(s, 3, o->id.fingerprint[0]);
            duck_bind_u64(s, 4, o->id.number);
            duck_bind_u64(s, 5, o->device);
            duck_bind_u64(s, 6, o->inode);
            duck_bind_u64(s, 7, o->is_file);
            duck_bind_text(s, 8, o->path, strlen(o->path));
            duck_bind_text(s, 9, o->input_type, strlen(o->input_type));
            status = duck_run_only(s, err);
        }
    }
    duck_finish(s);
    return status;
}

static int store_positions(struct places *p, struct duck_conn *c, struct err *err)
{
    struct duck_stmt *s = NULL;
    int status = duck_prepare(c, "INSERT INTO positions VALUES (?, ?, ?, ?)", &s, err);
    for (size_t i = 0; status == 0 && i < p->position_count; i++) {
        const struct position *position = &p->positions[i];
        if (position->is_new) {
            duck_bind_u64(s, 1, position->id.fingerprint[1]);
            duck_bind_u64(s, 2, position->id.fingerprint[0]);
            duck_bind_u64(s, 3, position->id.number);
            duck_bind_u64(s, 4, position->reach);
            status = duck_run_only(s, err);
        }
    }
    duck_finish(s);
    return status;
}

static bool has_new_file(const struct places *p)
{
    return p->file_count > 0 && p->files[p->file_count - 1].is_new; // new ones are the last
}

static bool has_new_position(const struct places *p)
{
    bool is_new = false;
    for (size_t i = 0; i < p->position_count; i++) {
        is_new = is_new || p->positions[i].is_new;
    }
    return is_new;
}

int places_store(struct places *p, struct duck_conn *c, struct err *err)
{
    int status = has_new_file(p) ? store_files(p, c, err) : 0;
    return status == 0 && has_new_position(p) ? store_positions(p, c, err) : status;
}

void places_stored(struct places *p)
{
    for (size_t i = 0; i < p->file_count; i++) {
        origin_unref(p->files[i].origin);
        p->files[i].origin = NULL;
        p->files[i].is_new = false;
    }
    for (size_t i = 0; i < p->position_count; i++) {
        p->positions[i].is_new = false;
    }
}
