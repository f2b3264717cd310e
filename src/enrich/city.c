// SPDX-License-Identifier: Apache-2.0
/*
 * The fields are those that Elasticsearch's geoip processor writes of a City database when it is
 * not told which: names in English, each only if it is there, region_iso_code of the last and so
 * most specific subdivision, behind the country's code. The country is the one where the address
 * is, not the one where it is registered. Expiry is not looked at: Elasticsearch lets only the
 * databases expire that it fetched itself.
 *
 * DB-IP's flat layout has a country's code only; its name and continent come from countries.def.
 *
 * Numbers are written as the shortest text that reads back as the same, always with a fraction
 * (51.0), as Java has it. Names are cut where NAME_JSON_SIZE_MAX bytes of JSON end: no place is
 * called that.
 */
#include "enrich/city.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/num.h"
#include "enrich/mmdb.h"
#include "enrich/name.h"

enum {
    DATABASES_MAX = 4,
    DATABASE_SHIFT = 30, ///< above it: which database
    CODE_SIZE_MAX = 8,   ///< of ISO 3166-1 and -2
};

_Static_assert(MMDB_RECORD_LIMIT <= 1 << DATABASE_SHIFT, "a record and its database are a number");

struct city {
    size_t count;
    struct mmdb *databases[DATABASES_MAX];
};

// --- What a record says --------------------------------------------------------------------------

struct place {
    struct mmdb_value city;
    struct mmdb_value continent;
    struct mmdb_value country;
    struct mmdb_value country_code;
    struct mmdb_value region;
    struct mmdb_value region_code;
    struct mmdb_value lat;
    struct mmdb_value lon;
    bool is_flat; ///< DB-IP's layout
};

/// names.en
static struct mmdb_value english(struct mmdb_reading *r, const struct mmdb_value *names)
{
    struct mmdb_value found = { 0 };
    struct mmdb_walk w = mmdb_walk(names);
    while (mmdb_next(r, &w)) {
        if (mmdb_is(&w.key, "en")) {
            found = w.value;
        }
    }
    return found;
}

/// A city, country, continent or subdivision: its name and, where it is wanted, its code.
static void read_named(struct mmdb_reading *r, const struct mmdb_value *map,
                       struct mmdb_value *ret_name, struct mmdb_value *ret_code)
{
    struct mmdb_walk w = mmdb_walk(map);
    while (mmdb_next(r, &w)) {
        if (mmdb_is(&w.key, "names")) {
            *ret_name = english(r, &w.value);
        } else if (ret_code != NULL && mmdb_is(&w.key, "iso_code")) {
            *ret_code = w.value;
        }
    }
}

static void read_location(struct mmdb_reading *r, const struct mmdb_value *map, struct place *p)
{
    struct mmdb_walk w = mmdb_walk(map);
    while (mmdb_next(r, &w)) {
        if (mmdb_is(&w.key, "latitude")) {
            p->lat = w.value;
        } else if (mmdb_is(&w.key, "longitude")) {
            p->lon = w.value;
        }
    }
}

/// The last of them is the most specific.
static void read_subdivisions(struct mmdb_reading *r, const struct mmdb_value *list,
                              struct place *p)
{
    struct mmdb_value last = { 0 };
    struct mmdb_walk w = mmdb_walk(list);
    while (mmdb_next(r, &w)) {
        last = w.value;
    }
    read_named(r, &last, &p->region, &p->region_code);
}

static void read_member(struct mmdb_reading *r, const struct mmdb_value *key,
                        const struct mmdb_value *value, struct place *p)
{
    if (mmdb_is(key, "city")) {
        if (value->kind == MMDB_TEXT) {
            p->city = *value;
        } else {
            read_named(r, value, &p->city, NULL);
        }
    } else if (mmdb_is(key, "continent")) {
        read_named(r, value, &p->continent, NULL);
    } else if (mmdb_is(key, "country")) {
        read_named(r, value, &p->country, &p->country_code);
    } else if (mmdb_is(key, "location")) {
        read_location(r, value, p);
    } else if (mmdb_is(key, "subdivisions")) {
        read_subdivisions(r, value, p);
    } else if (mmdb_is(key, "country_code")) {
        p->country_code = *value;
        p->is_flat = true;
    } else if (mmdb_is(key, "state1")) {
        p->region = *value;
    } else if (mmdb_is(key, "latitude")) {
        p->lat = *value;
    } else if (mmdb_is(key, "longitude")) {
        p->lon = *value;
    }
}

/// False when the record is damaged.
static bool read_place(const struct mmdb *db, uint32_t record, struct place *ret_place)
{
    struct place p = { 0 };
    struct mmdb_reading r;
    struct mmdb_value root = mmdb_read(db, record, &r);
    struct mmdb_walk w = mmdb_walk(&root);
    while (root.kind == MMDB_MAP && mmdb_next(&r, &w)) {
        read_member(&r, &w.key, &w.value, &p);
    }
    *ret_place = p;
    return !r.bad;
}

