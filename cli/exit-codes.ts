// What the command's exit code says, in one table.
import { PathledgerError } from '../errors.ts'

/** Every exit code there is; a demo that is interrupted ends with 128 and the signal's number, as shells expect. */
export const EXIT = {
  ok: 0,
  /** Something failed that has no class of its own. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  notFound: 3,
  /** Somebody else has it, or it contradicts what is there. */
  conflict: 4,
  /** The record, or the data, is not what it has to be. */
  verification: 5,
  /** The system does not let us read or write, or the file is not what it is taken for. */
  io: 6,
  /** Nothing is wrong, and the end may be missing: the last run has none, and FILE-wal is not there. */
  endMissing: 7,
  /** A bug of pathledger. */
  bug: 70,
} as const

/** Codes of errors that end the command, by what they exit with. A code that is not here exits with 1. */
const CODES: Readonly<Record<'usage' | 'notFound' | 'conflict' | 'verification' | 'io' | 'bug', string>> = {
  usage:
    'USAGE SEGMENT_ELSEWHERE COUNTER_INVALID SEEDS_INVALID QUERY_INVALID SQL_REFUSED CONTROL_REQUEST GHOST_REASON SETTINGS_INVALID STREAM_UNKNOWN LUN_ID ' +
    'SYSFS_IS_DIRECTORY SYSFS_VALUE IOPOLICY_INVALID DELAYED_REMOVAL_INVALID RESERVATION_KEY RESERVATION_TYPE RESERVATION_REFUSED',
  notFound:
    'LEDGER_NOT_FOUND IMAGE_NOT_FOUND CONTROL_NOT_RUNNING POSITION_NOT_FOUND MOMENT_NOT_FOUND EVENTS_NOT_FOUND PATH_NOT_FOUND HEAD_NOT_FOUND ADAPTER_NOT_FOUND EXPLAIN_UNKNOWN IO_NOT_TRACED ' +
    'SYSFS_NO_ENTRY',
  conflict:
    'LEDGER_LOCKED LEDGER_LINKED LEDGER_MOVED LEDGER_WAL_FOREIGN FILE_EXISTS SEGMENT_CLOSED LEDGER_BUSY LEDGER_FROM_THE_FUTURE LEDGER_ON_PATH EXPECTED_VERSION EVENT_ID_REUSED IMAGE_EXISTS ' +
    'CONTROL_IN_USE SYSFS_FOREIGN TRANSITION_REFUSED PATH_BUSY PATH_GHOST_CLAIM PATH_DUPLICATE PATH_WRONG_LUN PATH_SIZE_MISMATCH PATH_BLOCK_MISMATCH PATH_INCOHERENT LOOP_NONE_FREE ' +
    'RESERVATION_CONFLICT RESERVATION_BUSY',
  verification:
    'LEDGER_DAMAGED LEDGER_FOREIGN_SQL LEDGER_DERIVED AUDIT_FAILED IMPORT_INVALID BACKUP_DAMAGED REPAIR_IMPOSSIBLE EVENT_FROM_THE_FUTURE EVENT_TOO_OLD',
  io:
    'NOT_A_LEDGER KEY_INVALID KEY_PERMISSION SIGNED_HEAD_INVALID INPUT_IO LEDGER_PERMISSION LEDGER_IO LEDGER_FULL LEDGER_STALLED LEDGER_CLOSED CLOSE_INCOMPLETE IMAGE_IO IO_ERROR ' +
    'PATH_PERMISSION PATH_OPEN PATH_SIZE PATH_READ_ONLY PATH_NOT_A_FILE PATH_NOT_A_LOOP PATH_NOT_ATTACHED ' +
    'LOOP_IOCTL LOOP_NOT_DIRECT CONTROL_PERMISSION CONTROL_NO_ANSWER CONTROL_SOCKET ' +
    'SYSFS_READ_ONLY SYSFS_IO SYSFS_TREE RESERVATION_NO_PATH LUN_STORAGE',
  bug: 'INVARIANT_BROKEN ENGINE_FAULT BACKEND_MISUSED',
}

const EXIT_OF: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES).flatMap(([kind, codes]) =>
    codes.split(' ').map((code) => [code, EXIT[kind as keyof typeof CODES]] as const),
  ),
)

/** Every error code that has an exit code of its own. */
export const KNOWN_CODES: readonly string[] = [...EXIT_OF.keys()]

/** The exit code for what a verb threw. What is no error of ours is a bug of ours. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof PathledgerError)) return EXIT.bug
  return EXIT_OF.get(error.code) ?? EXIT.failure
}
