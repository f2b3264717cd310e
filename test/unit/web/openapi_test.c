// SPDX-License-Identifier: Apache-2.0
/* That the document says what the tables say; test/e2e/test_api.py holds answers against it. */
#include "web/openapi.h"

#include "../unit.h"
#include "web/api_params.h"

static void every_end_point_and_parameter_is_there(void **state)
{
    (void)state;
    struct buf out;
    char part[128];
    buf_init(&out, 1 << 20);
    openapi_put(&out);
    assert_false(out.bad);
    const char *text = buf_text(&out);
    for (enum api_endpoint e = 0; e < API_ENDPOINT_COUNT; e++) {
        (void)snprintf(part, sizeof(part), "\"/%s\":{\"get\":{", api_endpoints[e].name); // fits
        const char *at = strstr(text, part);
        assert_non_null(at);
        const char *end = strstr(at, "\"responses\"");
        assert_non_null(end);
        for (enum api_param p = 0; p < PARAM_COUNT; p++) {
            (void)snprintf(part, sizeof(part), "{\"name\":\"%s\",", api_params[p].name); // fits
            const char *found = strstr(at, part);
            assert_int_equal(found != NULL && found < end, api_params[p].where >> e & 1);
        }
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_point_and_parameter_is_there),
    };
    return UNIT_MAIN("web/openapi", tests);
}
