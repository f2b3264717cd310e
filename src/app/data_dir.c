// SPDX-License-Identifier: Apache-2.0
/* systemd's StateDirectory comes before the rest: a unit knows best. */
#include "app/data_dir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int default_folder(char *at, size_t size)
{
    const char *unit = secure_getenv("STATE_DIRECTORY");
    const char *state = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    if (unit != NULL && unit[0] == '/') {
        return snprintf(at, size, "%.*s", (int)strcspn(unit, ":"), unit);
    }
    if (geteuid() == 0) {
        return snprintf(at, size, "/var/lib/weir");
    }
    if (state != NULL && state[0] == '/') {
        return snprintf(at, size, "%s/weir", state);
    }
    return snprintf(at, size, "%s/.local/state/weir", home == NULL ? "" : home);
}

/// Makes the folders in which `path` lies, for their owner alone.
static int make_folders(char *path, struct err *err)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool ok = mkdir(path, 0750) == 0 || errno == EEXIST;
        int error = errno;
        if (!ok) {
            return err_set_errno(err, error, "cannot make the folder %s (-data)", path);
        }
        *slash = '/';
    }
    return 0;
}

int data_path_name(const char *data, const char *name, char ret_path[static DATA_PATH_SIZE],
                   struct err *err)
{
    int used = data[0] == '\0' ? default_folder(ret_path, DATA_PATH_SIZE)
                               : snprintf(ret_path, DATA_PATH_SIZE, "%s", data);
    if (used < 0 || used >= DATA_PATH_SIZE ||
        snprintf(ret_path + used, (size_t)(DATA_PATH_SIZE - used), "/%s", name) >=
            DATA_PATH_SIZE - used) {
        return err_set(err, ERR_RANGE, "-data: the path is too long");
    }
    return 0;
}

int data_path(const char *data, const char *name, char ret_path[static DATA_PATH_SIZE],
              struct err *err)
{
    int status = data_path_name(data, name, ret_path, err);
    return status == 0 ? make_folders(ret_path, err) : status;
}
