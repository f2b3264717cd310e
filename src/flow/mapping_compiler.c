// SPDX-License-Identifier: Apache-2.0
/* Reading values out of the tree of a mapping file, with a message and a place for each that is
 * wrong. */
#include "flow/mapping_compiler.h"

#include <string.h>

#include "base/text.h"

void compiler_warn(struct compiler *c, struct yml_node n, const char *what, const char *name)
{
    buf_printf(&c->store->warnings, "%s:%u:%u: %s \"%.100s\"\n", yml_name(n), yml_line(n),
               yml_column(n), what, name);
}

/// The scalar `n`, or an error that says what was expected.
int compiler_expect_scalar(struct compiler *c, struct yml_node n, const char *what)
{
    if (yml_kind(n) == YML_KIND_SCALAR) {
        return 0;
    }
    return yml_err(c->err, n, "expected %s", what);
}

/// A list or nothing.
int compiler_expect_list(struct compiler *c, struct yml_node n, size_t max, size_t *ret_count)
{
    *ret_count = 0;
    if (yml_is_null(n)) {
        return 0;
    }
    if (yml_kind(n) != YML_KIND_LIST) {
        return yml_err(c->err, n, "expected a list");
    }
    if (yml_count(n) > max) {
        return yml_err(c->err, n, "more than %zu entries", max);
    }
    *ret_count = yml_count(n);
    return 0;
}

/// A map or nothing.
int compiler_expect_map(struct compiler *c, struct yml_node n)
{
    if (yml_is_null(n) || yml_kind(n) == YML_KIND_MAP) {
        return 0;
    }
    return yml_err(c->err, n, "expected a map");
}

struct known_keys {
    struct compiler *compiler;
    const char *const *names; ///< NULL ends them
};

static int check_key(void *context, struct yml_node key, struct yml_node value)
{
    const struct known_keys *known = context;
    (void)value;
    if (compiler_expect_scalar(known->compiler, key, "a key") != 0) {
        return ERR_INVALID;
    }
    for (const char *const *name = known->names; *name != NULL; name++) {
        if (strcmp(*name, yml_text(key)) == 0) {
            return 0;
        }
    }
    compiler_warn(known->compiler, key, "has no effect: unknown key", yml_text(key));
    return 0;
}

/// Warns of keys that goflow2 would pass over.
int compiler_check_keys(struct compiler *c, struct yml_node map, const char *const *names)
{
    struct known_keys known = { .compiler = c, .names = names };
    return yml_kind(map) == YML_KIND_MAP ? yml_each(map, check_key, &known) : 0;
}

/// An optional text; "" when it is not there.
int compiler_get_text(struct compiler *c, struct yml_node map, const char *key,
                      const char **ret_text)
{
    struct yml_node n = yml_get(map, key);
    *ret_text = "";
    if (yml_is_null(n)) {
        return 0;
    }
    if (compiler_expect_scalar(c, n, "a text") != 0) {
        return ERR_INVALID;
    }
    *ret_text = yml_text(n);
    return 0;
}

/// An optional whole number in min..max; 0 when it is not there. Decimal, 0x, 0o and 0b as YAML.
int compiler_get_number(struct compiler *c, struct yml_node map, const char *key, int64_t min,
                        int64_t max, int64_t *ret_number)
{
    struct yml_node n = yml_get(map, key);
    *ret_number = 0;
    if (yml_is_null(n)) {
        return 0;
    }
    int64_t number;
    if (!yml_is_plain(n) || text_get_i64(yml_text(n), &number) != 0) {
        return yml_err(c->err, n, "%s: expected a whole number", key);
    }
    if (number < min || number > max) {
        return yml_err(c->err, n, "%s: %lld is not in %lld..%lld", key, (long long)number,
                       (long long)min, (long long)max);
    }
    *ret_number = number;
    return 0;
}

/// An optional bool; goflow2's YAML takes yes, on and so on where a bool is expected.
int compiler_get_bool(struct compiler *c, struct yml_node map, const char *key, bool *ret_bool)
{
    static const char *const YES[] = { "true", "True", "TRUE", "y",  "Y", "yes",
                                       "Yes",  "YES",  "on",   "On", "ON" };
    static const char *const NO[] = { "false", "False", "FALSE", "n",   "N",  "no",
                                      "No",    "NO",    "off",   "Off", "OFF" };
    struct yml_node n = yml_get(map, key);
    *ret_bool = false;
    if (yml_is_null(n)) {
        return 0;
    }
    for (size_t i = 0; yml_is_plain(n) && i < sizeof(YES) / sizeof(YES[0]); i++) {
        if (strcmp(yml_text(n), YES[i]) == 0 || strcmp(yml_text(n), NO[i]) == 0) {
            *ret_bool = strcmp(yml_text(n), YES[i]) == 0;
            return 0;
        }
    }
    return yml_err(c->err, n, "%s: expected true or false", key);
}
