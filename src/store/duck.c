// SPDX-License-Identifier: Apache-2.0
/*
 * The fence around DuckDB. The library's functions are looked up by name in a table, which every
 * handle knows the way to, so that nothing of it is loaded before a store is.
 *
 * Rows are read from DuckDB's chunks in place: a column's numbers are an array, and so are its
 * texts, of sixteen bytes each, which hold twelve bytes themselves or point to more.
 */
#include "store/duck.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "store/duck_api.h"

struct duck_api duck_api;

struct duck_column {
    const void *data;
    const uint64_t *validity; ///< NULL: all are valid
    duckdb_type type;
};

struct duck_rows {
    struct duck_stmt *owned; ///< of duck_ask()
    struct duck *duck;
    uint64_t generation;
    duckdb_result result;
    duckdb_data_chunk chunk;
    bool at_end;
    size_t row;
    size_t row_count; ///< of the chunk
    size_t column_count;
    struct duck_column columns[DUCK_COLUMNS_MAX];
};

// --- Opening -------------------------------------------------------------------------------------

/// Of the process, for good: its threads and its memory do not want to be unloaded.
static int load(struct err *err)
{
    static const char *const NAMES[] = {
#define NAME(name) #name,
        DUCK_FUNCTIONS(NAME)
#undef NAME
    };
    _Static_assert(sizeof(duck_api) == sizeof(NAMES), "a pointer for each name");
    if (duck_api.duckdb_open_ext != NULL) {
        return 0; // a database is open, which others may be using
    }
    void *library = dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        return err_set(err, ERR_NOT_FOUND,
                       "the store needs libduckdb.so, which belongs beside the program: %s",
                       dlerror()); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    }
    struct duck_api found;
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        void *function = dlsym(library, NAMES[i]);
        if (function == NULL) {
            return err_set(err, ERR_NOT_FOUND, "libduckdb.so has no %s: another version of it?",
                           NAMES[i]);
        }
        memcpy((uint8_t *)&found + i * sizeof(function), &function, sizeof(function));
    }
    duck_api = found;
    return 0;
}

static int make_config(const struct duck_option *options, duckdb_config *ret_config,
                       struct err *err)
{
    static const struct duck_option ALWAYS[] = { { "autoinstall_known_extensions", "false" },
                                                 { "autoload_known_extensions", "false" } };
    if (duck_api.duckdb_create_config(ret_config) != DuckDBSuccess) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < sizeof(ALWAYS) / sizeof(ALWAYS[0]); i++) {
        if (duck_api.duckdb_set_config(*ret_config, ALWAYS[i].name, ALWAYS[i].value) !=
            DuckDBSuccess) {
            return err_set(err, ERR_INVALID, "DuckDB knows no setting %s", ALWAYS[i].name);
        }
    }
    for (; options != NULL && options->name != NULL; options++) {
        if (duck_api.duckdb_set_config(*ret_config, options->name, options->value) !=
            DuckDBSuccess) {
            return err_set(err, ERR_INVALID, "DuckDB does not take %s = %s", options->name,
                           options->value);
        }
    }
    return 0;
}

