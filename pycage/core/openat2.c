/* openat2(2) for `pycage.held_paths`: open a path, or fail if there is a link anywhere on it.
 *
 * The C library has no function for it, and Python has none either.  Nothing here asks or raises an audit event: who calls
 * has asked, and raises the event that fits.  Where the kernel lacks the call (before Linux 5.6) or a filter of system
 * calls forbids it, it fails with ENOSYS or EPERM, and `held_paths` walks from directory to directory instead.
 */

#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437 /* the same on every architecture */
#endif

/* <linux/openat2.h>, which older systems do not have. */
struct core_open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
#define CORE_RESOLVE_NO_MAGICLINKS 0x02
#define CORE_RESOLVE_NO_SYMLINKS 0x04

/* openat2 refuses what open ignores: a mode that means nothing, and flags beside O_PATH. */
static struct core_open_how
core_how(int flags, int mode)
{
    struct core_open_how how = {.resolve = CORE_RESOLVE_NO_SYMLINKS | CORE_RESOLVE_NO_MAGICLINKS};
    if (flags & O_PATH) {
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    }
    how.flags = (uint64_t)(unsigned int)flags | O_CLOEXEC;
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
        how.mode = (uint64_t)mode & 07777;
    }
    return how;
}

PyDoc_STRVAR(open_without_links_doc,
             "open_without_links(path, flags, mode, /)\n--\n\n"
             "Open an absolute path (bytes) on which no link is followed; return the descriptor, which no program that\n"
             "is started inherits.  Asks for nothing and raises no event.  OSError ELOOP: there is a link.");

static PyObject *
core_open_without_links(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *path;
    int flags, mode;
    if (!PyArg_ParseTuple(args, "yii:open_without_links", &path, &flags, &mode)) {
        return NULL;
    }
    for (;;) {
        struct core_open_how how = core_how(flags, mode);
        long opened;
        int error;
        Py_BEGIN_ALLOW_THREADS
        opened = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
        error = errno;
        Py_END_ALLOW_THREADS
        if (opened >= 0) {
            return PyLong_FromLong(opened);
        }
        if (error != EINTR) {
            errno = error;
            return PyErr_SetFromErrno(PyExc_OSError);
        }
        if (PyErr_CheckSignals() < 0) { /* opening a pipe or a terminal can wait */
            return NULL;
        }
    }
}

PyMethodDef openat2_functions[] = {
    {"open_without_links", core_open_without_links, METH_VARARGS, open_without_links_doc},
    {NULL, NULL, 0, NULL},
};
