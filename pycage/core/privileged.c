/* Privileged calls: the walk of a check inside ends at the frame that made the call. */

#include "core.h"

/* New reference in *result: NULL for "no limit", else an exact tuple of permissions.  -1 on error. */
static int
read_limit(PyObject *limit, PyObject **result)
{
    *result = NULL;
    if (limit == NULL || limit == Py_None) {
        return 0;
    }
    PyObject *permissions = PySequence_Tuple(limit);
    if (permissions == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(permissions); i++) {
        PyObject *permission = PyTuple_GET_ITEM(permissions, i);
        if (require_permission(permission) < 0) {
            Py_DECREF(permissions);
            return -1;
        }
        if ((PyObject *)Py_TYPE(permission) == core.all_permission) {
            Py_DECREF(permissions); /* a limit of AllPermission is no limit (as java.security.AccessController has it) */
            return 0;
        }
    }
    *result = permissions;
    return 0;
}

static PyObject *
privileged_call(PyObject *action, PyObject *const *arguments, size_t count, PyObject *keywords, PyObject *args,
                PyObject *kwargs, PyObject *context, PyObject *limit)
{
    PyObject *permissions = NULL, *result = NULL;
    if (context == Py_None) {
        context = NULL;
    }
    if ((context != NULL && require_context(context) < 0) || read_limit(limit, &permissions) < 0) {
        return NULL;
    }
    record *rec = enter_record(RECORD_PRIVILEGED, context, permissions);
    if (rec != NULL) {
        result = args != NULL ? PyObject_Call(action, args, kwargs)
                              : PyObject_Vectorcall(action, arguments, count, keywords);
        leave_record(rec);
    }
    Py_XDECREF(permissions);
    return result;
}

PyDoc_STRVAR(call_privileged_doc, "call_privileged(action, args, kwargs, context, limit, /)\n--\n\n"
                                  "Call action(*args, **kwargs); the walk of a check inside ends after the calling frame.");

static PyObject *
core_call_privileged(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 5 || !PyTuple_CheckExact(arguments[1]) || !PyDict_CheckExact(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "call_privileged(action, args, kwargs, context, limit)");
        return NULL;
    }
    return privileged_call(arguments[0], NULL, 0, NULL, arguments[1], arguments[2], arguments[3], arguments[4]);
}

PyDoc_STRVAR(do_privileged_doc,
             "do_privileged(action, /, *args, context=None, limit=None)\n--\n\n"
             "Call action(*args) with the privileges of the calling code.\n\n"
             "A check inside consults everything down to the frame that made this call, that frame's own domain\n"
             "included, and nothing below it.  So code lends its own permissions to those who called it and can never\n"
             "raise its own.\n\n"
             "Args:\n"
             "    action: What to call.\n"
             "    context: An AccessControlContext whose domains must agree as well.\n"
             "    limit: Permissions for which the walk ends here, judged one by one; any other request goes on to the\n"
             "        older callers.  None: no limit.  An empty sequence: no privilege.\n\n"
             "Returns:\n"
             "    What action returns; its exceptions pass unchanged.\n\n"
             "Source: java.security.AccessController.doPrivileged (Java SE 17).\n\n"
             "Example:\n"
             "    >>> held = pycage.EnvPermission('LANG', 'read')\n"
             "    >>> def language():\n"
             "    ...     pycage.do_privileged(pycage.check_permission, held, limit=[held])\n"
             "    ...     return 'fr'\n"
             "    >>> with pycage.Sandbox('lent_to') as sandbox:\n"
             "    ...     sandbox.expose('language', language)\n"
             "    ...     sandbox.run('from host import language; language()').value\n"
             "    'fr'");

static PyObject *
core_do_privileged(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *context = NULL, *limit = NULL;
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "do_privileged() needs the action to call as its first argument");
        return NULL;
    }
    for (Py_ssize_t i = 0; keywords != NULL && i < PyTuple_GET_SIZE(keywords); i++) {
        PyObject *name = PyTuple_GET_ITEM(keywords, i);
        if (PyUnicode_CompareWithASCIIString(name, "context") == 0) {
            context = arguments[count + i];
        }
        else if (PyUnicode_CompareWithASCIIString(name, "limit") == 0) {
            limit = arguments[count + i];
        }
        else {
            PyErr_Format(PyExc_TypeError, "do_privileged() takes the keywords context and limit, not %R; "
                                          "use functools.partial for keywords of the action", name);
            return NULL;
        }
    }
    return privileged_call(arguments[0], arguments + 1, (size_t)(count - 1), NULL, NULL, NULL, context, limit);
}

PyMethodDef privileged_functions[] = {
    {"call_privileged", (PyCFunction)(void (*)(void))core_call_privileged, METH_FASTCALL, call_privileged_doc},
    {"do_privileged", (PyCFunction)(void (*)(void))core_do_privileged, METH_FASTCALL | METH_KEYWORDS, do_privileged_doc},
    {NULL, NULL, 0, NULL},
};
