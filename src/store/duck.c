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
#include <duckdb.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/// What is used of the library.
#define FUNCTIONS(X)                                                                               \
    X(duckdb_append_data_chunk)                                                                    \
    X(duckdb_appender_column_count)                                                                \
    X(duckdb_appender_column_type)                                                                 \
    X(duckdb_appender_create_ext)                                                                  \
    X(duckdb_appender_destroy)                                                                     \
    X(duckdb_appender_error)                                                                       \
    X(duckdb_appender_flush)                                                                       \
    X(duckdb_bind_add_result_column)                                                               \
    X(duckdb_bind_blob)                                                                            \
    X(duckdb_bind_double)                                                                          \
    X(duckdb_bind_get_extra_info)                                                                  \
    X(duckdb_bind_int64)                                                                           \
    X(duckdb_bind_null)                                                                            \
    X(duckdb_bind_uint64)                                                                          \
    X(duckdb_bind_varchar_length)                                                                  \
    X(duckdb_close)                                                                                \
    X(duckdb_column_count)                                                                         \
    X(duckdb_column_logical_type)                                                                  \
    X(duckdb_column_name)                                                                          \
    X(duckdb_column_type)                                                                          \
    X(duckdb_connect)                                                                              \
    X(duckdb_create_config)                                                                        \
    X(duckdb_create_data_chunk)                                                                    \
    X(duckdb_create_logical_type)                                                                  \
    X(duckdb_create_scalar_function)                                                               \
    X(duckdb_create_table_function)                                                                \
    X(duckdb_data_chunk_get_size)                                                                  \
    X(duckdb_data_chunk_get_vector)                                                                \
    X(duckdb_data_chunk_reset)                                                                     \
    X(duckdb_data_chunk_set_size)                                                                  \
    X(duckdb_destroy_config)                                                                       \
    X(duckdb_destroy_data_chunk)                                                                   \
    X(duckdb_destroy_extracted)                                                                    \
    X(duckdb_destroy_logical_type)                                                                 \
    X(duckdb_destroy_pending)                                                                      \
    X(duckdb_destroy_prepare)                                                                      \
    X(duckdb_destroy_result)                                                                       \
    X(duckdb_destroy_scalar_function)                                                              \
    X(duckdb_destroy_table_function)                                                               \
    X(duckdb_disconnect)                                                                           \
    X(duckdb_execute_pending)                                                                      \
    X(duckdb_extract_statements)                                                                   \
    X(duckdb_extract_statements_error)                                                             \
    X(duckdb_fetch_chunk)                                                                          \
    X(duckdb_free)                                                                                 \
    X(duckdb_function_get_extra_info)                                                              \
    X(duckdb_function_set_error)                                                                   \
    X(duckdb_init_set_max_threads)                                                                 \
    X(duckdb_interrupt)                                                                            \
    X(duckdb_open_ext)                                                                             \
    X(duckdb_pending_error)                                                                        \
    X(duckdb_pending_execute_task)                                                                 \
    X(duckdb_pending_prepared)                                                                     \
    X(duckdb_pending_prepared_streaming)                                                           \
    X(duckdb_prepare)                                                                              \
    X(duckdb_prepare_error)                                                                        \
    X(duckdb_prepare_extracted_statement)                                                          \
    X(duckdb_register_scalar_function)                                                             \
    X(duckdb_register_table_function)                                                              \
    X(duckdb_result_error)                                                                         \
    X(duckdb_scalar_function_add_parameter)                                                        \
    X(duckdb_scalar_function_get_extra_info)                                                       \
    X(duckdb_scalar_function_set_extra_info)                                                       \
    X(duckdb_scalar_function_set_function)                                                         \
    X(duckdb_scalar_function_set_name)                                                             \
    X(duckdb_scalar_function_set_return_type)                                                      \
    X(duckdb_set_config)                                                                           \
    X(duckdb_table_function_set_bind)                                                              \
    X(duckdb_table_function_set_extra_info)                                                        \
    X(duckdb_table_function_set_function)                                                          \
    X(duckdb_table_function_set_init)                                                              \
    X(duckdb_table_function_set_name)                                                              \
    X(duckdb_vector_assign_string_element_len)                                                     \
    X(duckdb_vector_ensure_validity_writable)                                                      \
    X(duckdb_vector_get_data)                                                                      \
    X(duckdb_vector_get_validity)