int duck_open(const char *path, const struct duck_option *options, struct duck **ret_duck,
              struct err *err)
{
    struct duck *d = mem_zalloc(sizeof(*d));
    if (d == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = load(err);
    if (status != 0) {
        mem_free(d);
        return status;
    }
    duckdb_config config = NULL;
    char *message = NULL;
    status = make_config(options, &config, err);
    if (status == 0 && duck_api.duckdb_open_ext(path[0] == '\0' ? NULL : path, &d->database, config,
                                                &message) != DuckDBSuccess) {
        status = err_set(err, ERR_IO, "%s", message == NULL ? "cannot open" : message);
    }
    duck_api.duckdb_free(message);
    duck_api.duckdb_destroy_config(&config);
    if (status != 0) {
        mem_free(d);
        return status;
    }
    CHECK(pthread_mutex_init(&d->mutex, NULL) == 0);
    *ret_duck = d;
    return 0;
}

void duck_close(struct duck *d)
{
    if (d != NULL) {
        duck_api.duckdb_close(&d->database);
        CHECK(pthread_mutex_destroy(&d->mutex) == 0);
        mem_free(d);
    }
}

// --- Opening again -------------------------------------------------------------------------------

static void lock(struct duck *d)
{
    CHECK(pthread_mutex_lock(&d->mutex) == 0);
}

static void unlock(struct duck *d)
{
    CHECK(pthread_mutex_unlock(&d->mutex) == 0);
}

void duck_set_again(struct duck *d, duck_again_fn *again, void *context)
{
    d->again = again;
    d->context = context;
}

/// Words of DuckDB's were about the database that was opened as the `generation`-th.
void duck_note(struct duck *d, uint64_t generation, const char *message)
{
    bool fatal = message != NULL && strstr(message, "FATAL Error") != NULL;
    if (fatal && generation == atomic_load(&d->generation)) {
        atomic_store(&d->broken, true);
    }
}

/// The old one lives on until the last of its connections is gone; it writes nothing any more.
static int open_again(struct duck *d, struct err *err)
{
    struct duck *fresh;
    int status = d->again(d->context, &fresh, err);
    if (status != 0) {
        return status;
    }
    duck_api.duckdb_close(&d->database);
    d->database = fresh->database;
    CHECK(pthread_mutex_destroy(&fresh->mutex) == 0);
    mem_free(fresh);
    atomic_fetch_add(&d->generation, 1);
    atomic_store(&d->broken, false);
    return 0;
}

/// Under the mutex.
static int connect_now(struct duck_conn *c, struct err *err)
{
    struct duck *d = c->duck;
    duckdb_connection connection;
    if (atomic_load(&d->broken) && d->again != NULL && open_again(d, err) != 0) {
        return err->status;
    }
    if (c->connection != NULL && c->generation == atomic_load(&d->generation)) {
        return 0;
    }
    if (duck_api.duckdb_connect(d->database, &connection) != DuckDBSuccess) {
        return err_set(err, ERR_IO, "cannot connect to the store");
    }
    if (c->connection != NULL) {
        duck_api.duckdb_disconnect(&c->connection);
    }
    c->connection = connection;
    c->generation = atomic_load(&d->generation);
    return 0;
}

/// A transaction begun on a database that broke has to fail to its end.
int duck_refresh(struct duck_conn *c, uint64_t *ret_generation, struct err *err)
{
    int status = 0;
    if (!c->in_transaction) {
        lock(c->duck);
        status = connect_now(c, err);
        unlock(c->duck);
    }
    *ret_generation = c->generation;
    return status;
}

int duck_ready(struct duck_conn *c, struct err *err)
{
    uint64_t generation;
    return duck_refresh(c, &generation, err);
}

int duck_connect(struct duck *d, struct duck_conn **ret_conn, struct err *err)
{
    struct duck_conn *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    c->duck = d;
    int status = duck_ready(c, err);
    if (status != 0) {
        mem_free(c);
        return status;
    }
    *ret_conn = c;
    return 0;
}

void duck_disconnect(struct duck_conn *c)
{
    if (c != NULL) {
        duck_api.duckdb_disconnect(&c->connection);
        mem_free(c);
    }
}

void duck_interrupt(struct duck_conn *c)
{
    lock(c->duck);
    duck_api.duckdb_interrupt(c->connection);
    unlock(c->duck);
}

// --- Statements ----------------------------------------------------------------------------------

/// What DuckDB says begins with the kind of error that it is.
static int fail(struct duck *d, uint64_t generation, const char *message, struct err *err)
{
    duck_note(d, generation, message);
    message = message == NULL ? "unknown error" : message;
    int status = strncmp(message, "INTERRUPT Error", strlen("INTERRUPT Error")) == 0 ? ERR_CLOSED
                 : strncmp(message, "Out of Memory", strlen("Out of Memory")) == 0   ? ERR_NO_MEMORY
                                                                                     : ERR_IO;
    return err_set(err, status, "%s", message);
}

/// Runs a statement, on this thread and DuckDB's. Where its own functions would ask again and again
/// whether the other threads are done, at the cost of a whole core, this one sleeps.
int duck_execute(const struct duck_stmt *s, bool stream, duckdb_result *ret_result, struct err *err)
{
    static const struct timespec PAUSE = { .tv_nsec = 50000 };
    duckdb_pending_result pending;
    duckdb_state made = stream ? duck_api.duckdb_pending_prepared_streaming(s->statement, &pending)
                               : duck_api.duckdb_pending_prepared(s->statement, &pending);
    *ret_result = (duckdb_result){ 0 };
    if (made != DuckDBSuccess) {
        int status = fail(s->duck, s->generation, duck_api.duckdb_pending_error(pending), err);
        duck_api.duckdb_destroy_pending(&pending);
        return status;
    }
    duckdb_pending_state state;
    do {
        state = duck_api.duckdb_pending_execute_task(pending);
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            (void)nanosleep(&PAUSE, NULL); // cut short: asked earlier
        }
    } while (state == DUCKDB_PENDING_RESULT_NOT_READY ||
             state == DUCKDB_PENDING_NO_TASKS_AVAILABLE);
    int status = 0;
    if (state == DUCKDB_PENDING_ERROR) {
        status = fail(s->duck, s->generation, duck_api.duckdb_pending_error(pending), err);
    } else if (duck_api.duckdb_execute_pending(pending, ret_result) != DuckDBSuccess) {
        status = fail(s->duck, s->generation, duck_api.duckdb_result_error(ret_result), err);
    }
    duck_api.duckdb_destroy_pending(&pending);
    return status;
}

