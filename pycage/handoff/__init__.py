"""Hand-off: who is on the stack when work is stored to run later, on another stack."""

# Problem.  A host API that a sandbox calls stores a callable: a timer, a callback, a finalizer.  When it runs, no frame
# of the sandbox is on the stack, and the host's permissions decide (Java's model fell to this more than once).
#
# Things that do not work:
#
# - Rely on frames: a function of the sandbox is seen whenever it runs, and so is a shim; a host function or a C
#   function that the host API stores is not.
# - A context variable: threads start without one, Context().run() and call_soon(context=Context()) drop it.
# - Give the context to what runs the work: a worker that was started on behalf of a sandbox would carry that sandbox
#   for ever (jcage's M12b), one that was started before it never.
#
# Idea (java.security.AccessController: the inherited context).  The standard library has some seventy functions that
# store a callable (`places`: a table).  In place of each stands one that looks at the stack: with only the host on it,
# the original is called with the same arguments, by C; otherwise what is stored is bound to the captured context
# (`stored`), which is added to whatever stack runs it.  Threads and pools have makers, whose context their own threads
# carry (`threads`); event loops are a module of their own (`loops`).
#
# What still fails.  What the host keeps without calling any of these: an attribute (sys.excepthook, a row_factory), an
# entry of a list (gc.callbacks), an item of a queue of its own, a partial or map object, an object whose
# methods a library calls (the handler of an opener or a parser), a class (logging.setLoggerClass), the callback of a
# weakref.ref, a task that is made by asyncio.Task() itself.  A function that was imported under another name before the
# manager was installed.  Loops that are not derived from asyncio's.  In all of these what the sandbox itself made, a
# shim included, is still seen, because its frame is on the stack when it runs.

from __future__ import annotations

from pycage.handoff import loops, threads, wrapping

__all__ = ["install"]


def install() -> None:
    """Put the stand-ins in place; once, by the manager."""
    threads.install()
    loops.install()
    wrapping.install()
