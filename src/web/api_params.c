// SPDX-License-Identifier: Apache-2.0
/*
 * See web/api_params.h. First every argument is looked up in the table and laid down by its number;
 * then each is read in an order of its own, for times need the zone and conditions the times.
 */
#include "web/api_params.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "query/kql.h"
#include "query/when.h"
#include "web/arguments.h"

#define NS_PER_S INT64_C(1000000000)

#define USUAL_COLUMNS                                                                              \
    "@timestamp,source.ip,source.port,destination.ip,destination.port,network.transport,"          \
    "network.bytes,network.packets"

#define STEP_MAX_S INT64_C(8640000000) // 100,000 days; in ns it fits

enum { DEFAULT_ROWS = 10, DEFAULT_FLOWS = 50, DEFAULT_RATE = 20 };

#define IN(name) (UINT32_C(1) << API_##name)
#define IN_MEASURE (IN(TOP) | IN(SERIES) | IN(MATRIX) | IN(CHANGES))
#define IN_TABLE (IN_MEASURE | IN(VALUES) | IN(EXPORTERS) | IN(INTERFACES) | IN(FLOWS) | IN(FIELDS))
#define IN_TIME (IN_MEASURE | IN(VALUES) | IN(EXPORTERS) | IN(INTERFACES) | IN(FLOWS) | IN(EXPORT))

const struct api_param_info api_params[PARAM_COUNT] = {
#define API_PARAM(name, text, where, schema, help) [PARAM_##name] = { text, where, schema, help },
#include "web/api_params.def"
#undef API_PARAM
};

const struct api_endpoint_info api_endpoints[API_ENDPOINT_COUNT] = {
#define API_ENDPOINT(name, path, help) [API_##name] = { path, help },
#include "web/api_params.def"
#undef API_ENDPOINT
};

enum api_endpoint api_endpoint_find(const char *name)
{
    enum api_endpoint e = 0;
    while (e < API_ENDPOINT_COUNT && strcmp(api_endpoints[e].name, name) != 0) {
        e++;
    }
    return e;
}

/// One request while it is read.
struct reading {
    enum api_endpoint endpoint;
    const char *values[PARAM_COUNT]; ///< NULL: not said
    const struct api_moment *moment;
    struct api_asked *asked;
    struct api_fault *fault;
};

/// A text for "%.*s": what of it fits a message.
#define SHOWN(text, size) text_clip(text, size, 60), text

PRINTF_LIKE(3, 4)
static int refuse(struct reading *r, enum api_param param, const char *format, ...)
{
    va_list args;
    *r->fault =
        (struct api_fault){ .status = 400,
                            .parameter = param == PARAM_COUNT ? NULL : api_params[param].name };
    va_start(args, format);
    (void)vsnprintf(r->fault->text, sizeof(r->fault->text), format, args); // cut if too long
    va_end(args);
    return ERR_INVALID;
}

// --- Which arguments there are -------------------------------------------------------------------

static int refuse_name(struct reading *r, const char *name)
{
    struct text_nearest nearest = text_nearest_to(name);
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        if ((api_params[i].where >> r->endpoint & 1) != 0) {
            text_nearest_try(&nearest, api_params[i].name);
        }
    }
    return refuse(r, PARAM_COUNT, "%s has no parameter \"%.*s\"%s", api_endpoints[r->endpoint].name,
                  SHOWN(name, strlen(name)), text_nearest_hint(&nearest));
}

static int lay_down(struct reading *r, const struct arguments *a)
{
    for (size_t i = 0; i < a->count; i++) {
        const char *name = arguments_name(a, i);
        enum api_param p = 0;
        while (p < PARAM_COUNT && strcmp(api_params[p].name, name) != 0) {
            p++;
        }
        if (p == PARAM_COUNT || (api_params[p].where >> r->endpoint & 1) == 0) {
            return refuse_name(r, name);
        }
        if (r->values[p] != NULL) {
            return refuse(r, p, "%s is given twice", name);
        }
        r->values[p] = arguments_value(a, i);
    }
    return 0;
}

// --- Single values -------------------------------------------------------------------------------

/// A word of a list: its index in `ret_index`, which stays when nothing was said.
static int read_choice(struct reading *r, enum api_param p, const char *const words[], size_t count,
                       size_t *ret_index)
{
    if (r->values[p] == NULL) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(r->values[p], words[i]) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    char list[128] = "";
    size_t size = 0;
    for (size_t i = 0; i < count && size < sizeof(list); i++) {
        size += (size_t)snprintf(list + size, sizeof(list) - size, "%s%s", i == 0 ? "" : ", ",
                                 words[i]); // a list of constants
    }
    return refuse(r, p, "%s is one of %s", api_params[p].name, list);
}

