// SPDX-License-Identifier: Apache-2.0
/*
 * One batch:
 *
 *     struct head
 *     file_count times    struct file_head, path, input type
 *     custom_count times  struct custom_head, name
 *     flow_count times    struct flow
 *     the arena
 *
 * Each of the parts begins at a multiple of eight, counted from the head. Both ends are weir of the
 * same version on the same machine, which `layout` says, so numbers need no order of their own.
 *
 * What is in the arena is looked at only as far as memory safety needs it: that every span, and
 * every span in what a span points to, lies in the arena and is aligned.
 */
#include "app/handover_batch.h"

#include <string.h>

#include "app/version.h"
#include "base/hash.h"

enum { PART_ALIGN = 8, PATH_SIZE = 4096, NAME_SIZE = 1024 };

struct head {
    uint64_t layout;
    uint32_t flow_count;
    uint32_t arena_used;
    uint32_t file_count;
    uint32_t custom_count;
};

struct file_head {
    uint64_t fingerprint[2];
    uint64_t number;
    uint64_t device;
    uint64_t inode;
    uint64_t begin;
    uint64_t end;
    uint16_t is_file;
    uint16_t has_places; ///< origin.has_places
    uint32_t path_size;
    uint32_t type_size;
    uint32_t unused;
};

struct custom_head {
    uint32_t type;
    uint32_t is_array;
    uint32_t name_size;
    uint32_t unused;
};

/// Another number for every version and for every shape of what is copied.
static uint64_t layout(void)
{
    const uint64_t shape[] = { hash64(version_text(), strlen(version_text())),
                               sizeof(struct flow),
                               sizeof(struct custom_value),
                               sizeof(struct extra_value),
                               sizeof(struct addr),
                               FIELD_COUNT };
    return hash64(shape, sizeof(shape));
}

// --- Packing -------------------------------------------------------------------------------------

static void pad(struct buf *out, size_t begin)
{
    static const uint8_t ZEROS[PART_ALIGN];
    size_t over = (out->size - begin) % PART_ALIGN;
    buf_append(out, ZEROS, over == 0 ? 0 : PART_ALIGN - over);
}

static void pack_file(const struct batch_file *file, size_t begin, struct buf *out)
{
    const struct origin *o = file->origin;
    const struct file_head head = { .fingerprint = { o->id.fingerprint[0], o->id.fingerprint[1] },
                                    .number = o->id.number,
                                    .device = o->device,
                                    .inode = o->inode,
                                    .begin = file->begin,
                                    .end = file->end,
                                    .is_file = o->is_file,
                                    .has_places = o->has_places,
                                    .path_size = (uint32_t)strlen(o->path),
                                    .type_size = (uint32_t)strlen(o->input_type) };
    buf_append(out, &head, sizeof(head));
    buf_append(out, o->path, head.path_size);
    buf_append(out, o->input_type, head.type_size);
    pad(out, begin);
}

static void pack_custom(const struct custom *custom, size_t begin, struct buf *out)
{
    const struct custom_head head = { .type = custom->type,
                                      .is_array = custom->array,
                                      .name_size = (uint32_t)strlen(custom->name) };
    buf_append(out, &head, sizeof(head));
    buf_append(out, custom->name, head.name_size);
    pad(out, begin);
}

void handover_pack(const struct batch *batch, const struct mapping *mapping, struct buf *out)
{
    size_t begin = out->size;
    const struct head head = { .layout = layout(),
                               .flow_count = batch->flow_count,
                               .arena_used = batch->arena_used,
                               .file_count = batch->file_count,
                               .custom_count = (uint32_t)mapping->custom_count };
    buf_append(out, &head, sizeof(head));
    for (uint32_t i = 0; i < batch->file_count; i++) {
        pack_file(&batch->files[i], begin, out);
    }
    for (size_t i = 0; i < mapping->custom_count; i++) {
        pack_custom(&mapping->customs[i], begin, out);
    }
    buf_append(out, batch->flows, batch->flow_count * sizeof(batch->flows[0]));
    pad(out, begin);
    buf_append(out, batch->arena, batch->arena_used);
    pad(out, begin);
}

// --- Unpacking -----------------------------------------------------------------------------------

/// Where custom columns of the sender are in our mapping.
struct columns {
    uint32_t count;
    uint32_t here[MAPPING_CUSTOMS_MAX]; ///< MAPPING_CUSTOMS_MAX: nowhere
    char missing[64];                   ///< one of those that are nowhere
};

static void skip_pad(struct rd *r, const uint8_t *begin)
{
    size_t over = (size_t)(r->at - begin) % PART_ALIGN;
    rd_skip(r, over == 0 ? 0 : PART_ALIGN - over);
}

