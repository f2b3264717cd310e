// SPDX-License-Identifier: Apache-2.0
/*
 * Inside the fence around DuckDB (store/duck.h): the library's functions by name, what stands
 * behind the handles, and what duck.c and duck_write.c do alike. Nobody else includes this.
 */
#pragma once

#include <duckdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/duck.h"

/// What is used of the library.
#define DUCK_FUNCTIONS(X)                                                                          \
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

struct duck_api {
#define MEMBER(name) __typeof__(&(name)) name;
    DUCK_FUNCTIONS(MEMBER)
#undef MEMBER
};

/// Filled once, before the first database is opened.
extern struct duck_api duck_api;

enum {
    DUCK_COLUMNS_MAX = 256,    ///< of an answer or a table
    DUCK_INLINE_SIZE_MAX = 12, ///< bytes of a text that lie in its duckdb_string_t
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

/// As at every statement: a database that broke is opened again.
int duck_ready(struct duck_conn *c, struct err *err) MUST_USE;

/// DuckDB said something about the database that was opened as the `generation`-th: after some
/// words nothing more can be had of it.
void duck_note(struct duck *d, uint64_t generation, const char *message);

/// Runs a statement, all of it or (`stream`) so far that rows can be read. The result is to be
/// destroyed, after an error too. Errors as duck_exec().
int duck_execute(const struct duck_stmt *s, bool stream, duckdb_result *ret_result,
                 struct err *err) MUST_USE;

static inline struct duck_text duck_text_of(const duckdb_string_t *s)
{
    uint32_t size = s->value.inlined.length;
    return (struct duck_text){ .data = size <= DUCK_INLINE_SIZE_MAX ? s->value.inlined.inlined
                                                                    : s->value.pointer.ptr,
                               .size = size };
}
