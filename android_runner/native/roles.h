/* Which cores are little, big and prime, and which of them a run shall use. */
#ifndef BENCH_ROLES_H
#define BENCH_ROLES_H

#include "device.h"

const char *role_name(core_role role);

/* Little are those that execute in order, or the slowest of a device without any, or with nothing else; of the
 * others the fastest are prime and the rest big. Cores that are all alike are big. */
void assign_roles(device_core *cores, size_t count);

/* Writes the `wanted` cores that `text` means, which are of one kind; ends the program where there are not so many. */
void choose_cores(const bench_device *device, const char *text, unsigned wanted, int *chosen);

/* The fastest `wanted` cores, of equals the lower numbers: where the system probably runs threads. */
size_t fastest_cores(const bench_device *device, unsigned wanted, int *chosen);

/* Ties the calling thread to a core, and reads back that it is; ends the program where the system does not let it. */
void stay_on(int core);

#endif