static int read_bool(struct reading *r, enum api_param p, bool *ret_value)
{
    static const char *const WORDS[] = { "false", "true", "0", "1" };
    size_t index = *ret_value ? 1 : 0;
    int status = read_choice(r, p, WORDS, sizeof(WORDS) / sizeof(*WORDS), &index);
    *ret_value = index % 2 == 1;
    return status;
}

static int read_number(struct reading *r, enum api_param p, uint64_t max, uint64_t *ret_value)
{
    const char *text = r->values[p];
    if (text == NULL) {
        return 0;
    }
    if (num_get_u64(text, strlen(text), max, ret_value) != 0 || *ret_value == 0) {
        return refuse(r, p, "%s is a number from 1 to %" PRIu64, api_params[p].name, max);
    }
    return 0;
}

static int read_time(struct reading *r, enum api_param p, int64_t *ret_ns)
{
    const char *text = r->values[p];
    if (text != NULL &&
        when_parse(text, strlen(text), r->moment->now_ns, r->asked->zone_s, ret_ns) != 0) {
        return refuse(r, p, "%s: \"%.*s\" is no time; write 2026-01-31T12:00:00Z or now-1h",
                      api_params[p].name, SHOWN(text, strlen(text)));
    }
    return 0;
}

static int read_step(struct reading *r)
{
    const char *text = r->values[PARAM_STEP];
    uint64_t number = 0;
    if (text == NULL) {
        return 0;
    }
    static const char UNITS[] = "smhd";
    static const int64_t SECONDS[] = { 1, 60, 3600, 86400 };
    size_t size = strlen(text);
    const char *unit = size < 2 ? NULL : strchr(UNITS, text[size - 1]);
    if (unit == NULL || num_get_u64(text, size - 1, STEP_MAX_S, &number) != 0 || number == 0 ||
        number > (uint64_t)(STEP_MAX_S / SECONDS[unit - UNITS])) {
        return refuse(r, PARAM_STEP, "step is a number with s, m, h or d behind it: 5m");
    }
    r->asked->question.step_ns = (int64_t)number * SECONDS[unit - UNITS] * NS_PER_S;
    return 0;
}

// --- Fields --------------------------------------------------------------------------------------

/// A name that stands for exactly one field.
static int read_field(struct reading *r, enum api_param p, const char *text, size_t size,
                      enum query_field *ret_field)
{
    struct query_name name;
    if (!query_name_find(text, size, &name)) {
        return refuse(r, p, "%s: there is no field \"%.*s\"", api_params[p].name,
                      SHOWN(text, size));
    }
    if (name.fields[0] >= QUERY_OTHER) {
        return refuse(r, p, "%s: \"%.*s\" is no field that can be asked for here",
                      api_params[p].name, SHOWN(text, size));
    }
    if (name.fields[1] != QUERY_NONE) {
        return refuse(r, p, "%s: \"%.*s\" is two fields: choose %s or %s", api_params[p].name,
                      SHOWN(text, size), query_field_info(name.fields[0]).path,
                      query_field_info(name.fields[1]).path);
    }
    *ret_field = name.fields[0];
    return 0;
}

/// "source.ip/24": the prefix goes for the family that it fits, all of the other.
static int read_dimension(struct reading *r, const char *text, size_t size, struct dimension *d)
{
    const char *slash = memchr(text, '/', size);
    size_t name_size = slash == NULL ? size : (size_t)(slash - text);
    if (read_field(r, PARAM_DIMS, text, name_size, &d->field) != 0) {
        return ERR_INVALID;
    }
    if (slash == NULL) {
        return 0;
    }
    uint64_t prefix = 0;
    if (query_field_info(d->field).type != QUERY_TYPE_IP ||
        num_get_u64(slash + 1, size - name_size - 1, 128, &prefix) != 0 || prefix == 0) {
        return refuse(r, PARAM_DIMS, "dims: only addresses have a prefix, /1 to /128");
    }
    if (prefix <= 32) {
        d->prefix_v4 = (unsigned)prefix;
    } else {
        d->prefix_v6 = (unsigned)prefix;
    }
    return 0;
}