/// Copies the next `size` bytes; zeros when there are fewer.
static void take(struct rd *r, void *out, size_t size)
{
    const uint8_t *at = rd_take(r, size);
    memset(out, 0, size);
    if (at != NULL) {
        memcpy(out, at, size);
    }
}

/// A text with a NUL put behind it. False when it is too long or has one inside.
static bool take_text(struct rd *r, uint32_t size, char *out, size_t out_size)
{
    if (size >= out_size) {
        return false;
    }
    take(r, out, size);
    out[size] = '\0';
    return !r->bad && strlen(out) == size;
}

static int unpack_file(struct rd *r, const uint8_t *begin, handover_origin_fn *make_origin,
                       void *context, struct batch *batch)
{
    struct file_head head;
    char path[PATH_SIZE];
    char type[NAME_SIZE];
    take(r, &head, sizeof(head));
    if (!take_text(r, head.path_size, path, sizeof(path)) ||
        !take_text(r, head.type_size, type, sizeof(type)) || head.begin > head.end) {
        return ERR_INVALID;
    }
    skip_pad(r, begin);
    const struct origin values = { .id = { .fingerprint = { head.fingerprint[0],
                                                            head.fingerprint[1] },
                                           .number = head.number },
                                   .device = head.device,
                                   .inode = head.inode,
                                   .is_file = head.is_file != 0,
                                   .has_places = head.has_places != 0,
                                   .path = path,
                                   .input_type = type };
    struct origin *origin = make_origin(context, &values);
    if (origin == NULL) {
        return ERR_NO_MEMORY;
    }
    batch->files[batch->file_count++] =
        (struct batch_file){ .origin = origin, .begin = head.begin, .end = head.end };
    return 0;
}

static uint32_t find_custom(const struct mapping *mapping, const struct custom_head *head,
                            const char *name)
{
    for (size_t i = 0; i < mapping->custom_count; i++) {
        const struct custom *c = &mapping->customs[i];
        if (c->type == head->type && c->array == (head->is_array != 0) &&
            strcmp(c->name, name) == 0) {
            return (uint32_t)i;
        }
    }
    return MAPPING_CUSTOMS_MAX;
}

static int unpack_customs(struct rd *r, const uint8_t *begin, uint32_t count,
                          const struct mapping *mapping, struct columns *columns)
{
    for (uint32_t i = 0; i < count; i++) {
        struct custom_head head;
        char name[NAME_SIZE];
        take(r, &head, sizeof(head));
        if (!take_text(r, head.name_size, name, sizeof(name))) {
            return ERR_INVALID;
        }
        skip_pad(r, begin);
        columns->here[i] = find_custom(mapping, &head, name);
        if (columns->here[i] == MAPPING_CUSTOMS_MAX) {
            size_t size = strnlen(name, sizeof(columns->missing) - 1);
            memcpy(columns->missing, name, size);
            columns->missing[size] = '\0';
        }
    }
    columns->count = count;
    return 0;
}

/// Whether the elements, `size` bytes each, lie in the arena, where they can be read in place.
static bool is_span_good(const struct batch *b, struct span s, size_t size)
{
    if (s.count == 0) {
        return true;
    }
    bool aligned = size == 1 || s.offset % PART_ALIGN == 0;
    return aligned && s.offset <= b->arena_used && s.count <= (b->arena_used - s.offset) / size;
}

static bool are_addrs_good(const struct batch *b, struct span s)
{
    if (!is_span_good(b, s, sizeof(struct addr))) {
        return false;
    }
    for (uint32_t i = 0; i < s.count; i++) {
        if (batch_addrs(b, s)[i].size > ADDR_V6_SIZE) {
            return false;
        }
    }
    return true;
}

static bool are_lists_good(const struct batch *b, const struct flow *f)
{
    const struct span numbers[] = { f->bgp_communities, f->as_path,     f->mpls_ttl,
                                    f->mpls_label,      f->layer_stack, f->layer_size };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!is_span_good(b, numbers[i], sizeof(uint32_t))) {
            return false;
        }
    }
    return are_addrs_good(b, f->mpls_ip) && are_addrs_good(b, f->ipv6_routing_header_addresses);
}

static bool are_texts_good(const struct batch *b, const struct flow *f)
{
    const struct span texts[] = {
        f->body,           f->original,          f->proto_text,
        f->etype_text,     f->type_text,         f->src_place.geo,
        f->src_place.as,   f->src_place.as_name, f->dst_place.geo,
        f->dst_place.as,   f->dst_place.as_name, f->src_place.network,
        f->in_names.name,  f->dst_place.network, f->in_names.alias,
        f->out_names.name, f->out_names.alias,   f->exporter_name,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!is_span_good(b, texts[i], 1)) {
            return false;
        }
    }
    return true;
}