struct api {
#define MEMBER(name) __typeof__(&(name)) name;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

/// Filled once, before the first database is opened.
static struct api api;

enum {
    ROW_COLUMNS_MAX = 256, ///< of an answer or a table
    MATCH_ARGS_MAX = 4,
    INLINE_SIZE_MAX = 12, ///< bytes of a text that lie in its duckdb_string_t
};

struct duck {
    duckdb_database database;
    pthread_mutex_t mutex;       ///< of `database` and of every connection's `connection`
    _Atomic uint64_t generation; ///< how often it was opened again
    _Atomic bool broken;         ///< DuckDB does nothing more with it
    duck_again_fn *again;        ///< NULL: it stays broken
    void *context;
};

struct duck_conn {
    struct duck *duck;
    duckdb_connection connection;
    uint64_t generation; ///< of the database that it is to
    bool in_transaction;
};

struct duck_stmt {
    struct duck *duck;
    uint64_t generation;
    duckdb_prepared_statement statement;
};

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
    struct duck_column columns[ROW_COLUMNS_MAX];
};

struct duck_chunk {
    size_t column_count;
    duckdb_vector vectors[ROW_COLUMNS_MAX];
    void *data[ROW_COLUMNS_MAX];
    uint64_t *validity[ROW_COLUMNS_MAX];
};

struct duck_appender {
    struct duck *duck;
    uint64_t generation;
    duckdb_appender appender;
    duckdb_data_chunk rows;
    struct duck_chunk chunk; ///< of `rows`
};

// --- Opening -------------------------------------------------------------------------------------

/// Of the process, for good: its threads and its memory do not want to be unloaded.
static int load(struct err *err)
{
    static const char *const NAMES[] = {
#define NAME(name) #name,
        FUNCTIONS(NAME)
#undef NAME
    };
    _Static_assert(sizeof(api) == sizeof(NAMES), "a pointer for each name");
    if (api.duckdb_open_ext != NULL) {
        return 0; // a database is open, which others may be using
    }
    void *library = dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        return err_set(err, ERR_NOT_FOUND,
                       "the store needs libduckdb.so, which belongs beside the program: %s",
                       dlerror()); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    }
    struct api found;
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        void *function = dlsym(library, NAMES[i]);
        if (function == NULL) {
            return err_set(err, ERR_NOT_FOUND, "libduckdb.so has no %s: another version of it?",
                           NAMES[i]);
        }
        memcpy((uint8_t *)&found + i * sizeof(function), &function, sizeof(function));
    }
    api = found;
    return 0;
}

