/* The channel between the host and an executor: one sealed memory object, mapped by both.

   Both sides include this file.  Nothing in this memory is the host's state: whatever stands here may change at any
   moment, so the host copies a line once and judges the copy.

   Problem.  A call into another process must cost what a call in this one costs.  What does not work: any wake-up by
   the kernel (75-115 us between two CPUs), a payload on a second cache line (+150 ns), state that both sides update.

   Idea.  A request is one cache line, its answer another.  The sequence number in it is written last, with an atomic
   exchange; the other side spins on it for a bounded time and then sleeps on it (futex).  Each side counts turns in
   private memory; only equality with the expected number is ever tested. */

#ifndef PYCAGE_PROTOCOL_H
#define PYCAGE_PROTOCOL_H

#include <stdint.h>

#define PN_VERSION 1u

/* ---- Layout: one block for each channel, then the heap of shared buffers. -------------------------------------- */

#define PN_REQUEST 0u        /* pn_request, written by the host */
#define PN_REPLY 128u        /* pn_reply, written by the executor */
#define PN_EXECUTOR_SLEEPS 256u /* u32: 1 while the executor is about to sleep on the request's sequence */
#define PN_EXECUTOR_CPU 260u /* u32: the processor that the executor last waited on, plus 1; a hint */
#define PN_HOST_SLEEPS 384u  /* u32: 1 while the host is about to sleep on the reply's sequence */
#define PN_RING_HEAD 512u    /* u32: slots published by the host, counted freely */
#define PN_RING_DONE 640u    /* u32: slots completed by the executor */
#define PN_BLOCK 1024u       /* pn_block: arguments of a call or a callback that do not fit into a line */
#define PN_BROKER 4096u      /* pn_broker: what a system call asked for */
#define PN_RING 8192u        /* PN_RING_SLOTS x pn_slot */
#define PN_SETUP 24576u      /* channel 0 only: pn_setup, and the configuration behind it */
#define PN_SETUP_SIZE 65536u
#define PN_ARENA (PN_SETUP + PN_SETUP_SIZE) /* arguments by reference, for the time of one call */

#define PN_RING_SLOTS 256u
#define PN_RING_END 0u
#define PN_WORDS 6u
#define PN_YIELD 0x80000000u /* instead of a number of pauses: there is one processor, so give it away */
#define PN_STACK_WORDS 64u
#define PN_PATH_MAX 4096u /* with the NUL; less 64 in pn_broker */
#define PN_CALLBACKS 64u
#define PN_MAX_CHANNELS 16u
#define PN_MAX_DEPTH 32u
#define PN_MAX_FUNCTIONS 65536u

typedef struct {
  uint32_t sequence;
  uint32_t operation; /* PN_OP(kind, index) */
  uint64_t words[PN_WORDS];
  uint32_t aux;
  uint32_t spin; /* pauses that the executor may spin for the next request */
} pn_request;

typedef struct {
  uint32_t sequence;
  uint32_t status; /* enum pn_status */
  uint64_t integer;
  uint64_t real;   /* bits of the first vector register */
  uint32_t error;  /* errno of a call */
  uint32_t aux;    /* slot of a callback */
  uint64_t more[4]; /* second registers of a result; more words of a callback */
} pn_reply;

/* A register file and stack words.  Same form for calls and callbacks. */
typedef struct {
  uint64_t integers[8]; /* 6 are used on x86-64 */
  uint64_t reals[8];
  uint64_t indirect; /* aarch64: x8, where a large result goes */
  uint64_t count;    /* of stack words */
  uint64_t stack[PN_STACK_WORDS];
} pn_block;

typedef struct {
  uint32_t call; /* enum pn_wanted */
  uint32_t flags;
  uint32_t mode;
  uint32_t number; /* of the system call, for the record */
  uint64_t unused[6];
  char path[PN_PATH_MAX - 64];
} pn_broker;

typedef struct {
  uint32_t operation;
  uint32_t status;
  uint64_t words[PN_WORDS];
  uint64_t result;
} pn_slot;

_Static_assert(sizeof(pn_request) == 64, "a request is one cache line");
_Static_assert(sizeof(pn_reply) == 64, "a reply is one cache line");
_Static_assert(sizeof(pn_slot) == 64, "a slot is one cache line");
_Static_assert(PN_BLOCK + sizeof(pn_block) <= PN_BROKER, "the block fits");
_Static_assert(sizeof(pn_broker) == PN_PATH_MAX, "the broker's area is one page");
_Static_assert(PN_RING + PN_RING_SLOTS * sizeof(pn_slot) <= PN_SETUP, "the ring fits");

/* ---- Requests -------------------------------------------------------------------------------------------------- */

#define PN_OP(kind, index) (((uint32_t)(kind) << 24) | (uint32_t)(index))
#define PN_KIND(operation) ((operation) >> 24)
#define PN_INDEX(operation) ((operation) & 0xFFFFFFu)