static int read_dimensions(struct reading *r)
{
    struct question *q = &r->asked->question;
    const char *at = r->values[PARAM_DIMS];
    if (at != NULL && at[0] != '\0') {
        for (bool more = true; more;) {
            size_t size = strcspn(at, ",");
            if (q->dimension_count == ASK_DIMENSIONS_MAX) {
                return refuse(r, PARAM_DIMS, "dims are %d at most", ASK_DIMENSIONS_MAX);
            }
            if (read_dimension(r, at, size, &q->dimensions[q->dimension_count]) != 0) {
                return ERR_INVALID;
            }
            q->dimension_count++;
            more = at[size] == ',';
            at += size + 1;
        }
    }
    if (r->endpoint == API_TOP && q->dimension_count == 0) {
        return refuse(r, PARAM_DIMS, "dims is missing: what the largest are of, such as dims=src");
    }
    if (r->endpoint == API_MATRIX && q->dimension_count != 2) {
        return refuse(r, PARAM_DIMS, "dims of a matrix are two: dims=src,dst");
    }
    return 0;
}

/// A table of records needs columns; where none are said, those that most people look for.
static int read_columns(struct reading *r)
{
    const char *at = r->values[PARAM_COLUMNS];
    if (r->endpoint != API_FLOWS) {
        return 0;
    }
    if (at != NULL && r->asked->form != API_CSV) {
        return refuse(r, PARAM_COLUMNS, "columns are of format=csv only");
    }
    at = at == NULL ? USUAL_COLUMNS : at;
    for (bool more = true; more;) {
        size_t size = strcspn(at, ",");
        if (r->asked->column_count == API_COLUMNS_MAX) {
            return refuse(r, PARAM_COLUMNS, "columns are %d at most", API_COLUMNS_MAX);
        }
        if (read_field(r, PARAM_COLUMNS, at, size, &r->asked->columns[r->asked->column_count]) !=
            0) {
            return ERR_INVALID;
        }
        if (r->asked->columns[r->asked->column_count] == QUERY_APPLICATION) {
            return refuse(r, PARAM_COLUMNS, "columns: network.application is not of one record");
        }
        r->asked->column_count++;
        more = at[size] == ',';
        at += size + 1;
    }
    return 0;
}

// --- Time, and what is compared ------------------------------------------------------------------

static int read_zone(struct reading *r, int64_t at_ns)
{
    const char *text = r->values[PARAM_TZ];
    if (text != NULL && when_zone(text, at_ns, &r->asked->zone_s) != 0) {
        return refuse(r, PARAM_TZ, "tz: \"%.*s\" is no time zone; write +01:00 or Europe/Berlin",
                      SHOWN(text, strlen(text)));
    }
    return 0;
}

#define TOO_FAR "more than 292 years apart"

/// Whether the ns between two times fit; a time itself is of the years 1700 to 2261.
static bool is_span(int64_t from_ns, int64_t to_ns)
{
    int64_t length;
    return !__builtin_sub_overflow(to_ns, from_ns, &length);
}

/// A zone's offset depends on the time, and the time on the zone: so the zone is read for now, and
/// again for the end of the time.
static int read_times(struct reading *r)
{
    struct question *q = &r->asked->question;
    int64_t now = (int64_t)r->moment->now_ns;
    q->to_ns = now;
    q->from_ns = now - 3600 * NS_PER_S;
    if (read_zone(r, now) != 0 || read_time(r, PARAM_TO, &q->to_ns) != 0 ||
        read_zone(r, q->to_ns) != 0 || read_time(r, PARAM_TO, &q->to_ns) != 0 ||
        read_time(r, PARAM_FROM, &q->from_ns) != 0) {
        return ERR_INVALID;
    }
    if (q->from_ns >= q->to_ns) {
        return refuse(r, PARAM_FROM, "from is not before to");
    }
    return is_span(q->from_ns, q->to_ns) ? 0 : refuse(r, PARAM_FROM, "from and to are " TOO_FAR);
}

/// The time of the same length before it.
static int read_previous(struct reading *r)
{
    struct question *q = &r->asked->question;
    if (r->values[PARAM_COMPARE] == NULL) {
        return 0;
    }
    q->before_ns = q->to_ns - q->from_ns;
    int64_t begin;
    return __builtin_sub_overflow(q->from_ns, q->before_ns, &begin)
               ? refuse(r, PARAM_COMPARE, "compare: there is no time as long before from")
               : 0;
}