static int make_config(const struct duck_option *options, duckdb_config *ret_config,
                       struct err *err)
{
    static const struct duck_option ALWAYS[] = { { "autoinstall_known_extensions", "false" },
                                                 { "autoload_known_extensions", "false" } };
    if (api.duckdb_create_config(ret_config) != DuckDBSuccess) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < sizeof(ALWAYS) / sizeof(ALWAYS[0]); i++) {
        if (api.duckdb_set_config(*ret_config, ALWAYS[i].name, ALWAYS[i].value) != DuckDBSuccess) {
            return err_set(err, ERR_INVALID, "DuckDB knows no setting %s", ALWAYS[i].name);
        }
    }
    for (; options != NULL && options->name != NULL; options++) {
        if (api.duckdb_set_config(*ret_config, options->name, options->value) != DuckDBSuccess) {
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
    if (status == 0 && api.duckdb_open_ext(path[0] == '\0' ? NULL : path, &d->database, config,
                                           &message) != DuckDBSuccess) {
        status = err_set(err, ERR_IO, "%s", message == NULL ? "cannot open" : message);
    }
    api.duckdb_free(message);
    api.duckdb_destroy_config(&config);
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
        api.duckdb_close(&d->database);
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
static void note(struct duck *d, uint64_t generation, const char *message)
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
    api.duckdb_close(&d->database);
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
    if (api.duckdb_connect(d->database, &connection) != DuckDBSuccess) {
        return err_set(err, ERR_IO, "cannot connect to the store");
    }
    if (c->connection != NULL) {
        api.duckdb_disconnect(&c->connection);
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

static int refresh(struct duck_conn *c, struct err *err)
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
    int status = refresh(c, err);
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
        api.duckdb_disconnect(&c->connection);
        mem_free(c);
    }
}

void duck_interrupt(struct duck_conn *c)
{
    lock(c->duck);
    api.duckdb_interrupt(c->connection);
    unlock(c->duck);
}

// --- Statements ----------------------------------------------------------------------------------

/// What DuckDB says begins with the kind of error that it is.
static int fail(struct duck *d, uint64_t generation, const char *message, struct err *err)
{
    note(d, generation, message);
    message = message == NULL ? "unknown error" : message;
    int status = strncmp(message, "INTERRUPT Error", strlen("INTERRUPT Error")) == 0 ? ERR_CLOSED
                 : strncmp(message, "Out of Memory", strlen("Out of Memory")) == 0   ? ERR_NO_MEMORY
                                                                                     : ERR_IO;
    return err_set(err, status, "%s", message);
}

/// Runs a statement, on this thread and DuckDB's. Where its own functions would ask again and again
/// whether the other threads are done, at the cost of a whole core, this one sleeps.
static int execute(const struct duck_stmt *s, bool stream, duckdb_result *ret_result,
                   struct err *err)
{
    static const struct timespec PAUSE = { .tv_nsec = 50000 };
    duckdb_pending_result pending;
    duckdb_state made = stream ? api.duckdb_pending_prepared_streaming(s->statement, &pending)
                               : api.duckdb_pending_prepared(s->statement, &pending);
    *ret_result = (duckdb_result){ 0 };
    if (made != DuckDBSuccess) {
        int status = fail(s->duck, s->generation, api.duckdb_pending_error(pending), err);
        api.duckdb_destroy_pending(&pending);
        return status;
    }
    duckdb_pending_state state;
    do {
        state = api.duckdb_pending_execute_task(pending);
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            (void)nanosleep(&PAUSE, NULL); // cut short: asked earlier
        }
    } while (state == DUCKDB_PENDING_RESULT_NOT_READY ||
             state == DUCKDB_PENDING_NO_TASKS_AVAILABLE);
    int status = 0;
    if (state == DUCKDB_PENDING_ERROR) {
        status = fail(s->duck, s->generation, api.duckdb_pending_error(pending), err);
    } else if (api.duckdb_execute_pending(pending, ret_result) != DuckDBSuccess) {
        status = fail(s->duck, s->generation, api.duckdb_result_error(ret_result), err);
    }
    api.duckdb_destroy_pending(&pending);
    return status;
}

/// The n-th of several statements.
static int execute_extracted(struct duck_conn *c, duckdb_extracted_statements statements, idx_t n,
                             struct err *err)
{
    struct duck_stmt s = { .duck = c->duck, .generation = c->generation };
    duckdb_result result = { 0 };
    int status = api.duckdb_prepare_extracted_statement(c->connection, statements, n,
                                                        &s.statement) == DuckDBSuccess
                     ? execute(&s, false, &result, err)
                     : fail(c->duck, c->generation, api.duckdb_prepare_error(s.statement), err);
    api.duckdb_destroy_result(&result);
    api.duckdb_destroy_prepare(&s.statement);
    return status;
}

