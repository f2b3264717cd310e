// SPDX-License-Identifier: Apache-2.0
/*
 * A batch is gone through three times: all addresses are turned into keys and the memory of their
 * cache entries asked for; entries are found, or made by looking up, and the memory of their pieces
 * asked for; pieces are put into the batch. So the processor waits for memory a few times a batch
 * and not twice for each record.
 *
 * A piece's text goes into a batch once, however many records show it. What a batch can need at the
 * very most is less than is kept free for it, so that nothing is lost for want of room.
 */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/num.h"
#include "enrich/cache.h"
#include "enrich/enrich.h"
#include "enrich/name.h"
#include "enrich/tables.h"

enum {
    ADDRESSES_MAX = 2 * BATCH_FLOWS_MAX,
    OWNER_JSON_SIZE_MAX = 64 + NAME_JSON_SIZE_MAX,
    /// JSON, the plain names of owner and network.
    OWNER_SIZE_MAX = OWNER_JSON_SIZE_MAX + 2 * NAME_JSON_SIZE_MAX,
    /// Of an exporter and two interfaces: names and aliases.
    NAMES_OF_FLOW = 5,
    /// Names whose place in the batch is known.
    NAMES_KNOWN = 256,
    ALIGNED = 8,
};

_Static_assert(ADDRESSES_MAX *(CITY_JSON_SIZE_MAX + OWNER_SIZE_MAX + 2 * ALIGNED) +
                       BATCH_FLOWS_MAX * NAMES_OF_FLOW * (NAME_JSON_SIZE_MAX + ALIGNED) <=
                   BATCH_ARENA_ENRICH,
               "all that is known of a batch's records fits its arena");
_Static_assert(CACHE_PIECES_MAX >= 2 * ADDRESSES_MAX, "pieces last as long as a batch");
_Static_assert((int)PIECE_TEXT_SIZE_MAX >= (int)CITY_JSON_SIZE_MAX, "a geo fits a piece");
_Static_assert((int)PIECE_TEXT_SIZE_MAX >= (int)OWNER_SIZE_MAX, "an owner fits a piece");

/// An address of the batch.
struct wanted {
    const struct addr *addr;
    struct place *place;
    struct cache_entry entry;
};

/// A name that lies in the batch already.
struct known_name {
    const char *name;
    uint64_t batch;
    struct span span;
};

struct enricher {
    struct tables_in_use *in_use;
    struct tables *tables;
    struct cache *cache;
    uint64_t batch; ///< number of the one in hand, from 1
    size_t wanted_count;
    struct wanted wanted[ADDRESSES_MAX];
    struct known_name names[NAMES_KNOWN];
};

// --- Addresses -----------------------------------------------------------------------------------

static bool is_address(const struct addr *a)
{
    return a->size == ADDR_V4_SIZE || a->size == ADDR_V6_SIZE;
}

static void want(struct enricher *x, const struct addr *addr, struct place *place)
{
    if (is_address(addr)) {
        uint64_t key = cache_key(x->cache, addr);
        cache_prefetch(x->cache, key);
        x->wanted[x->wanted_count++] =
            (struct wanted){ .addr = addr, .place = place, .entry = { .key = key } };
    }
}

static uint32_t make_geo(struct enricher *x, uint32_t place)
{
    uint8_t text[CITY_JSON_SIZE_MAX];
    struct piece piece = { 0 };
    const uint8_t *end = city_put(x->tables->parts[PART_CITY]->city, place, text, piece.country);
    piece.json_size = piece.text_size = (uint32_t)(end - text);
    return piece.text_size == 0 ? 0 : cache_add_piece(x->cache, CACHE_GEO, place, &piece, text);
}

/// {"number":64500,"organization":{"name":"..."}}, and the name as it is.
static uint8_t *put_owner(const struct asn_owner *owner, uint8_t *at, struct piece *piece)
{
    const uint8_t *begin = at;
    size_t name_size = name_fit(owner->name, owner->name_size);
    if (owner->number == 0 && name_size == 0) {
        return at;
    }
    *at++ = '{';
    if (owner->number != 0) {
        at = (uint8_t *)mempcpy(at, "\"number\":", strlen("\"number\":"));
        at = num_put_u32(at, owner->number);
    }
    if (name_size > 0) {
        static const char NAME[] = "\"organization\":{\"name\":";
        if (owner->number != 0) {
            *at++ = ',';
        }
        at = (uint8_t *)mempcpy(at, NAME, strlen(NAME));
        uint8_t *quoted = at;
        at = json_put_string(at, owner->name, name_size);
        if ((size_t)(at - quoted) == name_size + 2 &&
            memcmp(quoted + 1, owner->name, name_size) == 0) {
            piece->name_at = (uint32_t)(quoted + 1 - begin);
            piece->name_size = (uint32_t)name_size;
        }
        *at++ = '}';
    }
    *at++ = '}';
    piece->json_size = (uint32_t)(at - begin);
    if (piece->name_size < name_size) {
        piece->name_at = piece->json_size;
        piece->name_size = (uint32_t)name_size;
        at = (uint8_t *)mempcpy(at, owner->name, name_size);
    }
    piece->as_number = owner->number;
    return at;
}

