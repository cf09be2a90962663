/* SPDX-License-Identifier: Apache-2.0 */
/* What passes the taps of a run: each upload is recorded as a copy of its stage, what its sender was told goes into the
 * journal (`exchange`), further agents get the same upload, and everything is counted. */
#ifndef LOCKTRAIL_ENGINE_WAY_TRAFFIC_H
#define LOCKTRAIL_ENGINE_WAY_TRAFFIC_H

#include "engine/recorder.h"
#include "io/http_client.h"
#include "pipeline/tap.h"

struct way_traffic;

/* NULL and *e: no HTTP client. */
struct way_traffic *way_traffic_new(struct host *host, struct recorder *recorder, struct err *e);

/* The data of a tap: which stage it records, of which agent's way. The traffic's own. */
struct tap_side;
struct tap_side *way_traffic_side(struct way_traffic *t, enum stage stage, size_t lane);
void way_traffic_on_tap(struct tap *tap, const struct tap_event *event, void *side);
const char *way_traffic_instance_of(const struct upload *upload, void *side);

/* From now on every upload that passes the first tap is sent to `to` as well. */
void way_traffic_mirror(struct way_traffic *t, size_t lane, const struct tap_target *to);

/* Uploads that are being sent to further agents. */
size_t way_traffic_mirroring(const struct way_traffic *t);

/* Uploads that came out of agents; and whether that is as many as these have taken. */
uint64_t way_traffic_arrived(const struct way_traffic *t);
bool way_traffic_is_level(const struct way_traffic *t);

unsigned way_traffic_passed(const struct way_traffic *t, const char *instance);

/* One question to an agent, over the client that the uploads take. */
void way_traffic_ask(struct way_traffic *t, const struct http_call *call, http_client_fn fn, void *data);

/* Once no tap calls any more: ends what is under way, calls `closed` from the loop, frees. */
void way_traffic_close(struct way_traffic *t, void (*closed)(void *data), void *data);

#endif