/// Transactions are begun and ended by statements that stand alone (BEGIN) or at the end.
static bool leaves_open(const char *sql)
{
    return strncmp(sql, "BEGIN", strlen("BEGIN")) == 0 && strstr(sql, "COMMIT") == NULL;
}

int duck_exec(struct duck_conn *c, const char *sql, struct err *err)
{
    int status = refresh(c, err);
    if (status != 0) {
        return status;
    }
    duckdb_extracted_statements statements;
    idx_t count = api.duckdb_extract_statements(c->connection, sql, &statements);
    if (count == 0 && api.duckdb_extract_statements_error(statements) != NULL) {
        status = err_set(err, ERR_IO, "%s", api.duckdb_extract_statements_error(statements));
    }
    for (idx_t n = 0; status == 0 && n < count; n++) {
        status = execute_extracted(c, statements, n, err);
    }
    api.duckdb_destroy_extracted(&statements);
    if (leaves_open(sql)) {
        c->in_transaction = status == 0;
    } else if (strstr(sql, "COMMIT") != NULL || strstr(sql, "ROLLBACK") != NULL) {
        c->in_transaction = false;
    }
    return status;
}

int duck_prepare(struct duck_conn *c, const char *sql, struct duck_stmt **ret_stmt, struct err *err)
{
    int status = refresh(c, err);
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
    if (api.duckdb_prepare(c->connection, sql, &s->statement) != DuckDBSuccess) {
        const char *message = api.duckdb_prepare_error(s->statement);
        note(c->duck, c->generation, message);
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
        api.duckdb_destroy_prepare(&s->statement);
        mem_free(s);
    }
}

void duck_bind_u64(struct duck_stmt *s, size_t index, uint64_t value)
{
    (void)api.duckdb_bind_uint64(s->statement, index, value); // said when it is run
}

void duck_bind_i64(struct duck_stmt *s, size_t index, int64_t value)
{
    (void)api.duckdb_bind_int64(s->statement, index, value);
}

void duck_bind_f64(struct duck_stmt *s, size_t index, double value)
{
    (void)api.duckdb_bind_double(s->statement, index, value);
}

void duck_bind_text(struct duck_stmt *s, size_t index, const char *text, size_t size)
{
    (void)api.duckdb_bind_varchar_length(s->statement, index, text, size);
}

void duck_bind_blob(struct duck_stmt *s, size_t index, const void *bytes, size_t size)
{
    (void)api.duckdb_bind_blob(s->statement, index, bytes, size);
}

void duck_bind_null(struct duck_stmt *s, size_t index)
{
    (void)api.duckdb_bind_null(s->statement, index);
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
    int status = execute(s, true, &r->result, err);
    if (status == 0) {
        r->column_count = api.duckdb_column_count(&r->result);
        if (r->column_count > ROW_COLUMNS_MAX) {
            status = err_set(err, ERR_FULL, "an answer of %zu columns", r->column_count);
        }
    }
    if (status != 0) {
        duck_rows_free(r);
        return status;
    }
    for (size_t i = 0; i < r->column_count; i++) {
        r->columns[i].type = api.duckdb_column_type(&r->result, i);
    }
    *ret_rows = r;
    return 0;
}

int duck_run_only(struct duck_stmt *s, struct err *err)
{
    duckdb_result result;
    int status = execute(s, false, &result, err);
    api.duckdb_destroy_result(&result);
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
        api.duckdb_destroy_data_chunk(&r->chunk);
        r->chunk = api.duckdb_fetch_chunk(r->result);
        if (r->chunk == NULL) {
            r->at_end = true;
            r->row_count = 0;
            const char *message = api.duckdb_result_error(&r->result);
            return message == NULL ? 0 : fail(r->duck, r->generation, message, err);
        }
        r->row_count = api.duckdb_data_chunk_get_size(r->chunk);
    } while (r->row_count == 0);
    for (size_t i = 0; i < r->column_count; i++) {
        duckdb_vector vector = api.duckdb_data_chunk_get_vector(r->chunk, i);
        r->columns[i].data = api.duckdb_vector_get_data(vector);
        r->columns[i].validity = api.duckdb_vector_get_validity(vector);
    }
    r->row = 0;
    return 1;
}

