// What each code of a PathledgerError means, one line each, for docs/errors.md. A new code needs its line here.

type Meanings = Readonly<Record<string, string>>

export const ERROR_MEANINGS: Readonly<Record<string, Meanings>> = {
  'I/O on a head': {
    ABORTED: 'The caller aborted the I/O.',
    BUFFER_DEAD: 'A lent buffer was used after a write took it, after its release, or after `close()`.',
    BUFFER_FOREIGN: 'Another engine lent the buffer.',
    BUFFER_GONE:
      'Memory given with `ghostSafe: false` or as `into` was detached, shrunk or resized before its promise settled.',
    BUFFER_TOO_LARGE: 'The request is larger than any buffer that is lent.',
    BUFFER_UNALIGNED: 'Memory given with `ghostSafe: false` does not start on a page.',
    DRAINED: 'The I/O waited, and an operator ended the wait.',
    NOT_DURABLE:
      'A flush could not reach all writes that were acknowledged before it: those behind one path may be lost. Reported once.',
    GHOST_HOLD: 'A write waited too long for an earlier attempt that may still land on the same blocks.',
    HEAD_REMOVED: 'The head was removed, with its last path or by an operator.',
    COMMAND_INVALID: 'The bytes are not a SCSI command.',
    COMMAND_REFUSED: 'PERSISTENT RESERVE commands are never sent down one path alone.',
    IOCTL_FAILED:
      'The device of this path answered an ioctl with this errno, or did not answer in time. No other path was tried.',
    IOCTL_PARTITION: 'Only a caller with `rawIo` may send this ioctl through a partition.',
    IOCTL_UNSUPPORTED: 'The device does not support this ioctl.',
    IO_DATA:
      'A write came without bytes, or with bytes given twice; or the memory for a read has another length.',
    IO_ERROR: 'The I/O failed; `errno` says how, as the kernel maps the status.',
    IO_OUT_OF_RANGE: 'The I/O goes beyond the end of the head.',
    IO_UNALIGNED: 'Offset or length is not a multiple of the logical block.',
    NODE_UNKNOWN: 'There is no such NUMA node; the setting `numaNodes` says how many there are.',
    NO_PATH: 'No path is usable, and `noPathRetry` says not to wait, or not to wait any longer.',
    POOL_EXHAUSTED:
      'No memory is left to lend: too many buffers are lent, in flight, or held by a hung path.',
    QUEUE_FULL: 'Too many callers are waiting already.',
    WAIT_TOO_LONG:
      'The I/O waited, and nothing that waits for the same thing (memory, room on a path, a reservation, a verdict) has moved for `waitMaxMs`.',
  },
  'Heads and paths': {
    ADAPTER_NOT_FOUND: 'No path has an H:C:I:L that begins with this number.',
    ACCESS_STATE_INVALID: 'The word is not an ALUA access state.',
    COUNTER_INVALID: 'There is no such counter, or it cannot have this value.',
    DELAYED_REMOVAL_INVALID: 'The delay is not between 0 and one day.',
    GHOST_REASON: 'Releasing ghosts requires a reason.',
    HEAD_NOT_FOUND: 'No head has this name or wwid.',
    FAILBACK_INVALID: 'The value is neither a failback mode nor a time.',
    QUANTUM_INVALID: 'The quantum of round-robin does not count I/Os or bytes, or is less than 1.',
    IOPOLICY_INVALID: 'The word is not an I/O policy.',
    NO_PATH_RETRY_INVALID: 'The value is neither `fail`, `queue` nor a number of checks.',
    PARTITION_INVALID: 'The range does not lie within the head, or is not in whole blocks.',
    PATH_NOT_FOUND: 'No path has this name or H:C:I:L, or there is no such file to open.',
    PATH_REMOVED: 'The path has already been removed.',
    TRACING_INVALID: 'I/O cannot be traced like this: the mode is unknown, or a number is out of range.',
    TRANSITION_REFUSED:
      "The path's machine takes no such event in its present state; docs/path.mmd draws which it takes.",
    UNIQUE_ID_TYPE: 'The word is not a type of unique id.',
    WORD_INVALID: 'A reason or another text for the ledger is empty, too long or not well-formed.',
  },
  'A device that is refused as a path': {
    HCTL_INVALID: 'The H:C:I:L is not four numbers.',
    LEDGER_ON_PATH: 'The ledger would be on the device that it records, or on one below it.',
    MULTIPATH_OFF: 'The setting `multipath` is `off`.',
    NUMA_NODE_INVALID: 'The NUMA node of the device is not a number from 0.',
    PATH_BLOCK_MISMATCH: 'Its logical block size differs from that of the head.',
    PATH_BUSY: 'It is mounted, or another program has opened it exclusively.',
    PATH_GHOST_CLAIM:
      'It is claimed, but by no living process: the kernel still has I/O of a dead engine, which may yet land.',
    PATH_DUPLICATE: 'This device, or this H:C:I:L, is already a path.',
    PATH_EMPTY: 'Its size is 0.',
    PATH_ID_INVALID: 'The id of its LUN has characters that an id cannot have.',
    PATH_INCOHERENT: 'It could give other bytes than the other paths: they do not share one cache.',
    PATH_OTHER_MEDIUM:
      'The other paths of its LUN lead to another medium: reads and writes would be spread over both.',
    PATH_MEDIUM_UNPROVED:
      'Nothing proves that it leads to the same medium as the other paths, and the program does not vouch for it (`trustIdentity`).',
    PATH_NOT_ATTACHED: 'No file is attached to the loop device.',
    PATH_NOT_A_FILE: 'It is not a regular file.',
    PATH_NOT_A_LOOP: 'It is not a loop device.',
    PATH_NO_ALUA: 'The setting `multipath` is `on`, and the device has no implicit ALUA.',
    PATH_NOT_IDENTIFIED: 'It does not answer INQUIRY, or its answer cannot be read.',
    PATH_NO_ID: 'Its LUN has no id, or one that is too long to be compared in full.',
    PATH_OPEN: 'The kernel refuses to open it; `errno` says why.',
    PATH_PERMISSION: 'This process is not allowed to open it.',
    PATH_READ_ONLY: 'It is read-only.',
    PATH_SIZE: 'It has no size, or its size is not a whole number of blocks.',
    PATH_SIZE_MISMATCH: 'Its size differs from that of the head.',
    PATH_WRONG_LUN: 'It carries the label of another LUN, or is no longer the device that was opened.',
  },
  'Persistent reservations': {
    INITIATOR_INVALID: 'The name of the initiator is too long, or has characters that it cannot have.',
    RESERVATION_BUSY:
      'The command is in force, but not every engine has confirmed it yet; send the same command again.',
    RESERVATION_CONFLICT:
      'The key is not registered, or somebody else holds the reservation or has taken it meanwhile.',
    RESERVATION_KEY: 'The value is not a 64-bit key.',
    RESERVATION_NO_PATH: 'There is no live path for the command.',
    RESERVATION_REFUSED: 'The command cannot be carried out: another type, a key of 0, too many registrants.',
    RESERVATION_TYPE: 'The word is not a reservation type.',
  },
  'SCSI data': {
    SCSI_MALFORMED: 'The bytes are something else than expected: another page, another response code.',
    SCSI_TRUNCATED: 'The bytes end before the length that they state.',
    TARGET_GROUPS: 'A virtual LUN cannot have these target port groups.',
    VPD_BUFFER: 'The buffer is too small for any id.',
    VPD_NO_GROUP: 'Page 0x83 names no target port group: this path has no ALUA.',
    VPD_NO_ID: 'Page 0x83 names no logical unit, or one with an empty id.',
    VPD_NO_PAGE: 'The device has no page 0x83.',
  },
  'The sysfs view': {
    SYSFS_FOREIGN: 'The directory holds something that `pathledger sysfs` did not put there.',
    SYSFS_IO: 'The tree could not be written; `errno` says why.',
    SYSFS_IS_DIRECTORY: 'It is a directory; only attributes can be read and written.',
    SYSFS_NO_ENTRY: 'There is no such file; the files of a path or head go away with it.',
    SYSFS_READ_ONLY: 'The attribute cannot be written, not even by root.',
    SYSFS_TREE: 'The tree cannot be put into a directory: a name or a link in it leads outside.',
    SYSFS_VALUE:
      'The attribute does not take this value; `errno` says whether it is not a value at all (EINVAL) or out of range (ERANGE).',
  },
  'The engine': {
    BACKEND_MISUSED:
      'The kernel rejected a request as invalid although it had been checked: a bug of pathledger. The engine stopped.',
    CLOSED: 'This `Multipath` is closed or closing.',
    DEVICE_NOT_CLOSED:
      'A path was removed, and its device did not say within `closeGraceMs` that it is closed.',
    CLOSE_INCOMPLETE:
      'The engine is closed, and some of its last events never reached the ledger: `details.events` says how many.',
    ENGINE_FAULT: 'The engine met an unknown error and stopped.',
    INVARIANT_BROKEN: 'A rule that must always hold was broken: a bug of pathledger. The engine stopped.',
    SEEDS_INVALID: 'The seeds for the simulator are not a range.',
    PLANT_UNKNOWN: 'There is no planted bug of this name; docs/simulator.md lists them.',
    NUMA_DISTANCES: 'The table of distances between NUMA nodes is not valid.',
    ARGUMENT_INVALID:
      'A call got what it does not take: another type, a missing argument, a number that is none. Nothing was done.',
    SETTINGS_INVALID: 'A setting is unknown or out of its range; docs/settings.md lists them.',
  },
  'The ledger': {
    EXPLAIN_UNKNOWN: 'Up to that position the ledger has nothing about this path or head.',
    IO_NOT_TRACED: 'The I/O was not traced, and no error on the ledger names it.',
    WHAT_IF_EMPTY: 'The ledger has no run to ask about.',
    WHAT_IF_NEEDS_TRACE: 'The setting changes what happens to single I/Os, and none was traced.',
    WHAT_IF_UNLIKE:
      'Even with the original settings too few I/Os go as recorded, so an answer would be worth nothing.',
    SQL_BOUNDS: 'A statement of `pathledger sql` took more time, or returned more, than is allowed.',
    SQL_REFUSED: 'The statement is not a single SELECT, or SQLite does not understand it.',
    AUDIT_FAILED: 'An audit query met a row that pathledger would never write.',
    EVENT_ID_REUSED: 'The event id is already on the ledger, with other content.',
    BACKUP_DAMAGED: 'The copy of a ledger did not verify and was deleted.',
    FILE_EXISTS: 'The file to be made exists already; pathledger never overwrites another file.',
    IMPORT_INVALID:
      'A line of an export is invalid, or does not follow from the lines before it. No ledger was made.',
    INPUT_IO: 'The text to import cannot be read.',
    KEY_INVALID: 'The file does not hold an Ed25519 key of the kind that is needed.',
    KEY_PERMISSION: 'The key file cannot be read, or is a private key that others may read.',
    REPAIR_IMPOSSIBLE: 'Not even the first event of the ledger can be proved.',
    SEGMENT_CLOSED: 'The ledger is a closed segment: `details.next` names the file in which it continues.',
    SEGMENT_ELSEWHERE: 'The next segment must be in the same folder.',
    SIGNED_HEAD_INVALID: 'The text is not a signed head.',
    EVENT_FROM_THE_FUTURE: 'The payload has a version that only a newer pathledger can read.',
    EVENT_TOO_OLD: 'The payload has a version that this pathledger can no longer convert to its own.',
    EVENT_INVALID: 'This stream does not accept the event; docs/events.md lists those that it accepts.',
    EXPECTED_VERSION: 'The stream is not at the version that the append expected.',
    LEDGER_BUSY: "Another program holds SQLite's write lock.",
    LEDGER_CLOSED: 'The ledger has been closed.',
    LEDGER_DAMAGED: 'The ledger file is damaged; `pathledger verify` says where.',
    LEDGER_FROM_THE_FUTURE: 'A newer pathledger wrote the file.',
    LEDGER_FULL: "There is no room left on the ledger's file system.",
    LEDGER_IO:
      'The ledger could not be read or written. Events that were being appended may or may not be there.',
    LEDGER_LINKED:
      'The ledger has several names (hard links), and each would have a write-ahead log of its own.',
    LEDGER_LOCKED: 'Another engine is using the ledger; the message names its pid.',
    LEDGER_NOT_FOUND: 'There is no such file.',
    LEDGER_PERMISSION: 'The file or its folder cannot be opened with the permissions that are needed.',
    LEDGER_MOVED:
      'The ledger was moved, deleted, linked or replaced while the engine used it. The engine stops, and from then on reports nothing as durable.',
    LEDGER_STALLED: 'The ledger did not take an event in time. The I/O may or may not have been done.',
    LEDGER_DERIVED:
      'An index or a cache of the ledger does not say what its rows say, so that answers would be wrong.',
    END_MISSING:
      'A warning: the last run on the ledger has no end, and FILE-wal is not beside it. What was committed last may be missing.',
    LEDGER_FOREIGN_SQL:
      'The file has a view, a trigger, a table or an index that pathledger did not make. None of its SQL ran.',
    LEDGER_WAL_FOREIGN:
      'The write-ahead log beside the ledger belongs to another ledger. Nothing was touched.',
    NOT_A_LEDGER: 'The file is not a ledger.',
    QUERY_INVALID:
      'The query asks for something that cannot be answered; it is refused rather than answered in part.',
    STREAM_UNKNOWN: 'No stream has this name.',
  },
  "The LUN's own storage": {
    ENGINE_ID: 'The engine id cannot be used as a file name.',
    LUN_CLAIMED: 'Another process uses this engine id for the LUN.',
    LUN_STORAGE: 'The storage that all engines of the LUN share could not be read or written.',
    LUN_STORAGE_LOST:
      'The storage that all engines of the LUN share was taken away while it was in use. The engine stops.',
    LUN_STORAGE_STALLED: 'The storage that all engines of the LUN share did not answer within `lunStallMs`.',
  },
  Adapters: {
    FENCE_CONFIG: 'The file of fence commands cannot be read, or is not valid.',
    FENCE_CONFIG_UNSAFE:
      'Somebody other than the owner could change the file of fence commands, or one of the commands.',
    FENCE_FAILED: 'A fence command did not succeed; the ghosts of its path remain.',
    FENCE_TIMEOUT: 'A fence command took too long and was killed; the ghosts of its path remain.',
    FILTER_ERRORS_ARE_FINAL:
      'On a path whose errors are final, the hang filter cannot answer an error and let the write land later.',
    FILTER_SETTING:
      'The filter does not accept this setting; its page in docs/filters/ says what it accepts.',
    HELPER_FAILED: 'A helper process met an unknown error.',
    HELPER_LOST: 'A helper process ended before it answered.',
    HELPER_TIMEOUT:
      'A helper process did not answer in time: the server behind the device hangs or is very slow.',
    LOOP_IOCTL: 'The kernel refused to configure a loop device; `errno` says why.',
    LOOP_NONE_FREE: 'No free loop device was found.',
    LOOP_NOT_DIRECT: 'The file cannot be attached with direct I/O.',
    LUN_ID: 'The id of a virtual LUN is too long, or has characters that an id cannot have.',
    LUN_SIZE: 'The size of a memory LUN is not a whole number of blocks.',
    URING_UNAVAILABLE: 'The kernel does not let this process use io_uring.',
  },
  'The control socket': {
    CONTROL_IN_USE: 'Another engine is listening on this socket.',
    CONTROL_NOT_A_SOCKET: 'The file exists and is not a socket.',
    CONTROL_NOT_RUNNING: 'No engine is listening on this socket.',
    CONTROL_NO_ANSWER: 'The engine that owns the socket does not answer.',
    CONTROL_PERMISSION: 'This user may not use the socket.',
    CONTROL_REQUEST: 'The engine does not understand the request.',
    CONTROL_SOCKET: 'The socket cannot be created.',
  },
  'The command': {
    BUG: 'An unknown error reached the command: a bug of pathledger. Report the whole object.',
    DEMO_STALLED: 'A step of the demo never came to its end.',
    EVENTS_NOT_FOUND: 'No event of the ledger matches.',
    IMAGE_EXISTS: 'The image for the demo exists already, and would be overwritten.',
    IMAGE_IO: 'The image of the demo could not be written.',
    IMAGE_NOT_FOUND: 'The folder for the image of the demo does not exist.',
    INTERRUPTED: 'A signal ended the demo; it left nothing behind.',
    MOMENT_NOT_FOUND: 'Nothing was recorded at or before this time.',
    POSITION_NOT_FOUND: 'The ledger has no such position.',
    USAGE: 'The command line is wrong; `--help` shows the right form.',
  },
  'History of other hosts': {
    INGEST_OLDER: 'The sources report times before the last row of the ledger, and rows are never reordered.',
    LEDGER_NOT_OBSERVED:
      'This is the ledger of an engine; observations of other hosts need a ledger of their own.',
    LEDGER_OBSERVED:
      'The ledger holds observations: no engine can continue it, and no decision on it can be made again.',
    OBSERVE_OWN_DISK: 'The ledger of `observe` would lie on a map that it watches, and hang with it.',
    HOST_CHOICE: 'The sources come from several hosts, and no host, or another one, was named.',
    UNPACKER_MISSING: 'A file is compressed with xz or bzip2, and this machine has no program to unpack it.',
    ZONE_UNKNOWN: 'The word is not a time zone.',
  },
}