/// The period that changes are against: as long as the other, and before it, where nothing is said.
static int read_compared(struct reading *r)
{
    struct question *q = &r->asked->question;
    int64_t length = q->to_ns - q->from_ns;
    q->compare_to_ns = q->from_ns;
    if (read_time(r, PARAM_BASELINE_TO, &q->compare_to_ns) != 0) {
        return ERR_INVALID;
    }
    bool said = r->values[PARAM_BASELINE_FROM] != NULL;
    if (!said && __builtin_sub_overflow(q->compare_to_ns, length, &q->compare_from_ns)) {
        return refuse(r, PARAM_BASELINE_TO, "there is no time as long before baseline_to");
    }
    if (read_time(r, PARAM_BASELINE_FROM, &q->compare_from_ns) != 0) {
        return ERR_INVALID;
    }
    if (q->compare_from_ns >= q->compare_to_ns) {
        return refuse(r, PARAM_BASELINE_FROM, "baseline_from is not before baseline_to");
    }
    return is_span(q->compare_from_ns, q->compare_to_ns)
               ? 0
               : refuse(r, PARAM_BASELINE_FROM, "baseline_from and baseline_to are " TOO_FAR);
}

static int read_baseline(struct reading *r)
{
    static const char *const PREVIOUS[] = { "previous" };
    size_t index = 0;
    if (read_choice(r, PARAM_COMPARE, PREVIOUS, 1, &index) != 0) {
        return ERR_INVALID;
    }
    bool said = r->values[PARAM_BASELINE_FROM] != NULL || r->values[PARAM_BASELINE_TO] != NULL;
    if (said && r->values[PARAM_COMPARE] != NULL) {
        return refuse(r, PARAM_COMPARE, "compare and baseline_from exclude one another");
    }
    if (r->endpoint == API_SERIES) {
        return read_previous(r);
    }
    return r->endpoint == API_CHANGES ? read_compared(r) : 0;
}

static int read_filter(struct reading *r)
{
    const char *text = r->values[PARAM_Q];
    if (text == NULL) {
        return 0;
    }
    const struct kql_context context = { .now_ns = r->moment->now_ns,
                                         .zone_s = r->asked->zone_s,
                                         .applications = r->moment->applications,
                                         .mapping = r->moment->mapping };
    struct kql_error error;
    int status = kql_parse(text, strlen(text), &context, &r->asked->filter, &error);
    if (status == ERR_INVALID) {
        (void)refuse(r, PARAM_Q, "%s", error.text); // returned below
        r->fault->placed = true;
        r->fault->position = error.offset;
        r->fault->column = error.column;
    } else if (status != 0) {
        (void)refuse(r, PARAM_Q, "%s", status_text(status)); // returned below
        r->fault->status = 503;
    }
    r->asked->question.filter = r->asked->filter;
    return status;
}

// --- The rest ------------------------------------------------------------------------------------

void api_cursor_put(int64_t ts, uint64_t id, char *ret_text, size_t size)
{
    (void)snprintf(ret_text, size, "%016" PRIx64 "%016" PRIx64, (uint64_t)ts, id); // has room
}

static bool get_hex(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 16; i++) {
        int digit = num_hex_digit((uint8_t)text[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint64_t)digit;
    }
    *ret_value = value;
    return true;
}

static int read_cursor(struct reading *r)
{
    const char *text = r->values[PARAM_AFTER];
    uint64_t ts = 0;
    if (text == NULL) {
        return 0;
    }
    if (strlen(text) != 32 || !get_hex(text, &ts) || !get_hex(text + 16, &r->asked->after_id)) {
        return refuse(r, PARAM_AFTER, "after is meta.cursor of an earlier answer");
    }
    r->asked->after_ts = (int64_t)ts;
    return 0;
}

/// What was said by `format`, else by Accept; else JSON.
static int read_form(struct reading *r, const char *accept)
{
    static const char *const WORDS[] = { "json", "csv", "ndjson", "parquet" };
    size_t index = API_JSON;
    if (r->endpoint == API_EXPORT) {
        index = API_PARQUET;
    } else if (accept != NULL && strstr(accept, "text/csv") != NULL) {
        index = API_CSV;
    } else if (accept != NULL && strstr(accept, "application/x-ndjson") != NULL) {
        index = API_NDJSON;
    }
    if (read_choice(r, PARAM_FORMAT, WORDS, sizeof(WORDS) / sizeof(*WORDS), &index) != 0) {
        return ERR_INVALID;
    }
    if ((index == API_PARQUET) != (r->endpoint == API_EXPORT) &&
        (index == API_PARQUET || index == API_JSON)) {
        return refuse(r, PARAM_FORMAT, "%s has no format %s", api_endpoints[r->endpoint].name,
                      WORDS[index]);
    }
    r->asked->form = (enum api_form)index;
    return 0;
}

