/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKPROF_EXPORT_VERSION_H
#define LOCKPROF_EXPORT_VERSION_H

/* As `lockprof version`, the profiles' comments and the uploads' tags say it. */
#define LOCKPROF_VERSION "0.1.0"

#endif
