/* SPDX-License-Identifier: Apache-2.0 */
/* Where the profiles of the backend `datadog` go and are read back, and with which keys. */
#ifndef LOCKTRAIL_PIPELINE_SITE_H
#define LOCKTRAIL_PIPELINE_SITE_H

#include "base/err.h"

/* The keys are never part of a text that locktrail writes. */
struct site {
    char *url;    /* below which list and download are: "https://app.datadoghq.com" */
    char *intake; /* "https://intake.profile.datadoghq.com/api/v2/profile" */
    char *api_key, *application_key;
    char *profiles_url; /* where a person sees the service's profiles */
    char *described;    /* for people: "site datadoghq.com" */
};

/* What the scenario says (NULL: nothing) goes before DD_SITE, and that before datadoghq.com. The keys are DD_API_KEY
 * and DD_APP_KEY. `getenv_fn` is getenv in the product. Errors: a site that is none (ERR_INPUT), a key that is missing
 * or has not the form of one (never printed; ERR_USAGE, ERR_INPUT). *out is empty then. site_fini frees. */
int site_resolve(const char *url, const char *intake, const char *site, const char *service, const char *env,
                 char *(*getenv_fn)(const char *), struct site *out, struct err *e);
void site_fini(struct site *s);

#endif