/// The n-th of several statements.
static int execute_extracted(struct duck_conn *c, duckdb_extracted_statements statements, idx_t n,
                             struct err *err)
{
    struct duck_stmt s = { .duck = c->duck, .generation = c->generation };
    duckdb_result result = { 0 };
    int status =
        duck_api.duckdb_prepare_extracted_statement(c->connection, statements, n, &s.statement) ==
                DuckDBSuccess
            ? duck_execute(&s, false, &result, err)
            : fail(c->duck, c->generation, duck_api.duckdb_prepare_error(s.statement), err);
    duck_api.duckdb_destroy_result(&result);
    duck_api.duckdb_destroy_prepare(&s.statement);
    return status;
}

/// Transactions are begun and ended by statements that stand alone (BEGIN) or at the end.
static bool leaves_open(const char *sql)
{
    return strncmp(sql, "BEGIN", strlen("BEGIN")) == 0 && strstr(sql, "COMMIT") == NULL;
}

int duck_exec(struct duck_conn *c, const char *sql, struct err *err)
{
    int status = duck_ready(c, err);
    if (status != 0) {
        return status;
    }
    duckdb_extracted_statements statements;
    idx_t count = duck_api.duckdb_extract_statements(c->connection, sql, &statements);
    if (count == 0 && duck_api.duckdb_extract_statements_error(statements) != NULL) {
        status = err_set(err, ERR_IO, "%s", duck_api.duckdb_extract_statements_error(statements));
    }
    for (idx_t n = 0; status == 0 && n < count; n++) {
        status = execute_extracted(c, statements, n, err);
    }
    duck_api.duckdb_destroy_extracted(&statements);
    if (leaves_open(sql)) {
        c->in_transaction = status == 0;
    } else if (strstr(sql, "COMMIT") != NULL || strstr(sql, "ROLLBACK") != NULL) {
        c->in_transaction = false;
    }
    return status;
}

int duck_prepare(struct duck_conn *c, const char *sql, struct duck_stmt **ret_stmt, struct err *err)
{
    int status = duck_ready(c, err);
    if (status != 0) {
        return status;
    }
    struct duck_stmt *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "out of memory");
        return ERR_NO_MEMORY;
    }
    s->duck = c->duck;
    s->generation = c->generation;
    if (duck_api.duckdb_prepare(c->connection, sql, &s->statement) != DuckDBSuccess) {
        const char *message = duck_api.duckdb_prepare_error(s->statement);
        duck_note(c->duck, c->generation, message);
        (void)err_set(err, ERR_IO, "%s", message == NULL ? "cannot prepare" : message);
        duck_finish(s);
        return ERR_IO;
    }
    *ret_stmt = s;
    return 0;
}

void duck_finish(struct duck_stmt *s)
{
    if (s != NULL) {
        duck_api.duckdb_destroy_prepare(&s->statement);
        mem_free(s);
    }
}

void duck_bind_u64(struct duck_stmt *s, size_t index, uint64_t value)
{
    (void)duck_api.duckdb_bind_uint64(s->statement, index, value); // said when it is run
}

void duck_bind_i64(struct duck_stmt *s, size_t index, int64_t value)
{
    (void)duck_api.duckdb_bind_int64(s->statement, index, value);
}

void duck_bind_f64(struct duck_stmt *s, size_t index, double value)
{
    (void)duck_api.duckdb_bind_double(s->statement, index, value);
}

void duck_bind_text(struct duck_stmt *s, size_t index, const char *text, size_t size)
{
    (void)duck_api.duckdb_bind_varchar_length(s->statement, index, text, size);
}

