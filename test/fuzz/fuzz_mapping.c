// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a mapping file: it is read or refused with a message. */
#include "base/status.h"
#include "flow/mapping.h"
#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping *mapping;
    struct format *format;
    struct err err = { 0 };
    if (mapping_parse((const char *)data, size, "mapping.yaml", &mapping, &err) != 0) {
        CHECK(err.status != 0);
        CHECK(err.text[0] != '\0');
        return 0;
    }
    CHECK(mapping_warnings(mapping) != NULL);
    struct format_settings settings = { .name = "json", .mapping = mapping };
    if (format_new(&settings, &format, &err) == 0) {
        format_free(format);
    }
    mapping_free(mapping);
    return 0;
}
