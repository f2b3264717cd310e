// SPDX-License-Identifier: Apache-2.0
/*
 * What goes into DuckDB: rows, by a copy of them (an appender) or by a table function that a
 * statement reads (a feed), and functions of our own. Their columns are written in place.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/duck_api.h"

enum { MATCH_ARGS_MAX = 4 };

struct duck_chunk {
    size_t column_count;
    duckdb_vector vectors[DUCK_COLUMNS_MAX];
    void *data[DUCK_COLUMNS_MAX];
    uint64_t *validity[DUCK_COLUMNS_MAX]; ///< NULL: every value is there
};

struct duck_appender {
    struct duck *duck;
    uint64_t generation;
    duckdb_appender appender;
    duckdb_data_chunk rows;
    struct duck_chunk chunk; ///< of `rows`
};

// --- Writing rows --------------------------------------------------------------------------------

/// Every value is there, whatever it is: DuckDB takes columns without a mask of bits faster.
static void take_chunk(struct duck_chunk *chunk, duckdb_data_chunk rows)
{
    for (size_t i = 0; i < chunk->column_count; i++) {
        chunk->vectors[i] = duck_api.duckdb_data_chunk_get_vector(rows, i);
        chunk->data[i] = duck_api.duckdb_vector_get_data(chunk->vectors[i]);
        chunk->validity[i] = NULL;
    }
}

void *duck_chunk_column(struct duck_chunk *chunk, size_t column)
{
    return chunk->data[column];
}

static uint64_t *validity_of(struct duck_chunk *chunk, size_t column)
{
    if (chunk->validity[column] == NULL) {
        duck_api.duckdb_vector_ensure_validity_writable(chunk->vectors[column]);
        chunk->validity[column] = duck_api.duckdb_vector_get_validity(chunk->vectors[column]);
        memset(chunk->validity[column], 0xff, DUCK_CHUNK_ROWS / 8);
    }
    return chunk->validity[column];
}

void duck_chunk_set_valid(struct duck_chunk *chunk, size_t column, size_t row, uint64_t bits)
{
    if (bits != UINT64_MAX || chunk->validity[column] != NULL) {
        validity_of(chunk, column)[row / 64] = bits;
    }
}

void duck_chunk_set_null(struct duck_chunk *chunk, size_t column, size_t row)
{
    validity_of(chunk, column)[row / 64] &= ~(UINT64_C(1) << (row % 64));
}

void duck_chunk_set_bytes(struct duck_chunk *chunk, size_t column, size_t row, const void *bytes,
                          size_t size)
{
    duck_api.duckdb_vector_assign_string_element_len(chunk->vectors[column], row, bytes, size);
}

static int fail_appender(const struct duck_appender *a, struct err *err)
{
    const char *message = duck_api.duckdb_appender_error(a->appender);
    duck_note(a->duck, a->generation, message);
    return err_set(err, ERR_IO, "%s", message == NULL ? "cannot append" : message);
}

static int make_rows(struct duck_appender *a, struct err *err)
{
    duckdb_logical_type types[DUCK_COLUMNS_MAX] = { 0 };
    size_t count = a->chunk.column_count;
    for (size_t i = 0; i < count; i++) {
        types[i] = duck_api.duckdb_appender_column_type(a->appender, i);
    }
    a->rows = duck_api.duckdb_create_data_chunk(types, count);
    for (size_t i = 0; i < count; i++) {
        duck_api.duckdb_destroy_logical_type(&types[i]);
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
    if (duck_ready(c, err) != 0) {
        return err->status;
    }
    struct duck_appender *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    a->duck = c->duck;
    a->generation = c->generation;
    if (duck_api.duckdb_appender_create_ext(c->connection, NULL, NULL, table, &a->appender) !=
        DuckDBSuccess) {
        (void)fail_appender(a, err);
        duck_appender_free(a);
        return err->status;
    }
    a->chunk.column_count = duck_api.duckdb_appender_column_count(a->appender);
    int status = a->chunk.column_count > DUCK_COLUMNS_MAX
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
        duck_api.duckdb_destroy_data_chunk(&a->rows);
        (void)duck_api.duckdb_appender_destroy(&a->appender); // what was flushed is in the table
        mem_free(a);
    }
}

struct duck_chunk *duck_appender_chunk(struct duck_appender *a)
{
    return &a->chunk;
}

int duck_appender_push(struct duck_appender *a, size_t rows, struct err *err)
{
    duck_api.duckdb_data_chunk_set_size(a->rows, rows);
    if (duck_api.duckdb_append_data_chunk(a->appender, a->rows) != DuckDBSuccess) {
        return fail_appender(a, err);
    }
    duck_api.duckdb_data_chunk_reset(a->rows);
    take_chunk(&a->chunk, a->rows);
    return 0;
}

int duck_appender_flush(struct duck_appender *a, struct err *err)
{
    return duck_api.duckdb_appender_flush(a->appender) == DuckDBSuccess ? 0 : fail_appender(a, err);
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
    duck_api.duckdb_destroy_result(&f->table);
    CHECK(pthread_mutex_destroy(&f->mutex) == 0);
    mem_free(f);
}

static void bind_feed(duckdb_bind_info info)
{
    struct feed *f = duck_api.duckdb_bind_get_extra_info(info);
    for (size_t i = 0; i < f->chunk.column_count; i++) {
        duckdb_logical_type type = duck_api.duckdb_column_logical_type(&f->table, i);
        duck_api.duckdb_bind_add_result_column(info, duck_api.duckdb_column_name(&f->table, i),
                                               type);
        duck_api.duckdb_destroy_logical_type(&type);
    }
}

static void begin_feed(duckdb_init_info info)
{
    duck_api.duckdb_init_set_max_threads(info, 1);
}

static void run_feed(duckdb_function_info info, duckdb_data_chunk output)
{
    struct feed *f = duck_api.duckdb_function_get_extra_info(info);
    CHECK(pthread_mutex_lock(&f->mutex) == 0);
    take_chunk(&f->chunk, output);
    int rows = f->fill(f->context, &f->chunk);
    CHECK(pthread_mutex_unlock(&f->mutex) == 0);
    if (rows < 0) {
        duck_api.duckdb_function_set_error(info, "cannot make rows: out of memory");
    }
    duck_api.duckdb_data_chunk_set_size(output, rows > 0 ? (idx_t)rows : 0);
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
    int status = duck_execute(s, false, &f->table, err);
    duck_finish(s);
    if (status == 0) {
        f->chunk.column_count = duck_api.duckdb_column_count(&f->table);
        CHECK(f->chunk.column_count <= DUCK_COLUMNS_MAX);
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
    duckdb_table_function function = duck_api.duckdb_create_table_function();
    duck_api.duckdb_table_function_set_name(function, name);
    duck_api.duckdb_table_function_set_extra_info(function, f, free_feed);
    duck_api.duckdb_table_function_set_bind(function, bind_feed);
    duck_api.duckdb_table_function_set_init(function, begin_feed);
    duck_api.duckdb_table_function_set_function(function, run_feed);
    duckdb_state state = duck_api.duckdb_register_table_function(c->connection, function);
    duck_api.duckdb_destroy_table_function(&function);
    return state == DuckDBSuccess ? 0 : err_set(err, ERR_IO, "DuckDB does not take %s()", name);
}

// --- Functions of our own ------------------------------------------------------------------------

struct match {
    duck_match_fn *match;
    size_t count;
};

static bool is_valid(duckdb_vector vector, size_t row)
{
    const uint64_t *validity = duck_api.duckdb_vector_get_validity(vector);
    return validity == NULL || (validity[row / 64] >> (row % 64) & 1) != 0;
}

/// NULLs among the arguments are DuckDB's affair: it does not ask for those rows.
static void run_match(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct match *m = duck_api.duckdb_scalar_function_get_extra_info(info);
    size_t rows = duck_api.duckdb_data_chunk_get_size(input);
    bool *matches = duck_api.duckdb_vector_get_data(output);
    duckdb_vector vectors[MATCH_ARGS_MAX];
    const duckdb_string_t *strings[MATCH_ARGS_MAX];
    for (size_t i = 0; i < m->count; i++) {
        vectors[i] = duck_api.duckdb_data_chunk_get_vector(input, i);
        strings[i] = duck_api.duckdb_vector_get_data(vectors[i]);
    }
    for (size_t row = 0; row < rows; row++) {
        struct duck_text args[MATCH_ARGS_MAX];
        bool all = true;
        for (size_t i = 0; i < m->count && all; i++) {
            all = is_valid(vectors[i], row);
            if (all) {
                args[i] = duck_text_of(&strings[i][row]);
            }
        }
        matches[row] = all && m->match(args, m->count);
    }
}

static void add_parameter(duckdb_scalar_function function, duckdb_type type)
{
    duckdb_logical_type logical = duck_api.duckdb_create_logical_type(type);
    duck_api.duckdb_scalar_function_add_parameter(function, logical);
    duck_api.duckdb_destroy_logical_type(&logical);
}

int duck_add_match(struct duck_conn *c, const char *name, size_t count, duck_match_fn *match,
                   struct err *err)
{
    if (duck_ready(c, err) != 0) {
        return err->status;
    }
    CHECK(count > 0 && count <= MATCH_ARGS_MAX);
    struct match *m = mem_zalloc(sizeof(*m));
    if (m == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    *m = (struct match){ .match = match, .count = count };
    duckdb_scalar_function function = duck_api.duckdb_create_scalar_function();
    duck_api.duckdb_scalar_function_set_name(function, name);
    for (size_t i = 0; i < count; i++) {
        add_parameter(function, i == 0 ? DUCKDB_TYPE_BLOB : DUCKDB_TYPE_VARCHAR);
    }
    duckdb_logical_type boolean = duck_api.duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    duck_api.duckdb_scalar_function_set_return_type(function, boolean);
    duck_api.duckdb_destroy_logical_type(&boolean);
    duck_api.duckdb_scalar_function_set_extra_info(function, m, mem_free);
    duck_api.duckdb_scalar_function_set_function(function, run_match);
    duckdb_state state = duck_api.duckdb_register_scalar_function(c->connection, function);
    duck_api.duckdb_destroy_scalar_function(&function);
    return state == DuckDBSuccess ? 0 : err_set(err, ERR_IO, "DuckDB does not take %s()", name);
}