void duck_rows_free(struct duck_rows *r)
{
    if (r != NULL) {
        api.duckdb_destroy_data_chunk(&r->chunk);
        api.duckdb_destroy_result(&r->result);
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
    return api.duckdb_column_name(&r->result, column);
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

static struct duck_text text_of(const duckdb_string_t *s)
{
    uint32_t size = s->value.inlined.length;
    return (struct duck_text){ .data = size <= INLINE_SIZE_MAX ? s->value.inlined.inlined
                                                               : s->value.pointer.ptr,
                               .size = size };
}

struct duck_text duck_bytes(const struct duck_rows *r, size_t column)
{
    const struct duck_column *c = &r->columns[column];
    bool is_text = c->type == DUCKDB_TYPE_VARCHAR || c->type == DUCKDB_TYPE_BLOB;
    if (!is_text || duck_is_null(r, column)) {
        return (struct duck_text){ .data = "" };
    }
    return text_of(&((const duckdb_string_t *)c->data)[r->row]);
}

// --- Writing rows --------------------------------------------------------------------------------

/// Every value is there, whatever it is.
static void take_chunk(struct duck_chunk *chunk, duckdb_data_chunk rows)
{
    for (size_t i = 0; i < chunk->column_count; i++) {
        chunk->vectors[i] = api.duckdb_data_chunk_get_vector(rows, i);
        chunk->data[i] = api.duckdb_vector_get_data(chunk->vectors[i]);
        api.duckdb_vector_ensure_validity_writable(chunk->vectors[i]);
        chunk->validity[i] = api.duckdb_vector_get_validity(chunk->vectors[i]);
        memset(chunk->validity[i], 0xff, DUCK_CHUNK_ROWS / 8);
    }
}

void *duck_chunk_column(struct duck_chunk *chunk, size_t column)
{
    return chunk->data[column];
}

uint64_t *duck_chunk_validity(struct duck_chunk *chunk, size_t column)
{
    return chunk->validity[column];
}

void duck_chunk_set_null(struct duck_chunk *chunk, size_t column, size_t row)
{
    chunk->validity[column][row / 64] &= ~(UINT64_C(1) << (row % 64));
}

void duck_chunk_set_bytes(struct duck_chunk *chunk, size_t column, size_t row, const void *bytes,
                          size_t size)
{
    api.duckdb_vector_assign_string_element_len(chunk->vectors[column], row, bytes, size);
}

static int fail_appender(const struct duck_appender *a, struct err *err)
{
    const char *message = api.duckdb_appender_error(a->appender);
    note(a->duck, a->generation, message);
    return err_set(err, ERR_IO, "%s", message == NULL ? "cannot append" : message);
}

static int make_rows(struct duck_appender *a, struct err *err)
{
    duckdb_logical_type types[ROW_COLUMNS_MAX] = { 0 };
    size_t count = a->chunk.column_count;
    for (size_t i = 0; i < count; i++) {
        types[i] = api.duckdb_appender_column_type(a->appender, i);
    }
    a->rows = api.duckdb_create_data_chunk(types, count);
    for (size_t i = 0; i < count; i++) {
        api.duckdb_destroy_logical_type(&types[i]);
    }
    if (a->rows == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    take_chunk(&a->chunk, a->rows);
    return 0;
}

int duck_appender_new(struct duck_conn *c, const char *table, struct duck_appender **ret_appender,
                      struct err *err)
{
    if (refresh(c, err) != 0) {
        return err->status;
    }
    struct duck_appender *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    a->duck = c->duck;
    a->generation = c->generation;
    if (api.duckdb_appender_create_ext(c->connection, NULL, NULL, table, &a->appender) !=
        DuckDBSuccess) {
        (void)fail_appender(a, err);
        duck_appender_free(a);
        return err->status;
    }
    a->chunk.column_count = api.duckdb_appender_column_count(a->appender);
    int status = a->chunk.column_count > ROW_COLUMNS_MAX
                     ? err_set(err, ERR_FULL, "a table of %zu columns", a->chunk.column_count)
                     : make_rows(a, err);
    if (status != 0) {
        duck_appender_free(a);
        return status;
    }
    *ret_appender = a;
    return 0;
}

void duck_appender_free(struct duck_appender *a)
{
    if (a != NULL) {
        api.duckdb_destroy_data_chunk(&a->rows);
        (void)api.duckdb_appender_destroy(&a->appender); // what was flushed is in the table
        mem_free(a);
    }
}

struct duck_chunk *duck_appender_chunk(struct duck_appender *a)
{
    return &a->chunk;
}

int duck_appender_push(struct duck_appender *a, size_t rows, struct err *err)
{
    api.duckdb_data_chunk_set_size(a->rows, rows);
    if (api.duckdb_append_data_chunk(a->appender, a->rows) != DuckDBSuccess) {
        return fail_appender(a, err);
    }
    api.duckdb_data_chunk_reset(a->rows);
    take_chunk(&a->chunk, a->rows);
    return 0;
}

int duck_appender_flush(struct duck_appender *a, struct err *err)
{
    return api.duckdb_appender_flush(a->appender) == DuckDBSuccess ? 0 : fail_appender(a, err);
}

// --- Rows of our own -----------------------------------------------------------------------------

struct feed {
    duck_feed_fn *fill;
    void *context;
    pthread_mutex_t mutex; ///< orders the calls, whichever thread they are on
    duckdb_result table;   ///< no row of it: names and types of the columns
    struct duck_chunk chunk;
};

static void free_feed(void *feed)
{
    struct feed *f = feed;
    api.duckdb_destroy_result(&f->table);
    CHECK(pthread_mutex_destroy(&f->mutex) == 0);
    mem_free(f);
}

static void bind_feed(duckdb_bind_info info)
{
    struct feed *f = api.duckdb_bind_get_extra_info(info);
    for (size_t i = 0; i < f->chunk.column_count; i++) {
        duckdb_logical_type type = api.duckdb_column_logical_type(&f->table, i);
        api.duckdb_bind_add_result_column(info, api.duckdb_column_name(&f->table, i), type);
        api.duckdb_destroy_logical_type(&type);
    }
}

static void begin_feed(duckdb_init_info info)
{
    api.duckdb_init_set_max_threads(info, 1);
}

static void run_feed(duckdb_function_info info, duckdb_data_chunk output)
{
    struct feed *f = api.duckdb_function_get_extra_info(info);
    CHECK(pthread_mutex_lock(&f->mutex) == 0);
    take_chunk(&f->chunk, output);
    int rows = f->fill(f->context, &f->chunk);
    CHECK(pthread_mutex_unlock(&f->mutex) == 0);
    if (rows < 0) {
        api.duckdb_function_set_error(info, "cannot make rows: out of memory");
    }
    api.duckdb_data_chunk_set_size(output, rows > 0 ? (idx_t)rows : 0);
}

/// The columns of a table, by an answer that has no row.
static int describe(struct duck_conn *c, const char *table, struct feed *f, struct err *err)
{
    enum { SQL_SIZE = 128 };
    char sql[SQL_SIZE];
    struct duck_stmt *s;
    (void)snprintf(sql, sizeof(sql), "FROM %s LIMIT 0", table); // the name is ours, and short
    if (duck_prepare(c, sql, &s, err) != 0) {
        return err->status;
    }
    int status = execute(s, false, &f->table, err);
    duck_finish(s);
    if (status == 0) {
        f->chunk.column_count = api.duckdb_column_count(&f->table);
        CHECK(f->chunk.column_count <= ROW_COLUMNS_MAX);
    }
    return status;
}

int duck_add_feed(struct duck_conn *c, const char *name, const char *table, duck_feed_fn *feed,
                  void *context, struct err *err)
{
    struct feed *f = mem_zalloc(sizeof(*f));
    if (f == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    *f = (struct feed){ .fill = feed, .context = context };
    CHECK(pthread_mutex_init(&f->mutex, NULL) == 0);
    if (describe(c, table, f, err) != 0) {
        free_feed(f);
        return err->status;
    }
    duckdb_table_function function = api.duckdb_create_table_function();
    api.duckdb_table_function_set_name(function, name);
    api.duckdb_table_function_set_extra_info(function, f, free_feed);
    api.duckdb_table_function_set_bind(function, bind_feed);
    api.duckdb_table_function_set_init(function, begin_feed);
    api.duckdb_table_function_set_function(function, run_feed);
    duckdb_state state = api.duckdb_register_table_function(c->connection, function);
    api.duckdb_destroy_table_function(&function);
    return state == DuckDBSuccess ? 0 : err_set(err, ERR_IO, "DuckDB does not take %s()", name);
}

// --- Functions of our own ------------------------------------------------------------------------

struct match {
    duck_match_fn *match;
    size_t count;
};

static bool is_valid(duckdb_vector vector, size_t row)
{
    const uint64_t *validity = api.duckdb_vector_get_validity(vector);
    return validity == NULL || (validity[row / 64] >> (row % 64) & 1) != 0;
}

/// NULLs among the arguments are DuckDB's affair: it does not ask for those rows.
static void run_match(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct match *m = api.duckdb_scalar_function_get_extra_info(info);
    size_t rows = api.duckdb_data_chunk_get_size(input);
    bool *matches = api.duckdb_vector_get_data(output);
    duckdb_vector vectors[MATCH_ARGS_MAX];
    const duckdb_string_t *strings[MATCH_ARGS_MAX];
    for (size_t i = 0; i < m->count; i++) {
        vectors[i] = api.duckdb_data_chunk_get_vector(input, i);
        strings[i] = api.duckdb_vector_get_data(vectors[i]);
    }
    for (size_t row = 0; row < rows; row++) {
        struct duck_text args[MATCH_ARGS_MAX];
        bool all = true;
        for (size_t i = 0; i < m->count && all; i++) {
            all = is_valid(vectors[i], row);
            if (all) {
                args[i] = text_of(&strings[i][row]);
            }
        }
        matches[row] = all && m->match(args, m->count);
    }
}

static void add_parameter(duckdb_scalar_function function, duckdb_type type)
{
    duckdb_logical_type logical = api.duckdb_create_logical_type(type);
    api.duckdb_scalar_function_add_parameter(function, logical);
    api.duckdb_destroy_logical_type(&logical);
}

int duck_add_match(struct duck_conn *c, const char *name, size_t count, duck_match_fn *match,
                   struct err *err)
{
    if (refresh(c, err) != 0) {
        return err->status;
    }
    CHECK(count > 0 && count <= MATCH_ARGS_MAX);
    struct match *m = mem_zalloc(sizeof(*m));
    if (m == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    *m = (struct match){ .match = match, .count = count };
    duckdb_scalar_function function = api.duckdb_create_scalar_function();
    api.duckdb_scalar_function_set_name(function, name);
    for (size_t i = 0; i < count; i++) {
        add_parameter(function, i == 0 ? DUCKDB_TYPE_BLOB : DUCKDB_TYPE_VARCHAR);
    }
    duckdb_logical_type boolean = api.duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    api.duckdb_scalar_function_set_return_type(function, boolean);
    api.duckdb_destroy_logical_type(&boolean);
    api.duckdb_scalar_function_set_extra_info(function, m, mem_free);
    api.duckdb_scalar_function_set_function(function, run_match);
    duckdb_state state = api.duckdb_register_scalar_function(c->connection, function);
    api.duckdb_destroy_scalar_function(&function);
    return state == DuckDBSuccess ? 0 : err_set(err, ERR_IO, "DuckDB does not take %s()", name);
}