enum pn_kind {
  PN_CALL = 1,         /* function `index`, words in the line */
  PN_CALL_BLOCK = 2,   /* function `index`, register file in the block */
  PN_BATCH = 3,        /* function `index`, words[0] calls; aux: offset in the arena of the arguments, words[1]: of the
                          results, words[2]: words of one call, words[3]: 1 if the result is real */
  PN_SERVE_RING = 4,   /* serve slots, from count 0, until one has the operation PN_RING_END */
  PN_BIND = 5,         /* symbol at offset aux of the arena becomes function `index`; words[0]: enum pn_shape; words[1]:
                          bit i: word i is real */
  PN_READ = 6,         /* words[1] bytes at words[0] to offset aux of the arena; words[2] = 1: up to a NUL */
  PN_WRITE = 7,        /* the other direction */
  PN_CALLBACK_SHAPE = 8, /* callback slot `index`: words[0] count, words[1] bit i: argument i is real; returns its address */
  PN_CALLBACK_RETURN = 9, /* words: integer, real, second integer, second to fourth real */
  PN_BROKER_RETURN = 10,  /* words[0]: errno, or 0; words[1] = 1: a descriptor is on the socket */
  PN_ADDRESS = 11,     /* of the symbol at offset aux of the arena */
  PN_BIND_ADDRESS = 12 /* as PN_BIND, of address words[2] */
};

enum pn_shape { PN_SHAPE_INTEGERS = 0, PN_SHAPE_REALS = 1, PN_SHAPE_MIXED = 2 };

enum pn_status {
  PN_OK = 1,
  PN_CALLBACK = 2, /* aux: slot; words: integer, real, more[0..3] */
  PN_ERROR = 3,    /* error: errno; the request could not be done */
  PN_BROKER_ASKS = 4,
  PN_READY = 5, /* set up; the first reply of channel 0 */
  PN_FAILED = 6 /* set-up failed: see pn_setup */
};

enum pn_wanted { PN_OPEN = 1, PN_STAT = 2, PN_ACCESS = 3 };

/* ---- Set-up: written by the host before the executor starts, read before any byte of a library is mapped. ------- */

enum pn_step {
  PN_STEP_NONE,
  PN_STEP_MAP,
  PN_STEP_PARENT,
  PN_STEP_DESCRIPTORS,
  PN_STEP_NAMESPACES,
  PN_STEP_RLIMITS,
  PN_STEP_CAPABILITIES,
  PN_STEP_NO_NEW_PRIVS,
  PN_STEP_LANDLOCK,
  PN_STEP_HANDLER,
  PN_STEP_SECCOMP_LOAD,
  PN_STEP_LIBRARY,
  PN_STEP_SECCOMP_RUN,
  PN_STEP_THREADS,
  PN_STEP_DONE
};

#define PN_LAYER_NAMESPACES 1u
#define PN_LAYER_RLIMITS 2u
#define PN_LAYER_CAPABILITIES 4u
#define PN_LAYER_NO_NEW_PRIVS 8u
#define PN_LAYER_LANDLOCK 16u
#define PN_LAYER_SECCOMP 32u

#define PN_LIMITS 16u

typedef struct {
  uint32_t resource;
  uint32_t pad;
  uint64_t value;
} pn_limit;

typedef struct {
  /* What the host asks for. */
  uint32_t version;
  uint32_t layers;    /* PN_LAYER_*: what must be done; set-up ends if one of them cannot be */
  uint32_t channels;  /* threads that serve */
  uint32_t spin;
  uint64_t channel_size;
  uint64_t namespaces; /* flags for unshare() */
  uint64_t landlock_fs;
  uint64_t landlock_net;
  uint64_t landlock_scoped;
  uint32_t landlock_size; /* of the ruleset's attributes for this kernel */
  uint32_t limit_count;
  pn_limit limits[PN_LIMITS];
  uint32_t uid, gid; /* to become if started as root */
  /* Offsets from this structure. */
  uint32_t load_filter, load_filter_count;
  uint32_t run_filter, run_filter_count;
  uint32_t pid_at[4]; /* instructions of the load filter, plus 1, whose k becomes the own pid */
  uint32_t libraries, library_count; /* NUL-terminated paths, one behind the other; the last one is the library */
  /* What the executor answers. */
  uint32_t step; /* enum pn_step: the one that failed, or PN_STEP_DONE */
  int32_t error;
  uint32_t active; /* PN_LAYER_* */
  uint32_t pad;
  char text[512]; /* of dlerror(): the library's words */
} pn_setup;

/* ---- The zygote: messages on its socket, one each way. ----------------------------------------------------------- */

enum pn_zygote { PN_ZYGOTE_SPAWN = 1, PN_ZYGOTE_STATUS = 2 };

typedef struct {
  uint32_t kind;
  uint32_t channels;
  uint64_t size; /* SPAWN: of the memory; with it come two descriptors: the memory, and the executor's socket */
  int32_t pid;   /* STATUS: of whom */
  uint32_t serial;
} pn_zygote_request;

typedef struct {
  int32_t pid;    /* SPAWN: with it comes a pidfd; 0: failed */
  int32_t error;
  int32_t status; /* STATUS: as waitpid gives it; -1: it still runs; -2: unknown */
  uint32_t serial; /* of the request: who was interrupted before reading an answer leaves it to the next */
} pn_zygote_reply;

#endif
