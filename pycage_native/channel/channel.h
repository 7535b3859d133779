/* The host's side of the channel: one Link for each executor, with one channel for each thread that calls.

   Everything in the shared memory is an attacker's at any moment.  Lines are copied once and the copy is judged; sizes,
   offsets, turns and the reason of an end are private.  Only an expected sequence number is ever believed. */

#ifndef PYCAGE_CHANNEL_H
#define PYCAGE_CHANNEL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdint.h>

#include "../protocol.h"

/* What the watcher adds to a reply's sequence number when the executor is gone. */
#define DEAD 0x80000000u

enum link_state { LINK_NEW, LINK_ALIVE, LINK_ENDED };

typedef struct {
  uint32_t turn;     /* of the last request */
  uint32_t spin;     /* pauses to try now */
  uint32_t failures; /* spins that ended in sleep, since the last that did not */
  int busy;
  unsigned long thread; /* the one that uses it, or used it last */
  uint32_t depth;
  uint32_t ring;     /* 1 + the depth at which a pipeline has it; 0: none has */
  uint32_t used;     /* bytes of the arena */
  uint32_t together; /* turns in a row that found both sides on one processor */
  uint32_t yields;   /* whether to yield where there is one processor */
  uint32_t without;  /* turns since that turned out to be no good idea */
  int64_t moved;     /* monotonic ns of the last move away from it */
  int64_t settle;    /* ns to wait before the next */
  int64_t deadline;  /* monotonic ns of the outermost call; 0: not looked at yet */
  uint32_t last_error;
  PyObject *raised;  /* by a callback; comes out of the outermost call */
} host_channel;

typedef struct Callback Callback;

typedef struct Link {
  PyObject_HEAD
  char *base;
  size_t size, channel_size, arena_size;
  uint32_t count;
  int memory, pidfd, socket;
  _Atomic int dead; /* the watcher saw the process end */
  enum link_state state;
  uint64_t remote; /* where the executor says its mapping is; it goes into words for the executor only */
  uint32_t max_spin;
  int64_t timeout; /* ns for one outermost call; 0: none */
  PyObject *broker; /* (wanted, flags, mode, path, number) -> descriptor or negative errno */
  PyObject *ended;  /* (reason, function, detail): raises */
  Callback *callbacks[PN_CALLBACKS];
  uint64_t calls, sleeps, asked, called_back;
  host_channel channels[PN_MAX_CHANNELS];
  struct Link *next; /* of all that the watcher looks at */
  PyObject *weak;
} Link;

struct Callback {
  PyObject_HEAD
  Link *link; /* borrowed; NULL when it is gone: a callback does not keep an ended executor's memory */
  uint32_t slot;
  PyObject *function;
  uint32_t count;
  char result;
  char arguments[32];
  PyObject *convert; /* for arguments of the code 'O': (tuple) -> tuple */
};

/* turns.c */
void post(Link *link, int index, uint32_t operation, const uint64_t *words, uint32_t aux);
int wait_reply(Link *link, int index, const char *name, pn_reply *reply);
int64_t deadline_of(Link *link, host_channel *channel);
_Atomic uint32_t *word_at(Link *link, int index, uint32_t offset);
int64_t monotonic(void);
uint32_t pauses_in(int64_t nanoseconds);
long wait_on(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds);
void wake(_Atomic uint32_t *word);

/* asked.c */
int turn(Link *link, int index, uint32_t operation, const uint64_t *words, uint32_t aux, const char *name,
         pn_reply *reply);
int finish(Link *link, int index, const char *name, pn_reply *reply);
int answer_one(Link *link, int index, const char *name);
int raise_kept(host_channel *channel);

/* link.c */
extern PyTypeObject LinkType;
/* Types are reachable from any object; who has one of these could make a Link of any descriptors.  So they make nothing,
   and functions of the module do. */
PyObject *new_link(PyObject *module, PyObject *args, PyObject *kwargs);
int acquire_channel(Link *link);
void release_channel(Link *link, int index);
int is_alive(Link *link);
int end_link(Link *link, const char *reason, const char *name, const char *detail);
static inline int violation(Link *link, const char *name, const char *what) {
  return end_link(link, "violation", name, what);
}
static inline char *arena_of(Link *link, int index) {
  return link->base + (size_t)index * link->channel_size + PN_ARENA;
}

/* callback.c */
extern PyTypeObject CallbackType;
PyObject *new_callback(PyObject *module, PyObject *args, PyObject *kwargs);

/* words.c: conversions between Python objects and words. */
int to_word(char code, PyObject *value, uint64_t *word);
PyObject *from_word(char code, uint64_t integer, uint64_t real);
int is_real(char code);
int width_of(char code); /* in bytes; 0: no such code */
int is_code(char code);

/* address.c */
typedef struct {
  PyObject_HEAD
  PyObject *link; /* a weak reference */
  uint64_t number;
} Address;
extern PyTypeObject AddressType;
int address_word(PyObject *value, Link *link, uint64_t *word);
PyObject *module_number(PyObject *module, PyObject *value);

/* function.c */
typedef struct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  PyObject *link;  /* None while there is no executor */
  PyObject *name;
  PyObject *slow;  /* (function, args): for what cannot be done here, also single values of a fast function; None */
  PyObject *gate;  /* called before each call; None */
  PyObject *when;  /* called before the gate, which is not called if it returns false; None: the gate is always called */
  PyObject *renew; /* (): starts an executor and sets `link`; None */
  PyObject *wrap;  /* (link, integer): makes the result of a pointer; None */
  uint32_t index;
  uint32_t count;
  char result;
  char fast; /* all arguments and the result can be done here */
  char arguments[PN_WORDS];
  PyObject *codes;
  PyObject *weak;
} Function;
extern PyTypeObject FunctionType;
PyObject *new_function(PyObject *module, PyObject *args, PyObject *kwargs);
Link *link_of(Function *function);
int takes_numbers(const Function *function);
int ask_gate(const Function *function);

/* map.c */
PyObject *function_map(Function *function, PyObject *args, PyObject *kwargs);

/* pipeline.c */
extern PyTypeObject PipelineType;
PyObject *new_pipeline(Function *function, PyObject *unused);

/* watcher.c */
int watch(Link *link);
void unwatch(Link *link);
void tell(Link *link);
void forget_links_after_fork(void);

static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
