/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as event.json: read or refused with a text, and what was read is whole. */
#include "pipeline/intake.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct intake_event event;
    struct err e = {0};
    if (intake_event_read((const char *)data, size, &event, &e) != 0) {
        if (e.code != ERR_INPUT || e.text[0] == '\0' || event.start != NULL) {
            abort();
        }
        return 0;
    }
    size_t length = strlen(event.start) + strlen(event.end) + strlen(event.family);
    for (size_t i = 0; i < event.attachment_count; i++) {
        length += strlen(event.attachments[i]);
    }
    for (size_t i = 0; i < event.tag_count; i++) {
        if (event.tags[i].key[0] == '\0') {
            abort();
        }
        length += strlen(event.tags[i].value);
    }
    if (length > size) {
        abort(); /* every one of these texts stands in the input, and JSON's escapes only make them longer there */
    }
    intake_event_fini(&event);
    return 0;
}