static int read_measure(struct reading *r)
{
    static const char *const BY[] = { "bytes", "packets", "flows" };
    static const char *const RANK[] = { "sum", "max", "last" };
    static const char *const TIER[] = { "auto", "raw", "1m", "1h", "talkers" };
    struct question *q = &r->asked->question;
    size_t by = METRIC_BYTES;
    size_t rank = RANK_SUM;
    size_t tier = TIER_AUTO;
    bool rates = true;
    if (read_choice(r, PARAM_BY, BY, 3, &by) != 0 ||
        read_choice(r, PARAM_RANK, RANK, 3, &rank) != 0 ||
        read_choice(r, PARAM_TIER, TIER, 5, &tier) != 0 ||
        read_bool(r, PARAM_OTHER, &q->other) != 0 || read_bool(r, PARAM_BOTH, &q->both) != 0 ||
        read_bool(r, PARAM_RATES, &rates) != 0) {
        return ERR_INVALID;
    }
    q->no_rates = !rates;
    q->by = (enum metric)by;
    q->rank = rank == 0 ? RANK_SUM : rank == 1 ? RANK_MAX : RANK_LAST;
    q->tier = (enum tier)tier;
    return 0;
}

static int read_counts(struct reading *r)
{
    bool flows = r->endpoint == API_FLOWS;
    uint64_t n = flows ? DEFAULT_FLOWS : DEFAULT_ROWS;
    uint64_t rate = DEFAULT_RATE;
    if (r->endpoint == API_EXPORTERS || r->endpoint == API_INTERFACES) {
        n = ASK_ROWS_MAX;
    }
    if (read_number(r, PARAM_N, flows ? API_FLOWS_MAX : ASK_ROWS_MAX, &n) != 0 ||
        read_number(r, PARAM_RATE, API_RATE_MAX, &rate) != 0) {
        return ERR_INVALID;
    }
    r->asked->question.limit = (size_t)n;
    r->asked->rate = (unsigned)rate;
    return 0;
}

static int read_value_name(struct reading *r)
{
    const char *field = r->values[PARAM_FIELD];
    const char *prefix = r->values[PARAM_PREFIX];
    if (r->endpoint != API_VALUES) {
        return 0;
    }
    if (field == NULL) {
        return refuse(r, PARAM_FIELD, "field is missing: whose values, such as field=source.ip");
    }
    if (prefix != NULL && strlen(prefix) >= API_PREFIX_SIZE_MAX) {
        return refuse(r, PARAM_PREFIX, "prefix has %d bytes at most", API_PREFIX_SIZE_MAX - 1);
    }
    (void)snprintf(r->asked->prefix, API_PREFIX_SIZE_MAX, "%s",
                   prefix == NULL ? "" : prefix); // fits
    return read_field(r, PARAM_FIELD, field, strlen(field), &r->asked->field);
}

static int read_all(struct reading *r, const char *accept)
{
    int status = read_form(r, accept);
    status = status == 0 ? read_times(r) : status;
    status = status == 0 ? read_baseline(r) : status;
    status = status == 0 ? read_measure(r) : status;
    status = status == 0 ? read_counts(r) : status;
    status = status == 0 ? read_step(r) : status;
    status = status == 0 ? read_dimensions(r) : status;
    status = status == 0 ? read_columns(r) : status;
    status = status == 0 ? read_value_name(r) : status;
    status = status == 0 ? read_cursor(r) : status;
    return status == 0 ? read_filter(r) : status;
}

int api_params_read(enum api_endpoint endpoint, const char *query, const char *accept,
                    const struct api_moment *moment, struct api_asked *ret_asked,
                    struct api_fault *ret_fault)
{
    struct arguments a;
    struct api_asked asked = { .field = QUERY_NONE };
    struct reading r = {
        .endpoint = endpoint, .moment = moment, .asked = &asked, .fault = ret_fault
    };
    int status;
    switch (arguments_read(query, &a)) {
    case ARGUMENTS_FINE:
        status = lay_down(&r, &a);
        break;
    case ARGUMENTS_TOO_MANY:
        status = refuse(&r, PARAM_COUNT, "more than %d parameters", ARGUMENTS_MAX);
        break;
    case ARGUMENTS_NUL:
        status = refuse(&r, PARAM_COUNT, "a parameter holds a NUL byte");
        break;
    default:
        status = refuse(&r, PARAM_COUNT, "the parameters are too long");
    }
    status = status == 0 ? read_all(&r, accept) : status;
    if (status == 0) {
        *ret_asked = asked;
    }
    arguments_release(&a);
    return status;
}

void api_asked_release(struct api_asked *asked)
{
    kql_free(asked->filter);
    asked->filter = NULL;
    asked->question.filter = NULL;
}