static bool is_text(const struct mmdb_value *v)
{
    return v->kind == MMDB_TEXT && v->size > 0;
}

/// Letters and digits: nothing to escape.
static bool is_code(const struct mmdb_value *v)
{
    for (uint32_t i = 0; is_text(v) && v->size <= CODE_SIZE_MAX && i < v->size; i++) {
        if (v->text[i] >= 0x80 || !isalnum(v->text[i])) {
            return false;
        }
    }
    return is_text(v) && v->size <= CODE_SIZE_MAX;
}

/// Between -max and max. Also false for what is no number.
static bool is_degrees(const struct mmdb_value *v, double max)
{
    return (v->kind == MMDB_DOUBLE || v->kind == MMDB_FLOAT) && v->real >= -max && v->real <= max;
}

static bool has_location(const struct place *p)
{
    enum { LAT_MAX = 90, LON_MAX = 180 };
    return is_degrees(&p->lat, LAT_MAX) && is_degrees(&p->lon, LON_MAX);
}

// --- Countries -----------------------------------------------------------------------------------

struct country {
    char code[3];
    const char *name;
    const char *continent;
};

/// In the order of their codes.
static const struct country COUNTRIES[] = {
#define COUNTRY(code, name, continent) { code, name, continent },
#include "enrich/countries.def"
#undef COUNTRY
};