void duck_bind_blob(struct duck_stmt *s, size_t index, const void *bytes, size_t size)
{
    (void)duck_api.duckdb_bind_blob(s->statement, index, bytes, size);
}

void duck_bind_null(struct duck_stmt *s, size_t index)
{
    (void)duck_api.duckdb_bind_null(s->statement, index);
}

int duck_run(struct duck_stmt *s, struct duck_rows **ret_rows, struct err *err)
{
    struct duck_rows *r = mem_zalloc(sizeof(*r));
    if (r == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "out of memory");
        return ERR_NO_MEMORY;
    }
    r->duck = s->duck;
    r->generation = s->generation;
    int status = duck_execute(s, true, &r->result, err);
    if (status == 0) {
        r->column_count = duck_api.duckdb_column_count(&r->result);
        if (r->column_count > DUCK_COLUMNS_MAX) {
            status = err_set(err, ERR_FULL, "an answer of %zu columns", r->column_count);
        }
    }
    if (status != 0) {
        duck_rows_free(r);
        return status;
    }
    for (size_t i = 0; i < r->column_count; i++) {
        r->columns[i].type = duck_api.duckdb_column_type(&r->result, i);
    }
    *ret_rows = r;
    return 0;
}

int duck_run_only(struct duck_stmt *s, struct err *err)
{
    duckdb_result result;
    int status = duck_execute(s, false, &result, err);
    duck_api.duckdb_destroy_result(&result);
    return status;
}

int duck_ask(struct duck_conn *c, const char *sql, struct duck_rows **ret_rows, struct err *err)
{
    struct duck_stmt *s = NULL;
    int status = duck_prepare(c, sql, &s, err);
    if (status != 0) {
        return status;
    }
    status = duck_run(s, ret_rows, err);
    if (status != 0) {
        duck_finish(s);
        return status;
    }
    (*ret_rows)->owned = s;
    return 0;
}

int duck_ask_u64(struct duck_conn *c, const char *sql, uint64_t *ret_value, struct err *err)
{
    struct duck_rows *rows = NULL;
    if (duck_ask(c, sql, &rows, err) != 0) {
        return err->status;
    }
    int found = duck_next(rows, err);
    *ret_value = found > 0 ? duck_u64(rows, 0) : 0;
    while (found > 0) { // until its end the transaction is open, and takes what follows with it
        found = duck_next(rows, err);
    }
    duck_rows_free(rows);
    return found;
}

int duck_next(struct duck_rows *r, struct err *err)
{
    if (r->row + 1 < r->row_count) {
        r->row++;
        return 1;
    }
    do {
        if (r->at_end) {
            return 0;
        }
        duck_api.duckdb_destroy_data_chunk(&r->chunk);
        r->chunk = duck_api.duckdb_fetch_chunk(r->result);
        if (r->chunk == NULL) {
            r->at_end = true;
            r->row_count = 0;
            const char *message = duck_api.duckdb_result_error(&r->result);
            return message == NULL ? 0 : fail(r->duck, r->generation, message, err);
        }
        r->row_count = duck_api.duckdb_data_chunk_get_size(r->chunk);
    } while (r->row_count == 0);
    for (size_t i = 0; i < r->column_count; i++) {
        duckdb_vector vector = duck_api.duckdb_data_chunk_get_vector(r->chunk, i);
        r->columns[i].data = duck_api.duckdb_vector_get_data(vector);
        r->columns[i].validity = duck_api.duckdb_vector_get_validity(vector);
    }
    r->row = 0;
    return 1;
}

void duck_rows_free(struct duck_rows *r)
{
    if (r != NULL) {
        duck_api.duckdb_destroy_data_chunk(&r->chunk);
        duck_api.duckdb_destroy_result(&r->result);
        duck_finish(r->owned);
        mem_free(r);
    }
}

size_t duck_column_count(struct duck_rows *r)
{
    return r->column_count;
}

const char *duck_column_name(struct duck_rows *r, size_t column)
{
    return duck_api.duckdb_column_name(&r->result, column);
}

// --- Values --------------------------------------------------------------------------------------

bool duck_is_null(const struct duck_rows *r, size_t column)
{
    const uint64_t *validity = r->columns[column].validity;
    return validity != NULL && (validity[r->row / 64] >> (r->row % 64) & 1) == 0;
}

/// A value as a sign and a size, which no number of 64 bits with or without sign is too large for.
struct number {
    bool negative;
    uint64_t magnitude;
};

