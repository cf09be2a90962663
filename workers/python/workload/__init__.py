# SPDX-License-Identifier: Apache-2.0
"""The workload of the `ddtrace` runtime: threads that contend for locks whose names are known."""