static const struct country *country_of(const struct mmdb_value *code)
{
    size_t low = 0;
    size_t high = sizeof(COUNTRIES) / sizeof(COUNTRIES[0]);
    while (code->size == 2 && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(COUNTRIES[middle].code, code->text, 2);
        if (order == 0) {
            return &COUNTRIES[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

// --- JSON ----------------------------------------------------------------------------------------

#define PUT_TEXT(at, literal)                                                                      \
    ((uint8_t *)memcpy(at, literal, sizeof(literal) - 1) + (sizeof(literal) - 1))

static uint8_t *put_name(uint8_t *at, const char *key, const struct mmdb_value *name)
{
    if (!is_text(name)) {
        return at;
    }
    at = json_put_string(at, (const uint8_t *)key, strlen(key));
    *at++ = ':';
    at = json_put_string(at, name->text, name_fit(name->text, name->size));
    *at++ = ',';
    return at;
}

/// A code, which has nothing to escape.
static uint8_t *put_code(uint8_t *at, const struct mmdb_value *code)
{
    for (uint32_t i = 0; i < code->size; i++) {
        *at++ = code->text[i];
    }
    return at;
}

/// Degrees of few digits, which nearly all are: found by trying how many. NULL for others.
static uint8_t *put_short_degrees(uint8_t *at, double value, bool is_float)
{
    enum { DIGITS_MAX = 9 };
    double magnitude = fabs(value);
    uint64_t one = 10;
    for (unsigned digits = 1; digits <= DIGITS_MAX; digits++, one *= 10) {
        uint64_t number = (uint64_t)(magnitude * (double)one + 0.5);
        double back = (double)number / (double)one; // nearest to the decimal: both are exact
        if (is_float ? (float)back == (float)magnitude : back == magnitude) {
            if (signbit(value)) {
                *at++ = '-';
            }
            at = num_put_u64(at, number / one);
            *at++ = '.';
            uint64_t fraction = number % one;
            for (unsigned i = digits; i-- > 0; fraction /= 10) {
                at[i] = (uint8_t)('0' + fraction % 10);
            }
            return at + digits;
        }
    }
    return NULL;
}

static uint8_t *put_degrees(uint8_t *at, const struct mmdb_value *v)
{
    uint8_t *end = put_short_degrees(at, v->real, v->kind == MMDB_FLOAT);
    return end != NULL ? end : json_put_double(at, v->real);
}

static uint8_t *put_place(uint8_t *at, const struct place *p)
{
    uint8_t *begin = at;
    *at++ = '{';
    at = put_name(at, "city_name", &p->city);
    at = put_name(at, "continent_name", &p->continent);
    if (is_code(&p->country_code)) {
        at = put_name(at, "country_iso_code", &p->country_code);
    }
    at = put_name(at, "country_name", &p->country);
    if (has_location(p)) {
        at = PUT_TEXT(at, "\"location\":{\"lat\":");
        at = put_degrees(at, &p->lat);
        at = PUT_TEXT(at, ",\"lon\":");
        at = put_degrees(at, &p->lon);
        at = PUT_TEXT(at, "},");
    }
    if (is_code(&p->country_code) && is_code(&p->region_code)) {
        at = PUT_TEXT(at, "\"region_iso_code\":\"");
        at = put_code(at, &p->country_code);
        *at++ = '-';
        at = put_code(at, &p->region_code);
        at = PUT_TEXT(at, "\",");
    }
    at = put_name(at, "region_name", &p->region);
    if (at == begin + 1) {
        return begin;
    }
    at[-1] = '}'; // in place of the comma
    return at;
}

static struct mmdb_value text_value(const char *text)
{
    return (struct mmdb_value){ .kind = MMDB_TEXT,
                                .text = (const uint8_t *)text,
                                .size = (uint32_t)strlen(text) };
}

uint8_t *city_put(const struct city *c, uint32_t place, uint8_t *at, char ret_country[static 2])
{
    struct place p;
    memset(ret_country, 0, 2);
    const struct mmdb *db = c->databases[place >> DATABASE_SHIFT];
    if (!read_place(db, place & ((UINT32_C(1) << DATABASE_SHIFT) - 1), &p)) {
        return at;
    }
    if (is_code(&p.country_code) && p.country_code.size == 2) {
        memcpy(ret_country, p.country_code.text, 2);
        const struct country *country = p.is_flat ? country_of(&p.country_code) : NULL;
        if (country != NULL) {
            p.country = text_value(country->name);
            p.continent = text_value(country->continent);
        }
    }
    return put_place(at, &p);
}

// --- Opening -------------------------------------------------------------------------------------

struct sample {
    const struct mmdb *db;
    bool any;
    bool bad;
    bool places;
    bool owners;
};

/// Until a place is found. What a database is, its records say best: types are named freely.
static bool look_at(void *context, uint32_t record)
{
    struct sample *s = context;
    struct place p;
    struct mmdb_reading r;
    s->any = true;
    s->bad = s->bad || !read_place(s->db, record, &p);
    if (s->bad) {
        return false;
    }
    struct mmdb_value root = mmdb_read(s->db, record, &r);
    struct mmdb_walk w = mmdb_walk(&root);
    while (mmdb_next(&r, &w)) {
        s->owners = s->owners || mmdb_is(&w.key, "autonomous_system_number");
    }
    s->places =
        is_code(&p.country_code) || is_text(&p.city) || is_text(&p.country) || has_location(&p);
    return !s->places;
}

static int check_kind(const struct mmdb *db, const char *path, struct err *err)
{
    struct sample s = { .db = db };
    mmdb_sample(db, look_at, &s);
    if (s.bad) {
        return err_set(err, ERR_INVALID, "%s: holds damaged records; fetch it again", path);
    }
    if (s.places) {
        return 0;
    }
    if (!s.any) {
        return err_set(err, ERR_INVALID, "%s: holds nothing (its type is \"%s\")", path,
                       mmdb_type(db));
    }
    return err_set(err, ERR_INVALID, "%s: holds no places (its type is \"%s\")%s", path,
                   mmdb_type(db),
                   s.owners ? "; an AS database goes to -geoip.asn"
                            : "; a City or Country database is wanted");
}

int city_open(const char *const *paths, size_t count, struct city **ret_city, struct err *err)
{
    CHECK(count <= DATABASES_MAX);
    struct city *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = mmdb_open(paths[i], &c->databases[i], err);
        c->count += status == 0;
        status = status == 0 ? check_kind(c->databases[i], paths[i], err) : status;
    }
    if (status != 0) {
        city_free(c);
        return status;
    }
    *ret_city = c;
    return 0;
}

void city_free(struct city *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        mmdb_close(c->databases[i]);
    }
    mem_free(c);
}

_Static_assert((int)CITY_FIND_MAX <= (int)MMDB_FIND_MAX, "one call for all of them");

void city_find_many(const struct city *c, const struct addr *const *addrs, size_t count,
                    uint32_t *ret_places)
{
    uint32_t records[CITY_FIND_MAX];
    memset(ret_places, 0, count * sizeof(ret_places[0]));
    for (size_t i = 0; i < c->count; i++) {
        mmdb_find_many(c->databases[i], addrs, count, records);
        for (size_t k = 0; k < count; k++) {
            if (ret_places[k] == 0 && records[k] != 0) {
                ret_places[k] = (uint32_t)i << DATABASE_SHIFT | records[k];
            }
        }
    }
}

uint32_t city_find(const struct city *c, const struct addr *a)
{
    uint32_t place;
    city_find_many(c, &a, 1, &place);
    return place;
}

/// DB-IP's free files are CC BY 4.0 and say so in their types; others' terms are their users'.
const char *city_notice(const struct city *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *type = mmdb_type(c->databases[i]);
        if (strncmp(type, "DBIP-", 5) == 0 || strncmp(type, "city ipv", 8) == 0) {
            return "IP Geolocation by DB-IP, https://db-ip.com";
        }
    }
    return "";
}