/// `source`: the network's number above that of the AS database's owner.
static uint32_t make_owner(struct enricher *x, uint64_t source)
{
    uint8_t text[OWNER_SIZE_MAX];
    uint8_t *at = text;
    struct piece piece = { 0 };
    uint32_t owner = (uint32_t)source;
    uint32_t network = (uint32_t)(source >> 32);
    const struct part *asn = x->tables->parts[PART_ASN];
    const struct part *networks = x->tables->parts[PART_NETWORKS];
    if (asn != NULL && owner != 0) {
        struct asn_owner found = asn_get(asn->asn, owner);
        at = put_owner(&found, at, &piece);
    }
    if (networks != NULL && network != 0) {
        const char *name = networks_name(networks->networks, network);
        piece.network_at = (uint32_t)(at - text);
        piece.network_size = (uint32_t)strlen(name);
        at = (uint8_t *)mempcpy(at, name, piece.network_size);
    }
    piece.text_size = (uint32_t)(at - text);
    return piece.text_size == 0 ? 0 : cache_add_piece(x->cache, CACHE_OWNER, source, &piece, text);
}

/// What the tables say of an address, `place` the city database's answer.
static void look_up(struct enricher *x, struct wanted *w, uint32_t place)
{
    struct part *const *parts = x->tables->parts;
    w->entry.geo = w->entry.owner = 0;
    if (place != 0) {
        uint32_t piece = cache_piece_of(x->cache, CACHE_GEO, place);
        w->entry.geo = piece != 0 ? piece : make_geo(x, place);
    }
    uint64_t owner = parts[PART_ASN] == NULL ? 0 : asn_find(parts[PART_ASN]->asn, w->addr);
    if (parts[PART_NETWORKS] != NULL) {
        owner |= (uint64_t)networks_find(parts[PART_NETWORKS]->networks, w->addr) << 32;
    }
    if (owner != 0) {
        uint32_t piece = cache_piece_of(x->cache, CACHE_OWNER, owner);
        w->entry.owner = piece != 0 ? piece : make_owner(x, owner);
    }
    cache_put(x->cache, &w->entry);
}

/// Addresses that the cache does not know. One may stand here twice.
static void look_up_all(struct enricher *x, struct wanted *const *unknown, size_t count)
{
    const struct part *city = x->tables->parts[PART_CITY];
    const struct addr *addrs[CITY_FIND_MAX] = { NULL };
    uint32_t places[CITY_FIND_MAX] = { 0 };
    for (size_t i = 0; i < count; i++) {
        addrs[i] = unknown[i]->addr;
    }
    if (city != NULL) {
        city_find_many(city->city, addrs, count, places);
    }
    for (size_t i = 0; i < count; i++) {
        look_up(x, unknown[i], places[i]);
    }
}

static void find_all(struct enricher *x)
{
    struct wanted *unknown[CITY_FIND_MAX];
    size_t count = 0;
    for (size_t i = 0; i < x->wanted_count; i++) {
        struct wanted *w = &x->wanted[i];
        const struct cache_entry *found = cache_find(x->cache, w->entry.key);
        if (found != NULL) {
            w->entry = *found;
            cache_prefetch_piece(x->cache, found->geo, CACHE_GEO);
            cache_prefetch_piece(x->cache, found->owner, CACHE_OWNER);
            continue;
        }
        unknown[count++] = w;
        if (count == CITY_FIND_MAX) {
            look_up_all(x, unknown, count);
            count = 0;
        }
    }
    look_up_all(x, unknown, count);
}

/// A piece whose texts are in the batch; NULL for none.
static const struct piece *bring(struct enricher *x, struct batch *batch, uint32_t number)
{
    if (number == 0) {
        return NULL;
    }
    struct piece *piece = cache_piece(x->cache, number);
    if (piece->batch != x->batch) {
        struct span span = batch_append(batch, piece->text, piece->text_size);
        CHECK(span.count == piece->text_size);
        piece->batch = x->batch;
        piece->offset = span.offset;
    }
    return piece;
}