static bool are_extras_good(const struct batch *b, struct span s)
{
    if (!is_span_good(b, s, sizeof(struct extra_value))) {
        return false;
    }
    for (uint32_t i = 0; i < s.count; i++) {
        const struct extra_value *e = &batch_extras(b, s)[i];
        bool good = is_span_good(b, e->name, 1) && is_span_good(b, e->json, 1);
        if (!good || e->name.count < 2) { // it has its quotes
            return false;
        }
    }
    return true;
}

/// Custom values get the numbers that their columns have here. ERR_NOT_FOUND.
static int unpack_values(struct batch *b, const struct flow *f, const struct columns *columns)
{
    if (!is_span_good(b, f->custom, sizeof(struct custom_value))) {
        return ERR_INVALID;
    }
    struct custom_value *values = (struct custom_value *)(void *)(b->arena + f->custom.offset);
    for (uint32_t i = 0; i < f->custom.count; i++) {
        if (values[i].column >= columns->count || !is_span_good(b, values[i].bytes, 1)) {
            return ERR_INVALID;
        }
        values[i].column = columns->here[values[i].column];
        if (values[i].column == MAPPING_CUSTOMS_MAX) {
            return ERR_NOT_FOUND;
        }
    }
    return 0;
}

static int check_flow(struct batch *b, const struct flow *f, const struct columns *columns)
{
    const struct addr *addrs[] = { &f->sampler_address, &f->src_addr, &f->dst_addr, &f->next_hop,
                                   &f->bgp_next_hop };
    for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
        if (addrs[i]->size > ADDR_V6_SIZE) {
            return ERR_INVALID;
        }
    }
    uint64_t known = FIELD_COUNT == 64 ? UINT64_MAX : FLOW_BIT(FIELD_COUNT % 64) - 1;
    bool good = f->kind <= RECORD_ERROR && f->file <= b->file_count && (f->present & ~known) == 0 &&
                are_lists_good(b, f) && are_texts_good(b, f) && are_extras_good(b, f->extras);
    return good ? unpack_values(b, f, columns) : ERR_INVALID;
}

static int unpack_flows(struct rd *r, const uint8_t *begin, const struct head *head,
                        const struct columns *columns, struct batch *batch)
{
    take(r, batch->flows, head->flow_count * sizeof(batch->flows[0]));
    skip_pad(r, begin);
    take(r, batch->arena, head->arena_used);
    skip_pad(r, begin);
    if (r->bad) {
        return ERR_INVALID;
    }
    batch->arena_used = head->arena_used;
    for (uint32_t i = 0; i < head->flow_count; i++) {
        int status = check_flow(batch, &batch->flows[i], columns);
        if (status != 0) {
            return status;
        }
    }
    batch->flow_count = head->flow_count;
    return 0;
}

static int unpack(struct rd *r, const struct mapping *mapping, handover_origin_fn *make_origin,
                  void *context, struct batch *batch, struct columns *columns)
{
    const uint8_t *begin = r->at;
    struct head head;
    take(r, &head, sizeof(head));
    if (head.layout != layout() || head.flow_count > BATCH_FLOWS_MAX ||
        head.arena_used > BATCH_ARENA_SIZE || head.file_count > BATCH_FILES_MAX ||
        head.custom_count > MAPPING_CUSTOMS_MAX) {
        return ERR_INVALID;
    }
    int status = 0;
    for (uint32_t i = 0; i < head.file_count && status == 0; i++) {
        status = unpack_file(r, begin, make_origin, context, batch);
    }
    if (status == 0) {
        status = unpack_customs(r, begin, head.custom_count, mapping, columns);
    }
    return status == 0 ? unpack_flows(r, begin, &head, columns, batch) : status;
}

int handover_unpack(struct rd *r, const struct mapping *mapping, handover_origin_fn *make_origin,
                    void *context, struct batch *batch, struct err *err)
{
    struct columns columns = { .count = 0 };
    int status = unpack(r, mapping, make_origin, context, batch, &columns);
    switch (status) {
    case 0:
        return 0;
    case ERR_NOT_FOUND:
        (void)err_set(err, status,
                      "the weir that has the store does not know the custom column \"%s\": give it "
                      "the same -mapping",
                      columns.missing); // returned below
        break;
    case ERR_NO_MEMORY:
        (void)err_set(err, status, "out of memory"); // likewise
        break;
    default:
        (void)err_set(err, status,
                      "records that cannot be read: damaged, or from a weir of "
                      "another version"); // likewise
        break;
    }
    batch->flow_count = 0;
    return status;
}
