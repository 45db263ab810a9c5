// The numbers of io_uring's interface to user space, the same on x86-64 and arm64 (io_uring_setup(2), io_uring_enter(2)).

/** System calls. */
export const SYSCALL = { setup: 425, enter: 426, register: 427 } as const

/** What a submission asks for. */
export const OPCODE = { readFixed: 4, writeFixed: 5, pollAdd: 6, read: 22, write: 23, command: 46 } as const

/** Flags of io_uring_setup. */
export const SETUP = {
  completionEntries: 0x8,
  clamp: 0x10,
  submitAll: 0x80,
  /** Completions are posted when the task enters the kernel anyway, without an interrupt for each. */
  cooperative: 0x100,
  taskRunFlag: 0x200,
  singleIssuer: 0x1000,
} as const

/** Features that io_uring_setup answers: one mapping for both rings; no completion is ever dropped. */
export const FEATURE = { singleMapping: 1, noDrop: 2, waitArgument: 0x100 } as const

/** Flags of io_uring_enter: post what has completed; wait no longer than an argument says. */
export const ENTER = { getEvents: 1, argument: 8 } as const

/** Operations of io_uring_register. */
export const REGISTER = { buffers: 0, files: 2, unregisterFiles: 3, probe: 8 } as const

/** Bits of the word of flags that the kernel keeps in the submission ring. */
export const RING_FLAG = { overflow: 2, taskRun: 4 } as const

/** Flag of a submission: its descriptor is an index into those that the ring was told. */
export const FIXED_FILE = 1

/** Flag of a submission: the next one starts when this one has succeeded. */
export const LINKED = 4

/** Flags of one read or write (preadv2(2)). */
export const RW = { dsync: 2, nowait: 8 } as const

/** The command of a block device that discards, by {@link OPCODE}.command. */
export const BLOCK_DISCARD = 0x1200

/** poll(2): there is something to read. */
export const POLL_IN = 1

/** Where io_uring's mappings start. */
export const MAP_OFFSET = { rings: 0, entries: 0x1000_0000 } as const

/** `struct io_uring_params`: its size and the offsets of its members. */
export const PARAMS = {
  bytes: 120,
  submissionEntries: 0,
  completionEntries: 4,
  flags: 8,
  features: 20,
  submissionOffsets: 40,
  completionOffsets: 80,
} as const

/** Members of its two tables of offsets. */
export const SUBMISSION = { head: 0, tail: 4, flags: 16, array: 24 } as const
export const COMPLETION = { head: 0, tail: 4, entries: 20 } as const

/** Bytes of a submission and of a completion. */
export const SUBMISSION_BYTES = 64
export const COMPLETION_BYTES = 16