static struct span part_of(const struct piece *piece, uint32_t at, uint32_t size)
{
    return size == 0 ? (struct span){ 0 }
                     : (struct span){ .offset = piece->offset + at, .count = size };
}

static void put_all(struct enricher *x, struct batch *batch)
{
    for (size_t i = 0; i < x->wanted_count; i++) {
        const struct wanted *w = &x->wanted[i];
        const struct piece *geo = bring(x, batch, w->entry.geo);
        const struct piece *owner = bring(x, batch, w->entry.owner);
        if (geo != NULL) {
            w->place->geo = part_of(geo, 0, geo->json_size);
            memcpy(w->place->country, geo->country, sizeof(geo->country));
        }
        if (owner != NULL) {
            w->place->as = part_of(owner, 0, owner->json_size);
            w->place->as_name = part_of(owner, owner->name_at, owner->name_size);
            w->place->network = part_of(owner, owner->network_at, owner->network_size);
            w->place->as_number = owner->as_number;
        }
    }
}

// --- Exporters -----------------------------------------------------------------------------------

static struct span put_name(struct enricher *x, struct batch *batch, const char *name)
{
    if (name[0] == '\0') {
        return (struct span){ 0 };
    }
    struct known_name *known = &x->names[(uintptr_t)name / ALIGNED % NAMES_KNOWN];
    if (known->name != name || known->batch != x->batch) {
        *known = (struct known_name){ .name = name,
                                      .batch = x->batch,
                                      .span = batch_append(batch, name, strlen(name)) };
    }
    return known->span;
}

static struct interface_names names_of(struct enricher *x, struct batch *batch, uint32_t exporter,
                                       uint32_t ifindex)
{
    const struct roster *e = x->tables->parts[PART_ROSTER]->roster;
    struct roster_interface i = roster_interface(e, exporter, ifindex);
    return (struct interface_names){ .name = put_name(x, batch, i.name),
                                     .alias = put_name(x, batch, i.alias) };
}

/// The flows of an exporter come one after the other.
static void name_exporters(struct enricher *x, struct batch *batch)
{
    const struct roster *e = x->tables->parts[PART_ROSTER]->roster;
    const struct addr *last = NULL;
    uint32_t exporter = 0;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        struct flow *f = &batch->flows[i];
        if (last == NULL || !addr_equal(last, &f->sampler_address)) {
            last = &f->sampler_address;
            exporter = roster_find(e, last);
        }
        if (exporter != 0) {
            f->exporter_name = put_name(x, batch, roster_name(e, exporter));
            f->in_names = names_of(x, batch, exporter, f->in_if);
            f->out_names = names_of(x, batch, exporter, f->out_if);
        }
    }
}

// --- Batches -------------------------------------------------------------------------------------

void enrich_batch(struct enricher *x, struct batch *batch)
{
    struct tables *before = x->tables;
    x->tables = tables_now(x->in_use, before);
    if (x->tables != before) {
        cache_clear(x->cache);
    }
    cache_begin(x->cache);
    x->batch++;
    x->wanted_count = 0;
    struct part *const *parts = x->tables->parts;
    bool addresses =
        parts[PART_CITY] != NULL || parts[PART_ASN] != NULL || parts[PART_NETWORKS] != NULL;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        struct flow *f = &batch->flows[i];
        f->lookups = x->tables->lookups;
        if (addresses) {
            want(x, &f->src_addr, &f->src_place);
            want(x, &f->dst_addr, &f->dst_place);
        }
    }
    find_all(x);
    put_all(x, batch);
    if (parts[PART_ROSTER] != NULL) {
        name_exporters(x, batch);
    }
}

int enricher_make(struct tables_in_use *in_use, struct enricher **ret_enricher)
{
    struct enricher *x = mem_zalloc(sizeof(*x));
    if (x == NULL) {
        return ERR_NO_MEMORY;
    }
    if (cache_new(&x->cache) != 0) {
        mem_free(x);
        return ERR_NO_MEMORY;
    }
    x->in_use = in_use;
    x->tables = tables_now(in_use, NULL);
    *ret_enricher = x;
    return 0;
}

void enricher_free(struct enricher *x)
{
    if (x != NULL) {
        tables_let_go(x->in_use, x->tables);
        cache_free(x->cache);
        mem_free(x);
    }
}