static struct number of_signed(int64_t v)
{
    return (struct number){ .negative = v < 0, .magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v };
}

static struct number of_unsigned(uint64_t v)
{
    return (struct number){ .magnitude = v };
}

static struct number of_huge(duckdb_hugeint v)
{
    if (v.upper >= 0) {
        return of_unsigned(v.upper > 0 ? UINT64_MAX : v.lower);
    }
    bool fits = v.upper == -1 && v.lower != 0;
    return (struct number){ .negative = true, .magnitude = fits ? 0 - v.lower : UINT64_MAX };
}

static struct number of_double(double v)
{
    double size = fabs(v);
    if (isnan(v)) {
        return of_unsigned(0);
    }
    return (struct number){ .negative = v < 0,
                            .magnitude = size >= 0x1p64 ? UINT64_MAX : (uint64_t)size };
}

static struct number number_at(const struct duck_rows *r, size_t column)
{
    const struct duck_column *c = &r->columns[column];
    if (duck_is_null(r, column)) {
        return of_unsigned(0);
    }
    switch (c->type) {
    case DUCKDB_TYPE_BOOLEAN:
        return of_unsigned(((const bool *)c->data)[r->row]);
    case DUCKDB_TYPE_TINYINT:
        return of_signed(((const int8_t *)c->data)[r->row]);
    case DUCKDB_TYPE_SMALLINT:
        return of_signed(((const int16_t *)c->data)[r->row]);
    case DUCKDB_TYPE_INTEGER:
        return of_signed(((const int32_t *)c->data)[r->row]);
    case DUCKDB_TYPE_BIGINT:
        return of_signed(((const int64_t *)c->data)[r->row]);
    case DUCKDB_TYPE_UTINYINT:
        return of_unsigned(((const uint8_t *)c->data)[r->row]);
    case DUCKDB_TYPE_USMALLINT:
        return of_unsigned(((const uint16_t *)c->data)[r->row]);
    case DUCKDB_TYPE_UINTEGER:
        return of_unsigned(((const uint32_t *)c->data)[r->row]);
    case DUCKDB_TYPE_UBIGINT:
        return of_unsigned(((const uint64_t *)c->data)[r->row]);
    case DUCKDB_TYPE_HUGEINT:
        return of_huge(((const duckdb_hugeint *)c->data)[r->row]);
    case DUCKDB_TYPE_UHUGEINT: {
        duckdb_uhugeint v = ((const duckdb_uhugeint *)c->data)[r->row];
        return of_unsigned(v.upper > 0 ? UINT64_MAX : v.lower);
    }
    case DUCKDB_TYPE_DOUBLE:
        return of_double(((const double *)c->data)[r->row]);
    default:
        return of_unsigned(0);
    }
}

uint64_t duck_u64(const struct duck_rows *r, size_t column)
{
    struct number n = number_at(r, column);
    return n.negative ? 0 : n.magnitude;
}

int64_t duck_i64(const struct duck_rows *r, size_t column)
{
    struct number n = number_at(r, column);
    if (n.negative) {
        return n.magnitude > INT64_MAX ? INT64_MIN : -(int64_t)n.magnitude;
    }
    return n.magnitude > INT64_MAX ? INT64_MAX : (int64_t)n.magnitude;
}

double duck_f64(const struct duck_rows *r, size_t column)
{
    const struct duck_column *c = &r->columns[column];
    if (c->type == DUCKDB_TYPE_DOUBLE && !duck_is_null(r, column)) {
        return ((const double *)c->data)[r->row];
    }
    if (c->type == DUCKDB_TYPE_HUGEINT && !duck_is_null(r, column)) {
        duckdb_hugeint v = ((const duckdb_hugeint *)c->data)[r->row];
        return (double)v.upper * 0x1p64 + (double)v.lower;
    }
    struct number n = number_at(r, column);
    return n.negative ? -(double)n.magnitude : (double)n.magnitude;
}

struct duck_text duck_bytes(const struct duck_rows *r, size_t column)
{
    const struct duck_column *c = &r->columns[column];
    bool is_text = c->type == DUCKDB_TYPE_VARCHAR || c->type == DUCKDB_TYPE_BLOB;
    if (!is_text || duck_is_null(r, column)) {
        return (struct duck_text){ .data = "" };
    }
    return duck_text_of(&((const duckdb_string_t *)c->data)[r->row]);
}
